//! `[throttle]`: how often credentials may be tried.

use std::time::Duration;

use super::reader::{Table, days, minutes, seconds, spell_duration};

/// More attempts than anybody makes.
const MANY: u32 = 1_000_000;

/// At an account, NIST SP 800-63B-4 §3.2.2 allows so many in a row.
const IN_A_ROW: u32 = 100;

/// How often credentials may be tried.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleSettings {
    /// Wrong passwords at one account before a delay.
    pub account_attempts: u32,
    /// The same from one address.
    pub client_attempts: u32,
    /// Failures from one address, at whatever accounts.
    pub address_attempts: u32,
    /// An address gets one back each time that so long has passed.
    pub address_regain: Duration,
    /// Wrong passwords by one known device at its account.
    pub device_attempts: u32,
    /// The first delay; each further one is twice as long.
    pub first_delay: Duration,
    /// The longest.
    pub longest_delay: Duration,
}

impl ThrottleSettings {
    /// `slowest` is how long a password may wait to be checked.
    pub(super) fn read(table: &Table<'_>, slowest: Duration) -> Self {
        let attempts = 1..=MANY;
        let settings = Self {
            account_attempts: table.number("account_attempts", 20, &attempts),
            client_attempts: table.number("client_attempts", 5, &attempts),
            address_attempts: table.number("address_attempts", 50, &attempts),
            address_regain: table.duration("address_regain", minutes(1), &(seconds(1)..=days(1))),
            device_attempts: table.number("device_attempts", 10, &attempts),
            first_delay: table.duration("first_delay", seconds(30), &(seconds(1)..=days(1))),
            longest_delay: table.duration("longest_delay", minutes(60), &(seconds(1)..=days(1))),
        };
        for (key, attempts) in
            [("account_attempts", settings.account_attempts), ("device_attempts", settings.device_attempts)]
        {
            if attempts > IN_A_ROW {
                let why =
                    format!("is {attempts}: more wrong passwords in a row than the {IN_A_ROW} of NIST SP 800-63B-4");
                table.warn(key, &why, "use a lower number; a known device has a budget of its own");
            }
        }
        if settings.longest_delay < settings.first_delay {
            let why = format!("is shorter than `first_delay` ({})", spell_duration(settings.first_delay));
            table.reject("longest_delay", &why, "lengthen it, or shorten that");
        }
        if settings.first_delay <= slowest {
            let (delay, slowest) = (spell_duration(settings.first_delay), spell_duration(slowest));
            let why = "a right password that waits as long does not lift the delay that it began";
            let why = format!("is {delay}, and `hashing.deadline` is {slowest}: {why}");
            table.warn("first_delay", &why, "lengthen it, or shorten that");
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{
        reader::{minutes, seconds},
        tests::{config, messages},
    };

    fn of(more: &str) -> Vec<String> {
        messages(&format!("[throttle]\n{more}"))
    }

    #[test]
    fn a_narrow_budget_is_smaller_than_a_wide_one() {
        let settings = config("").throttle;
        assert!(settings.client_attempts < settings.account_attempts);
        assert!(settings.account_attempts < settings.address_attempts);
        assert_eq!((settings.first_delay, settings.longest_delay), (seconds(30), minutes(60)));
    }

    #[test]
    fn none_is_switched_off() {
        for key in ["account_attempts", "client_attempts", "address_attempts", "device_attempts"] {
            assert_eq!(of(&format!("{key} = 0")), [format!("`throttle.{key}`: must be from 1 to 1000000, not 0")]);
            assert_eq!(of(&format!("{key} = 100")), [""; 0]);
        }
        for (key, bounds) in [("address_regain", "from 1s to 1d"), ("first_delay", "from 1s to 1d")] {
            let found = of(&format!("{key} = '0s'"));
            assert!(found.len() == 1 && found[0].contains(bounds), "{found:?}");
        }
    }

    #[test]
    fn more_in_a_row_than_a_hundred_are_warned_of() {
        for key in ["account_attempts", "device_attempts"] {
            let found = of(&format!("{key} = 101"));
            assert!(found.len() == 1 && found[0].contains("NIST SP 800-63B-4"), "{found:?}");
        }
    }

    #[test]
    fn a_delay_that_a_right_password_can_outlast_is_warned_of() {
        assert_eq!(of("first_delay = '6s'"), [""; 0]);
        let why = "a right password that waits as long does not lift the delay that it began";
        assert_eq!(
            of("first_delay = '5s'"),
            [format!("`throttle.first_delay` is 5s, and `hashing.deadline` is 5s: {why}")]
        );
    }

    #[test]
    fn the_longest_delay_is_no_shorter_than_the_first() {
        assert_eq!(of("first_delay = '1m'\nlongest_delay = '1m'"), [""; 0]);
        assert_eq!(
            of("first_delay = '1m'\nlongest_delay = '59s'"),
            ["`throttle.longest_delay` is shorter than `first_delay` (1m)"]
        );
    }
}
