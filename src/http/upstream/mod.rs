//! The way to the backend: the last stage.
//!
//! Connections belong to one core and are kept in a pool of their own. A request that was not sent because its pooled
//! connection had just been closed is sent on another; one that was sent is not repeated, since nobody knows whether the
//! backend acted on it. Where a backend of HTTP/2 says that it has not (RFC 9113 §8.7) it is sent once more, on another
//! connection, if all of it is here: one whose body the client still sends is not.

use std::{
    convert::Infallible,
    pin::pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri,
    header::{
        CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
};
use tower::Service;

use super::{
    access::Asking,
    body::{BodyFault, Progress, RequestBody},
    cookies::Jar,
    counts::{self, UpstreamFault},
    hygiene::headers::{is_websocket, names, remove_managed},
    reply::Reply,
    respond::{self, Response, ResponseBody},
    trailers,
};

mod pool;

pub(super) use pool::{ConnectError, Pool, UpstreamBody};
use pool::{Lease, Unanswered};

/// What ends at this hop, in the backend's answers.
const HOP_BY_HOP: [HeaderName; 6] =
    [CONNECTION, TE, TRANSFER_ENCODING, UPGRADE, PROXY_AUTHENTICATE, HeaderName::from_static("keep-alive")];

/// The stage.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    pub(super) pool: Rc<Pool>,
    pub(super) jar: Rc<Jar>,
    pub(super) response_timeout: Duration,
}

/// Why there is no answer of the backend's.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no connection to the backend")]
    Connect(#[from] ConnectError),
    #[error("the backend did not answer in time")]
    Silent,
    #[error("the exchange with the backend failed")]
    Broken(#[source] hyper::Error),
    #[error("the client's body did not come through")]
    Body(BodyFault),
    #[error("the request's target can't be said in HTTP/2")]
    Target(#[from] http::Error),
    #[error("the backend switches to a protocol that it was not asked for")]
    Switches,
    #[error(
        "the backend is spoken to by HTTP/2, which has no upgrades; `[upstream] protocol = \"http1\"` takes WebSockets"
    )]
    NoUpgrades,
}

impl Failure {
    /// For spans, which know few words.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Connect(ConnectError::Silent) => "connect_timeout",
            Self::Connect(_) => "connect_failed",
            Self::Silent => "timeout",
            Self::Broken(_) => "broken_off",
            Self::Body(_) => "request_body",
            Self::Target(_) => "bad_host",
            Self::Switches | Self::NoUpgrades => "no_upgrade",
        }
    }

    /// A body that fails breaks the exchange, too: then that is why.
    fn of(progress: &Progress, error: hyper::Error) -> Self {
        progress.fault().map_or(Self::Broken(error), Self::Body)
    }
}

impl Service<Request<RequestBody>> for Forward {
    type Response = Response;
    type Error = Infallible;
    type Future = Reply;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Reply {
        if !request.body().may_have_trailers() {
            request.headers_mut().remove(TRAILER);
        }
        let this = self.clone();
        Reply::later(async move {
            // Hygiene has dropped every client's: one that is there is the gateway's own.
            let asks_to_switch = request.headers().contains_key(UPGRADE);
            let asking = Asking::begin(&mut request);
            let exchanged = this.exchange(request, asks_to_switch).await;
            asking.ended(exchanged.as_ref().map(Response::status).map_err(Failure::kind));
            match exchanged {
                Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    this.switched(response, asks_to_switch).unwrap_or_else(|failure| explain(&failure))
                }
                Ok(mut response) => {
                    this.clean(response.headers_mut());
                    response
                }
                Err(failure) => explain(&failure),
            }
        })
    }
}

impl Forward {
    async fn exchange(&self, mut request: Request<RequestBody>, asks_to_switch: bool) -> Result<Response, Failure> {
        let progress = request.body().progress();
        let fit =
            |lease: Lease| if asks_to_switch && !lease.can_switch() { Err(Failure::NoUpgrades) } else { Ok(lease) };
        while let Some(lease) = self.pool.idle() {
            let mut lease = fit(lease)?;
            match self.in_time(&progress, lease.send(self.addressed(request))).await?? {
                Ok(response) => return Ok(response.map(|body| ResponseBody::Upstream(lease.carry(body)))),
                Err(Unanswered::Unsent(unsent, _)) => request = *unsent,
                Err(Unanswered::Refused(refused, _)) => return self.once_more(&progress, *refused).await,
                Err(Unanswered::Broken(error)) => return Err(Failure::of(&progress, error)),
            }
        }
        let mut lease = fit(self.pool.connect().await?)?;
        match self.in_time(&progress, lease.send(self.addressed(request))).await?? {
            Ok(response) => Ok(response.map(|body| ResponseBody::Upstream(lease.carry(body)))),
            Err(Unanswered::Refused(refused, _)) => self.once_more(&progress, *refused).await,
            Err(Unanswered::Unsent(_, error) | Unanswered::Broken(error)) => Err(Failure::of(&progress, error)),
        }
    }

    /// On another connection, what the backend has not looked at on one. It may not again.
    async fn once_more(&self, progress: &Progress, request: Request<RequestBody>) -> Result<Response, Failure> {
        tracing::debug!("the backend has refused a request unseen");
        let mut lease = self.pool.connect_anew().await?;
        match self.in_time(progress, lease.send(self.addressed(request))).await?? {
            Ok(response) => Ok(response.map(|body| ResponseBody::Upstream(lease.carry(body)))),
            Err(Unanswered::Unsent(_, error) | Unanswered::Refused(_, error) | Unanswered::Broken(error)) => {
                Err(Failure::of(progress, error))
            }
        }
    }

