//! The way of one log to the thread that writes it, and what is lost there.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::Sender,
    },
    time::{Duration, Instant},
};

/// How often the log says at most that lines are lost.
const REPORT_EVERY: Duration = Duration::from_secs(10);

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
    batches: Sender<Batch>,
    log: Arc<Shared>,
}

/// What has become of the lines of a log so far. The clones are the same counts.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// Lines that were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    /// Lines that found no room among those that wait.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Lines that could not be written.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }

    pub(in crate::telemetry) fn add_written(&self, lines: u64) {
        self.0.written.fetch_add(lines, Ordering::Relaxed);
    }

    pub(in crate::telemetry) fn add_dropped(&self, lines: u64) {
        self.0.dropped.fetch_add(lines, Ordering::Relaxed);
    }

    pub(in crate::telemetry) fn add_failed(&self, lines: u64) {
        self.0.failed.fetch_add(lines, Ordering::Relaxed);
    }
}

/// What may be lost.
#[derive(Clone, Copy, Debug)]
pub(in crate::telemetry) enum Lost {
    /// Lines of the log of this name.
    Lines(&'static str),
    /// Spans.
    Spans,
}

/// What has been told of losses.
#[derive(Debug)]
pub(in crate::telemetry) struct Losses {
    what: Lost,
    counts: Counts,
    told: u64,
    last: Option<Instant>,
}

impl Losses {
    /// None so far.
    pub(in crate::telemetry) const fn new(what: Lost, counts: Counts) -> Self {
        Self { what, counts, told: 0, last: None }
    }

    /// Tells of what is lost and has not been told, unless that was done a moment ago.
    pub(in crate::telemetry) fn tell(&mut self, error: Option<&(dyn std::error::Error + 'static)>) {
        if self.last.is_none_or(|last| last.elapsed() >= REPORT_EVERY) {
            self.tell_now(error);
        }
    }

    fn tell_now(&mut self, error: Option<&(dyn std::error::Error + 'static)>) {
        let lost = self.counts.dropped() + self.counts.failed();
        let news = lost.saturating_sub(self.told);
        if news == 0 {
            return;
        }
        (self.told, self.last) = (lost, Some(Instant::now()));
        match self.what {
            Lost::Lines(name) => tracing::error!(lines = news, error, "lines of the {name} are lost"),
            Lost::Spans => tracing::error!(spans = news, error, "spans are lost"),
        }
    }
}

/// What is left to be told is told at the end.
impl Drop for Losses {
    fn drop(&mut self) {
        self.tell_now(None);
    }
}

#[derive(Debug)]
struct Shared {
    most: u64,
    /// Batches on their way.
    waiting: AtomicU64,
    counts: Counts,
    losses: Mutex<Losses>,
}

impl Lane {
    pub(super) fn new(batches: Sender<Batch>, name: &'static str, most: u64) -> Self {
        let counts = Counts::default();
        let losses = Mutex::new(Losses::new(Lost::Lines(name), counts.clone()));
        Self { batches, log: Arc::new(Shared { most, waiting: AtomicU64::new(0), counts, losses }) }
    }

    /// Hands over whole lines, so many. Never waits: where too much does, they are dropped.
    pub fn send(&self, text: Vec<u8>, lines: u64) {
        if self.log.waiting.fetch_add(1, Ordering::Relaxed) >= self.log.most {
            self.log.waiting.fetch_sub(1, Ordering::Relaxed);
            self.log.counts.add_dropped(lines);
            return;
        }
        // The writer ends after all that could give it something.
        if self.batches.send(Batch { text, lines, log: Arc::clone(&self.log) }).is_err() {
            self.log.counts.add_dropped(lines);
        }
    }

    /// What has become of the lines.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.log.counts.clone()
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
        log.counts.add_written(whole);
        log.counts.add_failed(lines.saturating_sub(whole));
        let error = outcome.as_ref().err().map(|error| error as &(dyn std::error::Error + 'static));
        log.losses.lock().unwrap_or_else(PoisonError::into_inner).tell(error);
    }
}
