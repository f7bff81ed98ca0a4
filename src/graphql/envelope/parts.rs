//! The parts of an envelope, before it is known whether they make a request.

use serde_json::Value;

use super::{EnvelopeError, Request, Variables, json};
use crate::graphql::scan::DOCUMENT_IDS;

const PARTS: [&str; 4] = ["query", "variables", "operationName", "extensions"];

/// Whether a key is part of a request, or could stand for one.
pub(super) fn is_part(key: &str) -> bool {
    PARTS.contains(&key) || DOCUMENT_IDS.contains(&key)
}

/// What an envelope holds. Null, false and the empty string count as absent, as they do in Python.
#[derive(Default)]
pub(super) struct Parts {
    document: Option<String>,
    variables: Variables,
    operation_name: Option<String>,
    /// `extensions.persistedQuery` is there.
    has_hash: bool,
    /// A key that names a stored document is there.
    stored: Option<&'static str>,
}

impl Parts {
    /// A bare document.
    pub(super) fn of_document(text: &str) -> Self {
        Self { document: Some(text.to_owned()), ..Self::default() }
    }

    /// A JSON object's members, no key of which is there twice.
    pub(super) fn from_members(members: Vec<(String, Value)>) -> Result<Self, EnvelopeError> {
        let mut parts = Self::default();
        for (key, value) in members {
            match key.as_str() {
                "query" => parts.document = string("query", value)?,
                "operationName" => parts.operation_name = string("operationName", value)?,
                "variables" => parts.variables = variables(value)?,
                "extensions" => parts.has_hash = has_hash(value)?,
                other => parts.note_stored(other, &value),
            }
        }
        Ok(parts)
    }

    /// The pairs of a form or query string.
    pub(super) fn from_form(pairs: Vec<(String, String)>) -> Result<Self, EnvelopeError> {
        let mut seen = Vec::new();
        for (key, _) in pairs.iter().filter(|(key, _)| is_part(key)) {
            if seen.contains(&key) {
                return Err(EnvelopeError::Repeated(key.clone()));
            }
            seen.push(key);
        }
        Self::from_members(pairs.into_iter().map(|(key, value)| (key, Value::String(value))).collect())
    }

    /// `id` is graphene's number of an entry in a batch, and nothing beside a document.
    fn note_stored(&mut self, key: &str, value: &Value) {
        let known = DOCUMENT_IDS.into_iter().find(|id| *id == key && !is_absent(value));
        self.stored = self.stored.or(known);
    }

    pub(super) fn into_request(self) -> Result<Request, EnvelopeError> {
        match (self.document, self.stored) {
            (Some(_), Some(key)) if key != "id" => Err(EnvelopeError::StoredDocument(key)),
            (Some(document), _) => {
                Ok(Request { document, variables: self.variables, operation_name: self.operation_name })
            }
            (None, _) if self.has_hash => Err(EnvelopeError::HashOnly),
            (None, Some(key)) => Err(EnvelopeError::StoredDocument(key)),
            (None, None) => Err(EnvelopeError::NoDocument),
        }
    }
}

fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn string(key: &'static str, value: Value) -> Result<Option<String>, EnvelopeError> {
    match value {
        value if is_absent(&value) => Ok(None),
        // graphene-django's reading of what a JavaScript form sends for nothing.
        Value::String(text) if key == "operationName" && text == "null" => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(EnvelopeError::NotAString(key)),
    }
}

/// An object, or a string with one in it.
fn variables(value: Value) -> Result<Variables, EnvelopeError> {
    match value {
        value if is_absent(&value) => Ok(Variables::new()),
        Value::Object(variables) => Ok(variables),
        Value::String(text) => match json::value(&text).map_err(in_variables)? {
            Value::Null => Ok(Variables::new()),
            Value::Object(variables) => Ok(variables),
            _ => Err(EnvelopeError::Variables),
        },
        _ => Err(EnvelopeError::Variables),
    }
}

fn in_variables(error: EnvelopeError) -> EnvelopeError {
    match error {
        EnvelopeError::NotJson => EnvelopeError::Variables,
        other => other,
    }
}

fn has_hash(value: Value) -> Result<bool, EnvelopeError> {
    let extensions = match value {
        Value::String(text) if !text.is_empty() => json::value(&text)?,
        other => other,
    };
    Ok(extensions.get("persistedQuery").is_some_and(|hash| !is_absent(hash)))
}
