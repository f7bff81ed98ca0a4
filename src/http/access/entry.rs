//! The line of a request: who holds it, and what it says when it is let go of.

use std::{
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{
    Access, NOT_WAITED_FOR,
    notes::{End, Notes, along},
};
use crate::{
    http::{
        counts::{Kind, Open},
        hygiene::{Connection, Inbound, Purpose},
        reply::Reply,
        request_id,
        respond::{Response, ResponseBody},
    },
    telemetry::access::Outcome,
};

/// A request that has not been told of yet. The line is written when this is dropped.
#[derive(Debug)]
struct Entry {
    notes: Option<Box<Notes>>,
    status: Option<StatusCode>,
    /// How the answer ended, once it has.
    ended: Option<Outcome>,
    sent: u64,
    _open: Open,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(notes) = &self.notes else { return };
        let gone = || notes.unfinished(Outcome::ClientGone);
        notes.write(&End {
            outcome: self.ended.unwrap_or_else(gone),
            status: Some(self.status.map_or(NOT_WAITED_FOR, |status| status.as_u16())),
            received: None,
            sent: self.sent,
        });
    }
}

/// The answer to a request that is told of.
#[derive(Debug)]
pub(in crate::http) struct Tracked {
    reply: Reply,
    /// Until the answer has it.
    entry: Option<Entry>,
}

impl Tracked {
    /// Asks for the answer to this request.
    pub(in crate::http) fn ask(
        access: &Rc<Access>,
        request: Request<Incoming>,
        connection: &Rc<Connection>,
        is_proxy: bool,
        ask: impl FnOnce(Inbound) -> Reply,
    ) -> Self {
        let notes = Box::new(Notes::of(access, &request, connection, is_proxy));
        let (connection, id) = (Rc::clone(connection), notes.id().clone());
        let mut notes = Some(notes);
        let inbound = Inbound { request, connection, purpose: Purpose::Forward, id };
        let reply = along(&mut notes, || ask(inbound));
        Self {
            reply,
            entry: Some(Entry { notes, status: None, ended: None, sent: 0, _open: Open::now(Kind::Request) }),
        }
    }
}

impl Future for Tracked {
    type Output = Result<http::Response<Answered>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { reply, entry } = &mut *self;
        // A future that has ended is not polled again.
        let Some(entry_of_reply) = entry else { return Poll::Pending };
        let Ok(mut response) = ready!(along(&mut entry_of_reply.notes, || Pin::new(reply).poll(cx)));
        let entry = entry.take();
        if let Some(notes) = entry.as_ref().and_then(|entry| entry.notes.as_ref()) {
            request_id::tell(response.headers_mut(), notes.id());
        }
        Poll::Ready(Ok(Answered::new(response, entry)))
    }
}

/// The body of an answer, with its request's line.
#[derive(Debug)]
pub(in crate::http) struct Answered {
    body: ResponseBody,
    entry: Option<Entry>,
}

impl Answered {
    fn new(response: Response, mut entry: Option<Entry>) -> http::Response<Self> {
        let status = response.status();
        if let Some(entry) = &mut entry {
            entry.status = Some(status);
            let is_head = entry.notes.as_ref().is_some_and(|notes| notes.is_head());
            // Of these nobody asks for a body (RFC 9110 §6.4.1).
            let is_bare = is_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
            entry.ended = match status {
                StatusCode::SWITCHING_PROTOCOLS => Some(Outcome::Upgraded),
                _ => is_bare.then_some(Outcome::Ok),
            };
        }
        response.map(|body| Self { body, entry })
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        if let Some(entry) = &mut self.entry
            && entry.ended.is_none()
            && self.body.is_end_stream()
        {
            entry.ended = Some(Outcome::Ok);
        }
    }
}

impl Body for Answered {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(entry) = &mut self.entry {
            match &frame {
                Some(Ok(frame)) => entry.sent += frame.data_ref().map_or(0, |data| data.len() as u64),
                Some(Err(_)) => entry.ended = Some(Outcome::BackendGone),
                None => entry.ended = entry.ended.or(Some(Outcome::Ok)),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
