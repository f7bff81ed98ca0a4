//! The forms of a request that can be read in one way only.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::Request;

/// Everything but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Request {
    /// The one JSON text that says exactly this request, for the backend.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }

    pub(super) fn to_value(&self) -> Value {
        let mut envelope = Map::new();
        envelope.insert("query".to_owned(), Value::String(self.document.clone()));
        if !self.variables.is_empty() {
            envelope.insert("variables".to_owned(), Value::Object(self.variables.clone()));
        }
        if let Some(name) = &self.operation_name {
            envelope.insert("operationName".to_owned(), Value::String(name.clone()));
        }
        Value::Object(envelope)
    }

    /// The one query string (without `?`) that says exactly this request, for the backend.
    #[must_use]
    pub fn to_query_string(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let mut pairs = vec![format!("query={}", encoded(&self.document))];
        if !self.variables.is_empty() {
            pairs.push(format!("variables={}", encoded(&Value::Object(self.variables.clone()).to_string())));
        }
        if let Some(name) = &self.operation_name {
            pairs.push(format!("operationName={}", encoded(name)));
        }
        pairs.join("&")
    }
}
