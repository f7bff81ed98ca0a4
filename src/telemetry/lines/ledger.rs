//! What becomes of the lines of a log, or of spans: how many were written or lost, and what has been told of that.
//!
//! It is kept as long as somebody may ask, whichever places the log has had by then: counts only go up, and no loss is told
//! twice.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How often the log says at most that lines are lost.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// What becomes of one log. The clones are the same.
#[derive(Clone, Debug)]
pub struct Ledger {
    counts: Counts,
    losses: Arc<Mutex<Losses>>,
}

impl Ledger {
    /// Nothing yet; losses are told as those of a log of this name.
    #[must_use]
    pub fn of_lines(name: &'static str) -> Self {
        Self::of(Lost::Lines(name))
    }

    /// The same of spans.
    #[must_use]
    pub fn of_spans() -> Self {
        Self::of(Lost::Spans)
    }

    fn of(what: Lost) -> Self {
        let counts = Counts::default();
        Self { losses: Arc::new(Mutex::new(Losses { what, counts: counts.clone(), told: 0, last: None })), counts }
    }

    /// What has become of it so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Tells of what is lost and has not been told, unless that was done a moment ago.
    pub(in crate::telemetry) fn tell(&self, error: Option<&(dyn std::error::Error + 'static)>) {
        self.losses().tell(error);
    }

    /// The same, however long ago that was: nobody may be left who would do it later.
    pub(in crate::telemetry) fn tell_at_the_end(&self) {
        self.losses().tell_now(None);
    }

    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What has become of lines, or spans, so far. The clones are the same counts.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// Nothing has become of anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [self.written(), self.dropped(), self.failed()] == [0; 3]
    }

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
enum Lost {
    /// Lines of the log of this name.
    Lines(&'static str),
    /// Spans.
    Spans,
}

/// What has been told of losses.
#[derive(Debug)]
struct Losses {
    what: Lost,
    counts: Counts,
    told: u64,
    last: Option<Instant>,
}

impl Losses {
    fn tell(&mut self, error: Option<&(dyn std::error::Error + 'static)>) {
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
