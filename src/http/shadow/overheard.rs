//! An answer's body on its way to the client, and what it was once it has ended.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::kept::Kept;
use crate::http::upstream::UpstreamBody;

/// Gets all of a body, or `None` where it was too large or did not come to its end.
type Listener = Box<dyn FnOnce(Option<Bytes>)>;

/// A body of the backend's that somebody listens to.
pub(in crate::http) struct Overheard {
    body: UpstreamBody,
    /// What has come so far, until it has been told.
    heard: Option<(Kept, Listener)>,
}

impl fmt::Debug for Overheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overheard").field("body", &self.body).finish_non_exhaustive()
    }
}

impl Overheard {
    /// What comes is kept for the listener.
    pub(super) fn new(body: UpstreamBody, kept: Kept, listener: impl FnOnce(Option<Bytes>) + 'static) -> Self {
        let mut this = Self { body, heard: Some((kept, Box::new(listener))) };
        this.tell_at_end();
        this
    }

    fn hear(&mut self, piece: &[u8]) {
        if let Some((kept, _)) = &mut self.heard {
            kept.add(piece);
        }
    }

    /// Nobody asks for what comes behind the end.
    fn tell_at_end(&mut self) {
        if self.body.is_end_stream() {
            self.tell(true);
        }
    }

    fn tell(&mut self, is_whole: bool) {
        let Some((mut kept, listener)) = self.heard.take() else { return };
        if is_whole {
            kept.end();
        }
        listener(kept.into_whole());
    }
}

impl Drop for Overheard {
    fn drop(&mut self) {
        self.tell(false);
    }
}

impl Body for Overheard {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(piece) = frame.data_ref() {
                    self.hear(piece);
                }
                self.tell_at_end();
            }
            Some(Err(_)) => self.tell(false),
            None => self.tell(true),
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
