//! From a database's error to the kind that callers act on.

use std::{io, path::PathBuf, time::Duration};

use sqlx::mysql::MySqlDatabaseError;

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

impl Failure {
    /// A text was compared with a column that can't hold it, as an emoji with one that MariaDB keeps in three bytes a
    /// character: "illegal mix of collations".
    pub(super) fn is_incomparable(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        error.try_downcast_ref::<MySqlDatabaseError>().is_some_and(|error| error.number() == 1267)
    }

    /// The server, or the way to it, went away in the middle of something, or hung up.
    pub(super) fn is_lost_connection(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Io(error)) => matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::NotConnected
                    | io::ErrorKind::UnexpectedEof
            ),
            Self::Database(sqlx::Error::Database(error)) => match error.try_downcast_ref::<MySqlDatabaseError>() {
                // Shut down, killed, or lost.
                Some(error) => matches!(error.number(), 1053 | 1077 | 1079 | 1927 | 2006 | 2013),
                // Shut down by an operator, by a crash, starting; or class 08, connection exception.
                None => {
                    let code = error.code().unwrap_or_default();
                    matches!(&*code, "57P01" | "57P02" | "57P03") || (code.len() == 5 && code.starts_with("08"))
                }
            },
            _ => false,
        }
    }
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
        // A certificate that is not good, or not one of this server; rustls says so.
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => DirectoryErrorKind::Misconfigured,
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => DirectoryErrorKind::Unavailable,
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => DirectoryErrorKind::Misconfigured,
        sqlx::Error::Database(error) => match error.try_downcast_ref::<MySqlDatabaseError>() {
            Some(error) => kind_of_number(error.number()),
            None => kind_of_code(error.code().as_deref().unwrap_or_default()),
        },
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

/// The numbers of MariaDB (<https://mariadb.com/kb/en/mariadb-error-code-reference/>) and MySQL, whose codes beside them say
/// less: a server that shuts down and a table that can't be written may share one. Those of a client that doesn't get through,
/// from 2000 to 2061, are the driver's own errors here, if a proxy doesn't pass them on.
fn kind_of_number(number: u16) -> DirectoryErrorKind {
    match number {
        // Out of disk, memory, connections or threads; shut down.
        1021 | 1037 | 1038 | 1040 | 1041 | 1053 | 1077 | 1079 | 1135 | 1203 | 1226
        // The connection is lost or was killed, or a node of a cluster isn't ready.
        | 1047 | 1080 | 1129 | 1152..=1161 | 1184 | 1927 | 2002 | 2003 | 2006 | 2013 | 4031
        // A lock that wasn't had, or a statement that was cut off.
        | 1205 | 1213 | 1317 | 1614 | 1969 | 3024 | 3572 => DirectoryErrorKind::Unavailable,
        // The password, the host, the user, the database's name.
        1044 | 1045 | 1049 | 1130 | 1251 | 1698 | 1820 | 1862 | 3118 | 3159 | 4151
        // A table, a column, a right, a variable, what SQL is taken.
        | 1054 | 1064 | 1109 | 1142 | 1143 | 1146 | 1193 | 1227 | 1231 | 1305 | 1370
        // A read-only replica.
        | 1290 | 1792 | 1836 => DirectoryErrorKind::Misconfigured,
        _ => DirectoryErrorKind::Corrupt,
    }
}

#[cfg(test)]
mod tests {
    use super::{kind_of_code, kind_of_number};
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

    #[test]
    fn numbers_of_mariadb_have_their_kind() {
        for number in [1040, 1053, 1205, 1213, 1927, 2002, 2003, 2006, 2013] {
            assert_eq!(kind_of_number(number), Unavailable, "{number}");
        }
        for number in [1044, 1045, 1049, 1054, 1142, 1143, 1146, 1290] {
            assert_eq!(kind_of_number(number), Misconfigured, "{number}");
        }
        for number in [0, 1062, 1292, 1366, 1406] {
            assert_eq!(kind_of_number(number), Corrupt, "{number}");
        }
    }
}
