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

/// How a file came to each format from the one before; the first begins with an empty file.
const FORMATS: [&str; 8] = [
    include_str!("formats/1.sql"),
    include_str!("formats/2.sql"),
    include_str!("formats/3.sql"),
    include_str!("formats/4.sql"),
    include_str!("formats/5.sql"),
    include_str!("formats/6.sql"),
    include_str!("formats/7.sql"),
    include_str!("formats/8.sql"),
];

/// The format that this release reads and writes, kept in `PRAGMA user_version`.
const FORMAT: usize = FORMATS.len();

/// Marks the file as railgate's (`PRAGMA application_id`): "rlgt" in ASCII.
const APPLICATION: i64 = 0x726c_6774;

/// How long another program that holds the file, a backup say, is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// The file is not one that this release may touch.
#[derive(Debug, thiserror::Error)]
enum Foreign {
    #[error("the file has format {found}; this release knows formats up to {FORMAT}")]
    Newer { found: usize },
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

/// Checks the format, and lays out a new file or brings one of an earlier release to this format. Nothing is written to a
/// file that is not ours.
pub(super) async fn prepare(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    // Immediate, so that of two gateways that start at once one lays out the file and the other finds it done.
    let mut step = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failure::translate)?;
    let found = format(&mut step).await?;
    raise(&mut step, found).await.map_err(failure::translate)?;
    step.commit().await.map_err(failure::translate)?;
    sqlx::query("PRAGMA journal_mode = WAL").execute(connection).await.map_err(failure::translate)?;
    Ok(())
}

/// The file's format, at most [`FORMAT`]; 0 for an empty file.
async fn format(connection: &mut SqliteConnection) -> Result<usize, StoreError> {
    let (application, version, objects): (i64, i64, i64) = sqlx::query_as(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
         FROM pragma_application_id, pragma_user_version",
    )
    .fetch_one(connection)
    .await
    .map_err(failure::translate)?;
    match (application, usize::try_from(version), objects) {
        (APPLICATION, Ok(found @ 1..=FORMAT), _) => Ok(found),
        (APPLICATION, Ok(found), _) if found > FORMAT => Err(corrupt(Foreign::Newer { found })),
        (0, Ok(0), 0) => Ok(0),
        _ => Err(corrupt(Foreign::NotOurs)),
    }
}

async fn raise(connection: &mut SqliteConnection, from: usize) -> Result<(), sqlx::Error> {
    if from == FORMAT {
        return Ok(());
    }
    for step in &FORMATS[from..] {
        sqlx::raw_sql(*step).execute(&mut *connection).await?;
    }
    // A PRAGMA takes no bound parameters.
    let marks = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}");
    sqlx::raw_sql(AssertSqlSafe(marks)).execute(connection).await?;
    Ok(())
}

fn corrupt(cause: Foreign) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, cause)
}

#[cfg(test)]
mod tests {
    use sqlx::SqliteConnection;

    use super::{FORMAT, FORMATS, connect, create, format, prepare};

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
        assert_eq!(format(&mut connection).await.unwrap(), 0);
        prepare(&mut connection).await.unwrap();
        assert_eq!(format(&mut connection).await.unwrap(), FORMAT);
        prepare(&mut connection).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_of_an_earlier_release_keeps_its_sessions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        create(&path).unwrap();
        let mut connection = connect(&path).await.unwrap();
        sqlx::raw_sql(FORMATS[0]).execute(&mut connection).await.unwrap();
        sqlx::raw_sql("PRAGMA application_id = 0x726c6774; PRAGMA user_version = 1")
            .execute(&mut connection)
            .await
            .unwrap();
        let session = "INSERT INTO session VALUES (x'01', x'02', '1', 1, 1, 9, 9, 1, 0, NULL, NULL, NULL, x'03', NULL, NULL, NULL)";
        sqlx::raw_sql(session).execute(&mut connection).await.unwrap();
        prepare(&mut connection).await.unwrap();
        let kept: (String, Option<Vec<u8>>) =
            sqlx::query_as("SELECT user, password_mark FROM session").fetch_one(&mut connection).await.unwrap();
        assert_eq!(kept, ("1".to_owned(), None));
    }
}
