//! Which fields may come behind a body (RFC 9110 §6.5), in either direction.
//!
//! They pass as they come: behind a body that is passed on as it comes, and not behind one that was read here. In HTTP/1.1
//! those do that `Trailer` announces, towards clients that say `TE: trailers`. None passes that would have been looked at, or
//! dropped, in front of the body: some server may take it for a header after all (§6.5.1). Names are compared folded, as
//! [headers](super::hygiene::headers) are.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header::TRAILER};
use http_body::Frame;

use super::hygiene::headers::{folds_to, is_managed, names, remove_each};

/// What frames a message, routes it, changes what is asked, says who asks, or how its content is to be read (RFC 9110 §6.5.1);
/// and what another request may be made of.
const IN_FRONT: [&str; 31] = [
    "age",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "host",
    "keep-alive",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "retry-after",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
    "x-csrftoken",
    "x-http-method",
    "x-method-override",
];

/// The same, for all names that begin so.
const FAMILIES: [&str; 7] =
    ["access-control-", "if-", "proxy-", "sec-", "x-auth-", "x-forwarded-", "x-http-method-override"];

/// Of the frame behind the last piece of a body, what may come there; `None` if nothing is left.
pub(super) fn fit(frame: Frame<Bytes>) -> Option<Frame<Bytes>> {
    let mut trailers = frame.into_trailers().ok()?;
    remove_each(&mut trailers, |name| !may_trail(name));
    (!trailers.is_empty()).then(|| Frame::trailers(trailers))
}

/// Leaves of what `Trailer` announces the names that may come.
pub(super) fn announce_fit(headers: &mut HeaderMap) {
    if !headers.contains_key(TRAILER) {
        return;
    }
    let announced: Vec<HeaderName> = names(headers, TRAILER).filter(|name| may_trail(name.as_str())).collect();
    headers.remove(TRAILER);
    for name in announced {
        headers.append(TRAILER, HeaderValue::from(name));
    }
}

fn may_trail(name: &str) -> bool {
    let is_of = |family: &&str| name.get(..family.len()).is_some_and(|start| folds_to(start, family));
    !is_managed(name) && !IN_FRONT.iter().any(|wanted| folds_to(name, wanted)) && !FAMILIES.iter().any(is_of)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, header::TRAILER};

    use super::{FAMILIES, Frame, IN_FRONT, announce_fit, fit};

    fn kept(name: &str) -> bool {
        let trailers = HeaderMap::from_iter([(HeaderName::try_from(name).unwrap(), HeaderValue::from_static("1"))]);
        fit(Frame::trailers(trailers)).is_some()
    }

    #[test]
    fn what_belongs_in_front_of_a_body_does_not_trail_it_in_any_spelling() {
        let families = FAMILIES.map(|family| format!("{family}x"));
        let managed = ["x-auth-user-id", "forwarded", "x-real-ip", "x-request-id", "script-name"];
        for name in IN_FRONT.into_iter().chain(families.iter().map(String::as_str)).chain(managed) {
            for spelling in [name.to_owned(), name.replace('-', "_"), name.replace('-', "."), name.to_uppercase()] {
                assert!(!kept(&spelling), "{spelling}");
            }
        }
        for name in ["grpc-status", "grpc-message", "server-timing", "etag", "content-digest", "x-checksum", "iffy"] {
            assert!(kept(name), "{name}");
        }
    }

    #[test]
    fn what_is_announced_is_what_may_come() {
        let mut headers = HeaderMap::new();
        for line in ["X-Checksum, X-Auth-User-Id ,", "grpc-status", "no name, content_length"] {
            headers.append(TRAILER, HeaderValue::from_static(line));
        }
        announce_fit(&mut headers);
        assert_eq!(headers.get_all(TRAILER).iter().collect::<Vec<_>>(), ["x-checksum", "grpc-status"]);
        let mut headers = HeaderMap::from_iter([(TRAILER, HeaderValue::from_static("content-length"))]);
        announce_fit(&mut headers);
        assert!(headers.is_empty());
    }
}
