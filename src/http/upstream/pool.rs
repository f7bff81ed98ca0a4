//! Connections to the backend, kept while they are of use. One pool per core.
//!
//! A connection of HTTP/1.1 is one exchange's at a time. One of HTTP/2 is [`shared`] by as many as the backend allows, up to a
//! hundred; a further one is opened when all have so many, and one that the backend wants to end (GOAWAY, RFC 9113 §6.8) gets
//! no more.

use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    time::Duration,
};

use http::{
    HeaderValue, Request, Response,
    header::{CONNECTION, TE},
    uri::Scheme,
};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::Mutex, task::AbortHandle, time::Instant};
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use self::shared::{Shared, absolute};
use crate::{
    config::{Protocol, UpstreamSettings},
    http::{body::RequestBody, keepalive::keep_alive, tls::Connector},
};

mod body;
mod shared;

pub(in crate::http) use body::UpstreamBody;

/// Most that is read of an answer before the client has taken it; the answer's head must fit. hyper's own 400 KiB would be
/// held three times over for every client that asks for much and reads nothing.
const READ_BUFFER: usize = 64 * 1024;
/// Most connections of HTTP/2 that a core has at once. When all are used up, those that are used least are shared further, and
/// what is asked waits in line.
const MOST_SHARED: usize = 64;

