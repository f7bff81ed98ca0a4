//! Connections to the backend, kept while they are of use. One pool per core.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::AbortHandle, time::Instant};

use crate::{config::UpstreamSettings, http::body::RequestBody};

/// Most that is read of an answer before the client has taken it; the answer's head must fit. hyper's own 400 KiB would be
/// held three times over for every client that asks for much and reads nothing.
const READ_BUFFER: usize = 64 * 1024;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(in crate::http) enum ConnectError {
    #[error("connecting took too long")]
    Silent,
    #[error("connecting failed")]
    Refused(#[source] io::Error),
    #[error("the connection failed at once")]
    Handshake(#[source] hyper::Error),
}

struct Idle {
    sender: SendRequest<RequestBody>,
    connection: AbortHandle,
    since: Instant,
}

/// The pool of a core.
pub(in crate::http) struct Pool {
    name: String,
    port: u16,
    host: HeaderValue,
    connect_timeout: Duration,
    idle_timeout: Duration,
    max_idle: usize,
    idle: RefCell<Vec<Idle>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("host", &self.host).finish_non_exhaustive()
    }
}

/// A connection that one exchange has for itself. Dropped, it is closed; carried to the end of an answer, it goes back.
pub(in crate::http) struct Lease {
    pub(in crate::http) sender: SendRequest<RequestBody>,
    connection: AbortHandle,
    pool: Rc<Pool>,
}

impl Lease {
    /// Goes along with the answer's body, and back to the pool with its end.
    pub(in crate::http) fn carry(self, body: Incoming) -> UpstreamBody {
        let mut body = UpstreamBody { incoming: body, lease: Some(self) };
        body.release_at_end();
        body
    }

    /// Back to the pool. A backend may have answered before it had read all of the request: until the rest is sent the
    /// connection is of no use to others, and is not waited for longer than an unused one is kept.
    fn release(self) {
        if self.sender.is_ready() {
            return self.keep();
        }
        tokio::task::spawn_local(async move {
            let Self { mut sender, connection, pool } = self;
            match tokio::time::timeout(pool.idle_timeout, sender.ready()).await {
                Ok(Ok(())) => Self { sender, connection, pool }.keep(),
                Ok(Err(_closed)) => {}
                Err(_elapsed) => connection.abort(),
            }
        });
    }

    fn keep(self) {
        let Self { sender, connection, pool } = self;
        pool.keep(Idle { sender, connection, since: Instant::now() });
    }
}

impl Pool {
    /// A pool, and a task that closes what nobody has used for a while; it ends with the pool.
    pub(in crate::http) fn start(settings: &UpstreamSettings) -> Rc<Self> {
        let pool = Rc::new(Self::new(settings));
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

    fn new(settings: &UpstreamSettings) -> Self {
        let authority = settings.url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        Self {
            name: settings.url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
            port: port_of(&settings.url),
            host: HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static("")),
            connect_timeout: settings.connect_timeout,
            idle_timeout: settings.idle_timeout,
            max_idle: settings.max_idle,
            idle: RefCell::default(),
        }
    }

    /// The backend's own host and port.
    pub(in crate::http) const fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// A kept connection that is still good, the latest used first: it is the least likely to be closed by the backend.
    pub(in crate::http) fn idle(self: &Rc<Self>) -> Option<Lease> {
        loop {
            let Idle { sender, connection, since } = self.idle.borrow_mut().pop()?;
            if since.elapsed() >= self.idle_timeout {
                // Those below it have waited longer still.
                self.idle.borrow_mut().clear();
                return None;
            }
            if sender.is_ready() {
                return Some(Lease { sender, connection, pool: Rc::clone(self) });
            }
        }
    }

    pub(in crate::http) async fn connect(self: &Rc<Self>) -> Result<Lease, ConnectError> {
        let connected = tokio::time::timeout(self.connect_timeout, TcpStream::connect((self.name.as_str(), self.port)));
        let stream = connected.await.map_err(|_| ConnectError::Silent)?.map_err(ConnectError::Refused)?;
        // A small request must not wait for the acknowledgement of the one before.
        stream.set_nodelay(true).map_err(ConnectError::Refused)?;
        let handshake = http1::Builder::new().max_buf_size(READ_BUFFER).handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.map_err(ConnectError::Handshake)?;
        let connection = tokio::task::spawn_local(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection to the backend ended");
            }
        });
        Ok(Lease { sender, connection: connection.abort_handle(), pool: Rc::clone(self) })
    }

    fn keep(&self, connection: Idle) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.max_idle && !connection.sender.is_closed() {
            idle.push(connection);
        }
    }

    fn sweep(&self) {
        self.idle.borrow_mut().retain(|idle| idle.since.elapsed() < self.idle_timeout && !idle.sender.is_closed());
    }
}

fn port_of(url: &Uri) -> u16 {
    url.port_u16().unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 })
}

/// An answer's body on its way from the backend. Trailers end here, as a client's do.
pub(in crate::http) struct UpstreamBody {
    incoming: Incoming,
    lease: Option<Lease>,
}

impl std::fmt::Debug for UpstreamBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamBody").field("incoming", &self.incoming).finish_non_exhaustive()
    }
}

impl UpstreamBody {
    fn release_at_end(&mut self) {
        if self.incoming.is_end_stream() {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.release();
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        loop {
            match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
                Some(Ok(frame)) if frame.is_data() => {
                    self.release_at_end();
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Ok(_trailers)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.release();
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
