//! Instants in the form that Django gives them in SQLite: UTC without saying so, `2026-11-22 09:42:22.000120`.
//!
//! Django writes UTC when `USE_TZ` is true, its default since 5.0. A project on SQLite with `USE_TZ = False` keeps local time
//! there, which nothing in the database says; its instants are then off by the local offset.

use std::fmt::Write as _;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::model::Timestamp;

/// Reads a column's text. Takes an explicit offset and a `T`, too, which other programs write. `None` for anything else.
pub(super) fn parse(column: &str) -> Option<Timestamp> {
    let (date, time) = column.split_once([' ', 'T'])?;
    let offset = if time.ends_with('Z') || time.contains(['+', '-']) { "" } else { "Z" };
    let instant = OffsetDateTime::parse(&format!("{date}T{time}{offset}"), &Rfc3339).ok()?;
    Some(instant.into())
}

/// The text that Django would write: as `str(datetime)` has it, the fraction only when there is one.
pub(super) fn to_column(at: Timestamp) -> Option<String> {
    let mut iso = String::new();
    // Fails for years that a column can't hold.
    write!(iso, "{at}").ok()?;
    Some(iso.strip_suffix("+00:00")?.replacen('T', " ", 1))
}

#[cfg(test)]
mod tests {
    use super::{parse, to_column};
    use crate::model::Timestamp;

    #[test]
    fn what_django_writes_is_read_and_written_alike() {
        for (column, micros) in
            [("2026-11-22 09:42:22.000120", 1_795_340_542_000_120), ("2026-11-22 09:42:22", 1_795_340_542_000_000)]
        {
            assert_eq!(parse(column), Some(Timestamp::from_micros(micros)));
            assert_eq!(to_column(Timestamp::from_micros(micros)).as_deref(), Some(column));
        }
    }

    #[test]
    fn an_explicit_offset_counts() {
        let nine = parse("2026-11-22 09:42:22.5");
        assert_eq!(parse("2026-11-22T09:42:22.500Z"), nine);
        assert_eq!(parse("2026-11-22 10:42:22.5+01:00"), nine);
        assert_eq!(parse("2026-11-22 04:42:22.5-05:00"), nine);
    }

    #[test]
    fn anything_else_is_no_instant() {
        for column in ["", "2026-11-22", "yesterday", "2026-13-01 00:00:00", "infinity"] {
            assert_eq!(parse(column), None, "{column}");
        }
        assert_eq!(to_column(Timestamp::from_micros(i64::MAX)), None);
    }
}
