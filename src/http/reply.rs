//! The future that every service of the stack returns.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use super::{respond::Response, sockets::Watch};

/// An answer that is there, or will be. Every failure has become an answer by then, so there is no error.
///
/// One type for the whole stack: a stage that decides at once costs no allocation, and one that waits costs one.
pub(super) enum Reply {
    /// Taken when it is polled.
    Now(Option<Response>),
    /// Waits.
    Later(Pin<Box<dyn Future<Output = Response>>>),
    /// Waits for one that is watched if it goes on.
    Watched(Pin<Box<dyn Future<Output = Response>>>, Option<Box<Watch>>),
}

impl Reply {
    pub(super) fn later(answer: impl Future<Output = Response> + 'static) -> Self {
        Self::Later(Box::pin(answer))
    }

    /// The same answer, watched if it goes on.
    pub(super) fn watched(self, watch: Watch) -> Self {
        match self {
            Self::Now(response) => Self::Now(response.map(|response| watch.over(response))),
            Self::Later(answer) => Self::Watched(answer, Some(Box::new(watch))),
            watched @ Self::Watched(..) => watched,
        }
    }
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self::Now(Some(response))
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Reply::Now",
            Self::Later(_) => "Reply::Later",
            Self::Watched(..) => "Reply::Watched",
        })
    }
}

impl Future for Reply {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            // A future that has ended is not polled again; if it were, waiting for ever is what it says.
            Self::Now(response) => response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response))),
            Self::Later(answer) => answer.as_mut().poll(cx).map(Ok),
            Self::Watched(answer, watch) => answer.as_mut().poll(cx).map(|response| match watch.take() {
                Some(watch) => Ok(watch.over(response)),
                None => Ok(response),
            }),
        }
    }
}
