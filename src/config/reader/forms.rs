//! Durations and sizes as people write them: one whole number and its unit, `10s`, `64KiB`.

use std::time::Duration;

pub(in crate::config) const KIB: u64 = 1024;
pub(in crate::config) const MIB: u64 = 1024 * KIB;
pub(in crate::config) const GIB: u64 = 1024 * MIB;

pub(super) const DURATION: &str = "a duration such as \"10s\" (units: ms, s, m, h, d)";
pub(super) const SIZE: &str = "a size such as \"64KiB\" (units: B, KiB, MiB, GiB)";

/// Milliseconds of each unit, the largest first.
const SPANS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// Bytes of each unit, the largest first.
const SIZES: [(&str, u64); 4] = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB), ("B", 1)];

/// `n` milliseconds, seconds, … as constants of the sections.
pub(in crate::config) const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(in crate::config) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(in crate::config) const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

pub(in crate::config) const fn days(n: u64) -> Duration {
    Duration::from_secs(86_400 * n)
}

pub(super) fn duration(text: &str) -> Option<Duration> {
    quantity(text, &SPANS).map(Duration::from_millis)
}

pub(super) fn size(text: &str) -> Option<u64> {
    quantity(text, &SIZES)
}

/// `90s`, and `2m` rather than `120s`.
pub(in crate::config) fn spell_duration(span: Duration) -> String {
    if span.is_zero() {
        return "0s".to_owned();
    }
    spell(u64::try_from(span.as_millis()).unwrap_or(u64::MAX), &SPANS)
}

pub(in crate::config) fn spell_size(bytes: u64) -> String {
    spell(bytes, &SIZES)
}

/// Exactly digits and a unit: no sign, blank or fraction, which two readers could take differently.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn spell(amount: u64, units: &[(&str, u64)]) -> String {
    let fits = |&&(_, factor): &&(&str, u64)| amount >= factor && amount.is_multiple_of(factor);
    let (unit, factor) = units.iter().find(fits).or(units.last()).copied().unwrap_or(("", 1));
    format!("{}{unit}", amount / factor)
}

#[cfg(test)]
mod tests {
    use super::{duration, millis, minutes, size, spell_duration, spell_size};

    #[test]
    fn a_number_and_its_unit() {
        assert_eq!(duration("250ms"), Some(millis(250)));
        assert_eq!(duration("15m"), Some(minutes(15)));
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("0B"), Some(0));
    }

    #[test]
    fn anything_else_is_none() {
        for text in ["", "10", "s", "10 s", "-1s", "+1s", "1.5h", "10S", "1h30m", "99999999999999999999s", "١s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["10", "10MB", "10kib", "99999999999GiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_spelled_reads_back() {
        for text in ["0s", "1ms", "1500ms", "90s", "2m", "7d", "36h"] {
            assert_eq!(spell_duration(duration(text).unwrap()), text);
        }
        for text in ["0B", "1000B", "1KiB", "10MiB", "3GiB"] {
            assert_eq!(spell_size(size(text).unwrap()), text);
        }
    }
}
