//! Requests of HTTP/2 that a client takes back before they are answered (RST_STREAM).
//!
//! Each has begun an exchange with the backend, which of HTTP/1.1 costs a connection to it. Who asks and takes back without
//! end has the backend work for nothing: rapid reset (CVE-2023-44487). h2 bounds what is taken back before anybody has taken
//! it up, and who waits for that first is not counted there. So they are counted here: a page that is left takes back all
//! that it waits for, and twice as much (`max_concurrent_streams`) may be within [`WINDOW`].
//!
//! Beyond that the connection is told to go away. What is under way is answered; what is still asked is refused as not
//! looked at (REFUSED_STREAM, RFC 9113 §8.7), so that a client can ask it again on another connection. One that asks as much
//! again is cut off.

use std::{
    cell::Cell,
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use h2::Reason;
use tokio::{sync::Notify, time::Instant};

/// How long one that was taken back counts, or less: they are counted anew so often.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// What a connection's client takes back.
#[derive(Debug)]
pub(super) struct Resets {
    /// So many within the window are no more than it may.
    limit: u32,
    window: Duration,
    count: Cell<u32>,
    since: Cell<Instant>,
    is_refused: Cell<bool>,
    counted: Notify,
}

impl Resets {
    /// For a connection on which so many may be under way.
    pub(super) fn beside(streams: u32) -> Rc<Self> {
        Rc::new(Self::new(streams.saturating_mul(2), WINDOW))
    }

    fn new(limit: u32, window: Duration) -> Self {
        let (count, since) = (Cell::default(), Cell::new(Instant::now()));
        Self { limit, window, count, since, is_refused: Cell::new(false), counted: Notify::new() }
    }

    /// Returns when there were too many. They are counted anew then.
    pub(super) async fn exceeded(&self) {
        while self.count.get() <= self.limit {
            self.counted.notified().await;
        }
        self.count.set(0);
    }

    /// Nothing that is asked from now on is looked at.
    pub(super) fn refuse_the_rest(&self) {
        self.is_refused.set(true);
    }

    /// Whether a request may be looked at. `Err` says, on its stream, that it was not.
    pub(super) fn admit(&self) -> Result<(), h2::Error> {
        if !self.is_refused.get() {
            return Ok(());
        }
        self.count();
        Err(Reason::REFUSED_STREAM.into())
    }

    fn count(&self) {
        if self.since.get().elapsed() > self.window {
            self.since.set(Instant::now());
            self.count.set(0);
        }
        self.count.update(|count| count.saturating_add(1));
        self.counted.notify_one();
    }
}

/// An answer that is waited for. It counts as taken back when nobody waits any more.
#[derive(Debug)]
pub(super) struct Awaited<F> {
    answer: F,
    is_there: bool,
    resets: Rc<Resets>,
}

impl<F> Awaited<F> {
    pub(super) fn new(answer: F, resets: &Rc<Resets>) -> Self {
        Self { answer, is_there: false, resets: Rc::clone(resets) }
    }
}

impl<T, F: Future<Output = Result<T, Infallible>> + Unpin> Future for Awaited<F> {
    type Output = Result<T, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.answer).poll(cx);
        self.is_there |= answer.is_ready();
        answer
    }
}

impl<F> Drop for Awaited<F> {
    fn drop(&mut self) {
        if !self.is_there {
            self.resets.count();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        future::{pending, ready},
        rc::Rc,
        time::Duration,
    };

    use h2::Reason;
    use tokio::time::{sleep, timeout};

    use super::{Awaited, Resets};

    const WINDOW: Duration = Duration::from_millis(200);

    fn taken_back(resets: &Rc<Resets>) {
        drop(Awaited::new(Box::pin(pending::<Result<(), Infallible>>()), resets));
    }

    async fn is_exceeded(resets: &Resets) -> bool {
        timeout(WINDOW / 4, resets.exceeded()).await.is_ok()
    }

    #[tokio::test]
    async fn what_was_answered_does_not_count_and_what_is_long_over_neither() {
        let resets = Rc::new(Resets::new(2, WINDOW));
        for _ in 0..10 {
            let Ok(()) = Awaited::new(ready(Ok(())), &resets).await;
        }
        taken_back(&resets);
        taken_back(&resets);
        assert!(!is_exceeded(&resets).await);
        sleep(WINDOW * 2).await;
        taken_back(&resets);
        assert!(!is_exceeded(&resets).await, "of two windows");
        taken_back(&resets);
        taken_back(&resets);
        assert!(is_exceeded(&resets).await);
        assert!(!is_exceeded(&resets).await, "counted anew");
    }

    #[tokio::test]
    async fn what_is_refused_counts_too() {
        let resets = Resets::new(2, Duration::from_secs(60));
        assert!(resets.admit().is_ok());
        resets.refuse_the_rest();
        for _ in 0..3 {
            assert_eq!(resets.admit().unwrap_err().reason(), Some(Reason::REFUSED_STREAM));
        }
        assert!(is_exceeded(&resets).await);
    }
}
