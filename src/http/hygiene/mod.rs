//! The first stage: whatever could be read in two ways is refused or rewritten so that one reading is left.
//!
//! | what | becomes |
//! |---|---|
//! | framing, `Host`, target | checked ([`framing`]) |
//! | HTTP/2's authority and its crumbs of cookies | `Host` and one `Cookie`, as HTTP/1.1 has them ([`headers`]) |
//! | path | canonical, or refused ([`path`]); what decides is what is sent, and by it a request takes its route |
//! | hop-by-hop headers, and those that `Connection` names | dropped, before anything is added ([`headers`]) |
//! | headers that fold to one of the gateway's | dropped, on every path, whoever calls; so is what `Trailer` announces of them |
//! | `traceparent`, `tracestate` | believed of whom the configuration says, or dropped ([`traces`]) |
//! | what proxies say of the client's address, scheme and host | believed if they are trusted ([`client`]), and dropped |

use std::{net::IpAddr, rc::Rc};

use http::{HeaderValue, Method, Request, StatusCode, Version, header::ALLOW};
use http_body::Body as _;
use hyper::{body::Incoming, upgrade::OnUpgrade};

use super::{
    access,
    body::RequestBody,
    counts::Route,
    drain::Drain,
    reply::Reply,
    request_id, respond,
    routes::{Routes, Terms},
    shadow::Take,
    stage::{Next, Stage},
    trailers,
};
use crate::{
    config::{AuthPolicy, PathPattern, RefusalForm, TraceSource},
    model::RequestId,
};

mod client;
pub(super) mod framing;
pub(super) mod headers;
pub(super) mod path;
mod traces;

pub(super) use client::TrustedProxies;

/// What is known of a client's connection, and the same for all of its requests; but those that a proxy passes on come from
/// different clients.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// The client's address.
    pub(super) peer: IpAddr,
    /// The same as the value of `X-Forwarded-For`.
    pub(super) forwarded_for: HeaderValue,
    /// Where the PROXY protocol says who connects, nothing else does: what stands in headers is the client's own.
    pub(super) named_by_proxy: bool,
    /// How the client came.
    pub(super) scheme: Scheme,
    /// The host that the client asked for, where a proxy says so; else `Host` does.
    pub(super) host: Option<HeaderValue>,
    /// What the listener asks for where no route says otherwise.
    pub(super) auth: AuthPolicy,
    /// How it refuses on GraphQL paths.
    pub(super) refusal: RefusalForm,
    /// Tells when the gateway stops.
    pub(super) drain: Drain,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The backend is to have it.
    Forward,
    /// Another proxy has it, and asks whether to pass it on (`forward_auth`).
    Verdict,
}

/// What a client's connection speaks, to this gateway or to a proxy that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// In clear, as far as this gateway knows: what is before it may have ended TLS without a word.
    Http,
    /// TLS, which ends here or at a proxy.
    Https,
}

impl Scheme {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A request as hyper read it.
#[derive(Debug)]
pub(super) struct Inbound {
    /// The request.
    pub(super) request: Request<Incoming>,
    /// Where it came in.
    pub(super) connection: Rc<Connection>,
    pub(super) purpose: Purpose,
    /// What it is called.
    pub(super) id: RequestId,
}

/// What a path speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// GraphQL: its requests are looked into.
    Graphql,
    /// Anything else.
    Other,
}

/// A request that has one reading.
#[derive(Debug)]
pub(super) struct Sanitised {
    /// Target in origin form, path canonical.
    pub(super) request: Request<RequestBody>,
    pub(super) connection: Rc<Connection>,
    pub(super) purpose: Purpose,
    pub(super) id: RequestId,
    /// What is asked of its caller.
    pub(super) terms: Terms,
    pub(super) speaks: Speaks,
    /// It asked for a WebSocket, and this is the client's side of it; the header itself is gone.
    pub(super) websocket: Option<OnUpgrade>,
    /// What the backend has answered, where it has, and this is a copy by which to see what the gateway would have.
    pub(super) rehearsed: Option<Rc<Take>>,
}

impl Sanitised {
    /// What it is counted under.
    pub(super) fn route(&self) -> Route {
        match (self.terms.counted, self.speaks) {
            (Some(place), _) => Route::Configured(place),
            (None, Speaks::Graphql) => Route::Graphql,
            (None, Speaks::Other) => Route::Other,
        }
    }
}

/// The stage.
#[derive(Debug)]
pub(super) struct Hygiene {
    pub(super) trusted_proxies: TrustedProxies,
    pub(super) graphql_paths: Vec<PathPattern>,
    pub(super) routes: Routes,
    pub(super) body_limit: u64,
    pub(super) traces: TraceSource,
}

impl Stage for Hygiene {
    type Takes = Inbound;
    type Gives = Sanitised;

