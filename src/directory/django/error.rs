//! From a database's error to the kind that callers act on.

use std::{path::PathBuf, time::Duration};

use super::schema::SchemaError;
use crate::directory::{DirectoryError, DirectoryErrorKind};

/// What goes wrong between the gateway and a Django database.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// A SQLite file is absent, or closed to this process.
    #[error("the database file {path} can't be opened: it doesn't exist, or this process may not read and write it")]
    CannotOpen {
        /// As configured.
        path: PathBuf,
        /// What SQLite says.
        source: sqlx::Error,
    },
    /// The database, or the way to it, says no.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The deadline passed.
    #[error(
        "no answer from the database within {0:?}: it is out of reach or overloaded, or all `max_connections` are busy"
    )]
    Late(Duration),
    /// The tables aren't those of a Django project, or don't say which users are meant.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A column holds what Django doesn't write. The value itself may be private, so it isn't shown.
    #[error("the column {0} holds a value that can't be read")]
    Column(&'static str),
    /// Django would raise `MultipleObjectsReturned`.
    #[error("several users have the same name; the username column must be unique")]
    SeveralUsers,
    /// Deleted since the caller was known, or never there.
    #[error("the user is gone")]
    NoUser,
    /// Asked for by a caller who could have known.
    #[error("the database has no table for this")]
    NoTable,
    /// Only an instant beyond the year 9999 does this.
    #[error("the instant of the login can't be written to a column")]
    Instant,
}

impl From<Failure> for DirectoryError {
    fn from(failure: Failure) -> Self {
        let kind = match &failure {
            Failure::CannotOpen { .. } | Failure::Late(_) => DirectoryErrorKind::Unavailable,
            Failure::Database(error) => kind_of(error),
            Failure::Schema(_) | Failure::NoTable => DirectoryErrorKind::Misconfigured,
            Failure::NoUser | Failure::Column(_) | Failure::SeveralUsers | Failure::Instant => {
                DirectoryErrorKind::Corrupt
            }
        };
        Self::new(kind, failure)
    }
}

/// `sqlx::Error` may grow, so this match can't be exhaustive: what it doesn't name is about values that can't be read.
fn kind_of(error: &sqlx::Error) -> DirectoryErrorKind {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => DirectoryErrorKind::Unavailable,
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => DirectoryErrorKind::Misconfigured,
        sqlx::Error::Database(error) => kind_of_code(error.code().as_deref().unwrap_or_default()),
        _ => DirectoryErrorKind::Corrupt,
    }
}

/// PostgreSQL's codes are five characters, the first two a class (appendix A of its manual); SQLite's are numbers whose last
/// eight bits are the primary code (<https://sqlite.org/rescode.html>).
fn kind_of_code(code: &str) -> DirectoryErrorKind {
    if let (5, Some(class)) = (code.len(), code.get(..2)) {
        return match class {
            // Connection lost, transaction rolled back, out of resources, in use, shut down, the disk.
            "08" | "40" | "53" | "55" | "57" | "58" => DirectoryErrorKind::Unavailable,
            // The password, the database's name, a table, a right, a read-only replica.
            "25" | "28" | "3D" | "3F" | "42" => DirectoryErrorKind::Misconfigured,
            _ => DirectoryErrorKind::Corrupt,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        // BUSY, LOCKED, NOMEM, IOERR, FULL, CANTOPEN, PROTOCOL.
        Ok(5 | 6 | 7 | 10 | 13 | 14 | 15) => DirectoryErrorKind::Unavailable,
        // ERROR (no such table), PERM, READONLY, AUTH, NOTADB.
        Ok(1 | 3 | 8 | 23 | 26) => DirectoryErrorKind::Misconfigured,
        _ => DirectoryErrorKind::Corrupt,
    }
}

#[cfg(test)]
mod tests {
    use super::kind_of_code;
    use crate::directory::DirectoryErrorKind::{Corrupt, Misconfigured, Unavailable};

    #[test]
    fn codes_of_both_databases_have_their_kind() {
        let kinds = [
            ("57P01", Unavailable),
            ("53300", Unavailable),
            ("28P01", Misconfigured),
            ("42P01", Misconfigured),
            ("22021", Corrupt),
            ("5", Unavailable),
            ("261", Unavailable), // SQLITE_BUSY_RECOVERY
            ("14", Unavailable),
            ("1", Misconfigured),
            ("26", Misconfigured),
            ("11", Corrupt),
            ("", Corrupt),
        ];
        for (code, kind) in kinds {
            assert_eq!(kind_of_code(code), kind, "{code}");
        }
    }
}
