//! Where the databases write the same thing differently.
//!
//! Every column is selected as text and every parameter bound as text, with the conversion in SQL: keys are integers or
//! UUIDs, flags booleans or numbers, instants a type or a text, and so one reader serves all databases. Parameters are
//! written `$1`, which PostgreSQL and SQLite both take.

use super::key::KeyKind;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// SQLite 3.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// An expression's value as text.
    pub(super) fn text(self, expression: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("CAST({expression} AS text)"),
        }
    }

    /// An instant as Django writes it to SQLite: UTC, `YYYY-MM-DD HH:MM:SS.ffffff`.
    pub(super) fn instant(self, expression: &str) -> String {
        match self {
            Self::Sqlite => self.text(expression),
            Self::Postgres => format!("to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"),
        }
    }

    /// A bound text in the form of [`instant`](Self::instant), as a value of the column's type.
    pub(super) fn bound_instant(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => parameter.to_owned(),
            Self::Postgres => format!("(CAST({parameter} AS timestamp) AT TIME ZONE 'UTC')"),
        }
    }

    /// A bound key, as a value of the key column's type, so that the column's index is used.
    pub(super) fn bound_key(self, kind: KeyKind, parameter: &str) -> String {
        match (self, kind) {
            (Self::Sqlite, KeyKind::Integer) => format!("CAST({parameter} AS integer)"),
            (Self::Sqlite, KeyKind::Uuid) => parameter.to_owned(),
            (Self::Postgres, KeyKind::Integer) => format!("CAST({parameter} AS bigint)"),
            (Self::Postgres, KeyKind::Uuid) => format!("CAST({parameter} AS uuid)"),
        }
    }

    /// A bound address, as a value of the column that `GenericIPAddressField` makes.
    pub(super) fn bound_address(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => parameter.to_owned(),
            Self::Postgres => format!("CAST({parameter} AS inet)"),
        }
    }

    /// Holds the rows that a query finds until the transaction ends. SQLite has one writer anyway.
    pub(super) const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
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
        }
    }
}

/// An identifier in double quotes, as standard SQL has it and both databases take it.
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
