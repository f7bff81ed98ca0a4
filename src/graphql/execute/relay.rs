//! A request of a batch that is the backend's alone.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};
use tower::ServiceExt as _;

use crate::graphql::{Answer, Backend, Errand, Outcome, Request, Said, SessionChange, Whom, backend::Data};

/// Has the backend answer a request, as whoever sent it.
///
/// # Errors
/// The answer of whatever carries errands, when it gets none of the backend's that is GraphQL's.
pub async fn relay<B: Backend>(request: Request, backend: &mut B) -> Result<Answer, B::Error> {
    let said = backend.ready().await?.call(Errand { request, whom: Whom::Arrived }).await?;
    Ok(said.into_answer())
}

/// `data` is absent, null, or there.
#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Option<IndexMap<String, Box<RawValue>>>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    extensions: Map<String, Value>,
}

impl Said {
    /// The same as an answer of the gateway's.
    fn into_answer(self) -> Answer {
        let Self { data, errors, extensions } = self;
        let (data, outcome) = match data {
            Data::Absent => (None, Outcome::Invalid),
            Data::Null => (Some(None), Outcome::Executed),
            Data::Fields(fields) => (Some(Some(fields)), Outcome::Executed),
        };
        // It was read as JSON before: nothing in it can't be written.
        let body = serde_json::to_vec(&Body { errors, data, extensions }).unwrap_or_default();
        Answer { body, outcome, session: SessionChange::Keep }
    }
}
