//! `[sessions]`: how long sessions live, and how many a user may have.

use std::{num::NonZeroU32, time::Duration};

use super::reader::{Table, days, minutes, seconds, spell_duration};

/// How long sessions live, and how many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// A session ends without a refresh for this long.
    pub idle_lifetime: Duration,
    /// A session ends this long after the login.
    pub absolute_lifetime: Duration,
    /// How long a used refresh token still gets the same successor.
    pub refresh_grace: Duration,
    /// How many a user may have. One more login ends the one that would run out first.
    pub limit: NonZeroU32,
    /// How long it may take until a session notices that its user was disabled or has another password.
    pub recheck: Duration,
    /// How long callers go on while store or directory can't be asked.
    pub max_staleness: Duration,
}

impl SessionSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let lifetimes = minutes(1)..=days(3650);
        let settings = Self {
            idle_lifetime: table.duration("idle_lifetime", days(7), &lifetimes),
            absolute_lifetime: table.duration("absolute_lifetime", days(30), &lifetimes),
            refresh_grace: table.duration("refresh_grace", seconds(10), &(seconds(0)..=minutes(1))),
            limit: NonZeroU32::new(table.number("limit", 50, &(1..=1000))).unwrap_or(NonZeroU32::MIN),
            recheck: table.duration("recheck", seconds(60), &(seconds(1)..=minutes(60))),
            max_staleness: table.duration("max_staleness", minutes(5), &(seconds(1)..=days(1))),
        };
        if settings.max_staleness < settings.recheck {
            let (staleness, recheck) = (spell_duration(settings.max_staleness), spell_duration(settings.recheck));
            let why = format!("is {staleness}, shorter than `recheck` ({recheck})");
            table.reject("max_staleness", &why, "lengthen it: within `recheck` nobody is asked");
        }
        if table.has("idle_lifetime") && settings.idle_lifetime > settings.absolute_lifetime {
            let absolute = spell_duration(settings.absolute_lifetime);
            let why = format!("has no effect: every session ends after `absolute_lifetime` ({absolute})");
            table.warn("idle_lifetime", &why, "shorten it, or lengthen that");
        }
        settings
    }

    /// The longest time between two refreshes.
    pub(super) fn longest_pause(&self) -> Duration {
        self.idle_lifetime.min(self.absolute_lifetime)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{
        reader::{days, minutes, seconds},
        tests::{config, messages},
    };

    #[test]
    fn a_session_ends_at_whichever_comes_first() {
        assert_eq!(config("").sessions.longest_pause(), days(7));
        assert_eq!(config("[sessions]\nabsolute_lifetime = '90m'").sessions.longest_pause(), minutes(90));
    }

    #[test]
    fn what_is_known_may_not_count_for_nothing_before_it_is_asked_again() {
        let settings = config("[sessions]\nrecheck = '90s'\nmax_staleness = '90s'").sessions;
        assert_eq!((settings.recheck, settings.max_staleness), (seconds(90), seconds(90)));
        let found = messages("[sessions]\nmax_staleness = '59s'");
        assert_eq!(found, ["`sessions.max_staleness` is 59s, shorter than `recheck` (1m)"]);
    }

    #[test]
    fn a_user_may_have_one_session_at_least() {
        assert_eq!(config("").sessions.limit.get(), 50);
        assert_eq!(config("[sessions]\nlimit = 1").sessions.limit.get(), 1);
        for bad in ["0", "-1", "1001"] {
            let found = messages(&format!("[sessions]\nlimit = {bad}"));
            assert!(found.iter().any(|message| message.starts_with("`sessions.limit`")), "{bad}: {found:?}");
        }
    }
}
