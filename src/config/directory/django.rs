//! `[directory] kind = "django"`: the database of a Django project.

use std::time::Duration;

use url::Url;

use super::tls;
use crate::{
    config::reader::{Fault, Holds, Table, millis, seconds},
    model::Secret,
};

const URL: &str = "\"sqlite:///path\", \"postgres://user:password@host:port/database\" or \
    \"mysql://user:password@host:port/database\"";

/// The database of a Django project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DjangoDirectorySettings {
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
}

impl DjangoDirectorySettings {
    pub(super) const KEYS: &[&'static str] = &["url", "user_table", "username_column", "max_connections", "timeout"];

    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        table.require("url", "{ env = \"DATABASE_URL\" }");
        let url = table.secret("url", URL, check_url);
        let user_table = table.text("user_table", "the name of a table, such as \"users_user\"", parse_name);
        let column = "the name of a column, such as \"email\"";
        let username_column = table.text_or("username_column", column, "username", parse_name);
        let max_connections = table.number("max_connections", 5, &(1..=1_000));
        let timeout = table.duration("timeout", seconds(5), &(millis(50)..=seconds(60)));
        Some(Self { url: url?, user_table, username_column, max_connections, timeout })
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
            tls::check(&url)?;
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
    use crate::config::tests::messages;

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
    fn a_name_is_not_empty() {
        assert_eq!(
            messages("user_table = ''"),
            ["`directory.user_table`: expected the name of a table, such as \"users_user\", found the text \"\""]
        );
    }
}
