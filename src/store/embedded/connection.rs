//! A connection that calls take turns on, replaced when a call leaves it in doubt.
//!
//! After a failed write SQLite may have rolled back by itself (a full disk does that), and sqlx then counts a
//! transaction that no longer exists and refuses every further one. A call that was cut off leaves a similar doubt.
//! So only a call that ended well gives its connection back; else it is closed and the next call opens a new one.

use std::path::PathBuf;

use sqlx::SqliteConnection;
use tokio::sync::{Mutex, MutexGuard};

use super::file;
use crate::store::StoreError;

/// One connection, or the place of one.
pub(super) struct Seat {
    path: PathBuf,
    slot: Mutex<Option<SqliteConnection>>,
}

/// One call's exclusive use of the connection.
pub(super) struct Turn<'a> {
    pub(super) connection: SqliteConnection,
    slot: MutexGuard<'a, Option<SqliteConnection>>,
}

impl Seat {
    /// A seat for `connection`, which leads to the file at `path`.
    pub(super) fn new(path: PathBuf, connection: SqliteConnection) -> Self {
        Self { path, slot: Mutex::new(Some(connection)) }
    }

    /// Waits for the connection, in the order of asking.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, StoreError> {
        let mut slot = self.slot.lock().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => file::connect(&self.path).await?,
        };
        Ok(Turn { connection, slot })
    }
}

impl Turn<'_> {
    /// Gives the connection back, at the end of a call that went well.
    pub(super) fn done(mut self) {
        *self.slot = Some(self.connection);
    }
}
