//! Strict readers of the envelopes that carry a document.

use serde_json::{Map, Value};

/// A request's `variables`: numbers to the letter, keys in order.
pub type Variables = Map<String, Value>;

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
