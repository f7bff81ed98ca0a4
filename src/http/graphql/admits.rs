//! Whose fields run for whoever sent a request, by the listener and the path.
//!
//! | caller not known | open path | path of `closed_paths` |
//! |---|---|---|
//! | `auth = "optional"` | everything; the backend decides about its own | the backend's |
//! | `"required"`, `refusal = "http"` | auth operations; 401 for the rest ([`require`](crate::http::require)) | 401 |
//! | `"required"`, `refusal = "graphql"` | auth operations; errors for the rest | errors |
//!
//! For a caller who is known everything runs; or, where the route asks for more than that caller has, auth operations, by
//! which it can be got. A credential that is no good makes nobody known: on an open path it keeps nobody from the login that
//! would renew it.
//!
//! A closed path guards nothing that an open one doesn't give; it is there because such backends have one, and clients
//! that know whether they are logged in by what it answers.

use super::Graphql;
use crate::{
    config::{AuthPolicy, RefusalForm},
    graphql::Admits,
    http::credentials::{Identified, Who},
    model::{Principal, Shortfall},
};

/// Whether a request is looked into.
pub(super) enum Door {
    /// For these of its fields.
    Read(Admits),
    /// It is refused unread.
    Shut,
}

impl Graphql {
    pub(super) fn door(&self, call: &Identified) -> Door {
        if let Who::Known(caller) = &call.who {
            return Door::Read(self.for_known(caller, call));
        }
        let path = call.request.request.uri().path();
        let is_closed = self.closed_paths.iter().any(|closed| closed.matches(path));
        match call.who {
            // `Require` says that nobody can tell now; on an open path not to a login or a logout.
            Who::Unconfirmed(_) if is_closed => return Door::Shut,
            Who::Unconfirmed(_) => return Door::Read(Admits::Everything),
            Who::Known(_) | Who::Anonymous | Who::Expired(_) => {}
        }
        match (call.request.terms.auth, call.request.connection.refusal, is_closed) {
            (AuthPolicy::Required, RefusalForm::Http, true) => Door::Shut,
            (AuthPolicy::Required, RefusalForm::Graphql, true) => Door::Read(Admits::Nothing),
            (AuthPolicy::Required, RefusalForm::Graphql, false) => {
                Door::Read(Admits::OnlyOwned(Shortfall::Unauthenticated))
            }
            (AuthPolicy::Optional | AuthPolicy::None, _, true) => Door::Read(Admits::OnlyBackends),
            (AuthPolicy::Required, RefusalForm::Http, false) | (AuthPolicy::Optional | AuthPolicy::None, _, false) => {
                Door::Read(Admits::Everything)
            }
        }
    }

    /// By a status `Require` refuses what is the backend's; in GraphQL's form that is done here.
    fn for_known(&self, caller: &Principal, call: &Identified) -> Admits {
        let demands = call.request.terms.demands.as_ref();
        match (demands.map(|demands| demands.check(caller, self.clock.now())), call.request.connection.refusal) {
            (Some(Err(shortfall)), RefusalForm::Graphql) => Admits::OnlyOwned(shortfall),
            (Some(Err(_)), RefusalForm::Http) | (Some(Ok(())) | None, _) => Admits::Everything,
        }
    }
}
