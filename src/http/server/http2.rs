//! What HTTP/2 needs beyond HTTP/1.1: tasks for its streams, and an end for connections on which nothing happens.
//!
//! hyper and h2 bound what a client can have them hold: streams at once, heads, CONTINUATION frames, windows, and streams
//! that it resets before they have been taken up (CVE-2023-44487). Those that it resets later are counted here ([`resets`](super::resets)).
//!
//! Time they leave to us. A connection without streams is told to go away (GOAWAY, RFC 9113 §6.8) when `header_timeout` is
//! over, and is cut off soon after if it doesn't. That holds for one that never finishes a head, too: nothing else can come in
//! before the head's end. A client that sends nothing for `write_timeout` is asked whether it is there (PING), and has as
//! long again to say so: its answers may wait for windows that nobody opens any more. One that is there and keeps them shut
//! loses the stream ([`taken`]).

use std::{cell::Cell, rc::Rc, time::Duration};

use hyper::{rt::Executor, server::conn::http2::Builder};
use hyper_util::rt::TokioTimer;
use tokio::time::Instant;

use super::taken;
use crate::config::ServerSettings;

/// Most that a client may send of one body before any of it was passed on, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same of all bodies of a connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Most that is held of one answer before the client takes it, in bytes.
const SEND_BUFFER: usize = 64 * 1024;

/// The protocol as this gateway speaks it, on one connection.
pub(super) fn protocol(settings: &ServerSettings, streams: &Rc<Streams>) -> Builder<Tasks> {
    let mut protocol = Builder::new(Tasks { streams: Rc::clone(streams), patience: settings.write_timeout });
    protocol
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_concurrent_streams)
        .max_header_list_size(u32::try_from(settings.header_limit).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(settings.write_timeout)
        // No less: before the question the client has to take what lies in the socket already.
        .keep_alive_timeout(settings.write_timeout);
    protocol
}

/// Runs streams on this thread, counts them, and ends those of which nothing is taken.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    streams: Rc<Streams>,
    /// How long a client may take nothing of an answer.
    patience: Duration,
}

impl<F: Future + 'static> Executor<F> for Tasks {
    fn execute(&self, stream: F) {
        let (open, patience) = (Open::new(&self.streams), self.patience);
        tokio::task::spawn_local(async move {
            let _open = open;
            taken::run(stream, patience).await;
        });
    }
}

/// The streams of a connection.
#[derive(Debug)]
pub(super) struct Streams {
    open: Cell<usize>,
    /// When the last one began or ended, or it was counted anew; the connection's start before that.
    changed: Cell<Instant>,
}

impl Streams {
    pub(super) fn none() -> Rc<Self> {
        Rc::new(Self { open: Cell::default(), changed: Cell::new(Instant::now()) })
    }

    /// What was until now counts no longer.
    pub(super) fn count_anew(&self) {
        self.changed.set(Instant::now());
    }

    /// Returns when there has been none for so long.
    pub(super) async fn idle(&self, patience: Duration) {
        loop {
            let from = if self.open.get() > 0 { Instant::now() } else { self.changed.get() };
            tokio::time::sleep_until(from + patience).await;
            if self.open.get() == 0 && self.changed.get() <= from {
                return;
            }
        }
    }
}

/// Counts as a stream while it is there.
struct Open(Rc<Streams>);

impl Open {
    fn new(streams: &Rc<Streams>) -> Self {
        streams.open.update(|open| open + 1);
        streams.changed.set(Instant::now());
        Self(Rc::clone(streams))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.update(|open| open.saturating_sub(1));
        self.0.changed.set(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::{Open, Streams};

    const PATIENCE: Duration = Duration::from_millis(200);

    #[test]
    fn idle_is_counted_from_the_last_change() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let streams = Streams::none();
            let open = Open::new(&streams);
            assert!(tokio::time::timeout(PATIENCE * 2, streams.idle(PATIENCE)).await.is_err(), "one is open");
            drop(open);
            for anew in [false, true] {
                let begun = Instant::now();
                if anew {
                    streams.count_anew();
                }
                streams.idle(PATIENCE).await;
                assert!(begun.elapsed() >= PATIENCE - Duration::from_millis(10), "{anew}: {:?}", begun.elapsed());
                sleep(PATIENCE).await;
            }
            let begun = Instant::now();
            streams.idle(PATIENCE).await;
            assert!(begun.elapsed() < PATIENCE, "long over");
        });
    }
}
