//! Refuses callers who lack what their route or listener asks for, and those whom nobody can confirm now.
//!
//! On a GraphQL path whose listener refuses in GraphQL's form, the stage before has answered already, since that takes a
//! look into the document; what gets here all the same is refused by its status.
//!
//! CORS preflights pass: browsers send them without credentials (Fetch standard, §3.3.5), and the backend answers them. They go
//! on without a body and without headers that name another method ([`identity`](super::identity)).

use std::{rc::Rc, sync::Arc};

use http::{
    Method, Request,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN},
};

use super::{
    credentials::{Identified, Who},
    refusal,
    reply::Reply,
    stage::{Next, Stage},
};
use crate::{
    config::AuthPolicy,
    model::{Clock, Shortfall},
};

/// The stage. It stands behind `graphql`, so that a login needs no login.
#[derive(Debug)]
pub(super) struct Require {
    pub(super) clock: Arc<dyn Clock>,
}

impl Stage for Require {
    type Takes = Identified;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, call: Identified, next: &mut impl Next<Identified>) -> Reply {
        match self.shortfall(&call) {
            // Not as anonymous: the client would believe that its session is over.
            Some(Shortfall::Unconfirmed) => refusal::by_status(Shortfall::Unconfirmed).into(),
            Some(shortfall) if !is_preflight(&call.request.request) => refusal::by_status(shortfall).into(),
            Some(_) | None => next.call(call),
        }
    }
}

impl Require {
    fn shortfall(&self, call: &Identified) -> Option<Shortfall> {
        let terms = &call.request.terms;
        match (&call.who, terms.auth) {
            (Who::Unconfirmed(_), _) => Some(Shortfall::Unconfirmed),
            (Who::Anonymous | Who::Expired(_), AuthPolicy::Required) => Some(Shortfall::Unauthenticated),
            (Who::Anonymous | Who::Expired(_), AuthPolicy::Optional | AuthPolicy::None) => None,
            (Who::Known(caller), _) => terms.demands.as_ref()?.check(caller, self.clock.now()).err(),
        }
    }
}

/// Whether this is a browser's question whether it may send a request of another site's.
pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
    *request.method() == Method::OPTIONS
        && [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD].iter().all(|name| request.headers().contains_key(name))
}
