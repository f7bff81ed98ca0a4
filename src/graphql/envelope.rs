//! Strict readers of the envelopes that carry a document.

use serde_json::{Map, Value};

use super::Answer;

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

/// One GraphQL request, whatever it came in.
#[derive(Clone, Debug)]
pub struct Request {
    /// The document's text.
    pub document: String,
    /// `variables`; empty when absent or null.
    pub variables: Variables,
    /// `operationName`; `None` when absent, null or empty.
    pub operation_name: Option<String>,
}

/// Reads one request from its query string (without `?`) and its body; `None` when there is no body.
///
/// # Errors
/// The answer to give when the envelope is damaged or could be read in two ways.
pub fn decode(encoding: Option<Encoding>, query_string: &[u8], body: &[u8]) -> Result<Request, Box<Answer>> {
    todo!("{encoding:?} {query_string:?} {body:?}")
}

impl Request {
    /// The one JSON text that says exactly this request, for the backend.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        todo!()
    }

    /// The one query string (without `?`) that says exactly this request, for the backend.
    #[must_use]
    pub fn to_query_string(&self) -> String {
        todo!()
    }
}
