//! Primary keys of users: integers and UUIDs.
//!
//! Outward a key has one text: digits, or a UUID in lower case with dashes (what Django's `str(user.pk)` gives). In a SQLite
//! column a UUID is 32 hexadecimal digits without dashes (Django's `UUIDField`); so it is on MySQL, and on MariaDB before
//! 10.7 or Django 5. MariaDB's own `uuid` takes them without dashes, too.

use super::dialect::Dialect;
use crate::model::UserId;

/// What a key column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// `AutoField`, `BigAutoField` and their kin.
    Integer,
    /// `UUIDField`.
    Uuid,
}

impl KeyKind {
    /// The kind of a column that was declared so; `None` for a type that can't be a user's key here.
    pub(super) fn of_column(declared: &str) -> Option<Self> {
        match declared.to_ascii_lowercase().as_str() {
            "uuid" | "char(32)" => Some(Self::Uuid),
            "integer" | "bigint" | "smallint" | "int" => Some(Self::Integer),
            "integer unsigned" | "bigint unsigned" | "smallint unsigned" => Some(Self::Integer),
            _ => None,
        }
    }

    /// The text to bind for this id; `None` when no row can have it.
    pub(super) fn to_column(self, id: &UserId, dialect: Dialect) -> Option<String> {
        match self {
            Self::Integer => id.as_str().parse::<i64>().ok().map(|key| key.to_string()),
            Self::Uuid => {
                let digits = hex_digits(id.as_str())?;
                Some(match dialect {
                    Dialect::Sqlite | Dialect::Mysql => digits,
                    Dialect::Postgres => dashed(&digits),
                })
            }
        }
    }

    /// The id that a column's text stands for; `None` when it is no key of this kind.
    pub(super) fn to_id(self, column: &str) -> Option<UserId> {
        match self {
            Self::Integer => column.parse::<i64>().ok().map(|key| UserId::new(key.to_string())),
            Self::Uuid => hex_digits(column).map(|digits| UserId::new(dashed(&digits))),
        }
    }
}

/// The 32 digits of a UUID, written with dashes in their places or without any.
fn hex_digits(text: &str) -> Option<String> {
    let digits: String = match text.len() {
        32 => text.to_ascii_lowercase(),
        36 if [8, 13, 18, 23].iter().all(|&at| text.as_bytes()[at] == b'-') => {
            text.to_ascii_lowercase().replace('-', "")
        }
        _ => return None,
    };
    (digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// `8-4-4-4-12`.
fn dashed(digits: &str) -> String {
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::{super::dialect::Dialect, KeyKind};
    use crate::model::UserId;

    const DASHED: &str = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
    const BARE: &str = "6f9619ff8b864011b42d00c04fc964ff";

    #[test]
    fn a_uuid_has_one_text_outward_and_the_databases_own_inward() {
        for column in [DASHED, BARE, &DASHED.to_uppercase()] {
            assert_eq!(KeyKind::Uuid.to_id(column), Some(UserId::new(DASHED)));
        }
        let id = UserId::new(DASHED);
        for dialect in [Dialect::Sqlite, Dialect::Mysql] {
            assert_eq!(KeyKind::Uuid.to_column(&id, dialect).as_deref(), Some(BARE));
        }
        assert_eq!(KeyKind::Uuid.to_column(&id, Dialect::Postgres).as_deref(), Some(DASHED));
    }

    #[test]
    fn what_is_no_key_is_never_asked_for() {
        for text in ["", "abc", "1.5", "9223372036854775808", DASHED, "1; DROP TABLE users_user"] {
            assert_eq!(KeyKind::Integer.to_column(&UserId::new(text), Dialect::Postgres), None, "{text}");
        }
        for text in [
            "",
            "1",
            "6f9619ff-8b86-4011-b42d-00c04fc964fg",
            "6f9619ff8b86-4011-b42d-00c04fc964ff-",
            "éééééééééééééééé",
        ] {
            assert_eq!(KeyKind::Uuid.to_column(&UserId::new(text), Dialect::Sqlite), None, "{text}");
        }
        assert_eq!(KeyKind::Integer.to_column(&UserId::new("007"), Dialect::Sqlite).as_deref(), Some("7"));
    }

    #[test]
    fn declared_types_of_all_databases_are_known() {
        for declared in ["integer", "bigint", "INTEGER", "bigint unsigned"] {
            assert_eq!(KeyKind::of_column(declared), Some(KeyKind::Integer), "{declared}");
        }
        for declared in ["uuid", "char(32)"] {
            assert_eq!(KeyKind::of_column(declared), Some(KeyKind::Uuid), "{declared}");
        }
        assert_eq!(KeyKind::of_column("varchar(30)"), None);
    }
}
