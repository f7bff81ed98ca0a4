//! Connections to the database of a Django project, whichever kind it is.
//!
//! Everything above speaks SQL with text in and text out (see [`dialect`](super::dialect)); this file names drivers. The
//! next kind of database is a variant of [`Options`], [`Pool`] and [`Connection`] and the arms that the compiler then asks for.
//! What only MariaDB asks for is in [`mysql`].

use std::{
    path::PathBuf,
    str::FromStr as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, ColumnIndex, ConnectOptions as _, Database as Driver, Decode, MySql, MySqlPool, PgPool, Postgres,
    Row, Sqlite, SqlitePool, Type, mysql::MySqlConnectOptions, pool::PoolOptions, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};

use super::{
    dialect::Dialect,
    error::Failure,
    kept::{Kept, Step, Use},
    mysql,
    statement::Statement,
};

/// A row of texts; `None` is SQL's NULL.
pub(super) type TextRow = Vec<Option<String>>;

/// A database, connected to when it is first needed.
pub(super) struct Database {
    options: Options,
    max_connections: u32,
    timeout: Duration,
    /// Made by the first call, because a pool belongs to the runtime on which it is made.
    pool: OnceLock<Pool>,
}

enum Options {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
    Mysql(MySqlConnectOptions),
}

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Mysql(MySqlPool),
}

/// One connection, back in the pool when it is dropped.
pub(super) enum Connection {
    Sqlite(Kept<Sqlite>),
    Postgres(Kept<Postgres>),
    Mysql(Kept<MySql>),
}

/// Why a URL can't be used. None of its text is repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub(super) enum UrlError {
    /// Another scheme, or none.
    #[error("`[directory] url` must begin with sqlite://, postgres:// or mysql://")]
    Scheme,
    /// The rest of it.
    #[error(
        "`[directory] url` can't be read; expected sqlite:///path, postgres://user:password@host:port/database or \
         mysql://user:password@host:port/database"
    )]
    Form,
}

impl Database {
    /// Reads the URL; connects to nothing.
    pub(super) fn new(url: &str, max_connections: u32, timeout: Duration) -> Result<Self, UrlError> {
        let options = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Options::Sqlite(sqlite_options(url, timeout)?),
            Some("postgres" | "postgresql") => {
                let options = PgConnectOptions::from_str(url).map_err(|_| UrlError::Form)?;
                Options::Postgres(options.application_name("railgate").disable_statement_logging())
            }
            Some("mysql" | "mariadb") => Options::Mysql(mysql::options(url)?),
            Some(_) | None => return Err(UrlError::Scheme),
        };
        Ok(Self { options, max_connections, timeout, pool: OnceLock::new() })
    }

    pub(super) const fn dialect(&self) -> Dialect {
        match self.options {
            Options::Sqlite(_) => Dialect::Sqlite,
            Options::Postgres(_) => Dialect::Postgres,
            Options::Mysql(_) => Dialect::Mysql,
        }
    }

    /// A connection that works, from the pool or new.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        match self.pool.get_or_init(|| self.make_pool()) {
            Pool::Sqlite(pool) => pool.acquire().await.map(|connection| Connection::Sqlite(Kept::new(connection))),
            Pool::Postgres(pool) => pool.acquire().await.map(|connection| Connection::Postgres(Kept::new(connection))),
            Pool::Mysql(pool) => pool.acquire().await.map(|connection| Connection::Mysql(Kept::new(connection))),
        }
        .map_err(|error| self.explain(error))
    }

    fn make_pool(&self) -> Pool {
        match &self.options {
            Options::Sqlite(options) => Pool::Sqlite(self.pool_options().connect_lazy_with(options.clone())),
            Options::Postgres(options) => Pool::Postgres(self.pool_options().connect_lazy_with(options.clone())),
            Options::Mysql(options) => {
                let pool = mysql::with_session(self.pool_options(), self.timeout);
                Pool::Mysql(pool.connect_lazy_with(options.clone()))
            }
        }
    }

    fn pool_options<D: Driver>(&self) -> PoolOptions<D> {
        PoolOptions::new().max_connections(self.max_connections).acquire_timeout(self.timeout)
    }

    /// SQLite's own message for an absent file doesn't say which; the pool's for a server that is down speaks of the pool.
    fn explain(&self, error: sqlx::Error) -> Failure {
        const CANTOPEN: &str = "14";
        match (&self.options, &error) {
            (_, sqlx::Error::PoolTimedOut) => Failure::Late(self.timeout),
            (Options::Sqlite(options), sqlx::Error::Database(cause)) if cause.code().as_deref() == Some(CANTOPEN) => {
                Failure::CannotOpen { path: PathBuf::from(options.get_filename()), source: error }
            }
            _ => Failure::Database(error),
        }
    }
}

