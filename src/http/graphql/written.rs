//! How a body is written, by its `Content-Type`.

use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use super::unreadable::Unreadable;
use crate::{graphql::Encoding, http::upload};

/// How a body is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// There is none.
    Absent,
    Plain(Encoding),
    /// A form that may carry files.
    Form {
        boundary: String,
    },
}

/// How the body is written. What is not one of the four types, spelt plainly, could be read in more ways than one.
pub(super) fn written(headers: &HeaderMap, no_body: bool) -> Result<Written, Unreadable> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Unreadable::ContentCoding);
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let line = match (types.next(), types.next()) {
        (None, _) if no_body => return Ok(Written::Absent),
        (Some(line), None) => line.to_str().map_err(|_| Unreadable::ContentType)?,
        (None, _) | (Some(_), Some(_)) => return Err(Unreadable::ContentType),
    };
    let (media_type, parameter) = match line.split_once(';') {
        Some((media_type, parameter)) => (media_type.trim(), Some(parameter.trim())),
        None => (line.trim(), None),
    };
    if media_type.eq_ignore_ascii_case("multipart/form-data") {
        let boundary = parameter.and_then(upload::boundary).ok_or(Unreadable::ContentType)?;
        return Ok(Written::Form { boundary: boundary.to_owned() });
    }
    if parameter.is_some_and(|parameter| !parameter.eq_ignore_ascii_case("charset=utf-8")) {
        return Err(Unreadable::ContentType);
    }
    match media_type.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Written::Plain(Encoding::Json)),
        "application/graphql" => Ok(Written::Plain(Encoding::Graphql)),
        "application/x-www-form-urlencoded" => Ok(Written::Plain(Encoding::Form)),
        _ => Err(Unreadable::ContentType),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

    use super::{Encoding, Unreadable, Written, written};

    fn read(types: &[&'static str]) -> Result<Written, Unreadable> {
        let mut headers = HeaderMap::new();
        for line in types {
            headers.append(CONTENT_TYPE, HeaderValue::from_static(line));
        }
        written(&headers, false)
    }

    #[test]
    fn four_types_spelt_plainly() {
        assert_eq!(read(&["application/json"]), Ok(Written::Plain(Encoding::Json)));
        assert_eq!(read(&["Application/JSON; Charset=UTF-8"]), Ok(Written::Plain(Encoding::Json)));
        assert_eq!(read(&["application/graphql"]), Ok(Written::Plain(Encoding::Graphql)));
        assert_eq!(read(&["application/x-www-form-urlencoded;charset=utf-8"]), Ok(Written::Plain(Encoding::Form)));
        assert_eq!(read(&["multipart/form-data; boundary=x"]), Ok(Written::Form { boundary: "x".to_owned() }));
        for other in [
            "text/plain",
            "application/jsonx",
            "multipart/form-data",
            "multipart/form-data; boundary=x; charset=utf-7",
            "multipart/mixed; boundary=x",
            "application/json; charset=utf-7",
            "application/json; charset*=utf-8''utf-7",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json; charset=\"utf-8\"",
            "application/json,text/plain",
            "application/json;",
            "",
        ] {
            assert_eq!(read(&[other]), Err(Unreadable::ContentType), "{other}");
        }
        assert_eq!(read(&["application/json", "application/json"]), Err(Unreadable::ContentType));
        assert_eq!(read(&[]), Err(Unreadable::ContentType), "a body of no type");
        assert_eq!(written(&HeaderMap::new(), true), Ok(Written::Absent));
    }
}
