//! A users file that is read again when it has changed.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::PathBuf, sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};

use super::{HashCheck, draft::read_text, problem::FileError, users::Users};
use crate::model::{Clock, Timestamp};

/// A file that was written to this lately may have been written to again without a sign: a change of the same length,
/// within the tick that file systems stamp times by. It is read once more.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// Who is in the file, as far as it could be read.
#[derive(Debug)]
pub(super) struct Watched {
    path: PathBuf,
    is_hash: HashCheck,
    clock: Arc<dyn Clock>,
    users: Arc<Users>,
    /// The state of the file that `users`, or the last complaint, goes back to; `None` while it may still change unseen.
    stamp: Option<Stamp>,
    /// What was told of last, so that nothing is told twice.
    told: Told,
}

/// What changes with a file: the file itself, where it is replaced; its length and times, where it is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    /// A text with this SHA-256, good or bad.
    Text([u8; 32]),
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
        let text = read_text(&path)?;
        if fs::metadata(&path).is_ok_and(|found| found.mode() & 0o007 != 0) {
            let path = path.display();
            tracing::warn!(%path, "others on this machine can read the users file, and try passwords at home: chmod o= helps");
        }
        let users = Arc::new(Users::read(&text, &path, is_hash)?);
        Ok(Self { path, is_hash, clock, users, stamp: stamp.ok().flatten(), told: Told::Text(digest(&text)) })
    }

    /// Who is in the file now. One that can't be used changes nothing, and the log says so once.
    pub(super) fn look(&mut self) -> Arc<Users> {
        let stamp = stamp_of(&self.path, &*self.clock).unwrap_or_default();
        if stamp.is_none() || stamp != self.stamp {
            self.read_again();
            self.stamp = stamp;
        }
        Arc::clone(&self.users)
    }

    fn read_again(&mut self) {
        let path = self.path.display();
        let read = read_text(&self.path);
        let told = match &read {
            Ok(text) => Told::Text(digest(text)),
            Err(FileError::Io { source, .. }) => Told::Unreadable(source.kind()),
            Err(FileError::Missing(_) | FileError::Bad(_)) => Told::Unreadable(io::ErrorKind::NotFound),
        };
        if told == self.told {
            return;
        }
        self.told = told;
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

/// `None` where the file was changed too lately for its stamp to tell the next change.
fn stamp_of(path: &std::path::Path, clock: &dyn Clock) -> io::Result<Option<Stamp>> {
    let found = fs::metadata(path)?;
    let changed = Timestamp::from_secs(found.ctime());
    let is_settled = clock.now().since(changed) >= SETTLED_AFTER;
    Ok(is_settled.then(|| Stamp {
        device: found.dev(),
        inode: found.ino(),
        length: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    }))
}

fn digest(text: &str) -> [u8; 32] {
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
