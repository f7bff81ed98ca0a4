//! A connection of HTTP/2, which exchanges share.
//!
//! How many may share it the backend says first of all (SETTINGS, RFC 9113 §3.4), and that is waited for: what is asked beyond
//! it would wait in line for one of the others to end. What the backend says that it has not looked at (GOAWAY, REFUSED_STREAM,
//! §8.7) can be asked again, whatever it is, if all of it is still here.

use std::{
    cell::{Cell, RefCell},
    error::Error as _,
    future::poll_fn,
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
    time::Duration,
};

use h2::Reason;
use http::{
    HeaderValue, Request, Response, Uri,
    header::{CONNECTION, HOST},
    uri::{Authority, Scheme},
};
use hyper::{
    body::Incoming,
    client::conn::http2::{self, Connection, SendRequest},
    rt::Executor,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::Notify, time::Instant};

use super::{ConnectError, READ_BUFFER, Unanswered, UpstreamStream, broke_off};
use crate::http::{
    body::RequestBody,
    counts::{Kind, Open},
};

/// Exchanges that share a connection, if the backend allows so many. Most do (RFC 9113 §6.5.2 recommends no fewer).
const STREAMS: u32 = 100;
/// The same as [`READ_BUFFER`], for each stream; a connection has room for that of all its streams, so that clients who
/// don't read hold up nobody else.
const STREAM_WINDOW: u32 = 64 * 1024;
/// How often a connection with exchanges is asked whether it is still there, and how long it may take to answer.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// What runs a connection, and knows what its backend allows; `None` once it has ended.
type Driver = Rc<RefCell<Option<Connection<TokioIo<UpstreamStream>, RequestBody, Tasks>>>>;

/// A connection. Its clones are those who use it, but for the pool's own.
#[derive(Clone)]
pub(super) struct Shared {
    sender: SendRequest<RequestBody>,
    driver: Driver,
    used: Rc<Cell<Instant>>,
}

impl Shared {
    /// Speaks HTTP/2 on this stream, and waits until the backend has said how.
    pub(super) async fn open(stream: UpstreamStream) -> Result<Self, ConnectError> {
        let polled = Rc::<Notify>::default();
        let mut protocol = http2::Builder::new(Tasks { polled: Rc::clone(&polled) });
        protocol
            .timer(TokioTimer::new())
            // Until the backend has said otherwise, which is how it is known that it has.
            .initial_max_send_streams(0)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(STREAM_WINDOW * STREAMS)
            .max_send_buf_size(READ_BUFFER)
            // An answer's head may be as large as by HTTP/1.1.
            .max_header_list_size(READ_BUFFER as u32)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT);
        let (sender, connection) = protocol.handshake(TokioIo::new(stream)).await.map_err(ConnectError::Handshake)?;
        let driver = Rc::new(RefCell::new(Some(connection)));
        let (open, running) = (Open::now(Kind::Upstream), run(Rc::clone(&driver), Rc::clone(&polled)));
        tokio::task::spawn_local(async move {
            running.await;
            drop(open);
        });
        let shared = Self { sender, driver, used: Rc::new(Cell::new(Instant::now())) };
        while shared.room() == 0 && !shared.sender.is_closed() {
            polled.notified().await;
        }
        Ok(shared)
    }

    /// How many may share it.
    fn room(&self) -> usize {
        let allowed = self.driver.borrow().as_ref().map_or(0, Connection::current_max_send_streams);
        allowed.min(STREAMS as usize)
    }

    pub(super) fn users(&self) -> usize {
        Rc::strong_count(&self.used) - 1
    }

    pub(super) fn has_room(&self) -> bool {
        self.users() < self.room()
    }

    pub(super) fn is_good(&self, idle_timeout: Duration) -> bool {
        !self.sender.is_closed() && (self.users() > 0 || self.used.get().elapsed() < idle_timeout)
    }

    /// Somebody has used it until now.
    pub(super) fn was_used(&self) {
        self.used.set(Instant::now());
    }

    /// Sends a request, and waits for the answer's head.
    pub(super) async fn send(&mut self, request: Request<RequestBody>) -> Result<Response<Incoming>, Unanswered> {
        let copy = copied(&request);
        let mut failed = match self.sender.try_send_request(request).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        let unsent = failed.take_message();
        let error = failed.into_error();
        Err(match (unsent, copy) {
            (Some(unsent), _) => Unanswered::Unsent(Box::new(unsent), error),
            (None, Some(copy)) if was_not_looked_at(&error) => Unanswered::Refused(Box::new(copy), error),
            (None, _) => Unanswered::Broken(error),
        })
    }
}

/// The same request once more, if all of it is here: what a client still sends comes once.
fn copied(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    let body = request.body().copied()?;
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Whether the backend has said that it did nothing about a request: it is behind the last one that a GOAWAY takes up, or
/// it was refused.
fn was_not_looked_at(error: &hyper::Error) -> bool {
    let by_protocol = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    by_protocol.is_some_and(|error| {
        error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM))
    })
}

/// With scheme and authority in its target, where HTTP/2 has them (RFC 9113 §8.3.1); a request without a host gets this one.
/// Never with another target: what was looked at is what is sent.
pub(super) fn absolute<B>(
    mut request: Request<B>,
    scheme: &Scheme,
    host: &HeaderValue,
) -> Result<Request<B>, http::Error> {
    let named = request.headers_mut().remove(HOST);
    // Of an attempt by HTTP/1.1.
    request.headers_mut().remove(CONNECTION);
    let mut target = std::mem::take(request.uri_mut()).into_parts();
    target.scheme = Some(scheme.clone());
    target.authority = Some(Authority::try_from(named.as_ref().unwrap_or(host).as_bytes())?);
    *request.uri_mut() = Uri::from_parts(target)?;
    Ok(request)
}

/// Runs a connection to its end. What is still to be sent on it then comes back.
async fn run(driver: Driver, polled: Rc<Notify>) {
    let ended = poll_fn(|cx| match &mut *driver.borrow_mut() {
        Some(connection) => Pin::new(connection).poll(cx),
        None => Poll::Ready(Ok(())),
    });
    broke_off(ended.await);
    let connection = driver.borrow_mut().take();
    drop(connection);
    polled.notify_waiters();
}

/// Runs what HTTP/2 does beside its requests on this thread, and tells when something of it was done.
#[derive(Clone, Debug)]
struct Tasks {
    polled: Rc<Notify>,
}

impl<F: Future + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let polled = Rc::clone(&self.polled);
        tokio::task::spawn_local(async move {
            let mut task = pin!(task);
            poll_fn(|cx| {
                let done = task.as_mut().poll(cx);
                polled.notify_waiters();
                done
            })
            .await;
        });
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request, uri::Scheme};

    use super::absolute;

    #[test]
    fn a_target_of_http_2_is_the_requests_own_or_none() {
        let backend = HeaderValue::from_static("backend:8000");
        let target = |host: Option<&str>| {
            let request = Request::builder().uri("/x?y=1");
            let request = host.into_iter().fold(request, |request, host| request.header("host", host));
            absolute(request.body(()).unwrap(), &Scheme::HTTPS, &backend).map(|request| request.uri().to_string())
        };
        for host in ["api.example.com", "api.example.com:8080", "[::1]:80"] {
            assert_eq!(target(Some(host)).unwrap(), format!("https://{host}/x?y=1"));
        }
        assert_eq!(target(None).unwrap(), "https://backend:8000/x?y=1");
        for host in ["a:1:2", "[::1", "a[b", ""] {
            assert!(target(Some(host)).is_err(), "{host}");
        }
    }
}
