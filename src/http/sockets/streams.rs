//! Answers that go on: `text/event-stream`, and `multipart/mixed`, by which subscriptions and deferred parts come.
//!
//! Such an answer lasts for as long as a socket may, so it ends as a socket does ([`life`](super::life)): with the session of
//! whoever asked, with the token where there is none, and shortly before the gateway has to stop. It ends in order, so that a
//! client that asks again hears why. Any other answer is a matter of moments and goes on; what kind one is says its
//! `Content-Type`.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_TYPE};
use http_body::{Body, Frame, SizeHint};

use super::{Sockets, life::End};
use crate::{
    http::{
        credentials::{Identified, Who},
        hygiene::Connection,
        respond::{Response, ResponseBody},
        upstream::UpstreamBody,
    },
    model::{PlainToken, Principal},
};

/// The kinds of answers that go on.
const KINDS: [&str; 2] = ["text/event-stream", "multipart/mixed"];

/// By what the answer to a request is watched, if it goes on.
#[derive(Debug)]
pub(in crate::http) struct Watch {
    sockets: Rc<Sockets>,
    connection: Rc<Connection>,
    caller: Principal,
    django: Option<PlainToken>,
}

impl Watch {
    /// `None` where nobody is known: nothing ends for nobody.
    pub(super) fn over_answer_to(call: &Identified, sockets: &Rc<Sockets>) -> Option<Self> {
        let Who::Known(caller) = &call.who else { return None };
        Some(Self {
            sockets: Rc::clone(sockets),
            connection: Rc::clone(&call.request.connection),
            caller: caller.clone(),
            django: sockets.djangos(caller, call.request.request.headers()),
        })
    }

    /// The same answer; one that goes on ends with its caller's session.
    pub(in crate::http) fn over(self, response: Response) -> Response {
        if !goes_on(response.headers()) {
            return response;
        }
        response.map(|body| match body {
            ResponseBody::Upstream(body) => ResponseBody::Lasting(Box::new(self.lasting(body))),
            own => own,
        })
    }

    fn lasting(self, body: UpstreamBody) -> Lasting {
        let Self { sockets, connection, caller, django } = self;
        let longest = sockets.lease(&caller);
        let mut life = sockets.life_by(&caller, django, connection.drain.clone()).at_most(longest);
        let over = async move { life.over(std::future::pending(), |_nobody_looks| {}).await };
        Lasting { body: Some(body), over: Box::pin(over) }
    }
}

/// Whether an answer with these headers may go on for as long as its client likes.
pub(in crate::http) fn goes_on(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known))
}

/// An answer's body that ends with what it lasts by.
pub(in crate::http) struct Lasting {
    /// `None` once it has ended.
    body: Option<UpstreamBody>,
    over: Pin<Box<dyn Future<Output = End>>>,
}

impl std::fmt::Debug for Lasting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lasting").field("body", &self.body).finish_non_exhaustive()
    }
}

impl Body for Lasting {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body: open, over } = &mut *self;
        let Some(body) = open else { return Poll::Ready(None) };
        if let Poll::Ready(end) = over.as_mut().poll(cx) {
            tracing::debug!(?end, "an answer that went on was ended");
            // With it goes the connection to the backend, which would say more.
            *open = None;
            return Poll::Ready(None);
        }
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

    use super::goes_on;

    #[test]
    fn what_goes_on_is_told_by_its_kind() {
        let goes_on =
            |kind: &'static str| goes_on(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]));
        for kind in ["text/event-stream", "Text/Event-Stream ; charset=utf-8", "multipart/mixed;boundary=\"-\""] {
            assert!(goes_on(kind), "{kind}");
        }
        for kind in ["application/json", "", "multipart/form-data", "text/event-streams", "x;text/event-stream"] {
            assert!(!goes_on(kind), "{kind}");
        }
    }
}
