//! Connections that are given up when a call was cut off in the middle of something.
//!
//! A call that runs out of time is dropped wherever it waits, and no driver finds its way back from everywhere: that of MySQL
//! loses the thread in the answer to a statement that was being prepared, and after a `BEGIN` whose answer nobody saw neither
//! that one nor PostgreSQL's knows that a transaction is open, so that what comes next on the connection would be reported
//! as done and never be committed. Such a connection is closed, and the server undoes what was not committed.

use sqlx::{Connection as _, Database, SqlStr, Transaction, pool::PoolConnection};

use super::error::Failure;

/// A connection from the pool, and back in it when it is dropped, unless it was left in the middle of something.
pub(super) struct Kept<D: Database> {
    connection: PoolConnection<D>,
    is_unfinished: bool,
}

impl<D: Database> Kept<D> {
    pub(super) const fn new(connection: PoolConnection<D>) -> Self {
        Self { connection, is_unfinished: false }
    }

    pub(super) fn driver(&mut self) -> Use<'_, D> {
        Use { driver: &mut self.connection, is_unfinished: &mut self.is_unfinished }
    }

    /// Begins a transaction by this statement.
    pub(super) async fn begin(&mut self, statement: &'static str) -> Result<Step<'_, D>, Failure> {
        self.is_unfinished = true;
        let step = self.connection.begin_with(SqlStr::from_static(statement)).await?;
        self.is_unfinished = false;
        Ok(Step { step, is_unfinished: &mut self.is_unfinished })
    }
}

impl<D: Database> Drop for Kept<D> {
    fn drop(&mut self) {
        if self.is_unfinished {
            self.connection.close_on_drop();
        }
    }
}

/// A transaction on such a connection.
pub(super) struct Step<'c, D: Database> {
    step: Transaction<'c, D>,
    is_unfinished: &'c mut bool,
}

impl<D: Database> Step<'_, D> {
    pub(super) fn driver(&mut self) -> Use<'_, D> {
        Use { driver: &mut self.step, is_unfinished: self.is_unfinished }
    }

    pub(super) async fn commit(self) -> Result<(), Failure> {
        *self.is_unfinished = true;
        self.step.commit().await?;
        *self.is_unfinished = false;
        Ok(())
    }
}

/// What statements run on.
pub(super) struct Use<'c, D: Database> {
    driver: &'c mut D::Connection,
    is_unfinished: &'c mut bool,
}

impl<D: Database> Use<'_, D> {
    /// Runs `work`, and notes whether it came to its end: an answer, or the server's refusal.
    pub(super) async fn see_through<T>(
        self,
        work: impl AsyncFnOnce(&mut D::Connection) -> sqlx::Result<T>,
    ) -> sqlx::Result<T> {
        *self.is_unfinished = true;
        let answer = work(self.driver).await;
        *self.is_unfinished = answer.as_ref().is_err_and(|error| error.as_database_error().is_none());
        answer
    }
}
