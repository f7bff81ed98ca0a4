//! Lines that come together on a core, and their way to the thread that writes them.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{Facts, Stamp, line};
use crate::telemetry::Format;

/// What is handed over at once, in bytes.
const FULL: usize = 16 * 1024;
/// Room for the line that makes it full.
const ROOM: usize = FULL + 4096;
/// How long the first line of a buffer waits at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// Lines on their way to the writer.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) text: Vec<u8>,
    pub(super) lines: u64,
}

/// The way to the writer, for each core. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    pub(super) format: Format,
    pub(super) writer: SyncSender<Batch>,
    pub(super) dropped: Arc<AtomicU64>,
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

    /// Never waits: what the writer has no place for is dropped.
    fn hand_over(&self, batch: &mut Batch) {
        let full = std::mem::replace(batch, empty());
        if let Err(TrySendError::Full(lost) | TrySendError::Disconnected(lost)) = self.log.writer.try_send(full) {
            self.log.dropped.fetch_add(lost.lines, Ordering::Relaxed);
        }
    }
}

impl Drop for CoreLog {
    fn drop(&mut self) {
        self.flush();
    }
}
