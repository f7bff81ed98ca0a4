//! The way of one log to the thread that writes it, and what is lost there.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::Sender,
    },
};

use super::Ledger;

/// Lines on their way to the writer.
pub(super) struct Batch {
    pub(super) text: Vec<u8>,
    lines: u64,
    log: Arc<Shared>,
}

/// The way of one log to its place. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lane {
    // Gone before what follows: the writer has ended, or ends, when the last losses are told.
    batches: Arc<Sender<Batch>>,
    log: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    most: u64,
    /// Batches on their way.
    waiting: AtomicU64,
    ledger: Ledger,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.ledger.tell_at_the_end();
    }
}

impl Lane {
    pub(super) fn new(batches: Arc<Sender<Batch>>, most: u64, ledger: &Ledger) -> Self {
        Self { batches, log: Arc::new(Shared { most, waiting: AtomicU64::new(0), ledger: ledger.clone() }) }
    }

    /// Hands over whole lines, so many. Never waits: where too much does, they are dropped.
    pub fn send(&self, text: Vec<u8>, lines: u64) {
        if self.log.waiting.fetch_add(1, Ordering::Relaxed) >= self.log.most {
            self.log.waiting.fetch_sub(1, Ordering::Relaxed);
            self.log.ledger.counts().add_dropped(lines);
            return;
        }
        // The writer ends after all that could give it something.
        if self.batches.send(Batch { text, lines, log: Arc::clone(&self.log) }).is_err() {
            self.log.ledger.counts().add_dropped(lines);
        }
    }
}

impl Batch {
    /// Notes what has become of it: so many of its bytes are written.
    pub(super) fn done(self, written: usize, outcome: &io::Result<()>) {
        let Self { text, lines, log } = self;
        log.waiting.fetch_sub(1, Ordering::Relaxed);
        let whole = match outcome {
            Ok(()) => lines,
            Err(_) => memchr::memchr_iter(b'\n', text.get(..written).unwrap_or_default()).count() as u64,
        };
        log.ledger.counts().add_written(whole);
        log.ledger.counts().add_failed(lines.saturating_sub(whole));
        let error = outcome.as_ref().err().map(|error| error as &(dyn std::error::Error + 'static));
        log.ledger.tell(error);
    }
}
