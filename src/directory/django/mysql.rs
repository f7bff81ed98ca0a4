//! What is MariaDB's and MySQL's own about a connection: its URL, how its session is begun, and when it is given up.

use std::{sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, MySql, MySqlConnection, Transaction,
    mysql::MySqlConnectOptions,
    pool::{PoolConnection, PoolOptions},
};
use url::Url;

use super::{database::UrlError, error::Failure};

/// Reads `mysql://user:password@host:port/database`, also with `?socket=/path`. Without a user, the driver would take `root`.
pub(super) fn options(text: &str) -> Result<MySqlConnectOptions, UrlError> {
    let url = Url::parse(text).map_err(|_| UrlError::Form)?;
    if url.username().is_empty() || url.path().len() < 2 {
        return Err(UrlError::Form);
    }
    if url.query_pairs().any(|(name, value)| asks_for_tls(&name, &value)) {
        return Err(UrlError::Tls);
    }
    let options = MySqlConnectOptions::from_url(&url).map_err(|_| UrlError::Form)?;
    // All of the mode is set by `session`, and texts are Rust's.
    let options = options.pipes_as_concat(false).no_engine_substitution(false).charset("utf8mb4");
    Ok(options.disable_statement_logging())
}

/// Clients of MySQL spell it `ssl-mode`, `sslmode`, `ssl_ca`, `ssl`, `tls`. The driver passes over what it doesn't know, and
/// would send the password in the clear.
fn asks_for_tls(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let without = ["DISABLED", "PREFERRED"].iter().any(|mode| value.eq_ignore_ascii_case(mode));
    (name.starts_with("ssl") || name.starts_with("tls")) && !(name.ends_with("mode") && without)
}

/// Has each session begun alike, whatever the server is set to.
///
/// `ANSI_QUOTES`: an identifier stands in double quotes, as for the other databases, so the statements are the same ones.
/// `STRICT_TRANS_TABLES`: what a column can't hold is refused and not cut off. UTC is what Django keeps in its columns. A
/// transaction that waited for a row sees what the other one wrote there, as Django's own do. Nobody waits for a row much
/// longer than the call lasts that asked for it.
pub(super) fn with_session(pool: PoolOptions<MySql>, timeout: Duration) -> PoolOptions<MySql> {
    let settings: Arc<str> = format!(
        "SET SESSION sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES', time_zone = '+00:00', innodb_lock_wait_timeout = {}",
        timeout.as_secs().max(1)
    )
    .into();
    pool.after_connect(move |connection, _| {
        let settings = Arc::clone(&settings);
        Box::pin(async move {
            connection.execute(AssertSqlSafe(settings)).await?;
            connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
            Ok(())
        })
    })
}

/// A connection from the pool, and back in it when it is dropped, unless it was left in the middle of something: a call that
/// runs out of time is dropped wherever it waits. The driver can't find its way back from there. It loses the thread in
/// the answer to a statement that was being prepared, and of a `BEGIN` whose answer nobody saw it doesn't know that a
/// transaction is open, so that what comes after would never be committed. Such a connection is closed, and the server
/// undoes what was not committed.
pub(super) struct Kept {
    connection: PoolConnection<MySql>,
    is_unfinished: bool,
}

impl Kept {
    pub(super) const fn new(connection: PoolConnection<MySql>) -> Self {
        Self { connection, is_unfinished: false }
    }

    pub(super) fn driver(&mut self) -> Use<'_> {
        Use { driver: &mut self.connection, is_unfinished: &mut self.is_unfinished }
    }

    pub(super) async fn begin(&mut self) -> Result<Step<'_>, Failure> {
        self.is_unfinished = true;
        let step = self.connection.begin().await?;
        self.is_unfinished = false;
        Ok(Step { step, is_unfinished: &mut self.is_unfinished })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.is_unfinished {
            self.connection.close_on_drop();
        }
    }
}

/// A transaction on such a connection.
pub(super) struct Step<'c> {
    step: Transaction<'c, MySql>,
    is_unfinished: &'c mut bool,
}

impl Step<'_> {
    pub(super) fn driver(&mut self) -> Use<'_> {
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
pub(super) struct Use<'c> {
    driver: &'c mut MySqlConnection,
    is_unfinished: &'c mut bool,
}

impl Use<'_> {
    /// Runs `work`, and notes whether it came to its end: an answer, or the server's refusal.
    pub(super) async fn see_through<T>(
        self,
        work: impl AsyncFnOnce(&mut MySqlConnection) -> sqlx::Result<T>,
    ) -> sqlx::Result<T> {
        *self.is_unfinished = true;
        let answer = work(self.driver).await;
        *self.is_unfinished = answer.as_ref().is_err_and(|error| error.as_database_error().is_none());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::{UrlError, options};

    #[test]
    fn a_url_names_its_user_and_database_and_may_name_a_socket() {
        for url in
            ["mysql://u:p@h:3307/db", "mariadb://u@h/db", "mysql://u:p@localhost/db?socket=/run/mysqld/mysqld.sock"]
        {
            assert_eq!(options(url).unwrap().get_username(), "u", "{url}");
        }
        for url in
            ["mysql://h/db", "mysql://:p@h/db", "mysql://u:p@h", "mysql://u:p@h/", "mysql://u:p@h:99999/db", "mysql:"]
        {
            assert!(matches!(options(url), Err(UrlError::Form)), "{url}");
        }
    }

    #[test]
    fn tls_that_is_asked_for_is_refused_rather_than_left_out() {
        for parameter in
            ["ssl-mode=REQUIRED", "sslmode=verify_ca", "SSL_MODE=required", "ssl=true", "tls=1", "ssl-ca=/ca.pem"]
        {
            assert!(matches!(options(&format!("mysql://u:p@h/db?{parameter}")), Err(UrlError::Tls)), "{parameter}");
        }
        for parameter in ["ssl-mode=DISABLED", "sslmode=preferred", "charset=latin1"] {
            assert!(options(&format!("mysql://u:p@h/db?{parameter}")).is_ok(), "{parameter}");
        }
    }
}
