//! What is wrong with a users file, and where.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One thing that is wrong in a users file. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Counted from 1.
    pub(super) line: usize,
    /// What is wrong, and what to do.
    pub(super) message: String,
}

/// Why a users file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It can't be read or written.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// It isn't there.
    #[error("{} is not there; the first `railgate user add` makes it", .0.display())]
    Missing(PathBuf),
    /// What stands in it is no list of users.
    #[error(transparent)]
    Bad(#[from] BadFile),
}

impl FileError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// Everything that is wrong with a users file, a line each: `users.toml:12: `pasword` is not a key; …`.
#[derive(Debug)]
pub struct BadFile {
    path: PathBuf,
    problems: Vec<Problem>,
}

impl BadFile {
    /// `problems` in any order.
    pub(super) fn new(path: &Path, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.line);
        Self { path: path.to_owned(), problems }
    }
}

impl std::error::Error for BadFile {}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Problem { line, message }) in self.problems.iter().enumerate() {
            let before = if at > 0 { "\n" } else { "" };
            write!(f, "{before}{}:{line}: {message}", self.path.display())?;
        }
        Ok(())
    }
}
