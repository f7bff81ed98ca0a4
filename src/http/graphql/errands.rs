//! Carries the gateway's own requests to the backend, on the way that the client's own would take: through everything
//! that stands behind [`Graphql`](super::Graphql), so that no rule about identity is written twice.
//!
//! Of the client's request an errand has the path and the headers that describe the client, and no cookie: whoever it
//! speaks for was verified here, or is nobody.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use http::{
    HeaderName, HeaderValue, Method, Request, StatusCode,
    header::{
        ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, COOKIE, EXPECT, IF_MATCH, IF_MODIFIED_SINCE,
        IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, SET_COOKIE, TE, TRAILER,
    },
};
use http_body_util::{BodyExt as _, Limited};
use tower::Service;

use crate::{
    auth::tokens::Authenticator,
    config::AuthPolicy,
    graphql::{self, Errand, Said, Whom},
    http::{
        body::RequestBody,
        cookies::Lean,
        credentials::{Authorization, Identified, Who},
        hygiene::{Purpose, Sanitised, Speaks},
        respond::{self, Response, ResponseBody},
        routes::Terms,
        stage::Next,
    },
    model::AuthMethod,
};

/// Largest answer to an errand, in bytes; it is held in memory.
const ANSWER_LIMIT: usize = 16 << 20;

/// What of the client's headers is about its own request, or its own credentials.
const NOT_PASSED_ON: [HeaderName; 14] = [
    ACCEPT,
    ACCEPT_ENCODING,
    AUTHORIZATION,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
    TE,
    TRAILER,
];

/// How an errand is written: as the client wrote its own, since a backend may take nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    One,
    /// In a batch of one.
    Batch,
}

/// What answers errands for one client's request.
pub(super) struct Errands<'a, N> {
    /// The client's request.
    pub(super) call: &'a Identified,
    /// What would have got it.
    pub(super) next: N,
    pub(super) authenticator: &'a Authenticator,
    /// How long an answer may take from its head to its end.
    pub(super) patience: Duration,
    pub(super) asks: Asks,
    /// What the backend set in its answers so far.
    pub(super) cookies: Rc<RefCell<Vec<HeaderValue>>>,
}

impl<N> Errands<'_, N> {
    fn written(&self, request: &graphql::Request) -> Vec<u8> {
        match self.asks {
            Asks::One => request.to_json(),
            Asks::Batch => graphql::batch_to_json([request]),
        }
    }

    /// What is asked of whom an errand is for. Of nobody, nothing: it is an auth operation, which is for everybody, and the
    /// gateway wrote all of it.
    fn terms(&self, whom: &Whom) -> Terms {
        let terms = self.call.request.terms.clone();
        match whom {
            Whom::Arrived | Whom::Granted(_) => terms,
            Whom::Nobody => Terms { auth: AuthPolicy::Optional, demands: None, ..terms },
        }
    }

    fn identified(&self, errand: &Errand) -> Identified {
        let who = match &errand.whom {
            Whom::Arrived => self.call.who.clone(),
            // Store and directory have just confirmed who was granted it.
            Whom::Granted(token) => {
                let granted = self.authenticator.authenticate(token.expose(), AuthMethod::Bearer);
                granted.map_or(Who::Anonymous, Who::Known)
            }
            Whom::Nobody => Who::Anonymous,
        };
        Identified {
            request: Sanitised {
                request: request(&self.call.request.request, self.written(&errand.request)),
                connection: Rc::clone(&self.call.request.connection),
                purpose: Purpose::Forward,
                id: self.call.request.id.clone(),
                terms: self.terms(&errand.whom),
                speaks: Speaks::Graphql,
                websocket: None,
                rehearsed: self.call.request.rehearsed.clone(),
            },
            who,
            refresh_cookie: None,
            device_cookies: Vec::new(),
            lean: Lean::Nothing,
            authorization: Authorization::Absent,
        }
    }
}

/// The request on the way of the client's.
fn request(client: &Request<RequestBody>, body: Vec<u8>) -> Request<RequestBody> {
    let mut request = Request::new(RequestBody::Whole(body.into()));
    *request.method_mut() = Method::POST;
    // A path alone is a target always.
    *request.uri_mut() = client.uri().path().parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.clone_from(client.headers());
    for name in NOT_PASSED_ON {
        headers.remove(name);
    }
    let json = HeaderValue::from_static("application/json");
    headers.insert(ACCEPT, json.clone());
    headers.insert(CONTENT_TYPE, json);
    request
}

impl<N: Next<Identified>> Service<Errand> for Errands<'_, N> {
    type Response = Said;
    /// The answer for the client: the gateway's own, or the backend's where that is none of GraphQL's.
    type Error = Response;
    type Future = Pin<Box<dyn Future<Output = Result<Said, Response>>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Response>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, errand: Errand) -> Self::Future {
        let reply = self.next.call(self.identified(&errand));
        let (patience, cookies) = (self.patience, Rc::clone(&self.cookies));
        // What the backend has set already is not ours.
        let is_callers = matches!(errand.whom, Whom::Arrived) && self.call.request.rehearsed.is_none();
        Box::pin(async move {
            let Ok(response) = reply.await;
            let (parts, body) = response.into_parts();
            if !matches!(body, ResponseBody::Upstream(_) | ResponseBody::Replayed(_)) {
                return Err(Response::from_parts(parts, body));
            }
            let whole = tokio::time::timeout(patience, Limited::new(body, ANSWER_LIMIT).collect()).await;
            let body = match whole {
                Ok(Ok(body)) => body.to_bytes(),
                Ok(Err(error)) => return Err(unreadable(&*error)),
                Err(elapsed) => return Err(unreadable(&elapsed)),
            };
            // Anything else than a result or an invalid request is a refusal as a whole, whatever it is written in.
            let is_answer = matches!(parts.status, StatusCode::OK | StatusCode::BAD_REQUEST);
            match Said::read(&body).filter(|_| is_answer) {
                Some(said) => {
                    // Another site's page may have made the login: it gets no cookies of that user's, whoever sets them. Those of
                    // a session that the backend opened for an account that it made are nobody's.
                    if is_callers {
                        cookies.borrow_mut().extend(parts.headers.get_all(SET_COOKIE).iter().cloned());
                    }
                    Ok(said)
                }
                None => Err(Response::from_parts(parts, ResponseBody::Own(body))),
            }
        })
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::warn!(error, "an answer of the backend could not be read to its end");
    respond::error(StatusCode::BAD_GATEWAY, "UPSTREAM_FAILED", "The backend broke off its answer.")
}
