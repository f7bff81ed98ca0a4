//! Lines that come together on a core, and their way to the thread that writes them.

use std::{cell::RefCell, io, rc::Rc, time::Duration};

use tokio::sync::Notify;

use super::{Facts, Stamp, line};
use crate::telemetry::{
    Format,
    lines::{Counts, Destination, Lane, Writers},
};

/// What is handed over at once, in bytes.
const FULL: usize = 16 * 1024;
/// Room for the line that makes it full.
const ROOM: usize = FULL + 4096;
/// Batches that may wait for the writer; with what they hold, 1 MiB.
const QUEUE: u64 = 64;
/// How long the first line of a buffer waits at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// Lines that have come together.
#[derive(Debug)]
struct Batch {
    text: Vec<u8>,
    lines: u64,
}

/// The way to the writer, for each core. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    format: Format,
    lane: Lane,
}

/// The access log of one core. What has come together is handed over at the latest when it is dropped.
#[derive(Debug)]
pub struct CoreLog {
    log: Log,
    batch: RefCell<Batch>,
    stamp: RefCell<Stamp>,
    begun: Notify,
}

impl Log {
    /// A log of this form that goes there.
    ///
    /// # Errors
    /// As [`Writers::lane`].
    pub fn start(writers: &mut Writers, to: &Destination, format: Format) -> io::Result<Self> {
        Ok(Self { format, lane: writers.lane(to, "access log", QUEUE)? })
    }

    /// What has become of its lines.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lane.counts()
    }

    /// The log of this core.
    #[must_use]
    pub fn on_this_core(&self) -> Rc<CoreLog> {
        Rc::new(CoreLog {
            log: self.clone(),
            batch: RefCell::new(empty()),
            stamp: RefCell::default(),
            begun: Notify::new(),
        })
    }
}

fn empty() -> Batch {
    Batch { text: Vec::with_capacity(ROOM), lines: 0 }
}

impl CoreLog {
    /// Adds a line.
    pub fn write(&self, facts: &Facts<'_>) {
        let mut batch = self.batch.borrow_mut();
        if batch.lines == 0 {
            self.begun.notify_one();
        }
        line::write(&mut batch.text, self.log.format, &mut self.stamp.borrow_mut(), facts);
        batch.lines += 1;
        if batch.text.len() >= FULL {
            self.hand_over(&mut batch);
        }
    }

    /// Hands over what waits for too long, for ever. May be dropped at any time.
    pub async fn keep_moving(&self) {
        loop {
            self.begun.notified().await;
            tokio::time::sleep(PATIENCE).await;
            self.flush();
        }
    }

    /// Hands over what there is.
    pub fn flush(&self) {
        let mut batch = self.batch.borrow_mut();
        if batch.lines > 0 {
            self.hand_over(&mut batch);
        }
    }

    fn hand_over(&self, batch: &mut Batch) {
        let Batch { text, lines } = std::mem::replace(batch, empty());
        self.log.lane.send(text, lines);
    }
}

impl Drop for CoreLog {
    fn drop(&mut self) {
        self.flush();
    }
}
