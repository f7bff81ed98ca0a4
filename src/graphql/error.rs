//! Errors as GraphQL answers carry them, and the answers made of nothing else.

use async_graphql_parser::Pos;
use serde_json::{Map, Value, json};

use super::{Answer, Outcome, SessionChange};

/// One entry of `errors` (GraphQL October 2021 §7.1.2).
///
/// Messages name fields, types and variables. They never repeat a literal or the value of a variable: it could be a
/// password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GraphqlError {
    pub(super) message: String,
    /// Where in the document, 1-based, columns in characters as graphql-core counts them.
    pub(super) locations: Vec<Pos>,
    /// The response key of the root field that it belongs to.
    pub(super) path: Option<String>,
    /// `extensions.code`, for programs.
    pub(super) code: Option<&'static str>,
}

impl GraphqlError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), locations: Vec::new(), path: None, code: None }
    }

    pub(super) fn at(message: impl Into<String>, position: Pos) -> Self {
        Self { locations: vec![position], ..Self::new(message) }
    }

    pub(super) fn at_all(message: impl Into<String>, positions: impl IntoIterator<Item = Pos>) -> Self {
        Self { locations: positions.into_iter().collect(), ..Self::new(message) }
    }

    pub(super) fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    pub(super) fn with_path(self, key: &str) -> Self {
        Self { path: Some(key.to_owned()), ..self }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("message".to_owned(), json!(self.message));
        if !self.locations.is_empty() {
            let location = |at: &Pos| json!({ "line": at.line, "column": at.column });
            entry.insert("locations".to_owned(), self.locations.iter().map(location).collect());
        }
        if let Some(key) = &self.path {
            entry.insert("path".to_owned(), json!([key]));
        }
        if let Some(code) = self.code {
            entry.insert("extensions".to_owned(), json!({ "code": code }));
        }
        Value::Object(entry)
    }
}

/// A document over one of the limits.
pub(super) fn too_complex(what: &str, limit: usize) -> GraphqlError {
    GraphqlError::new(format!("The document is too complex: {what} (the limit is {limit}). Send a smaller one."))
        .with_code("DOCUMENT_TOO_COMPLEX")
}

impl Answer {
    /// Nothing ran, and this is why.
    pub(super) fn refused(outcome: Outcome, errors: &[GraphqlError]) -> Box<Self> {
        let errors: Vec<Value> = errors.iter().map(GraphqlError::to_json).collect();
        Self::refused_as(outcome, &errors)
    }

    /// The same, the errors as they will be read.
    pub(super) fn refused_as(outcome: Outcome, errors: &[Value]) -> Box<Self> {
        let body = json!({ "errors": errors }).to_string().into_bytes();
        Box::new(Self { body, outcome, session: SessionChange::Keep, retry_after: None })
    }

    /// Not a valid GraphQL request.
    pub(super) fn invalid(error: GraphqlError) -> Box<Self> {
        Self::refused(Outcome::Invalid, &[error])
    }
}
