//! `[directory]` and `[hashing]`: where users come from, and who computes their hashes.

use std::time::Duration;

use url::Url;

use super::{
    reader::{Fault, Holds, Table, millis, seconds},
    server::processors,
};
use crate::model::Secret;

const URL: &str = "\"sqlite:///path\", \"postgres://user:password@host:port/database\" or \
    \"mysql://user:password@host:port/database\"";

/// Where users come from. One kind so far: the database of a Django project.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    /// `sqlite:///path`, `postgres://…`, `mysql://…`. Holds a password, so it is a secret.
    pub url: Secret,
    /// The user table, `users_user`; `None`: found through Django's own catalogue.
    pub user_table: Option<String>,
    /// The column that users log in with.
    pub username_column: String,
    /// Connections kept to the database.
    pub max_connections: u32,
    /// One query's time, connecting included.
    pub timeout: Duration,
    /// Who computes hashes.
    pub hashing: Hashing,
}

/// The pool of threads that check passwords.
#[derive(Clone, Copy, Debug)]
pub struct Hashing {
    /// Threads; passwords checked at once.
    pub threads: usize,
    /// Logins that may wait; one more is told to come back.
    pub queue: usize,
    /// How long a login may wait.
    pub deadline: Duration,
}

impl DirectorySettings {
    pub(super) fn read(table: &Table<'_>, hashing: Hashing) -> Option<Self> {
        table.require("url", "{ env = \"DATABASE_URL\" }");
        let url = table.secret("url", URL, check_url);
        let user_table = table.text("user_table", "the name of a table, such as \"users_user\"", parse_name);
        let username_column = table.text("username_column", "the name of a column, such as \"email\"", parse_name);
        let max_connections = table.number("max_connections", 5, &(1..=1_000));
        let timeout = table.duration("timeout", seconds(5), &(millis(50)..=seconds(60)));
        Some(Self {
            url: url?,
            user_table,
            username_column: username_column.unwrap_or_else(|| "username".to_owned()),
            max_connections,
            timeout,
            hashing,
        })
    }
}

impl Hashing {
    /// Half of the processors, so that a rush of logins leaves the others to what is forwarded.
    pub(super) fn read(table: &Table<'_>) -> Self {
        Self {
            threads: table.number("threads", processors().div_ceil(2), &(1..=1024)),
            queue: table.number("queue", 64, &(0..=100_000)),
            deadline: table.duration("deadline", seconds(5), &(millis(100)..=seconds(60))),
        }
    }
}

fn check_url(text: &str) -> Result<Holds, Fault> {
    match text.split_once("://") {
        Some(("sqlite", path)) if path.starts_with('/') => Ok(Holds::Nothing),
        Some((scheme @ ("postgres" | "postgresql" | "mysql" | "mariadb"), _)) => {
            let url = Url::parse(text).map_err(|_| Fault::Form)?;
            // Without a user, PostgreSQL takes the process's own, and MySQL none that can be meant.
            let lacks_user = scheme.starts_with('m') && url.username().is_empty();
            if url.path().len() < 2 || lacks_user {
                return Err(Fault::Form);
            }
            Ok(if url.password().is_some() { Holds::Secret } else { Holds::Nothing })
        }
        Some(_) | None => Err(Fault::Form),
    }
}

/// Names are quoted in SQL; this keeps mistakes out, not attacks.
fn parse_name(text: &str) -> Result<String, Fault> {
    if text.is_empty() || text.len() > 63 || text.contains(|c: char| c.is_control() || c == '"') {
        return Err(Fault::Form);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Holds, check_url};
    use crate::config::tests::{config, messages};

    #[test]
    fn the_databases_that_can_be_read() {
        let holds = |url| check_url(url).ok();
        assert!(holds("sqlite:///srv/db.sqlite3") == Some(Holds::Nothing));
        assert!(holds("postgres://u:p@db:5432/app") == Some(Holds::Secret));
        assert!(holds("postgresql://u@db/app") == Some(Holds::Nothing));
        assert!(holds("mysql://u:p@db:3306/app") == Some(Holds::Secret));
        assert!(holds("mariadb://u@localhost/app?socket=/run/mysqld/mysqld.sock") == Some(Holds::Nothing));
        for bad in
            ["sqlite:db", "sqlite://db", "postgres://db", "postgres:///", "mysql://u:p@db", "mysql://db/app", "app", ""]
        {
            assert!(holds(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn half_of_the_processors_compute_hashes() {
        let settings = config("[server]\nthreads = 1\n[hashing]\nqueue = 3").directory.hashing;
        assert!(settings.threads >= 1);
        assert_eq!(settings.queue, 3);
    }

    #[test]
    fn a_name_is_not_empty() {
        assert_eq!(
            messages("user_table = ''"),
            ["`directory.user_table`: expected the name of a table, such as \"users_user\", found the text \"\""]
        );
    }
}
