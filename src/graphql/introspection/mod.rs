//! Introspection: the backend's schema and the gateway's additions as one (GraphQL October 2021 §4).
//!
//! The backend is asked as the caller that arrived, for each request anew: what a schema shows may depend on who looks.
//! What it says is read into a model, merged with `auth.graphql`, and the client's selection is resolved on that. So
//! `{ __type(name: "Mutation") { fields { name } } }` has the backend's mutations and `login`, each once.
//!
//! Caveat: a backend that shows its schema to nobody shows none through the gateway, either: the answer is then its own.

use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::Semaphore;

use super::Said;

mod ask;
mod merge;
mod model;
mod own;
mod resolve;
mod surface;

pub(super) use ask::{Features, about};
use model::Model;
pub(super) use own::Own;
use resolve::{Budget, Node, Shown};
pub use surface::{Difference, Surface, Untold};

/// Largest answer, in bytes.
pub(super) const ANSWER_LIMIT: usize = 16 << 20;

/// Schemas that are read and resolved at once, in the whole process: each takes a thread and its memory for a while.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// One root field, `__schema` or `__type`.
#[derive(Debug)]
pub(super) struct Asked {
    /// The response key.
    pub(super) key: String,
    pub(super) what: What,
    pub(super) selection: Vec<Selection>,
}

/// What a root field is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Schema,
    /// The type of this name.
    Type(String),
}

/// A selected field of one of introspection's types.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    pub(super) key: String,
    pub(super) field: String,
    /// The argument of that name; false for fields that don't have it.
    pub(super) include_deprecated: bool,
    pub(super) inside: Vec<Selection>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// What the backend said is no schema.
    NoSchema,
    TooLarge,
}

/// Answers root fields from what the backend said to [`Features::everything`]. The work is done on a thread of its own,
/// since a large schema takes longer than other requests should wait.
pub(super) async fn answer(said: Said, own: Arc<Own>, asked: Arc<[Asked]>) -> Result<Vec<Box<RawValue>>, Unanswered> {
    let work = one_of(&AT_ONCE, move || resolved(said, &own, &asked, ANSWER_LIMIT)).await;
    work.unwrap_or(Err(Unanswered::NoSchema))
}

/// Works on a thread of its own, when its turn has come. `None` when the work panicked.
///
/// The turn ends with the work and not with whoever waits for it: a client that goes away stops neither, and who asks and
/// goes away again and again would have any number of threads at work.
async fn one_of<T: Send + 'static>(turns: &'static Semaphore, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    // It is never closed.
    let turn = turns.acquire().await.ok();
    let work = move || {
        let _turn = turn;
        work()
    };
    tokio::task::spawn_blocking(work).await.ok()
}

fn resolved(said: Said, own: &Own, asked: &[Asked], limit: usize) -> Result<Vec<Box<RawValue>>, Unanswered> {
    let said = ask::answers(said).and_then(|mut fields| fields.remove("__schema")).ok_or(Unanswered::NoSchema)?;
    let model: Model = serde_json::from_str(said.get()).map_err(|error| {
        tracing::warn!(%error, "the backend's schema could not be read");
        Unanswered::NoSchema
    })?;
    drop(said);
    let (model, budget) = (model.merged(own), Budget::new(limit));
    let answer = |asked: &Asked| {
        let node = match &asked.what {
            What::Schema => Some(Node::Schema),
            What::Type(name) => model.types.get(name).map(Node::Type),
        };
        let shown = node.map(|node| Shown { model: &model, node, selection: &asked.selection, budget: &budget });
        // Strings and truths: only the budget can end it.
        to_raw_value(&shown).map_err(|_| Unanswered::TooLarge)
    };
    asked.iter().map(answer).collect()
}

#[cfg(test)]
mod tests;
