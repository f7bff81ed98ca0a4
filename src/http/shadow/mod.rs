//! Looking on while the backend answers (`mode = "shadow"`).
//!
//! Every request goes to the backend as it came, and its answer to the client: as behind a plain proxy. Afterwards what the
//! gateway would have done is worked out on a copy, by the same stages that do it elsewhere, and held against what the backend
//! did ([`verdict`]). Where the gateway would pass the request on there is nothing to hold against anything but whom it is
//! believed to be of: the copy ends in [`Replay`], which gives the answer that the backend has given.
//!
//! Nothing is left behind by that: the stages work on a store that keeps nothing and a directory that is only read, and what
//! goes by an earlier step of the gateway's own is not tried ([`auth::rehearsal`](crate::auth::rehearsal)).
//!
//! | what comes | what of it is copied |
//! |---|---|
//! | on a GraphQL path | head and body, once all of it and of the answer is there ([`overheard`], [`kept`]) |
//! | on another path | the head: whether it would be let through |
//! | an upgrade, a CORS preflight, an answer that goes on as a stream | nothing |

use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING},
};
use serde_json::Value;
use tower::Service as _;

use super::{
    cookies::Lean,
    credentials::{Authenticate, Authorization, Identified, Who},
    csrf::Csrf,
    graphql::Graphql,
    hygiene::{Connection, Sanitised, Speaks},
    reply::Reply,
    require::{Require, is_preflight},
    respond::{Response, ResponseBody},
    routes::Terms,
    sockets::goes_on,
    stage::{Next, Stage, Staged},
};
use crate::{auth::rehearsal::Scope, config::AuthPolicy};

mod copy;
mod kept;
mod overheard;
mod replay;
mod take;
mod tally;
mod verdict;

use copy::Copy;
pub(super) use kept::{Held, Kept};
pub(super) use overheard::Overheard;
pub(super) use replay::Replay;
pub(super) use take::{Found, Take, Untold};
pub use tally::Tally;
use verdict::Verdict;

/// So many requests of a core are worked out at once; of further ones nobody knows.
const MOST: usize = 64;

/// What a request goes through on the way to its verdict.
pub(super) type Rehearsal = Staged<Authenticate, Staged<Csrf, Staged<Graphql, Staged<Require, Replay>>>>;

/// The stage.
#[derive(Debug)]
pub(super) struct Shadow {
    pub(super) rehearsal: Rehearsal,
    pub(super) scope: Scope,
    pub(super) tally: Arc<Tally>,
    /// The cookies that are the gateway's to set, by their names, and Django's against forgeries.
    pub(super) cookies: Rc<[String]>,
    /// Largest body that the gateway reads, in bytes.
    pub(super) body_limit: usize,
    /// What is kept of bodies.
    pub(super) held: Held,
    /// How many are worked out now.
    pub(super) at_work: Rc<Cell<usize>>,
}

impl Stage for Shadow {
    type Takes = Sanitised;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, request: Sanitised, next: &mut impl Next<Identified>) -> Reply {
        if request.websocket.is_some() || is_preflight(&request.request) {
            return next.call(passed(request));
        }
        let (stage, copy) = (Rc::clone(self), Copy::of(&request, &self.held));
        let reply = next.call(passed(request));
        Reply::later(async move {
            let Ok(response) = reply.await;
            stage.listen(copy, response)
        })
    }
}

impl Shadow {
    /// The answer, which is listened to on its way to the client.
    fn listen(self: Rc<Self>, copy: Copy, response: Response) -> Response {
        let (parts, body) = response.into_parts();
        let ResponseBody::Upstream(body) = body else {
            self.tally.untold(Untold::Unanswered);
            return Response::from_parts(parts, body);
        };
        if let Some(untold) = untold(&copy, parts.status, &parts.headers) {
            self.tally.untold(untold);
            return Response::from_parts(parts, ResponseBody::Upstream(body));
        }
        let take = Take {
            scope: self.scope,
            status: parts.status,
            headers: parts.headers.clone(),
            body: Bytes::new(),
            answer: Value::Null,
            cookies: Rc::clone(&self.cookies),
            had_csrf: copy.has_csrf(),
            found: OnceCell::new(),
        };
        if !copy.needs_body() {
            self.work_out(copy, take);
            return Response::from_parts(parts, ResponseBody::Upstream(body));
        }
        let kept = Kept::new(&self.held);
        let heard = move |whole: Option<Bytes>| match whole {
            Some(body) => {
                let answer = serde_json::from_slice(&body).unwrap_or_default();
                self.work_out(copy, Take { body, answer, ..take });
            }
            None => self.tally.untold(Untold::Unread),
        };
        Response::from_parts(parts, ResponseBody::Overheard(Box::new(Overheard::new(body, kept, heard))))
    }

    /// Works out what the gateway would have done, beside whatever else there is to do.
    fn work_out(self: &Rc<Self>, copy: Copy, take: Take) {
        if copy.needs_body() && !take.is_graphqls() {
            return self.tally.untold(Untold::Unanswered);
        }
        if copy.is_larger_than(self.body_limit) {
            return self.tally.told(Verdict::refused(&take, copy.speaks(), "BODY_TOO_LARGE".to_owned()));
        }
        let take = Rc::new(take);
        let request = match copy.into_request(&take) {
            Ok(request) => request,
            Err(untold) => return self.tally.untold(untold),
        };
        let Some(place) = Place::take(&self.at_work) else { return self.tally.untold(Untold::Busy) };
        let (stage, speaks) = (Rc::clone(self), request.speaks);
        tokio::task::spawn_local(async move {
            let _place = place;
            let Ok(response) = stage.rehearsal.clone().call(request).await;
            match Verdict::of(&take, &response, speaks) {
                Verdict::Untold(untold) => stage.tally.untold(untold),
                Verdict::Told(differences) => stage.tally.told(differences),
            }
        });
    }
}

/// Why nobody can tell by the head of an answer.
fn untold(copy: &Copy, status: StatusCode, headers: &HeaderMap) -> Option<Untold> {
    let is_read = copy.needs_body();
    match status {
        // Whatever was asked, it was not looked at.
        StatusCode::TOO_MANY_REQUESTS => Some(Untold::Unanswered),
        status if status.is_server_error() => Some(Untold::Unanswered),
        _ if copy.is_form() => Some(Untold::Form),
        _ if is_read && (goes_on(headers) || headers.contains_key(CONTENT_ENCODING)) => Some(Untold::Unread),
        _ => None,
    }
}

/// As a plain proxy has it: nobody is looked for, and no path speaks anything. What could not be read is not asked for.
fn passed(request: Sanitised) -> Identified {
    let connection = Rc::new(Connection { auth: AuthPolicy::None, ..(*request.connection).clone() });
    let terms = Terms { auth: AuthPolicy::None, demands: None, is_routed: false, ..request.terms };
    let mut request = Sanitised { connection, terms, ..request };
    if request.speaks == Speaks::Graphql {
        request.request.headers_mut().remove(ACCEPT_ENCODING);
    }
    Identified {
        request: Sanitised { speaks: Speaks::Other, ..request },
        who: Who::Anonymous,
        refresh_cookie: None,
        device_cookies: Vec::new(),
        lean: Lean::Nothing,
        authorization: Authorization::Foreign,
    }
}

/// One of those that are worked out now.
struct Place(Rc<Cell<usize>>);

impl Place {
    fn take(at_work: &Rc<Cell<usize>>) -> Option<Self> {
        (at_work.get() < MOST).then(|| {
            at_work.update(|count| count + 1);
            Self(Rc::clone(at_work))
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.update(|count| count - 1);
    }
}
