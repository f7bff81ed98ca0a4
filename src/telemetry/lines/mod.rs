//! Logs that are lines: each place that any of them goes to has one thread that writes there, so that nobody else waits for
//! a disk or a pipe.
//!
//! Two logs that go to the same place share its thread, so no line of one is within a line of the other. Each has a bound of
//! its own on what may wait ([`Lane`]): a flood of requests leaves no less room for the audit log. What finds no room, or can't
//! be written, is lost; it is counted ([`Counts`]), and the log says how much, every ten seconds at most.
//!
//! A file is opened once more when its name has come to mean another one, or none: rotate it by renaming. Of a line that did
//! not fit on a disk its beginning may be there; the next line begins one of its own.

use std::{
    io,
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    time::Duration,
};

mod lane;
mod output;
mod writer;

use lane::Batch;
pub use lane::{Counts, Lane};
pub(in crate::telemetry) use lane::{Losses, Lost};
use output::Output;

/// How long the end waits for what is left to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The end of a file.
    File {
        /// The file.
        path: PathBuf,
        /// Its permissions, if it has to be made.
        mode: u32,
    },
}

/// The threads at work. Dropped, they are waited for until all is written, but not for ever: nobody may be reading.
#[derive(Debug, Default)]
pub struct Writers(Vec<Place>);

#[derive(Debug)]
struct Place {
    destination: Destination,
    /// Until it is told that no further log comes.
    batches: Option<Sender<Batch>>,
    ended: Receiver<()>,
}

impl Writers {
    /// The way to this place for a log of this name, of which so many batches may wait.
    ///
    /// # Errors
    /// When the place can't be opened, or the operating system gives no thread.
    pub fn lane(&mut self, to: &Destination, name: &'static str, most: u64) -> io::Result<Lane> {
        let known = self.0.iter().find(|place| place.destination == *to).and_then(|place| place.batches.clone());
        let batches = match known {
            Some(batches) => batches,
            None => self.open(to)?,
        };
        Ok(Lane::new(batches, name, most))
    }

    /// No further log comes: a thread ends with the last [`Lane`] that leads to it.
    pub fn seal(&mut self) {
        for place in &mut self.0 {
            place.batches = None;
        }
    }

    fn open(&mut self, to: &Destination) -> io::Result<Sender<Batch>> {
        let (batches, ended) = writer::start(Output::open(to)?)?;
        self.0.push(Place { destination: to.clone(), batches: Some(batches.clone()), ended });
        Ok(batches)
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.seal();
        for place in &self.0 {
            if place.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!(to = ?place.destination, "the end of a log was not written in time");
            }
        }
    }
}
