//! An end for answers of HTTP/2 whose clients take nothing of them.
//!
//! A client says for each stream how much of its answer may come (RFC 9113 §5.2). One that lets nothing come would hold an
//! exchange with the backend for as long as it likes, on a connection that is well: there is nothing to be written to it. So
//! the task of a stream knows when the answer's body gave a piece away; hyper asks for the next when it has passed that on. If
//! it doesn't for too long the task ends, and with it the stream (RST_STREAM) and the exchange. Who takes a piece in that
//! time, at most 64 KiB of the backend's, goes on; and a body that has nothing to give is waited for.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

tokio::task_local! {
    /// Of the stream whose task this is.
    static PIECE: Rc<Piece>;
}

/// Since when a piece of an answer waits for its client.
#[derive(Debug, Default)]
struct Piece(Cell<Option<Instant>>);

impl Piece {
    /// Returns when one has waited for so long.
    async fn untaken(&self, patience: Duration) {
        loop {
            let from = self.0.get().unwrap_or_else(Instant::now);
            tokio::time::sleep_until(from + patience).await;
            if self.0.get().is_some_and(|since| since <= from) {
                return;
            }
        }
    }
}

/// Runs a stream to its end, or until a piece of its answer has waited for so long.
pub(super) async fn run(stream: impl Future, patience: Duration) {
    let piece = Rc::<Piece>::default();
    let watched = Rc::clone(&piece);
    let ended = async move {
        tokio::select! {
            biased;
            _ended = stream => {}
            () = watched.untaken(patience) => tracing::debug!("a client takes nothing of an answer"),
        }
    };
    PIECE.scope(piece, ended).await;
}

/// An answer's body that tells its stream's task of its pieces.
#[derive(Debug)]
pub(super) struct Watched<B>(pub(super) B);

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.0).poll_frame(cx);
        let since = matches!(frame, Poll::Ready(Some(Ok(_)))).then(Instant::now);
        // Outside of such a task nobody wants to know.
        let _ = PIECE.try_with(|piece| piece.0.set(since));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};
    use tokio::time::{sleep, timeout};

    use super::{Watched, run};

    const PATIENCE: Duration = Duration::from_millis(200);

    /// Whether a stream ends in which this happens.
    fn ends(stream: impl Future) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { timeout(PATIENCE * 5, run(stream, PATIENCE)).await.is_ok() })
    }

    fn body() -> Watched<Full<Bytes>> {
        Watched(Full::new(Bytes::from_static(b"x")))
    }

    #[test]
    fn a_piece_has_to_be_taken_in_time_and_is_waited_for_as_long_as_it_takes() {
        assert!(ends(async {}));
        assert!(!ends(pending::<()>()), "the backend takes its time");
        assert!(ends(async {
            body().frame().await;
            pending::<()>().await;
        }));
        assert!(!ends(async {
            let mut body = body();
            while body.frame().await.is_some() {}
            pending::<()>().await;
        }));
        assert!(!ends(async {
            for _ in 0..100 {
                body().frame().await;
                sleep(PATIENCE / 2).await;
            }
        }));
    }
}
