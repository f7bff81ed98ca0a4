//! Answers that the gateway makes itself.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body::{Body, Frame, SizeHint};
use hyper::upgrade::OnUpgrade;
use serde_json::json;

use super::{access, shadow::Overheard, sockets::Lasting, upstream::UpstreamBody};

/// What goes to the client.
pub(super) type Response = http::Response<ResponseBody>;

/// An answer's body.
#[derive(Debug)]
pub(super) enum ResponseBody {
    /// Made here.
    Own(Bytes),
    /// The backend's, streamed.
    Upstream(UpstreamBody),
    /// The same, until its caller's session ends.
    Lasting(Box<Lasting>),
    /// The same, listened to on its way.
    Overheard(Box<Overheard>),
    /// The same once more, for nobody: what a copy of the request came to.
    Replayed(Bytes),
    /// None: the backend has changed to the protocol that it was asked for, and this is its side.
    Switched(OnUpgrade),
}

impl Default for ResponseBody {
    fn default() -> Self {
        Self::Own(Bytes::new())
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Own(bytes) | Self::Replayed(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Upstream(body) => Pin::new(body).poll_frame(cx),
            Self::Lasting(body) => Pin::new(&mut **body).poll_frame(cx),
            Self::Overheard(body) => Pin::new(&mut **body).poll_frame(cx),
            Self::Switched(_) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) | Self::Replayed(bytes) => bytes.is_empty(),
            Self::Upstream(body) => body.is_end_stream(),
            Self::Lasting(body) => body.is_end_stream(),
            Self::Overheard(body) => body.is_end_stream(),
            Self::Switched(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) | Self::Replayed(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Upstream(body) => body.size_hint(),
            Self::Lasting(body) => body.size_hint(),
            Self::Overheard(body) => body.size_hint(),
            Self::Switched(_) => SizeHint::with_exact(0),
        }
    }
}

/// A JSON answer that no cache may keep.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = http::Response::new(ResponseBody::Own(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An error in GraphQL's form, which is also clear to those who don't speak it: `message` says what to do, `code` is
/// for programs and stable across releases.
pub(super) fn error(status: StatusCode, code: &'static str, message: &str) -> Response {
    access::code(code);
    let body = json!({ "errors": [{ "message": message, "extensions": { "code": code } }] });
    json(status, body.to_string())
}

/// The refusal of a cookie that comes without a proof of where it comes from, as Rail Django words it.
pub(super) fn csrf_failed(reason: &str) -> Response {
    access::code("CSRF_FAILED");
    let body =
        json!({ "errors": [{ "message": format!("CSRF verification failed: {reason}"), "code": "CSRF_FAILED" }] });
    json(StatusCode::FORBIDDEN, body.to_string())
}

/// A span as headers have it, rounded up: whoever waits for it is not too early.
pub(super) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}