/// What the backend gets and sends is written and read here: in clear, or by TLS, whose state is large.
type UpstreamStream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(in crate::http) enum ConnectError {
    #[error("connecting took too long")]
    Silent,
    #[error("connecting failed")]
    Refused(#[source] io::Error),
    #[error("TLS failed")]
    Tls(#[source] io::Error),
    #[error("the backend does not speak HTTP/2, which `[upstream] protocol` asks for")]
    NotHttp2,
    #[error("the connection failed at once")]
    Handshake(#[source] hyper::Error),
}

struct Idle {
    sender: http1::SendRequest<RequestBody>,
    connection: AbortHandle,
    since: Instant,
}

/// The pool of a core.
pub(in crate::http) struct Pool {
    name: String,
    port: u16,
    host: HeaderValue,
    scheme: Scheme,
    tls: Option<Connector>,
    protocol: Protocol,
    connect_timeout: Duration,
    idle_timeout: Duration,
    max_idle: usize,
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Vec<Shared>>,
    /// Whether the next connection will be one to share, as far as is known.
    shares: Cell<bool>,
    connecting: Mutex<()>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("host", &self.host).finish_non_exhaustive()
    }
}

/// A connection for one exchange. Carried to the end of an answer, it can serve another.
pub(in crate::http) struct Lease {
    held: Held,
    pool: Rc<Pool>,
}

enum Held {
    /// Dropped, it is closed.
    Alone(http1::SendRequest<RequestBody>, AbortHandle),
    /// Others use it, too.
    Shared(Shared),
}

/// What became of an exchange that has no answer.
#[derive(Debug)]
pub(in crate::http) enum Unanswered {
    /// The request was not sent, and is here.
    Unsent(Box<Request<RequestBody>>, hyper::Error),
    /// The backend says that it has not looked at it; here it is once more.
    Refused(Box<Request<RequestBody>>, hyper::Error),
    /// Nobody knows what the backend did about it.
    Broken(hyper::Error),
}

/// The head of an answer, or none.
pub(in crate::http) type Sent = Result<Response<Incoming>, Unanswered>;

impl Lease {
    /// Whether its exchange may come to another protocol: others would lose theirs with it (RFC 9113 §8.6).
    pub(in crate::http) const fn can_switch(&self) -> bool {
        matches!(self.held, Held::Alone(..))
    }

    /// Sends a request, in origin form, and waits for the answer's head. `Err`: its target can't be sent.
    pub(in crate::http) async fn send(&mut self, request: Request<RequestBody>) -> Result<Sent, http::Error> {
        Ok(match &mut self.held {
            Held::Alone(sender, _) => {
                sender.try_send_request(saying_te(request)).await.map_err(|mut failed| match failed.take_message() {
                    Some(unsent) => Unanswered::Unsent(Box::new(unsent), failed.into_error()),
                    None => Unanswered::Broken(failed.into_error()),
                })
            }
            Held::Shared(shared) => shared.send(absolute(request, &self.pool.scheme, &self.pool.host)?).await,
        })
    }

    /// Goes along with the answer's body, and back to the pool with its end.
    pub(in crate::http) fn carry(self, body: Incoming) -> UpstreamBody {
        UpstreamBody::new(body, self)
    }

    /// Back to the pool. A backend may have answered before it had read all of the request: until the rest is sent the
    /// connection is of no use to others, and is not waited for longer than an unused one is kept.
    fn release(self) {
        let Self { held, pool } = self;
        match held {
            Held::Shared(shared) => shared.was_used(),
            Held::Alone(sender, connection) if sender.is_ready() => pool.keep(sender, connection),
            Held::Alone(mut sender, connection) => {
                tokio::task::spawn_local(async move {
                    match tokio::time::timeout(pool.idle_timeout, sender.ready()).await {
                        Ok(Ok(())) => pool.keep(sender, connection),
                        Ok(Err(_closed)) => {}
                        Err(_elapsed) => connection.abort(),
                    }
                });
            }
        }
    }
}

impl Pool {
    /// A pool, and a task that closes what nobody has used for a while; it ends with the pool.
    pub(in crate::http) fn start(settings: &UpstreamSettings, tls: Option<Connector>) -> Rc<Self> {
        let pool = Rc::new(Self::new(settings, tls));
        let (weak, pause) = (Rc::downgrade(&pool), settings.idle_timeout);
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(pool) = weak.upgrade() else { return };
                pool.sweep();
            }
        });
        pool
    }

    fn new(settings: &UpstreamSettings, tls: Option<Connector>) -> Self {
        let authority = settings.url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let shares = match settings.protocol {
            Protocol::Http1 => false,
            Protocol::Http2 => true,
            Protocol::Auto => tls.is_some(),
        };
        Self {
            name: settings.host().to_owned(),
            port: settings.port(),
            host: HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static("")),
            scheme: if tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP },
            tls,
            protocol: settings.protocol,
            connect_timeout: settings.connect_timeout,
            idle_timeout: settings.idle_timeout,
            max_idle: settings.max_idle,
            idle: RefCell::default(),
            shared: RefCell::default(),
            shares: Cell::new(shares),
            connecting: Mutex::default(),
        }
    }

    /// The backend's own host and port.
    pub(in crate::http) const fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// A kept connection that is still good, the latest used first: it is the least likely to be closed by the backend.
    pub(in crate::http) fn idle(self: &Rc<Self>) -> Option<Lease> {
        if let Some(shared) = self.roomy() {
            return Some(Lease { held: Held::Shared(shared), pool: Rc::clone(self) });
        }
        loop {
            let Idle { sender, connection, since } = self.idle.borrow_mut().pop()?;
            if since.elapsed() >= self.idle_timeout {
                // Those below it have waited longer still.
                self.idle.borrow_mut().clear();
                return None;
            }
            if sender.is_ready() {
                return Some(Lease { held: Held::Alone(sender, connection), pool: Rc::clone(self) });
            }
        }
    }

    /// A shared connection on which there is room.
    fn roomy(&self) -> Option<Shared> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|shared| shared.is_good(self.idle_timeout));
        shared.iter().find(|shared| shared.has_room()).cloned()
    }

    /// The shared connection with the fewest users, if there may be no further one.
    fn least_used(&self) -> Option<Shared> {
        let shared = self.shared.borrow();
        let is_full = shared.len() >= MOST_SHARED;
        shared.iter().min_by_key(|shared| shared.users()).filter(|_| is_full).cloned()
    }

    /// A new connection, or a share of one that somebody else has just opened.
    pub(in crate::http) async fn connect(self: &Rc<Self>) -> Result<Lease, ConnectError> {
        let connected = async {
            if !self.shares.get() {
                return self.open().await;
            }
            // One after the other, since one is enough for many.
            let _turn = self.connecting.lock().await;
            match self.idle() {
                Some(lease) => Ok(lease),
                None => self.another().await,
            }
        };
        self.in_time(connected).await
    }

    /// A connection beside those that there are, of which one has refused a request; if there may be one.
    pub(in crate::http) async fn connect_anew(self: &Rc<Self>) -> Result<Lease, ConnectError> {
        self.in_time(self.another()).await
    }

    async fn in_time(
        &self,
        connected: impl Future<Output = Result<Lease, ConnectError>>,
    ) -> Result<Lease, ConnectError> {
        tokio::time::timeout(self.connect_timeout, connected).await.map_err(|_| ConnectError::Silent)?
    }

    async fn another(self: &Rc<Self>) -> Result<Lease, ConnectError> {
        match self.least_used() {
            Some(shared) => Ok(Lease { held: Held::Shared(shared), pool: Rc::clone(self) }),
            None => self.open().await,
        }
    }

    async fn open(self: &Rc<Self>) -> Result<Lease, ConnectError> {
        let stream = TcpStream::connect((self.name.as_str(), self.port)).await.map_err(ConnectError::Refused)?;
        // A small request must not wait for the acknowledgement of the one before.
        stream.set_nodelay(true).map_err(ConnectError::Refused)?;
        keep_alive(&stream).map_err(ConnectError::Refused)?;
        let (stream, is_http2) = match &self.tls {
            None => (Either::Left(stream), self.protocol == Protocol::Http2),
            Some(tls) => {
                let (stream, is_http2) = tls.connect(stream).await.map_err(ConnectError::Tls)?;
                (Either::Right(Box::new(stream)), is_http2)
            }
        };
        self.shares.set(is_http2);
        let held = match (is_http2, self.protocol) {
            (true, _) => Held::Shared(self.open_http2(stream).await?),
            (false, Protocol::Http2) => return Err(ConnectError::NotHttp2),
            (false, Protocol::Http1 | Protocol::Auto) => open_http1(stream).await?,
        };
        Ok(Lease { held, pool: Rc::clone(self) })
    }

    async fn open_http2(&self, stream: UpstreamStream) -> Result<Shared, ConnectError> {
        let shared = Shared::open(stream).await?;
        self.shared.borrow_mut().push(shared.clone());
        Ok(shared)
    }

    fn keep(&self, sender: http1::SendRequest<RequestBody>, connection: AbortHandle) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.max_idle && !sender.is_closed() {
            idle.push(Idle { sender, connection, since: Instant::now() });
        }
    }

    fn sweep(&self) {
        self.idle.borrow_mut().retain(|idle| idle.since.elapsed() < self.idle_timeout && !idle.sender.is_closed());
        self.shared.borrow_mut().retain(|shared| shared.is_good(self.idle_timeout));
    }
}

/// A request that says `TE` says that for one hop only (RFC 9110 §10.1.4), where HTTP has a word for that.
fn saying_te<B>(mut request: Request<B>) -> Request<B> {
    if request.headers().contains_key(TE) {
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("TE"));
    }
    request
}

async fn open_http1(stream: UpstreamStream) -> Result<Held, ConnectError> {
    let handshake = http1::Builder::new().max_buf_size(READ_BUFFER).handshake(TokioIo::new(stream));
    let (sender, connection) = handshake.await.map_err(ConnectError::Handshake)?;
    let connection = tokio::task::spawn_local(async { broke_off(connection.with_upgrades().await) });
    Ok(Held::Alone(sender, connection.abort_handle()))
}

/// Says so where a connection has not ended in order.
fn broke_off(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection to the backend ended");
    }
}
