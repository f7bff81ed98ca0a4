//! What each request is called: `X-Request-Id`, which the backend gets, the client gets back, and log lines carry.
//!
//! A proxy of `[server] trusted_proxies` may have named it already; what is said twice, is too long or is more than a plain
//! name counts as not said. Whatever anybody else calls it is dropped: an operator who looks for one id must not find two
//! requests.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::hygiene::headers::only;
use crate::model::RequestId;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a proxy calls the request with these headers.
pub(super) fn given(headers: &HeaderMap) -> Option<RequestId> {
    RequestId::parse(only(headers, REQUEST_ID)?.as_bytes())
}

/// Writes it into headers.
pub(super) fn tell(headers: &mut HeaderMap, id: &RequestId) {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::{REQUEST_ID, given};
    use crate::model::RequestId;

    #[test]
    fn one_plain_name_is_one() {
        let called = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(REQUEST_ID, HeaderValue::from_str(line).unwrap());
            }
            given(&headers)
        };
        assert_eq!(called(&["r-1"]), RequestId::parse(b"r-1"));
        for lines in [["r-1", "r-1"].as_slice(), &["r 1"], &[""], &[]] {
            assert_eq!(called(lines), None, "{lines:?}");
        }
    }
}
