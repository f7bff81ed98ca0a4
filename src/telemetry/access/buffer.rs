//! Lines that come together on a core, and their way to the thread that writes them.

use std::{cell::RefCell, io, rc::Rc, time::Duration};

use tokio::sync::Notify;

use super::{Facts, Stamp, line};
use crate::telemetry::{
    Format,
    lines::{Destination, Lane, Ledger, Writers},
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
    begun: Rc<Notify>,
}

impl Log {
    /// A log of this form that goes there.
    ///
    /// # Errors
    /// As [`Writers::lane`].
    pub fn start(writers: &mut Writers, to: &Destination, format: Format, ledger: &Ledger) -> io::Result<Self> {
        Ok(Self { format, lane: writers.lane(to, QUEUE, ledger)? })
    }

    /// The log of this core.
    #[must_use]
    pub fn on_this_core(&self) -> Rc<CoreLog> {
        Rc::new(CoreLog {
            log: self.clone(),
            batch: RefCell::new(empty()),
            stamp: RefCell::default(),
            begun: Rc::default(),
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

    /// Hands over what waits for too long, as long as this log is there. May be dropped at any time.
    pub fn keep_moving(self: &Rc<Self>) -> impl Future<Output = ()> + use<> {
        let (log, begun) = (Rc::downgrade(self), Rc::clone(&self.begun));
        async move {
            loop {
                begun.notified().await;
                tokio::time::sleep(PATIENCE).await;
                let Some(log) = log.upgrade() else { return };
                log.flush();
            }
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
        // Whoever waits for the next line learns that there is none.
        self.begun.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Log, PATIENCE};
    use crate::{
        model::Timestamp,
        telemetry::{
            Format,
            access::{Event, Facts, Outcome},
            lines::{Destination, Ledger, Writers},
        },
    };

    const REJECTED: Facts<'static> = Facts {
        time: Timestamp::from_secs(0),
        event: Event::Rejected,
        outcome: Outcome::Malformed,
        status: None,
        method: None,
        path: None,
        protocol: "HTTP/1.1",
        client: "192.0.2.1",
        duration: None,
        upstream: None,
        received: 0,
        sent: 0,
        auth: "none",
        user: None,
        session: None,
        operations: &[],
        code: None,
        request: None,
        trace: None,
    };

    #[test]
    fn what_waits_is_handed_over_after_a_while_and_with_the_end_of_the_log() {
        let (folder, ledger) = (tempfile::tempdir().unwrap(), Ledger::of_lines("test"));
        let to = Destination::File { path: folder.path().join("access.log"), mode: 0o600 };
        let mut writers = Writers::default();
        let log = Log::start(&mut writers, &to, Format::Text, &ledger).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let core = log.on_this_core();
            let mut moving = Box::pin(core.keep_moving());
            core.write(&REJECTED);
            let waited = tokio::time::timeout(PATIENCE * 4, &mut moving).await;
            assert!(waited.is_err(), "it goes on");
            assert!(core.batch.borrow().lines == 0, "handed over");
            core.write(&REJECTED);
            drop(core);
            tokio::time::timeout(Duration::from_secs(30), moving).await.expect("it ends with the log");
        });
        drop(log);
        drop(writers);
        assert_eq!(ledger.counts().written(), 2);
    }
}