    fn handle(self: &Rc<Self>, inbound: Inbound, next: &mut impl Next<Sanitised>) -> Reply {
        match self.sanitise(inbound) {
            Ok(request) => {
                access::settled(&request);
                next.call(request)
            }
            Err(unfit) => unfit.into(),
        }
    }
}

/// Why a request is refused before anybody looks at what it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// `CONNECT`, `TRACE`, or one with a small letter, which some backends take for another.
    Method,
    /// The target is longer than any has to be.
    Target,
    /// No `Host`, or several, or one that contradicts the target.
    Host,
    /// The body's length can be read in two ways.
    Framing,
    /// The path can be read in two ways.
    Path,
    /// The body is over the limit, as its length says.
    TooLarge,
}

impl From<Unfit> for Reply {
    fn from(unfit: Unfit) -> Self {
        let bad = StatusCode::BAD_REQUEST;
        match unfit {
            Unfit::Method => {
                let message = "This method is not allowed here.";
                let mut response = respond::error(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
                response
            }
            Unfit::Target => {
                let message = "The target is too long: send by POST what is in its query string.";
                respond::error(StatusCode::URI_TOO_LONG, "TARGET_TOO_LONG", message)
            }
            Unfit::Host => respond::error(bad, "BAD_HOST", "Send exactly one Host header, equal to the target's host."),
            Unfit::Framing => {
                let message = "The length of the body is ambiguous: send one Content-Length or `Transfer-Encoding: chunked`.";
                respond::error(bad, "BAD_FRAMING", message)
            }
            Unfit::Path => {
                let message = "The path could be read in two ways: send it without dot segments, backslashes and needless percent-encoding.";
                respond::error(bad, "BAD_PATH", message)
            }
            Unfit::TooLarge => respond::error(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", "The body is too large."),
        }
        .into()
    }
}

/// Whether a request may become a WebSocket (RFC 6455 §4.1). In any other the wish is ignored (RFC 9110 §7.8).
fn may_upgrade(request: &Request<Incoming>) -> bool {
    *request.method() == Method::GET && request.version() == Version::HTTP_11 && request.body().is_end_stream()
}

impl Hygiene {
    fn sanitise(&self, inbound: Inbound) -> Result<Sanitised, Unfit> {
        let Inbound { mut request, connection, purpose, id } = inbound;
        framing::check(&request)?;
        headers::translate_http2(&mut request);
        let (speaks, terms) = self.settle_path(&mut request, connection.auth)?;
        traces::settle(self.traces, self.trusted_proxies.believes(&connection), request.headers_mut());
        // Before anything is dropped: by `Connection` a client could have a proxy's word dropped.
        let connection = self.trusted_proxies.behind(connection, request.headers());
        let websocket = may_upgrade(&request).then(|| hyper::upgrade::on(&mut request));
        let asks = headers::remove_hop_by_hop(request.headers_mut());
        let websocket = websocket.filter(|_| asks);
        headers::remove_managed(request.headers_mut());
        trailers::announce_fit(request.headers_mut());
        request_id::tell(request.headers_mut(), &id);
        let (mut parts, body) = request.into_parts();
        // hyper frames what is forwarded, by the body itself; nothing of the client's framing goes on.
        headers::remove_framing(&mut parts.headers);
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        let body = RequestBody::from_client(body, self.body_limit).map_err(|_| Unfit::TooLarge)?;
        let request = Request::from_parts(parts, body);
        Ok(Sanitised { request, connection, purpose, id, terms, speaks, websocket, rehearsed: None })
    }

    /// Puts the canonical path into the request, in origin form, and tells what it speaks and what is asked there.
    fn settle_path(&self, request: &mut Request<Incoming>, listener: AuthPolicy) -> Result<(Speaks, Terms), Unfit> {
        let settled = path::settle(request.uri())?;
        let matches = |path: &str| self.graphql_paths.iter().any(|pattern| pattern.matches(path));
        let route = |path: &str| self.routes.find(path, request.method());
        let path = settled.path();
        let (by_path, taken) = (matches(path), route(path));
        // A backend may read the path more generously than the canonical form does; if that reading decides otherwise,
        // there is no telling what the request is.
        if settled.generous.as_deref().is_some_and(|path| (!by_path && matches(path)) || route(path) != taken) {
            return Err(Unfit::Path);
        }
        let opens = |taken| self.routes.is_opened_by_case(taken, path, request.method(), listener);
        if taken.is_some_and(opens) {
            return Err(Unfit::Path);
        }
        if let Some(uri) = settled.rewritten {
            *request.uri_mut() = uri;
        }
        let terms = self.routes.terms(taken, listener);
        // Without authentication the gateway is a plain proxy: nothing is looked into.
        let looked_into = by_path && terms.auth != AuthPolicy::None;
        Ok((if looked_into { Speaks::Graphql } else { Speaks::Other }, terms))
    }
}
