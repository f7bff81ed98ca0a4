//! The admin listener: what operators and their machines ask about the gateway itself.
//!
//! | path | answer |
//! |---|---|
//! | `/livez` | 200 as long as the process answers: restart it when it doesn't |
//! | `/readyz` | whether clients may be sent here, and how those are whom the gateway asks ([`readiness`]) |
//! | `/metrics` | what was counted, as Prometheus reads it ([`metrics`](crate::telemetry::metrics)) |
//! | `[upstream.identity] jwks_path` | the public keys under its assertions |
//!
//! It is apart from the data path in every way: an address of its own, in clear; it is served on the services' runtime, so
//! that no scrape takes time from a request; and nothing of a client's is ever answered there, nor this to a client. Whoever
//! reaches the address is answered: what keeps strangers away stands before it. It answers from before the start is over
//! until the last request has ended.
//!
//! A connection is for one request, and has ten seconds for all of it, so that nobody holds a place for long.

use std::{
    convert::Infallible,
    fmt, io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

mod readiness;

pub use readiness::{Dependency, Readiness};

use super::published::KeySet;
use crate::telemetry::metrics::Metrics;

/// Connections at once; further ones wait.
const CONNECTIONS: usize = 128;
/// From a connection's start until its answer has been taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most of a request's head that is read, in bytes. hyper's buffer can't be smaller.
const LONGEST_HEAD: usize = 8192;
/// After a failure to accept, usually for want of file descriptors: time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// What is answered. Shared with those who find it out.
#[derive(Debug)]
pub struct Admin {
    /// Whether clients may be sent here.
    pub readiness: Arc<Readiness>,
    /// What was counted.
    pub metrics: Metrics,
    key_set: RwLock<Option<KeySet>>,
}

impl Admin {
    /// Of a gateway that is starting.
    #[must_use]
    pub fn new(readiness: Readiness) -> Self {
        let (readiness, metrics) = (Arc::new(readiness), Metrics::default());
        metrics.add(Arc::clone(&readiness));
        Self { readiness, metrics, key_set: RwLock::default() }
    }

    /// From now on these keys are told, or none.
    pub fn publish(&self, key_set: Option<KeySet>) {
        *self.key_set.write().unwrap_or_else(PoisonError::into_inner) = key_set;
    }

    /// Answers who connects, as long as the process lives. On the runtime that it is called on.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let answered = Arc::clone(&self).converse(stream);
                    tokio::spawn(async move {
                        let _place = place;
                        // Whoever is gone or too slow isn't told.
                        let _ = tokio::time::timeout(PATIENCE, answered).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "an admin connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn converse(self: Arc<Self>, stream: TcpStream) -> hyper::Result<()> {
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            std::future::ready(Ok::<_, Infallible>(self.answer(request.method(), request.uri().path())))
        });
        let mut protocol = http1::Builder::new();
        protocol.keep_alive(false).max_buf_size(LONGEST_HEAD).max_header_size(LONGEST_HEAD);
        protocol.serve_connection(TokioIo::new(stream), service).await
    }

    fn key_set(&self, path: &str) -> Option<KeySet> {
        let key_set = self.key_set.read().unwrap_or_else(PoisonError::into_inner);
        key_set.as_ref().filter(|key_set| key_set.path() == path).cloned()
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let page = match path {
            "/livez" => Page::new(StatusCode::OK, TEXT, "ok\n"),
            "/readyz" => {
                let (status, body) = self.readiness.answer();
                Page::new(status, JSON, body)
            }
            "/metrics" => match self.metrics.text() {
                Ok(text) => Page::new(StatusCode::OK, Metrics::CONTENT_TYPE, text),
                // A page that can't be written is none: half of it would pass for all.
                Err(fmt::Error) => Page::new(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "The page can't be written.\n"),
            },
            path => match self.key_set(path) {
                Some(key_set) => Page::new(StatusCode::OK, KeySet::CONTENT_TYPE, key_set.body()),
                None => return Page::new(StatusCode::NOT_FOUND, TEXT, "There is nothing here.\n").response(),
            },
        };
        if matches!(*method, Method::GET | Method::HEAD) {
            return page.response();
        }
        let refused = Page::new(StatusCode::METHOD_NOT_ALLOWED, TEXT, "This is only read here: send GET.\n");
        let mut response = refused.response();
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        response
    }
}

/// What stands at a path now.
struct Page {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
}

impl Page {
    fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type, body: body.into() }
    }

    fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// A socket for [`Admin::serve`].
///
/// # Errors
/// As [`bind_each`](super::listener::bind_each).
pub fn bind(address: std::net::SocketAddr) -> io::Result<std::net::TcpListener> {
    let mut listeners = super::listener::bind_each(address, 1)?;
    listeners.pop().ok_or_else(|| io::Error::other("no socket"))
}