/// Nothing here changes somebody else's file: it isn't created, and its journal mode stays as it is (WAL or not).
fn sqlite_options(url: &str, timeout: Duration) -> Result<SqliteConnectOptions, UrlError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|_| UrlError::Form)?;
    Ok(options.create_if_missing(false).busy_timeout(timeout).disable_statement_logging())
}

impl Connection {
    /// Runs a query with these parameters and returns its rows.
    pub(super) async fn rows(&mut self, statement: &Statement, parameters: &[&str]) -> Result<Vec<TextRow>, Failure> {
        self.driver().rows(statement, parameters).await
    }

    /// Runs a statement with these parameters and returns how many rows it was about.
    pub(super) async fn execute(&mut self, statement: &Statement, parameters: &[&str]) -> Result<u64, Failure> {
        self.driver().execute(statement, parameters).await
    }

    /// Begins a transaction, which is undone unless it is committed. On SQLite it is a writer's from the start: one that reads
    /// first could find at its write that another was faster, and must fail. On PostgreSQL each statement sees what was
    /// committed before it, whatever the server's default: who waited for a row must see what was done to others meanwhile.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_>, Failure> {
        Ok(match self {
            Self::Sqlite(connection) => Transaction::Sqlite(connection.begin("BEGIN IMMEDIATE").await?),
            Self::Postgres(connection) => {
                Transaction::Postgres(connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED").await?)
            }
            Self::Mysql(connection) => Transaction::Mysql(connection.begin("BEGIN").await?),
        })
    }

    fn driver(&mut self) -> On<'_> {
        match self {
            Self::Sqlite(connection) => On::Sqlite(connection.driver()),
            Self::Postgres(connection) => On::Postgres(connection.driver()),
            Self::Mysql(connection) => On::Mysql(connection.driver()),
        }
    }
}

/// Steps that happen together or not at all.
pub(super) enum Transaction<'c> {
    Sqlite(Step<'c, Sqlite>),
    Postgres(Step<'c, Postgres>),
    Mysql(Step<'c, MySql>),
}

impl Transaction<'_> {
    /// As [`Connection::rows`].
    pub(super) async fn rows(&mut self, statement: &Statement, parameters: &[&str]) -> Result<Vec<TextRow>, Failure> {
        self.driver().rows(statement, parameters).await
    }

    /// As [`Connection::execute`].
    pub(super) async fn execute(&mut self, statement: &Statement, parameters: &[&str]) -> Result<u64, Failure> {
        self.driver().execute(statement, parameters).await
    }

    pub(super) async fn commit(self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(step) => step.commit().await,
            Self::Postgres(step) => step.commit().await,
            Self::Mysql(step) => step.commit().await,
        }
    }

    fn driver(&mut self) -> On<'_> {
        match self {
            Self::Sqlite(step) => On::Sqlite(step.driver()),
            Self::Postgres(step) => On::Postgres(step.driver()),
            Self::Mysql(step) => On::Mysql(step.driver()),
        }
    }
}

