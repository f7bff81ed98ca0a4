//! Spans of requests, and of what the backend is asked on their behalf.

use http::{Method, Uri, uri::Scheme};

use crate::telemetry::spans::{Span, Tracer, Value};

/// What spans of the data path have in common.
#[derive(Clone, Debug)]
pub struct Spans {
    tracer: Tracer,
    /// The backend: its host, its port, and the beginning of its URLs.
    address: String,
    port: u16,
    origin: String,
}

impl Spans {
    /// Those of requests, and of what is asked of this backend.
    #[must_use]
    pub fn new(tracer: Tracer, backend: &Uri) -> Self {
        let is_https = backend.scheme() == Some(&Scheme::HTTPS);
        let address = backend.host().unwrap_or_default();
        let authority = backend.authority().map_or(address, |authority| authority.as_str());
        Self {
            tracer,
            address: address.trim_matches(['[', ']']).to_owned(),
            port: backend.port_u16().unwrap_or(if is_https { 443 } else { 80 }),
            origin: format!("{}://{authority}", if is_https { "https" } else { "http" }),
        }
    }

    pub(super) const fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    pub(super) fn record(&self, span: Span) {
        self.tracer.record(span);
    }

    /// Whom a span asks, and for what (`server.address`, `server.port`, `url.full`).
    pub(super) fn asked(&self, path: &str) -> [(&'static str, Value); 3] {
        [
            ("server.address", Value::from(self.address.clone())),
            ("server.port", Value::from(self.port)),
            ("url.full", Value::from(format!("{}{path}", self.origin))),
        ]
    }
}

/// `http.request.method`, and a name of few for the span. Another method than those that HTTP has is a client's own word.
pub(super) fn method(method: &Method) -> (&'static str, &'static str) {
    let known = match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => return ("_OTHER", "HTTP"),
    };
    (known, known)
}

/// `error.type` of an answer with this status.
pub(super) fn by_status(status: u16) -> (&'static str, Value) {
    ("error.type", Value::from(status.to_string()))
}
