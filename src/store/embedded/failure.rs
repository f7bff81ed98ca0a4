//! What SQLite's failures mean to a caller.

use crate::store::{StoreError, StoreErrorKind};

/// `SQLITE_ERROR`: a table or column is missing, so the file is not what its version says.
const ERROR: i32 = 1;
/// `SQLITE_CORRUPT`.
const CORRUPT: i32 = 11;
/// `SQLITE_NOTADB`.
const NOT_A_DATABASE: i32 = 26;

/// Sorts a failure: damage stays until somebody repairs it, all else (locks, a full disk, I/O) may pass.
pub(super) fn translate(error: sqlx::Error) -> StoreError {
    let kind = match &error {
        sqlx::Error::Database(report) => match report.code().and_then(|code| code.parse().ok()).map(primary) {
            Some(ERROR | CORRUPT | NOT_A_DATABASE) => StoreErrorKind::Corrupt,
            _ => StoreErrorKind::Unavailable,
        },
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
            StoreErrorKind::Corrupt
        }
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, error)
}

/// The primary code is the low byte of an extended one (<https://www.sqlite.org/rescode.html>).
const fn primary(code: i32) -> i32 {
    code & 0xff
}
