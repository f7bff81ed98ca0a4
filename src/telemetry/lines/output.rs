//! What lines are written to.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::{
        fd::AsFd as _,
        unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::Destination;

/// Written to a stream at once, in bytes: what a pipe takes in one piece (POSIX `PIPE_BUF` on Linux), so that lines of
/// another process or thread, which may go into the same pipe, are not within one of these.
const PIECE: usize = 4096;
/// A pipe that takes nothing at the moment and doesn't wait (`O_NONBLOCK`) is tried again so soon.
const RETRY: Duration = Duration::from_millis(5);

/// An open place.
pub(super) struct Output {
    file: File,
    /// The file's name, permissions and identity; of a stream there are none.
    named: Option<Named>,
    /// What was written last is the beginning of a line.
    is_torn: bool,
}

struct Named {
    path: PathBuf,
    mode: u32,
    /// Device and inode.
    identity: (u64, u64),
    /// That the name can't be followed has been told.
    is_told: bool,
}

impl Output {
    pub(super) fn open(destination: &Destination) -> io::Result<Self> {
        let (file, named) = match destination {
            // Not by the library's handles: whoever logs an event would wait for a lock that is held here.
            Destination::Stdout => (io::stdout().as_fd().try_clone_to_owned()?.into(), None),
            Destination::Stderr => (io::stderr().as_fd().try_clone_to_owned()?.into(), None),
            Destination::File { path, mode } => {
                let (file, identity) = open(path, *mode)?;
                (file, Some(Named { path: path.clone(), mode: *mode, identity, is_told: false }))
            }
        };
        Ok(Self { file, named, is_torn: false })
    }

    /// Writes whole lines; how many bytes of them were.
    pub(super) fn write(&mut self, text: &[u8]) -> (usize, io::Result<()>) {
        self.follow_name();
        if self.is_torn {
            if let (_, Err(error)) = write_all(&mut self.file, b"\n") {
                return (0, Err(error));
            }
            self.is_torn = false;
        }
        // A file is written without a look at where lines end: what is appended is in one piece.
        let most = if self.named.is_some() { usize::MAX } else { PIECE };
        let mut whole = 0;
        for piece in pieces(text, most) {
            let (count, outcome) = write_all(&mut self.file, piece);
            whole += count;
            if outcome.is_err() {
                self.is_torn =
                    text.get(..whole).is_some_and(|written| !written.is_empty() && !written.ends_with(b"\n"));
                return (whole, outcome);
            }
        }
        (whole, Ok(()))
    }

    /// Opens what the file's name has come to mean. Where that can't be done, the one that it meant goes on.
    fn follow_name(&mut self) {
        let Some(named) = &mut self.named else { return };
        if fs::metadata(&named.path).is_ok_and(|found| identity(&found) == named.identity) {
            return;
        }
        match open(&named.path, named.mode) {
            Ok((file, identity)) => {
                (self.file, self.is_torn) = (file, false);
                (named.identity, named.is_told) = (identity, false);
            }
            Err(error) if !named.is_told => {
                named.is_told = true;
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, path = %named.path.display(), "a log's file was renamed, and there can't be a new one");
            }
            Err(_) => {}
        }
    }
}

/// Opens the end of a file. Waits for nobody: a pipe that no process reads is an error (`ENXIO`; POSIX `open`, `O_NONBLOCK`),
/// while whoever writes to it then does wait for its reader.
fn open(path: &Path, mode: u32) -> io::Result<(File, (u64, u64))> {
    let at_once = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().append(true).create(true).mode(mode).custom_flags(at_once).open(path)?;
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    let identity = identity(&file.metadata()?);
    Ok((file, identity))
}

fn identity(found: &fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
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

fn write_all(to: &mut impl Write, text: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while let Some(rest) = text.get(written..).filter(|rest| !rest.is_empty()) {
        match to.write(rest) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;
    use crate::telemetry::lines::tests::pipe;

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
        assert!(matches!(write_all(&mut slow, b"line\n"), (5, Ok(()))));
        assert_eq!(slow.0, b"line\n");
        assert!(matches!(write_all(&mut [0; 2].as_mut_slice(), b"line\n"), (2, Err(_))), "no room");
    }

    fn in_folder(mode: u32) -> (tempfile::TempDir, PathBuf, Output) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.log");
        let output = Output::open(&Destination::File { path: path.clone(), mode }).unwrap();
        (folder, path, output)
    }

    #[test]
    fn a_file_that_was_renamed_or_removed_is_made_anew() {
        let (_folder, path, mut output) = in_folder(0o600);
        output.write(b"one\n").1.unwrap();
        let old = path.with_extension("1");
        fs::rename(&path, &old).unwrap();
        output.write(b"two\n").1.unwrap();
        output.write(b"three\n").1.unwrap();
        let read = |path| fs::read_to_string(path).unwrap();
        assert_eq!((read(&old), read(&path)), ("one\n".to_owned(), "two\nthree\n".to_owned()));
        fs::remove_file(&path).unwrap();
        output.write(b"four\n").1.unwrap();
        assert_eq!(read(&path), "four\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn where_there_can_be_no_new_file_the_old_one_goes_on() {
        let (folder, path, mut output) = in_folder(0o640);
        let old = folder.path().join("old.log");
        fs::rename(&path, &old).unwrap();
        fs::create_dir(&path).unwrap();
        output.write(b"one\n").1.unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "one\n");
        fs::remove_dir(&path).unwrap();
        output.write(b"two\n").1.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    }

    #[test]
    fn a_pipe_is_opened_for_its_reader_only_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (path, reader) = pipe(folder.path());
        let to = Destination::File { path, mode: 0o600 };
        let output = Output::open(&to).unwrap();
        assert!(!fcntl_getfl(&output.file).unwrap().contains(OFlags::NONBLOCK));
        drop((output, reader));
        assert_eq!(Output::open(&to).err().and_then(|error| error.raw_os_error()), Some(libc::ENXIO));
    }

    #[test]
    fn a_line_that_broke_off_ends_before_the_next_one() {
        let (_folder, path, mut output) = in_folder(0o600);
        write_all(&mut output.file, b"half").1.unwrap();
        output.is_torn = true;
        output.write(b"whole\n").1.unwrap();
        output.write(b"whole\n").1.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "half\nwhole\nwhole\n");
    }
}
