//! What a body asks, one request or a batch of them, and what becomes of it.

use super::Graphql;
use crate::{
    graphql::{
        Admits, Answer, BatchPlan, Carries, Encoding, Entry, Owned, Plan, Planned, Request, batch_to_json, decode,
        decode_batch, is_batch,
    },
    http::credentials::Identified,
};

/// What is in a body or a query string.
pub(super) enum Asked {
    One(Request),
    Batch(Vec<Entry>),
}

/// What becomes of it.
pub(super) enum Decided {
    /// The backend gets what was understood.
    Forward(Understood),
    Run(Work),
    Refuse(Box<Answer>),
}

/// What no two readers can read differently.
pub(super) enum Understood {
    One(Request),
    Batch(Vec<Request>),
}

/// What is done here.
pub(super) enum Work {
    One(Box<Owned>),
    Batch(Vec<Planned>),
}

impl Work {
    /// The auth operations in it, by the names of the audit log.
    pub(super) fn operations(&self) -> impl Iterator<Item = &'static str> {
        let (one, batch) = match self {
            Self::One(owned) => (Some(&**owned), [].as_slice()),
            Self::Batch(batch) => (None, batch.as_slice()),
        };
        one.into_iter().chain(batch.iter().filter_map(Planned::owned)).flat_map(Owned::names)
    }
}

impl Understood {
    pub(super) fn to_json(&self) -> Vec<u8> {
        match self {
            Self::One(request) => request.to_json(),
            Self::Batch(requests) => batch_to_json(requests),
        }
    }
}

impl Graphql {
    /// Reads what is asked. A list counts where batching is on, and only in a POST's JSON.
    pub(super) fn asked(
        &self,
        encoding: Option<Encoding>,
        carries: Carries,
        query: &[u8],
        body: &[u8],
    ) -> Result<Asked, Box<Answer>> {
        let is_batch = encoding == Some(Encoding::Json) && carries == Carries::All && is_batch(body);
        if self.batching && is_batch {
            decode_batch(query, body).map(Asked::Batch)
        } else {
            decode(encoding, query, body).map(Asked::One)
        }
    }

    pub(super) fn decided(&self, asked: Asked, call: &Identified, carries: Carries, admits: Admits) -> Decided {
        let asker = call.who.as_asker();
        match asked {
            Asked::One(request) => match self.planner.plan(&request, carries, admits, asker) {
                Plan::Forward => Decided::Forward(Understood::One(request)),
                Plan::Run(owned) => Decided::Run(Work::One(owned)),
                Plan::Refuse(answer) => Decided::Refuse(answer),
            },
            Asked::Batch(entries) => match self.planner.plan_batch(entries, admits, asker) {
                Ok(BatchPlan::Forward(requests)) => Decided::Forward(Understood::Batch(requests)),
                Ok(BatchPlan::Run(planned)) => Decided::Run(Work::Batch(planned)),
                Err(answer) => Decided::Refuse(answer),
            },
        }
    }
}
