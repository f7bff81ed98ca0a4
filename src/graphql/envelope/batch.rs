//! Batches: a JSON array of requests in one body, each of which is read as it would be alone.
//!
//! What is damaged, or could be read in two ways, in any of them refuses them all: graphene-django does so, too, after
//! having run those before it. `id` is the client's number of a request, which its answer repeats.

use serde_json::Value;

use super::{Answer, EnvelopeError, Request, form, json, parts::Parts, stands_alone, text};

/// One request of a batch.
#[derive(Debug)]
pub struct Entry {
    /// The client's number of it; `None` when absent or null.
    pub id: Option<Value>,
    /// The request; the answer to give when there is only the hash of a document, so that the client sends the document.
    pub request: Result<Request, Box<Answer>>,
}

/// Whether a JSON body is a list, if it is anything.
#[must_use]
pub fn is_batch(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'[')
}

/// Reads a batch from its body; nothing of it may be in the query string.
///
/// # Errors
/// The answer to give when it is damaged, empty, or could be read in two ways.
pub fn decode_batch(query_string: &[u8], body: &[u8]) -> Result<Vec<Entry>, Box<Answer>> {
    Ok(read(query_string, body)?)
}

fn read(query_string: &[u8], body: &[u8]) -> Result<Vec<Entry>, EnvelopeError> {
    stands_alone(form::pairs(query_string)?)?;
    let envelopes = json::list(text(body)?)?;
    if envelopes.is_empty() {
        return Err(EnvelopeError::EmptyBatch);
    }
    envelopes.into_iter().map(entry).collect()
}

fn entry(members: json::Members) -> Result<Entry, EnvelopeError> {
    let id = members.iter().find(|(key, value)| key == "id" && !value.is_null()).map(|(_, id)| id.clone());
    let request = match Parts::from_members(members)?.into_request() {
        Err(EnvelopeError::HashOnly) => Err(EnvelopeError::HashOnly.into()),
        read => Ok(read?),
    };
    Ok(Entry { id, request })
}

/// The one JSON text that says exactly these requests, for the backend.
#[must_use]
pub fn batch_to_json<'r>(requests: impl IntoIterator<Item = &'r Request>) -> Vec<u8> {
    let requests = requests.into_iter().map(Request::to_value).collect();
    Value::Array(requests).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(query_string: &str, body: &str) -> EnvelopeError {
        read(query_string.as_bytes(), body.as_bytes()).map(|entries| entries.len()).unwrap_err()
    }

    #[test]
    fn each_entry_is_a_request() {
        let body = r#" [ {"query":"{a}","id":"q1"} , {"query":"{b}","variables":{"n":1.50},"id":null,"x":1} ] "#;
        assert!(is_batch(body.as_bytes()) && !is_batch(b"{}") && !is_batch(b""));
        let entries = read(b"pretty=1", body.as_bytes()).unwrap();
        let ids: Vec<_> = entries.iter().map(|entry| entry.id.clone()).collect();
        assert_eq!(ids, [Some(json!("q1")), None]);
        let requests: Vec<Request> = entries.into_iter().map(|entry| entry.request.unwrap()).collect();
        let again = batch_to_json(&requests);
        assert_eq!(String::from_utf8(again).unwrap(), r#"[{"query":"{a}"},{"query":"{b}","variables":{"n":1.50}}]"#);
    }

    #[test]
    fn one_that_is_no_request_refuses_them_all() {
        let beside = |other: &str| refused("", &format!(r#"[{{"query":"{{a}}"}},{other}]"#));
        assert_eq!(beside(r#"{"query":"{a}","query":"{b}"}"#), EnvelopeError::Repeated("query".to_owned()));
        assert_eq!(
            beside(r#"{"query":"{a}","variables":{"v":[{"b":1,"b":2}]}}"#),
            EnvelopeError::Repeated("b".to_owned())
        );
        assert_eq!(beside("[]"), EnvelopeError::NotAnObject);
        assert_eq!(beside("null"), EnvelopeError::NotAnObject);
        assert_eq!(beside(r#"[{"query":"{b}"}]"#), EnvelopeError::NotAnObject);
        assert_eq!(beside("{}"), EnvelopeError::NoDocument);
        assert_eq!(beside(r#"{"id":"login"}"#), EnvelopeError::StoredDocument("id"));
        assert_eq!(beside(r#"{"query":"{a}","documentId":"x"}"#), EnvelopeError::StoredDocument("documentId"));
        assert_eq!(beside(r#"{"query":"{a}","variables":"[]"}"#), EnvelopeError::Variables);
        for damaged in ["", "{", r#"{"query":"{a}"}]"#, r#"{"query":"{a}"},"#, r#"5,{"query":"#] {
            assert_eq!(beside(damaged), EnvelopeError::NotJson, "{damaged}");
        }
        assert_eq!(refused("", "[]"), EnvelopeError::EmptyBatch);
        assert_eq!(refused("", "{}"), EnvelopeError::NotJson);
        assert_eq!(refused("", "\u{feff}[]"), EnvelopeError::BodyNotText);
        let one = r#"[{"query":"{a}"}]"#;
        assert_eq!(refused("query={b}", one), EnvelopeError::TwoPlaces("query".to_owned()));
        assert_eq!(refused("id=1", one), EnvelopeError::TwoPlaces("id".to_owned()));
        for depth in [66, 7_000, 100_000] {
            let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(refused("", &nested), EnvelopeError::TooDeep);
        }
    }

    #[test]
    fn a_hash_alone_is_an_answer_of_its_own() {
        let hash = r#"{"extensions":{"persistedQuery":{"sha256Hash":"x"}}}"#;
        let entries = read(b"", format!(r#"[{hash},{{"query":"{{a}}"}}]"#).as_bytes()).unwrap();
        let answer = entries[0].request.as_ref().unwrap_err();
        assert!(String::from_utf8_lossy(&answer.body).contains("PERSISTED_QUERY_NOT_FOUND"));
        assert!(entries[1].request.is_ok());
    }
}
