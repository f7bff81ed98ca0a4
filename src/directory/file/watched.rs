//! A users file that is read again when it has changed.
//!
//! Half of a file may be a whole one to look at: cut between two tables it says that the users behind are gone, cut before
//! `is_active = false` that somebody may log in, and sessions that end by it don't come back. So a text that was written into
//! the file as it lay there counts only once two looks at least [`WHOLE_AFTER`] apart have seen the same. A file that was
//! renamed to the name of the former one is whole, and counts at once.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use sha2::{Digest as _, Sha256};

use super::{HashCheck, draft::read_file, problem::FileError, users::Users};
use crate::model::{Clock, Timestamp};

/// A file that was written to this lately may have been written to again without a sign: a change of the same length,
/// within the tick that file systems stamp times by. It is read once more.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// How long a text that was written into the file has to stay as it is. Whoever writes one takes less time between two pieces.
pub(super) const WHOLE_AFTER: Duration = Duration::from_millis(100);

/// Who is in the file, as far as it could be read.
#[derive(Debug)]
pub(super) struct Watched {
    path: PathBuf,
    is_hash: HashCheck,
    clock: Arc<dyn Clock>,
    users: Arc<Users>,
    /// The state of the file that `users`, or the last complaint, goes back to; `None` while it may still change unseen.
    stamp: Option<Stamp>,
    /// The file that was read last; `None` where none could be.
    file: Option<FileId>,
    /// What was told of last, so that nothing is told twice.
    told: Told,
    /// What may be half of a text, and since when it stands there.
    doubtful: Option<(Sum, Timestamp)>,
}

/// What changes with a file: the file itself, where it is replaced; its length and times, where it is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: FileId,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A file, whatever it is called. The number of one that is gone is soon given to another, which is younger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
    born: Option<SystemTime>,
}

/// A text's SHA-256.
type Sum = [u8; 32];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    /// A text, good or bad.
    Text(Sum),
    /// That it can't be read.
    Unreadable(io::ErrorKind),
}

impl Watched {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// When it can't be read, or something is wrong with it.
    pub(super) fn open(path: PathBuf, is_hash: HashCheck, clock: Arc<dyn Clock>) -> Result<Self, FileError> {
        let stamp = stamp_of(&path, &*clock);
        let (text, found) = read_file(&path)?;
        if found.mode() & 0o007 != 0 {
            let path = path.display();
            tracing::warn!(%path, "others on this machine can read the users file, and try passwords at home: chmod o= helps");
        }
        let users = Arc::new(Users::read(&text, &path, is_hash)?);
        let (stamp, file, told) = (stamp.ok().flatten(), Some(FileId::of(&found)), Told::Text(digest(&text)));
        Ok(Self { path, is_hash, clock, users, stamp, file, told, doubtful: None })
    }

    /// Who is in the file now. One that can't be used changes nothing, and the log says so once.
    pub(super) fn look(&mut self) -> Arc<Users> {
        let stamp = stamp_of(&self.path, &*self.clock).unwrap_or_default();
        if stamp.is_none() || stamp != self.stamp {
            let is_whole = self.read_again();
            self.stamp = stamp.filter(|_| is_whole);
        }
        Arc::clone(&self.users)
    }

    /// `false` while what stands there may be half of a text.
    fn read_again(&mut self) -> bool {
        let read = read_file(&self.path);
        let file = read.as_ref().ok().map(|(_, found)| FileId::of(found));
        let told = match &read {
            Ok((text, _)) => Told::Text(digest(text)),
            Err(FileError::Io { source, .. }) => Told::Unreadable(source.kind()),
            Err(FileError::Missing(_) | FileError::Bad(_)) => Told::Unreadable(io::ErrorKind::NotFound),
        };
        if let Told::Text(sum) = told
            && told != self.told
            && !self.is_renamed(file)
            && !self.has_stayed(sum)
        {
            return false;
        }
        (self.file, self.doubtful) = (file, None);
        if told != self.told {
            self.told = told;
            self.take(read.map(|(text, _)| text));
        }
        true
    }

    /// Whether another file than before has the name. One that has it after a while without any may have been made there.
    fn is_renamed(&self, file: Option<FileId>) -> bool {
        self.file.is_some() && file != self.file
    }

    fn has_stayed(&mut self, sum: Sum) -> bool {
        let now = self.clock.now();
        match self.doubtful {
            Some((known, since)) if known == sum && since <= now => now.since(since) >= WHOLE_AFTER,
            Some(_) | None => {
                self.doubtful = Some((sum, now));
                false
            }
        }
    }

    fn take(&mut self, read: Result<String, FileError>) {
        let path = self.path.display();
        match read.and_then(|text| Ok(Users::read(&text, &self.path, self.is_hash)?)) {
            Ok(users) => {
                tracing::info!(%path, users = users.all().len(), "the users file has changed and was read again");
                self.users = Arc::new(users);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%path, error, "the users file can't be used; users stay as they were before");
            }
        }
    }
}

impl FileId {
    fn of(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino(), born: found.created().ok() }
    }
}

/// `None` where the file was changed too lately for its stamp to tell the next change.
fn stamp_of(path: &std::path::Path, clock: &dyn Clock) -> io::Result<Option<Stamp>> {
    let found = fs::metadata(path)?;
    let changed = Timestamp::from_secs(found.ctime());
    let is_settled = clock.now().since(changed) >= SETTLED_AFTER;
    Ok(is_settled.then(|| Stamp {
        file: FileId::of(&found),
        length: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    }))
}

fn digest(text: &str) -> Sum {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::{SETTLED_AFTER, stamp_of};
    use crate::model::{Clock, SystemClock, Timestamp};

    #[derive(Debug)]
    struct At(Timestamp);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    #[test]
    fn a_file_that_was_written_to_lately_has_no_stamp_yet() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let written = SystemClock.now();
        let stamp = |at| stamp_of(file.path(), &At(at)).unwrap();
        assert_eq!(stamp(written), None);
        assert_eq!(stamp(written.before(SETTLED_AFTER * 10)), None, "nor where this clock is behind");
        let settled = stamp(written.after(SETTLED_AFTER * 2));
        assert!(settled.is_some());
        assert_eq!(stamp(written.after(SETTLED_AFTER * 3)), settled);
        std::fs::write(file.path(), "x").unwrap();
        assert_ne!(stamp(written.after(SETTLED_AFTER * 3)), settled);
    }
}