/// What statements run on.
enum On<'c> {
    Sqlite(Use<'c, Sqlite>),
    Postgres(Use<'c, Postgres>),
    Mysql(Use<'c, MySql>),
}

impl On<'_> {
    async fn rows(self, statement: &Statement, parameters: &[&str]) -> Result<Vec<TextRow>, Failure> {
        match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.numbered)));
                let query = parameters.iter().fold(query, |query, &text| query.bind(text));
                connection.see_through(async |driver| query.fetch_all(driver).await).await?.iter().map(texts).collect()
            }
            Self::Postgres(connection) => {
                let query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.numbered)));
                let query = parameters.iter().fold(query, |query, &text| query.bind(text));
                connection.see_through(async |driver| query.fetch_all(driver).await).await?.iter().map(texts).collect()
            }
            Self::Mysql(connection) => {
                let query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.positional)));
                let query = statement.in_order(parameters).fold(query, |query, text| query.bind(text));
                connection.see_through(async |driver| query.fetch_all(driver).await).await?.iter().map(texts).collect()
            }
        }
    }

    async fn execute(self, statement: &Statement, parameters: &[&str]) -> Result<u64, Failure> {
        Ok(match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.numbered)));
                let query = parameters.iter().fold(query, |query, &text| query.bind(text));
                connection.see_through(async |driver| query.execute(driver).await).await?.rows_affected()
            }
            Self::Postgres(connection) => {
                let query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.numbered)));
                let query = parameters.iter().fold(query, |query, &text| query.bind(text));
                connection.see_through(async |driver| query.execute(driver).await).await?.rows_affected()
            }
            Self::Mysql(connection) => {
                let query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.positional)));
                let query = statement.in_order(parameters).fold(query, |query, text| query.bind(text));
                connection.see_through(async |driver| query.execute(driver).await).await?.rows_affected()
            }
        })
    }
}

fn texts<'r, R>(row: &'r R) -> Result<TextRow, Failure>
where
    R: Row,
    usize: ColumnIndex<R>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    (0..row.len()).map(|index| Ok(row.try_get(index)?)).collect()
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::{Connection, Database, Failure};

    /// A database of one table, and the folder that it is in.
    async fn counters() -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/db.sqlite3", folder.path().display());
        let made = sqlx::SqlitePool::connect(&format!("{url}?mode=rwc")).await.unwrap();
        let table = "CREATE TABLE counters (id integer, count integer); INSERT INTO counters VALUES (1, 0), (2, 0)";
        sqlx::raw_sql(table).execute(&made).await.unwrap();
        made.close().await;
        (folder, Database::new(&url, 8, Duration::from_secs(20)).unwrap())
    }

    async fn count(connection: &mut Connection) -> Option<String> {
        let rows = connection.rows(&"SELECT CAST(sum(count) AS text) FROM counters".into(), &[]).await.unwrap();
        rows[0][0].clone()
    }

    async fn add(connection: &mut Connection, commits: bool) -> Result<(), Failure> {
        let mut step = connection.begin().await?;
        let id = "1";
        let rows = step.rows(&"SELECT CAST(count AS text) FROM counters WHERE id = $1".into(), &[id]).await?;
        let more = (rows[0][0].as_deref().unwrap().parse::<u32>().unwrap() + 1).to_string();
        tokio::task::yield_now().await;
        let update = "UPDATE counters SET count = CAST($2 AS integer) WHERE id = CAST($1 AS integer)".into();
        assert_eq!(step.execute(&update, &[id, &more]).await?, 1);
        if commits { step.commit().await } else { Ok(()) }
    }

    #[tokio::test]
    async fn a_statement_tells_how_many_rows_it_was_about() {
        let (_folder, database) = counters().await;
        let mut connection = database.connect().await.unwrap();
        let same = "UPDATE counters SET count = 0 WHERE id >= CAST($1 AS integer)".into();
        for (from, rows) in [("1", 2), ("2", 1), ("3", 0)] {
            assert_eq!(connection.execute(&same, &[from]).await.unwrap(), rows);
        }
    }

    #[tokio::test]
    async fn what_is_not_committed_is_undone_on_the_same_connection() {
        let (_folder, database) = counters().await;
        let mut connection = database.connect().await.unwrap();
        add(&mut connection, false).await.unwrap();
        assert_eq!(count(&mut connection).await.as_deref(), Some("0"));
        add(&mut connection, true).await.unwrap();
        assert_eq!(count(&mut connection).await.as_deref(), Some("1"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_transactions_that_read_before_they_write_none_is_lost_and_none_fails() {
        let (_folder, database) = counters().await;
        let database = Arc::new(database);
        let adding: Vec<_> = (0..8)
            .map(|_| {
                let database = Arc::clone(&database);
                tokio::spawn(async move { add(&mut database.connect().await.unwrap(), true).await })
            })
            .collect();
        for one in adding {
            one.await.unwrap().unwrap();
        }
        assert_eq!(count(&mut database.connect().await.unwrap()).await.as_deref(), Some("8"));
    }
}
