//! A request of a batch that is the backend's alone.

use serde_json::Value;

use super::{Body, Shown};
use crate::graphql::{Answer, Backend, Errand, Outcome, Request, Said, SessionChange, Whom, backend::Data};

/// Has the backend answer a request, as whoever sent it.
///
/// # Errors
/// The answer of whatever carries errands, when it gets none of the backend's that is GraphQL's.
pub async fn relay<B: Backend>(request: Request, backend: &mut B) -> Result<Answer, B::Error> {
    let said = Errand { request, whom: Whom::Arrived }.send(backend).await?;
    Ok(said.into_answer())
}

impl Said {
    /// The same as an answer of the gateway's.
    fn into_answer(self) -> Answer {
        let (data, outcome) = match self.data {
            Data::Absent => (None, Outcome::Invalid),
            Data::Null => (Some(None), Outcome::Executed),
            Data::Fields(fields) => {
                let fields = fields.into_iter().map(|(key, said)| (key, Shown::Said(said)));
                (Some(Some(fields.collect())), Outcome::Executed)
            }
        };
        let errors = self.errors.into_iter().map(Value::Object).collect();
        let body = Body { errors, data, extensions: self.extensions }.write();
        Answer { body, outcome, session: SessionChange::Keep, retry_after: None }
    }
}
