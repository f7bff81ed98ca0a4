//! Looking on while the backend answers (`mode = "shadow"`).
//!
//! Every request goes to the backend as it came, and its answer to the client: as behind a plain proxy. Afterwards what the
//! gateway would have done is worked out on a copy, by the same stages that do it elsewhere, and held against what the backend
//! did ([`verdict`]). Where the gateway would pass the request on there is nothing to hold against anything: the copy ends in
//! [`Replay`], which gives the answer that the backend has given.
//!
//! Nothing is left behind by that: the stages work on a store that keeps nothing and a directory that is only read, and what
//! goes by an earlier step of the gateway's own is not tried ([`auth::rehearsal`](crate::auth::rehearsal)).
//!
//! | what comes | what of it is copied |
//! |---|---|
//! | on a GraphQL path | head and body, once all of it and of the answer is there ([`overheard`]) |
//! | on another path | the head: whether it would be let through |
//! | an upgrade, a CORS preflight | nothing |

use std::{
    cell::{Cell, OnceCell},
    convert::Infallible,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderMap, Method, Request,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE},
};
use tower::Service;

use super::{
    body::{Progress, RequestBody},
    cookies::{self, Lean},
    credentials::{Authenticate, Authorization, Identified, Who},
    csrf::{self, Csrf},
    graphql::Graphql,
    hygiene::{Connection, Sanitised, Speaks},
    reply::Reply,
    require::{Require, is_preflight},
    respond::{Response, ResponseBody},
    routes::Terms,
    stage::{Next, Stage, Staged},
};
use crate::{auth::rehearsal::Scope, config::AuthPolicy};

mod overheard;
mod take;
mod tally;
mod verdict;

pub(super) use overheard::Overheard;
pub(super) use take::{Found, Take, Untold};
pub use tally::Tally;
use verdict::Verdict;

/// Largest body of a request, and of an answer, that is held in memory to look at, in bytes.
const LARGEST: usize = 1 << 20;
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
        let (stage, copy) = (Rc::clone(self), Copy::of(&request));
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
        let take = Take {
            scope: self.scope,
            status: parts.status,
            headers: parts.headers.clone(),
            body: Bytes::new(),
            had_csrf: copy.has_csrf(),
            found: OnceCell::new(),
        };
        if !copy.needs_body() {
            self.work_out(copy, take);
            return Response::from_parts(parts, ResponseBody::Upstream(body));
        }
        let heard = move |whole: Option<Bytes>| match whole {
            Some(body) if !take.headers.contains_key(CONTENT_ENCODING) => self.work_out(copy, Take { body, ..take }),
            Some(_) | None => self.tally.untold(Untold::Unread),
        };
        let body = Overheard::new(body, LARGEST, heard);
        Response::from_parts(parts, ResponseBody::Overheard(Box::new(body)))
    }

    /// Works out what the gateway would have done, beside whatever else there is to do.
    fn work_out(self: &Rc<Self>, copy: Copy, take: Take) {
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

/// A request once more.
struct Copy {
    /// Without its body.
    request: Sanitised,
    /// Its body, as it comes; `None` where there is none, or nobody looks at it.
    body: Option<Progress>,
}

impl Copy {
    fn of(request: &Sanitised) -> Self {
        let mut head = Request::new(RequestBody::Empty);
        *head.method_mut() = request.request.method().clone();
        *head.uri_mut() = request.request.uri().clone();
        head.headers_mut().clone_from(request.request.headers());
        let is_read = request.speaks == Speaks::Graphql;
        let body = request.request.body().client_progress().filter(|_| is_read).cloned();
        if let Some(body) = &body {
            body.keep(LARGEST);
        }
        let request = Sanitised {
            request: head,
            connection: Rc::clone(&request.connection),
            purpose: request.purpose,
            id: request.id.clone(),
            terms: request.terms.clone(),
            speaks: request.speaks,
            websocket: None,
            rehearsed: None,
        };
        Self { request, body }
    }

    /// Whether what it comes to is in the body of its answer.
    fn needs_body(&self) -> bool {
        self.request.speaks == Speaks::Graphql && *self.request.request.method() != Method::HEAD
    }

    fn has_csrf(&self) -> bool {
        cookies::only(self.request.request.headers(), csrf::COOKIE_NAME).is_some()
    }

    fn into_request(self, take: &Rc<Take>) -> Result<Sanitised, Untold> {
        let Self { mut request, body } = self;
        if let Some(body) = body {
            if is_form(request.request.headers()) {
                return Err(Untold::Form);
            }
            *request.request.body_mut() = RequestBody::Whole(body.kept().ok_or(Untold::Unread)?);
        }
        Ok(Sanitised { rehearsed: Some(Rc::clone(take)), ..request })
    }
}

/// One that may carry files, which is read while it is sent on.
fn is_form(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    media_type
        .and_then(|value| value.get(.."multipart/".len()))
        .is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"))
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

/// Where a request would go to the backend: the answer that it has given.
#[derive(Clone, Debug)]
pub(super) struct Replay;

impl Service<Identified> for Replay {
    type Response = Response;
    type Error = Infallible;
    type Future = Reply;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Identified) -> Reply {
        // Each request that gets here has one.
        call.request.rehearsed.map(|take| take.answer()).unwrap_or_default().into()
    }
}
