//! The thread that writes the access log, so that nobody else waits for a disk or a pipe.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::{fd::AsFd as _, unix::fs::OpenOptionsExt as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use super::buffer::{Batch, Log};
use crate::telemetry::Format;

/// Batches that may wait for the writer; with what they hold, 1 MiB.
const QUEUE: usize = 64;
/// Written to a stream at once, in bytes: what a pipe takes in one piece (POSIX `PIPE_BUF` on Linux), so that lines of the
/// other log, which may go into the same pipe, are not within one of these.
const PIECE: usize = 4096;
/// A pipe that takes nothing at the moment and doesn't wait (`O_NONBLOCK`) is tried again so soon.
const RETRY: Duration = Duration::from_millis(5);
/// How long the end waits for what is left to be written.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the log says at most that lines are lost.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The end of this file.
    File(PathBuf),
}

/// The writer at work. Dropped, it waits until all is written, but not for ever: nobody may be reading.
#[derive(Debug)]
pub struct Writer {
    ended: Receiver<()>,
}

impl Writer {
    /// Starts the thread. It ends when no [`Log`] is left.
    ///
    /// # Errors
    /// When the destination can't be opened, or the operating system gives no thread.
    pub fn start(destination: &Destination, format: Format) -> io::Result<(Self, Log)> {
        let (file, piece) = open(destination)?;
        start(file, piece, format)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the end of the access log was not written in time");
        }
    }
}

/// A file is written without a look at where lines end: nobody else writes to it, and what is appended is in one piece.
fn open(destination: &Destination) -> io::Result<(File, usize)> {
    Ok(match destination {
        // Not by the library's handles: whoever logs an event would wait for a lock that is held here.
        Destination::Stdout => (io::stdout().as_fd().try_clone_to_owned()?.into(), PIECE),
        Destination::Stderr => (io::stderr().as_fd().try_clone_to_owned()?.into(), PIECE),
        Destination::File(path) => (OpenOptions::new().append(true).create(true).mode(0o640).open(path)?, usize::MAX),
    })
}

fn start(mut to: impl Write + Send + 'static, piece: usize, format: Format) -> io::Result<(Writer, Log)> {
    let (writer, batches) = mpsc::sync_channel::<Batch>(QUEUE);
    let (end, ended) = mpsc::channel();
    let dropped: Arc<AtomicU64> = Arc::default();
    let mut losses = Losses { dropped: Arc::clone(&dropped), failed: 0, told: None };
    thread::Builder::new().name("access-log".to_owned()).spawn(move || {
        for batch in batches {
            let written = pieces(&batch.text, piece).try_for_each(|piece| write_all(&mut to, piece));
            losses.tell(batch.lines, written);
        }
        drop(end);
    })?;
    Ok((Writer { ended }, Log { format, writer, dropped }))
}

/// Whole lines, together no longer than `most`; a line alone may be.
fn pieces(mut text: &[u8], most: usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let fits = text.get(..most).unwrap_or(text);
        let end =
            memchr::memrchr(b'\n', fits).or_else(|| memchr::memchr(b'\n', text)).map_or(text.len(), |end| end + 1);
        let (piece, rest) = text.split_at(end);
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

fn write_all(to: &mut impl Write, mut text: &[u8]) -> io::Result<()> {
    while !text.is_empty() {
        match to.write(text) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => text = text.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Lines that nobody will read, and when that was last told.
struct Losses {
    /// For want of a place in the queue.
    dropped: Arc<AtomicU64>,
    /// Because they could not be written.
    failed: u64,
    told: Option<Instant>,
}

impl Losses {
    fn tell(&mut self, lines: u64, written: io::Result<()>) {
        let error = written.err();
        if error.is_some() {
            self.failed += lines;
        }
        if self.told.is_some_and(|told| told.elapsed() < REPORT_EVERY) {
            return;
        }
        let lines = self.dropped.swap(0, Ordering::Relaxed) + std::mem::take(&mut self.failed);
        if lines > 0 {
            self.told = Some(Instant::now());
            let error = error.as_ref().map(|error| error as &dyn std::error::Error);
            tracing::error!(lines, error, "lines of the access log are lost");
        }
    }
}

impl Drop for Losses {
    fn drop(&mut self) {
        self.told = None;
        self.tell(0, Ok(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines_and_all_of_them() {
        let of = |text: &'static str, most| pieces(text.as_bytes(), most).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(of("aa\nbb\ncc\n", 6), [b"aa\nbb\n".to_vec(), b"cc\n".to_vec()]);
        assert_eq!(of("aa\nbb\ncc\n", 5), [b"aa\n".to_vec(), b"bb\n".to_vec(), b"cc\n".to_vec()]);
        assert_eq!(of("long\nb\n", 3), [b"long\n".to_vec(), b"b\n".to_vec()]);
        assert_eq!(of("aa\nbb\n", usize::MAX), [b"aa\nbb\n"]);
        assert!(of("", 5).is_empty());
    }

    /// Takes a byte at a time, and now and then none.
    struct Slow(Vec<u8>, usize);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 % 3 {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                1 => Err(io::ErrorKind::Interrupted.into()),
                _ => self.0.write(&bytes[..1]),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_takes_its_time_gets_everything() {
        let mut slow = Slow(Vec::new(), 0);
        write_all(&mut slow, b"line\n").unwrap();
        assert_eq!(slow.0, b"line\n");
        assert!(write_all(&mut [0; 2].as_mut_slice(), b"line\n").is_err(), "no room");
    }

    #[test]
    fn a_writer_ends_with_the_last_who_could_give_it_something() {
        let (writer, log) = start(io::sink(), PIECE, Format::Text).unwrap();
        let core = log.on_this_core();
        drop(log);
        assert_eq!(writer.ended.recv_timeout(Duration::from_millis(50)), Err(RecvTimeoutError::Timeout));
        drop(core);
        assert_eq!(writer.ended.recv(), Err(mpsc::RecvError));
    }
}
