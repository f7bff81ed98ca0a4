//! Requests on GraphQL paths that nobody looks into, and what they are answered.

use http::{
    HeaderValue, StatusCode,
    header::{ACCEPT, ALLOW},
};

use crate::http::{
    respond::{self, Response},
    upload::FormError,
};

/// Why nobody looks at what a request on a GraphQL path wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    Method,
    /// A content type that the gateway doesn't read, or several.
    ContentType,
    ContentCoding,
    /// A form that can be read in more ways than one, or in none.
    Form(&'static str),
    /// Files beside what is answered here.
    FilesForNobody,
    /// No random bytes.
    Unavailable,
    /// A query string that has no room for what it says, written without ambiguity.
    TooLong,
    TooLarge,
    TooSlow,
    Broken,
}

impl From<FormError> for Unreadable {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Malformed(what) => Self::Form(what),
            FormError::TooLarge => Self::TooLarge,
            FormError::Broken => Self::Broken,
        }
    }
}

impl From<Unreadable> for Response {
    fn from(unreadable: Unreadable) -> Self {
        let (status, code, message) = match unreadable {
            Unreadable::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "GraphQL is spoken by POST, and queries also by GET.",
            ),
            Unreadable::ContentType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "CONTENT_TYPE_UNSUPPORTED",
                "Send application/json, application/graphql or application/x-www-form-urlencoded, in UTF-8, or \
                 multipart/form-data with files.",
            ),
            Unreadable::ContentCoding => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "CONTENT_CODING_UNSUPPORTED",
                "Send the body without Content-Encoding.",
            ),
            Unreadable::Form(what) => (StatusCode::BAD_REQUEST, "FORM_MALFORMED", what),
            Unreadable::FilesForNobody => (
                StatusCode::BAD_REQUEST,
                "FORM_MALFORMED",
                "Files come with what the gateway answers itself (an auth operation, introspection, a batch with ids), which \
                 takes none. Send them in requests of their own.",
            ),
            Unreadable::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", "Try again in a moment.")
            }
            Unreadable::TooLong => {
                (StatusCode::URI_TOO_LONG, "QUERY_TOO_LONG", "The query string is too long. Send the document by POST.")
            }
            Unreadable::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", "The body is too large for a GraphQL request.")
            }
            Unreadable::TooSlow => (StatusCode::REQUEST_TIMEOUT, "BODY_TIMEOUT", "The body did not arrive in time."),
            Unreadable::Broken => (StatusCode::BAD_REQUEST, "BODY_BROKEN", "The body broke off."),
        };
        let mut response = respond::error(status, code, message);
        let headers = response.headers_mut();
        match unreadable {
            Unreadable::Method => drop(headers.insert(ALLOW, HeaderValue::from_static("GET, POST, OPTIONS"))),
            Unreadable::ContentType => {
                let accepted =
                    "application/json, application/graphql, application/x-www-form-urlencoded, multipart/form-data";
                headers.insert(ACCEPT, HeaderValue::from_static(accepted));
            }
            Unreadable::ContentCoding => {
                headers.insert(http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            Unreadable::Form(_)
            | Unreadable::FilesForNobody
            | Unreadable::Unavailable
            | Unreadable::TooLong
            | Unreadable::TooLarge
            | Unreadable::TooSlow
            | Unreadable::Broken => {}
        }
        response
    }
}
