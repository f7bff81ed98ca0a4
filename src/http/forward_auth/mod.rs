//! The questions of other proxies: may this request pass, and who makes it?
//!
//! nginx (`auth_request`), Caddy and Traefik (forward auth), Envoy (`ext_authz` over HTTP) and HAProxy ask before they pass a
//! request on, and put headers of the answer into it. The question becomes the request that it is about ([`original`]) and
//! goes the way of any other: hygiene, credentials, CSRF, `require`, `identity`. Only the end is another one: not the backend
//! but the answer.
//!
//! | answer | |
//! |---|---|
//! | 200 | with all `X-Auth-*` headers, the assertion among them; never with a bearer token for the backend |
//! | 401 | nobody is known, and somebody has to be |
//! | 403 | whatever else is wrong with the request; these proxies take no other status for a refusal |
//! | 404 | who asks is none of `trusted_proxies`, or comes by a listener with `proxy_protocol` |
//!
//! A header of which there is nothing to tell is there and empty: a proxy that copies it overwrites what its client sent
//! under the name, and one that knows it only by a name has something to put there.
//!
//! Two things differ from being in the way. A request on a GraphQL path is refused: its body, which the gateway doesn't see
//! here, could hold an auth operation. And a path can't be made canonical, since the proxy sends its own; it counts as what
//! it is canonically, and is refused if it differs from that by more than percent-encoding, which backends decode.
//!
//! Caveats: a question counts by who asks it, so the proxy must refuse its clients the path. And it must let nothing of its client's pass under the names of the headers that it sets. The files in
//! `deploy/` show how.

use std::{
    convert::Infallible,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header::CACHE_CONTROL};
use tower::Service;

use super::{
    body::RequestBody,
    credentials::Identified,
    hygiene::{Connection, Inbound, Purpose, Speaks, TrustedProxies, headers::IDENTITY},
    identity::Identity,
    reply::Reply,
    require::Require,
    respond::{self, Response, ResponseBody},
    stage::{Next, Stage, Staged},
};
use crate::config::{AuthPolicy, ForwardAuthSettings, RefusalForm};

mod original;

/// The first of two stages: takes questions for the requests that they are about.
#[derive(Debug)]
pub(super) struct Questions {
    pub(super) settings: Option<ForwardAuthSettings>,
    pub(super) trusted_proxies: TrustedProxies,
}

impl Stage for Questions {
    type Takes = Inbound;
    type Gives = Inbound;

    fn handle(self: &Rc<Self>, inbound: Inbound, next: &mut impl Next<Inbound>) -> Reply {
        let Some(settings) = self.settings.as_ref().filter(|settings| original::asks(settings, &inbound.request))
        else {
            return next.call(inbound);
        };
        // Of a connection on which a proxy passes on bytes nobody knows whether it asks itself or its client does.
        if inbound.connection.named_by_proxy || !self.trusted_proxies.trusts(inbound.connection.peer) {
            return respond::error(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing here.").into();
        }
        let Inbound { mut request, connection, id, .. } = inbound;
        if let Err(unclear) = original::put(settings, &mut request) {
            return respond::error(StatusCode::FORBIDDEN, unclear.code(), unclear.message()).into();
        }
        let auth = if settings.requires_caller { AuthPolicy::Required } else { AuthPolicy::Optional };
        let connection = Connection { auth, refusal: RefusalForm::Http, ..Connection::clone(&connection) };
        let reply = next.call(Inbound { request, connection: Rc::new(connection), purpose: Purpose::Verdict, id });
        Reply::later(async move {
            let Ok(response) = reply.await;
            as_verdict(response)
        })
    }
}

/// A refusal for the client's fault is 401 or 403.
fn as_verdict(mut response: Response) -> Response {
    if response.status().is_client_error() && response.status() != StatusCode::UNAUTHORIZED {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

/// The second: sends them to their answer, before anything is done that needs a body.
#[derive(Debug)]
pub(super) struct Verdicts {
    /// Refuses who has to be known and isn't, and describes who is.
    pub(super) answer: Staged<Require, Staged<Identity, Allow>>,
}

impl Stage for Verdicts {
    type Takes = Identified;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, call: Identified, next: &mut impl Next<Identified>) -> Reply {
        match (call.request.purpose, call.request.speaks) {
            (Purpose::Forward, _) => next.call(call),
            (Purpose::Verdict, Speaks::Other) => self.answer.clone().call(call),
            (Purpose::Verdict, Speaks::Graphql) => {
                let message =
                    "GraphQL can't pass here: what a request asks for is in its body. Send it through the gateway.";
                respond::error(StatusCode::FORBIDDEN, "GRAPHQL_NOT_SEEN", message).into()
            }
        }
    }
}

/// The end of a question's way: what the backend would be told goes into the answer.
#[derive(Clone, Debug)]
pub(super) struct Allow;

impl Service<Request<RequestBody>> for Allow {
    type Response = Response;
    type Error = Infallible;
    type Future = Reply;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Reply {
        let mut response = http::Response::new(ResponseBody::Own(Bytes::new()));
        for name in IDENTITY {
            // `hygiene` dropped all that came in under these names.
            let told = request.headers_mut().remove(name);
            response.headers_mut().insert(name, told.unwrap_or_else(|| HeaderValue::from_static("")));
        }
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.into()
    }
}
