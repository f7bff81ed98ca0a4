//! Logs that are lines: each place that any of them goes to has one thread that writes there, so that nobody else waits for
//! a disk or a pipe.
//!
//! Two logs that go to the same place share its thread, so no line of one is within a line of the other. Each has a bound of
//! its own on what may wait ([`Lane`]): a flood of requests leaves no less room for the audit log. What finds no room, or can't
//! be written, is lost; it is counted ([`Ledger`]), and the log says how much, every ten seconds at most.
//!
//! A place is open as long as a log goes there: what was on its way when the last one left is written, and the thread ends. A
//! log that comes back meanwhile has a new one, which writes nothing before: no line overtakes another, or is within it.
//!
//! Opening waits for nobody: a named pipe has to have its reader first. A file is opened once more when its name has come to mean another one, or none: rotate it by renaming. Of a line that did
//! not fit on a disk its beginning may be there; the next line begins one of its own.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Weak,
        mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError},
    },
    time::Duration,
};

mod lane;
mod ledger;
mod output;
mod writer;

use lane::Batch;
pub use lane::Lane;
pub use ledger::{Counts, Ledger};
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
    /// Those of the logs that go there.
    batches: Weak<Sender<Batch>>,
    ended: Receiver<()>,
}

impl Writers {
    /// The way to this place for a log, of which so many batches may wait.
    ///
    /// # Errors
    /// When the place can't be opened, or the operating system gives no thread.
    pub fn lane(&mut self, to: &Destination, most: u64, ledger: &Ledger) -> io::Result<Lane> {
        let known = self.0.iter().filter(|place| place.destination == *to).find_map(|place| place.batches.upgrade());
        let batches = match known {
            Some(batches) => batches,
            None => self.open(to)?,
        };
        Ok(Lane::new(batches, most, ledger))
    }

    fn open(&mut self, to: &Destination) -> io::Result<Arc<Sender<Batch>>> {
        self.0.retain(|place| place.ended.try_recv() != Err(TryRecvError::Disconnected));
        let output = Output::open(to)?;
        let former = self.0.iter().position(|place| place.destination == *to);
        let former = former.map(|draining| self.0.swap_remove(draining).ended);
        let (batches, ended) = writer::start(output, former)?;
        let batches = Arc::new(batches);
        self.0.push(Place { destination: to.clone(), batches: Arc::downgrade(&batches), ended });
        Ok(batches)
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        for place in &self.0 {
            if place.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!(to = ?place.destination, "the end of a log was not written in time");
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        fs::{self, File},
        io::Read as _,
        os::unix::fs::OpenOptionsExt as _,
        path::{Path, PathBuf},
        process::Command,
        sync::mpsc::RecvError,
    };

    use rustix::fs::{OFlags, fcntl_setfl};

    use super::{Destination, Ledger, Writers};

    /// A named pipe, and who can read it.
    pub(super) fn pipe(folder: &Path) -> (PathBuf, File) {
        let path = folder.join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let reader = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        fcntl_setfl(&reader, OFlags::empty()).unwrap();
        (path, reader)
    }

    #[test]
    fn logs_of_one_place_share_a_thread_for_as_long_as_one_of_them_goes_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.log");
        let (to, ledger) = (Destination::File { path: path.clone(), mode: 0o600 }, Ledger::of_lines("test"));
        let mut writers = Writers::default();
        let open = |writers: &mut Writers| writers.lane(&to, 8, &ledger).unwrap();
        let first = open(&mut writers);
        let second = open(&mut writers);
        drop(first);
        let third = open(&mut writers);
        assert_eq!(writers.0.len(), 1);
        second.send(b"one\n".to_vec(), 1);
        third.send(b"two\n".to_vec(), 1);
        drop((second, third));
        assert_eq!(writers.0[0].ended.recv(), Err(RecvError));
        open(&mut writers).send(b"three\n".to_vec(), 1);
        assert_eq!((writers.0.len(), writers.0[0].ended.recv()), (1, Err(RecvError)));
        assert_eq!((fs::read_to_string(path).unwrap(), ledger.counts().written()), ("one\ntwo\nthree\n".to_owned(), 3));
    }

    #[test]
    fn a_log_that_comes_back_waits_for_what_it_had_given_before() {
        const BEFORE: usize = 256;
        let folder = tempfile::tempdir().unwrap();
        let (path, mut reader) = pipe(folder.path());
        let (to, ledger) = (Destination::File { path, mode: 0o600 }, Ledger::of_lines("test"));
        let mut writers = Writers::default();
        let first = writers.lane(&to, BEFORE as u64, &ledger).unwrap();
        // Each as much as the pipe takes: it is full until somebody reads.
        let line = [vec![b'x'; 65_535], b"\n".to_vec()].concat();
        (0..BEFORE).for_each(|_| first.send(line.clone(), 1));
        drop(first);
        let [second, third] = ["second\n", "third\n"].map(|line| {
            let lane = writers.lane(&to, 1, &ledger).unwrap();
            lane.send(line.into(), 1);
            drop(lane);
            writers.0.len()
        });
        assert_eq!((second, third), (1, 1), "each is followed by the next");
        let mut written = Vec::new();
        reader.read_to_end(&mut written).unwrap();
        let expected = [line.repeat(BEFORE), b"second\nthird\n".to_vec()].concat();
        assert!(written == expected, "{} of {} bytes", written.len(), expected.len());
        assert_eq!((writers.0[0].ended.recv(), ledger.counts().written()), (Err(RecvError), BEFORE as u64 + 2));
    }
}
