//! Strict readers of the envelopes that carry a document, and writers of the one form that can be read in one way only.
//!
//! The rule: what two readers could understand differently is refused. Duplicate keys are, at every depth (Python takes
//! the last, others the first); so is a query string with parts of a request beside a body that is one (graphene-django
//! lets the query string win), damaged percent-encoding, text that is not UTF-8, and any key that names a stored
//! document. Other unknown keys are left out, as graphene-django does.
//!
//! What is forwarded after having been read is [`Request::to_json`] or [`Request::to_query_string`], never what came
//! in.

use std::fmt;

use serde_json::{Map, Value};

use super::{Answer, Outcome, error::GraphqlError};

mod batch;
mod canonical;
mod form;
mod json;
mod parts;

pub use batch::{Entry, batch_to_json, decode_batch, is_batch};
pub(in crate::graphql) use json::Members;
use parts::Parts;

/// A request's `variables`: numbers to the letter, keys in order.
pub type Variables = Map<String, Value>;

/// How a body is written, by its `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`
    Json,
    /// `application/graphql`: the bare document.
    Graphql,
    /// `application/x-www-form-urlencoded`
    Form,
}

/// One GraphQL request, whatever it came in. Its `Debug` shows nothing of it: passwords are in there.
#[derive(Clone)]
pub struct Request {
    /// The document's text.
    pub document: String,
    /// `variables`; empty when absent or null.
    pub variables: Variables,
    /// `operationName`; `None` when absent, null or empty.
    pub operation_name: Option<String>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Request([redacted])")
    }
}

/// Why an envelope is not read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
enum EnvelopeError {
    #[error("The body is not UTF-8 text without a byte order mark.")]
    BodyNotText,
    #[error("POST body sent invalid JSON.")]
    NotJson,
    #[error("The key '{0}' is in the request twice. Send it once.")]
    Repeated(String),
    #[error("The request is nested too deeply.")]
    TooDeep,
    #[error("Batches are not accepted: send one request at a time, as a JSON object.")]
    Batch,
    /// graphene-django's words.
    #[error("Received an empty list in the batch request.")]
    EmptyBatch,
    #[error("The request is not a JSON object.")]
    NotAnObject,
    #[error("'{0}' is not of the right type: a string is expected.")]
    NotAString(&'static str),
    #[error("Variables are invalid JSON: an object is expected.")]
    Variables,
    #[error("A form or query string is not well-formed: percent-encoded UTF-8 is expected.")]
    NotAForm,
    #[error("'{0}' is in the query string although the request has a body. Send it in one place only.")]
    TwoPlaces(String),
    #[error("'{0}' names a stored document. Send the document itself, as 'query'.")]
    StoredDocument(&'static str),
    #[error("A body came without a Content-Type.")]
    UnknownBody,
    #[error("Must provide query string.")]
    NoDocument,
    /// Apollo's words; its clients send the document when they read them.
    #[error("PersistedQueryNotFound")]
    HashOnly,
}

impl From<EnvelopeError> for Box<Answer> {
    fn from(error: EnvelopeError) -> Self {
        let entry = GraphqlError::new(error.to_string());
        match error {
            EnvelopeError::HashOnly => {
                Answer::refused(Outcome::Executed, &[entry.with_code("PERSISTED_QUERY_NOT_FOUND")])
            }
            _ => Answer::invalid(entry),
        }
    }
}

/// Reads one request from its query string (without `?`) and its body; `None` when there is no body.
///
/// # Errors
/// The answer to give when the envelope is damaged or could be read in two ways.
pub fn decode(encoding: Option<Encoding>, query_string: &[u8], body: &[u8]) -> Result<Request, Box<Answer>> {
    Ok(read(encoding, query_string, body)?)
}

/// The members of a message, each with its value as it is written; no key of it is there twice, at whatever depth.
pub(in crate::graphql) fn message(text: &str) -> Result<Vec<(String, Value, &str)>, Box<Answer>> {
    Ok(json::object(text)?)
}

/// The request that these members make.
pub(in crate::graphql) fn request(members: Members) -> Result<Request, Box<Answer>> {
    Ok(Parts::from_members(members)?.into_request()?)
}

fn read(encoding: Option<Encoding>, query_string: &[u8], body: &[u8]) -> Result<Request, EnvelopeError> {
    let beside = form::pairs(query_string)?;
    let parts = match encoding {
        None if body.is_empty() => return Parts::from_form(beside)?.into_request(),
        None => return Err(EnvelopeError::UnknownBody),
        Some(Encoding::Json) => json::parts(text(body)?)?,
        Some(Encoding::Graphql) => Parts::of_document(text(body)?),
        Some(Encoding::Form) => Parts::from_form(form::pairs(body)?)?,
    };
    stands_alone(beside)?;
    parts.into_request()
}

/// Refuses parts of a request in the query string `beside` a body that is one.
fn stands_alone(beside: Vec<(String, String)>) -> Result<(), EnvelopeError> {
    match beside.into_iter().find(|(key, _)| parts::is_part(key)) {
        Some((key, _)) => Err(EnvelopeError::TwoPlaces(key)),
        None => Ok(()),
    }
}

fn text(body: &[u8]) -> Result<&str, EnvelopeError> {
    let text = std::str::from_utf8(body).map_err(|_| EnvelopeError::BodyNotText)?;
    if text.starts_with('\u{feff}') { Err(EnvelopeError::BodyNotText) } else { Ok(text) }
}

#[cfg(test)]
mod tests;
