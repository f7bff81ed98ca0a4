//! `[sessions]`: how long sessions live.

use std::time::Duration;

use super::reader::{Table, days, minutes, seconds};

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// A session ends without a refresh for this long.
    pub idle_lifetime: Duration,
    /// A session ends this long after the login.
    pub absolute_lifetime: Duration,
    /// How long a used refresh token still gets the same successor.
    pub refresh_grace: Duration,
}

impl SessionSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let lifetimes = minutes(1)..=days(3650);
        Self {
            idle_lifetime: table.duration("idle_lifetime", days(7), &lifetimes),
            absolute_lifetime: table.duration("absolute_lifetime", days(30), &lifetimes),
            refresh_grace: table.duration("refresh_grace", seconds(10), &(seconds(0)..=minutes(1))),
        }
    }

    /// The longest time between two refreshes.
    pub(super) fn longest_pause(&self) -> Duration {
        self.idle_lifetime.min(self.absolute_lifetime)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{
        reader::{days, minutes},
        tests::config,
    };

    #[test]
    fn a_session_ends_at_whichever_comes_first() {
        assert_eq!(config("").sessions.longest_pause(), days(7));
        assert_eq!(config("[sessions]\nabsolute_lifetime = '90m'").sessions.longest_pause(), minutes(90));
    }
}
