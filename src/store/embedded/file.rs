//! Opening the file: permissions, durability, and whose format it is.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use super::failure;
use crate::store::{StoreError, StoreErrorKind};

/// The format that this release reads and writes, kept in `PRAGMA user_version`.
const FORMAT: i64 = 1;

/// Marks the file as railgate's (`PRAGMA application_id`): "rlgt" in ASCII.
const APPLICATION: i64 = 0x726c_6774;

/// How long another program that holds the file, a backup say, is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// The file is not one that this release may touch.
#[derive(Debug, thiserror::Error)]
enum Foreign {
    #[error("the file has format {found}; this release knows formats up to {FORMAT}")]
    Newer { found: i64 },
    #[error("the file is a database of another program")]
    NotOurs,
}

/// Makes the file when it is missing, readable by its owner only: who reads it sees who is logged in from where.
///
/// SQLite gives its `-wal` and `-shm` files the mode of the main file.
pub(super) fn create(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

/// A connection whose commits are on the disk when they return: with WAL, `FULL` syncs the log at every commit, where
/// `NORMAL` would lose the last ones with the power.
pub(super) async fn connect(path: &Path) -> Result<SqliteConnection, StoreError> {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(failure::translate)
}

/// Checks the format and lays out what isn't there. Nothing is written to a file that is not ours.
///
/// A table that a release adds comes into a file of an earlier one here; that release doesn't mind it.
pub(super) async fn prepare(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    // Immediate, so that of two gateways that start at once one lays out the file and the other finds it done.
    let mut step = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failure::translate)?;
    let is_new = is_new(&mut step).await?;
    lay_out(&mut step, is_new).await.map_err(failure::translate)?;
    step.commit().await.map_err(failure::translate)?;
    sqlx::query("PRAGMA journal_mode = WAL").execute(connection).await.map_err(failure::translate)?;
    Ok(())
}

/// `true` for an empty file, `false` for one of this format.
async fn is_new(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let (application, format, objects): (i64, i64, i64) = sqlx::query_as(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
         FROM pragma_application_id, pragma_user_version",
    )
    .fetch_one(connection)
    .await
    .map_err(failure::translate)?;
    match (application, format, objects) {
        (APPLICATION, FORMAT, _) => Ok(false),
        (APPLICATION, found, _) if found > FORMAT => Err(corrupt(Foreign::Newer { found })),
        (0, 0, 0) => Ok(true),
        _ => Err(corrupt(Foreign::NotOurs)),
    }
}

async fn lay_out(connection: &mut SqliteConnection, is_new: bool) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(include_str!("schema.sql")).execute(&mut *connection).await?;
    if is_new {
        // A PRAGMA takes no bound parameters.
        let marks = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}");
        sqlx::raw_sql(AssertSqlSafe(marks)).execute(connection).await?;
    }
    Ok(())
}

fn corrupt(cause: Foreign) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, cause)
}

#[cfg(test)]
mod tests {
    use sqlx::SqliteConnection;

    use super::{connect, create, is_new, prepare};

    async fn pragma<T>(connection: &mut SqliteConnection, sql: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
    }

    /// A crash of the process alone would not tell `FULL` from `NORMAL`; only a power cut does, and no test can cut it.
    #[tokio::test]
    async fn every_connection_syncs_each_commit_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        create(&path).unwrap();
        prepare(&mut connect(&path).await.unwrap()).await.unwrap();
        let mut later = connect(&path).await.unwrap();
        assert_eq!(pragma::<String>(&mut later, "PRAGMA journal_mode").await, "wal");
        assert_eq!(pragma::<i64>(&mut later, "PRAGMA synchronous").await, 2, "FULL");
        assert_eq!(pragma::<i64>(&mut later, "PRAGMA busy_timeout").await, 3000);
    }

    #[tokio::test]
    async fn a_file_that_was_laid_out_is_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        create(&path).unwrap();
        let mut connection = connect(&path).await.unwrap();
        assert!(is_new(&mut connection).await.unwrap());
        prepare(&mut connection).await.unwrap();
        assert!(!is_new(&mut connection).await.unwrap());
    }
}
