//! Work whose answer nobody gets: what it would come to beside the backend's (`mode = "shadow"`).

use bytes::Bytes;

use super::{Ended, Graphql, Owned, asked::Work};
use crate::{
    auth::rehearsal::Rehearsed,
    http::{
        credentials::Identified,
        respond::{Response, ResponseBody},
        shadow::{Found, Take, Untold},
        stage::Next,
    },
};

impl Graphql {
    /// Tries what can be tried, and notes how that differs from what the backend has answered.
    pub(super) async fn rehearse(
        &self,
        take: &Take,
        work: Work,
        call: &Identified,
        next: &impl Next<Identified>,
    ) -> Ended {
        match work {
            Work::Batch(_) => take.note(Found::Untold(Untold::Batch)),
            Work::One(owned) if owned.asks_about_schema() => take.note(Found::Untold(Untold::Schema)),
            Work::One(owned) => return self.rehearse_one(take, &owned, call, next).await,
        }
        Ended::Answered(Response::default())
    }

    async fn rehearse_one(&self, take: &Take, owned: &Owned, call: &Identified, next: &impl Next<Identified>) -> Ended {
        let scope = take.scope;
        let commands = Rehearsed::new(&self.commands, scope);
        let ended = self.run_one(owned, &commands, call, next).await;
        let ours = match &ended {
            Ended::Answered(response) if !commands.fell_through() => own(response),
            Ended::Answered(_) | Ended::Forward(_) => None,
        };
        take.note(match ours {
            Some(ours) => Found::Compared {
                discrepancies: self.planner.compare(owned, scope, ours, &take.answer),
                operations: owned.names().collect(),
                is_whole: owned.names().all(|operation| scope.has(operation)),
            },
            None => Found::Untold(Untold::Unavailable),
        });
        ended
    }
}

/// The body of an answer of the gateway's.
fn own(response: &Response) -> Option<&Bytes> {
    match response.body() {
        ResponseBody::Own(body) => Some(body),
        _ => None,
    }
}
