//! The files that a configuration was read from, and whether they say something else by now.
//!
//! They are looked at by what is in them: their names and times tell nothing where a ConfigMap is mounted, whose symbolic link is
//! given another target, or where an editor puts another file in their place; and a notice of the system's
//! (inotify) doesn't come from a network's file system, nor of a target that is replaced behind two links.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// The SHA-256 of what a file holds; `None` for one that can't be read, which is like no other.
type Sum = Option<[u8; 32]>;

/// Files, and what was in each when it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilesRead(BTreeMap<PathBuf, Sum>);

impl FilesRead {
    /// This one was found to hold these bytes, or can't be read. What was found first stays.
    pub(super) fn note(&mut self, path: &Path, found: Result<&[u8], &io::Error>) {
        let sum = found.ok().map(|bytes| Sha256::digest(bytes).into());
        self.0.entry(path.to_owned()).or_insert(sum);
    }

    /// These files, as they are now.
    #[must_use]
    pub fn now(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut files = Self::default();
        for path in paths {
            let found = fs::read(&path);
            files.note(&path, found.as_deref());
        }
        files
    }

    /// The same files, as they are now.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::now(self.0.keys().cloned())
    }

    /// Both; what was found here counts where both have a file.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        for (path, sum) in others.0 {
            self.0.entry(path).or_insert(sum);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::FilesRead;

    #[test]
    fn what_is_in_them_counts_and_not_their_names_or_times() {
        let folder = tempfile::tempdir().unwrap();
        let [one, link, absent] = ["one", "link", "absent"].map(|name| folder.path().join(name));
        fs::write(&one, "a").unwrap();
        std::os::unix::fs::symlink("one", &link).unwrap();
        let before = FilesRead::now([one.clone(), link.clone(), absent.clone()]);
        assert_eq!(before, before.again());
        fs::write(&one, "a").unwrap();
        assert_eq!(before, before.again(), "written anew");
        fs::write(folder.path().join("other"), "b").unwrap();
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("other", &link).unwrap();
        let linked = before.again();
        assert_ne!(before, linked, "another target");
        fs::write(&absent, "").unwrap();
        assert_ne!(linked, linked.again(), "one that was not there");
        fs::remove_file(&absent).unwrap();
        assert_eq!(linked, linked.again());
    }

    #[test]
    fn what_was_found_first_is_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one");
        let mut read = FilesRead::default();
        read.note(&path, Ok(b"a"));
        read.note(&path, Ok(b"b"));
        fs::write(&path, "a").unwrap();
        assert_eq!(read, read.again());
        assert_eq!(
            read.clone().and(FilesRead::now([folder.path().join("other")])).again(),
            read.again().and(FilesRead::now([folder.path().join("other")]))
        );
    }
}
