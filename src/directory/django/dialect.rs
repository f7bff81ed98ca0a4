//! Where the databases write the same thing differently.
//!
//! Every column is selected as text and every parameter bound as text, with the conversion in SQL: keys are integers or
//! UUIDs, flags booleans or numbers, instants a type or a text, and so one reader serves all databases. How parameters are
//! written is for [`statement`](super::statement).
//!
//! MariaDB compares texts by the column's collation, which as a rule sees no difference between `john` and `John`, nor a space
//! at the end. Names of users are compared so, as the backend itself does, and Django's unique index, too. Secrets never are:
//! see [`Dialect::same`].

use super::key::KeyKind;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// SQLite 3.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MariaDB and MySQL.
    Mysql,
}

impl Dialect {
    /// An expression's value as text.
    pub(super) fn text(self, expression: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("CAST({expression} AS text)"),
            Self::Mysql => format!("CAST({expression} AS char)"),
        }
    }

    /// An instant as Django writes it to SQLite: UTC, `YYYY-MM-DD HH:MM:SS.ffffff`.
    pub(super) fn instant(self, expression: &str) -> String {
        match self {
            // A `datetime(6)` without a time zone, in which Django keeps UTC.
            Self::Sqlite | Self::Mysql => self.text(expression),
            Self::Postgres => format!("to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"),
        }
    }

    /// A bound text in the form of [`instant`](Self::instant), as a value of the column's type.
    pub(super) fn bound_instant(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => parameter.to_owned(),
            Self::Postgres => format!("(CAST({parameter} AS timestamp) AT TIME ZONE 'UTC')"),
            Self::Mysql => format!("CAST({parameter} AS datetime(6))"),
        }
    }

    /// A bound key, as a value of the key column's type, so that the column's index is used.
    pub(super) fn bound_key(self, kind: KeyKind, parameter: &str) -> String {
        match (self, kind) {
            (Self::Sqlite, KeyKind::Integer) => format!("CAST({parameter} AS integer)"),
            (Self::Mysql, KeyKind::Integer) => format!("CAST({parameter} AS signed)"),
            // MariaDB makes a `uuid` of a text that is compared with one.
            (Self::Sqlite | Self::Mysql, KeyKind::Uuid) => parameter.to_owned(),
            (Self::Postgres, KeyKind::Integer) => format!("CAST({parameter} AS bigint)"),
            (Self::Postgres, KeyKind::Uuid) => format!("CAST({parameter} AS uuid)"),
        }
    }

    /// Whether a column holds this text, byte for byte; for what nobody may come near by guessing another case of it.
    pub(super) fn same(self, column: &str, parameter: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("{column} = {parameter}"),
            // The first comparison finds the row by an index, and the second one is exact.
            Self::Mysql => format!("{column} = {parameter} AND CAST({column} AS binary) = CAST({parameter} AS binary)"),
        }
    }

    /// A bound address, as a value of the column that `GenericIPAddressField` makes.
    pub(super) fn bound_address(self, parameter: &str) -> String {
        match self {
            Self::Sqlite | Self::Mysql => parameter.to_owned(),
            Self::Postgres => format!("CAST({parameter} AS inet)"),
        }
    }

    /// Whether the catalogue leaves out tables that the role has no right on.
    pub(super) const fn hides_tables(self) -> bool {
        match self {
            Self::Sqlite | Self::Postgres => false,
            Self::Mysql => true,
        }
    }

    /// Holds the rows that a query finds until the transaction ends. SQLite has one writer anyway; PostgreSQL's weaker hold keeps
    /// no row from being referred to.
    pub(super) const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE",
            Self::Mysql => " FOR UPDATE",
        }
    }

    /// Lists every column of every table that an unqualified name reaches: table, column, declared type.
    pub(super) const fn catalogue(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT m.name, c.name, c.type FROM sqlite_master AS m \
                 JOIN pragma_table_info(m.name) AS c WHERE m.type IN ('table', 'view')"
            }
            Self::Postgres => {
                "SELECT CAST(t.relname AS text), CAST(c.attname AS text), format_type(c.atttypid, NULL) \
                 FROM pg_catalog.pg_attribute AS c JOIN pg_catalog.pg_class AS t ON t.oid = c.attrelid \
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace \
                 WHERE t.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.attnum > 0 AND NOT c.attisdropped \
                 AND pg_catalog.pg_table_is_visible(t.oid) AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
            }
            // The full type says the length, without which a UUID can't be told, and of numbers how wide they are shown.
            Self::Mysql => {
                "SELECT CAST(table_name AS char), CAST(column_name AS char), \
                 CAST(CASE WHEN data_type = 'char' THEN column_type ELSE data_type END AS char) \
                 FROM information_schema.columns WHERE table_schema = DATABASE()"
            }
        }
    }
}

/// An identifier in double quotes, as standard SQL has it; MariaDB takes it in the mode in which its sessions are begun.
pub(super) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_quote_in_a_name_stays_in_the_name() {
        assert_eq!(quoted("users_user"), "\"users_user\"");
        assert_eq!(quoted("a\" OR 1=1"), "\"a\"\" OR 1=1\"");
    }
}