    /// A backend that speaks WebSocket from now on, as it was asked to.
    fn switched(&self, mut response: Response, was_asked: bool) -> Result<Response, Failure> {
        let is_websocket = response.headers().get_all(UPGRADE).iter().any(is_websocket);
        if !was_asked || !is_websocket {
            return Err(Failure::Switches);
        }
        self.clean(response.headers_mut());
        ask_for_websocket(response.headers_mut());
        let switched = hyper::upgrade::on(&mut response);
        Ok(response.map(|_empty| ResponseBody::Switched(switched)))
    }

    /// In origin form, with a host. One that was meant for HTTP/2, and was not sent, has it in its target.
    fn addressed(&self, mut request: Request<RequestBody>) -> Request<RequestBody> {
        if request.headers().contains_key(HOST) {
            return request;
        }
        let named = request.uri().authority().and_then(|named| HeaderValue::from_str(named.as_str()).ok());
        request.headers_mut().insert(HOST, named.unwrap_or_else(|| self.pool.host().clone()));
        if let Some(target) = request.uri().path_and_query().cloned() {
            *request.uri_mut() = Uri::from(target);
        }
        request
    }

    /// Waits for an answer, at most `response_timeout` from the last piece of the request: a long upload has all the time
    /// that it needs, as long as it goes on.
    async fn in_time<T>(&self, progress: &Progress, answer: impl Future<Output = T>) -> Result<T, Failure> {
        let mut answer = pin!(answer);
        loop {
            let deadline = progress.last() + self.response_timeout;
            match tokio::time::timeout_at(deadline, answer.as_mut()).await {
                Ok(answer) => return Ok(answer),
                Err(_elapsed) if progress.last() + self.response_timeout > deadline => {}
                Err(_elapsed) => return Err(Failure::Silent),
            }
        }
    }

    /// The backend sets neither the gateway's headers nor its cookies.
    fn clean(&self, headers: &mut HeaderMap) {
        if headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
            end_hop(headers);
        }
        remove_managed(headers);
        trailers::announce_fit(headers);
        if headers.get_all(SET_COOKIE).iter().any(|line| self.jar.is_managed(line)) {
            let kept: Vec<HeaderValue> =
                headers.get_all(SET_COOKIE).iter().filter(|line| !self.jar.is_managed(line)).cloned().collect();
            headers.remove(SET_COOKIE);
            for line in kept {
                headers.append(SET_COOKIE, line);
            }
        }
    }
}

/// Drops what ends here, and what `Connection` names.
fn end_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = names(headers, CONNECTION).collect();
    // Beside a coding a length says nothing (RFC 9112 §6.3), and would cut the answer short.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Asks for a WebSocket, or says that there is one (RFC 6455 §4.1, §4.2.2).
pub(super) fn ask_for_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// The one place where a failure towards the backend becomes an answer; details go to the log.
fn explain(failure: &Failure) -> Response {
    if let Failure::Body(fault) = failure {
        return refuse_body(*fault);
    }
    if let Some(fault) = fault(failure) {
        counts::upstream_failed(fault);
    }
    tracing::warn!(error = failure as &dyn std::error::Error, "no answer from the backend");
    let (status, code, message) = match failure {
        Failure::Silent | Failure::Connect(ConnectError::Silent) => {
            (StatusCode::GATEWAY_TIMEOUT, "UPSTREAM_TIMEOUT", "The backend did not answer in time.")
        }
        Failure::Connect(_) => (StatusCode::BAD_GATEWAY, "UPSTREAM_UNREACHABLE", "The backend can't be reached."),
        Failure::NoUpgrades => (
            StatusCode::NOT_IMPLEMENTED,
            "WEBSOCKET_UNSUPPORTED",
            "The backend is spoken to in a way that has no WebSockets.",
        ),
        // Hygiene lets none through.
        Failure::Target(_) => (StatusCode::BAD_REQUEST, "BAD_HOST", "Send a Host header that names a host."),
        Failure::Broken(_) | Failure::Body(_) | Failure::Switches => {
            (StatusCode::BAD_GATEWAY, "UPSTREAM_FAILED", "The backend broke off without an answer.")
        }
    };
    respond::error(status, code, message)
}

/// What it is counted under, if it is the backend's fault.
const fn fault(failure: &Failure) -> Option<UpstreamFault> {
    Some(match failure {
        Failure::Connect(ConnectError::Silent) => UpstreamFault::ConnectTimeout,
        Failure::Connect(ConnectError::Refused(_)) => UpstreamFault::ConnectFailed,
        Failure::Connect(ConnectError::Tls(_)) => UpstreamFault::Tls,
        Failure::Connect(ConnectError::NotHttp2) | Failure::Switches => UpstreamFault::Protocol,
        Failure::Silent => UpstreamFault::ResponseTimeout,
        Failure::Connect(ConnectError::Handshake(_)) | Failure::Broken(_) => UpstreamFault::Broken,
        Failure::Body(_) | Failure::Target(_) | Failure::NoUpgrades => return None,
    })
}

fn refuse_body(fault: BodyFault) -> Response {
    let (status, code, message) = match fault {
        BodyFault::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", "The body is too large."),
        BodyFault::Broken => (StatusCode::BAD_REQUEST, "BODY_BROKEN", "The body broke off."),
        BodyFault::Malformed(what) => (StatusCode::BAD_REQUEST, "FORM_MALFORMED", what),
    };
    respond::error(status, code, message)
}
