//! What is MariaDB's and MySQL's own about a connection: its URL, and how its session is begun.

use std::{sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, MySql, mysql::MySqlConnectOptions, pool::PoolOptions};
use url::Url;

use super::database::UrlError;

/// Reads `mysql://user:password@host:port/database`, also with `?socket=/path`. Without a user, the driver would take `root`.
pub(super) fn options(text: &str) -> Result<MySqlConnectOptions, UrlError> {
    let url = Url::parse(text).map_err(|_| UrlError::Form)?;
    if url.username().is_empty() || url.path().len() < 2 {
        return Err(UrlError::Form);
    }
    let options = MySqlConnectOptions::from_url(&url).map_err(|_| UrlError::Form)?;
    // All of the mode is set by `session`, and texts are Rust's.
    let options = options.pipes_as_concat(false).no_engine_substitution(false).charset("utf8mb4");
    Ok(options.disable_statement_logging())
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
}
