//! What is remembered of callers, and how good that is.

use std::{fmt, sync::Arc, time::Duration};

use quick_cache::sync::Cache;

use super::{Freshness, inquiry::Found};
use crate::{
    auth::revocations::Followed,
    model::{Clock, SessionId, Timestamp, UserId},
};

/// Callers that are remembered. One that is forgotten for want of room is only asked about again.
const CAPACITY: usize = 100_000;
/// After a check that came to nothing, how long the next request of the caller does without one.
const RETRY: Duration = Duration::from_secs(1);
/// After a check that came to nothing, how long nobody waits for the next: in an outage each takes as long as a timeout.
const OUTAGE: Duration = Duration::from_secs(15);

/// Under what a caller is remembered.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The session of an access token.
    Session(SessionId),
    /// A token of the backend, which belongs to no session.
    Token(SessionId),
    /// SHA-256 of a session's cookie.
    Cookie([u8; 32]),
    /// The same of the cookie of a session that Django opened.
    Django([u8; 32]),
    /// A user of whom something goes on.
    User(UserId),
}

/// Callers and what the last check of them found. Bounded; shared by all threads.
pub(super) struct Memory {
    freshness: Freshness,
    followed: Arc<Followed>,
    clock: Arc<dyn Clock>,
    entries: Entries,
}

/// What was found of callers, which may outlast the settings that it is judged by. Cheap to clone; the clones share it.
#[derive(Clone)]
pub(super) struct Entries(Arc<Cache<Key, Entry>>);

impl Entries {
    pub(super) fn none() -> Self {
        Self(Arc::new(Cache::new(CAPACITY)))
    }
}

/// When a check began, and what was known of ended sessions then. What it finds is as old as this.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    at: Timestamp,
    generation: u64,
}

impl Begun {
    /// Nothing may have been missed between the two.
    pub(super) const fn knew_as_much_as(&self, other: &Self) -> bool {
        self.generation == other.generation
    }
}

/// What the last check that came to something found.
#[derive(Clone)]
struct Entry {
    found: Found,
    begun: Begun,
    /// When the last check came to nothing, if it did.
    failed: Option<Timestamp>,
}

/// How good what is remembered is.
pub(super) enum Recalled {
    Fresh(Found),
    /// Counts, but it is time to ask again.
    Aging(Found),
    /// Counts only if nobody can be asked.
    Stale(Option<Found>),
}

impl Memory {
    pub(super) fn new(freshness: Freshness, followed: Arc<Followed>, clock: Arc<dyn Clock>, entries: Entries) -> Self {
        Self { freshness, followed, clock, entries }
    }

    pub(super) fn entries(&self) -> Entries {
        self.entries.clone()
    }

    /// How old what is known may be.
    pub(super) const fn recheck(&self) -> Duration {
        self.freshness.recheck
    }

    pub(super) fn recall(&self, key: &Key) -> Recalled {
        let Some(entry) = self.entries.0.get(key) else { return Recalled::Stale(None) };
        let now = self.clock.now();
        let Entry { found, begun, failed } = entry;
        let age = now.since(begun.at);
        let Freshness { recheck, max_staleness } = self.freshness;
        if age >= max_staleness || found.has_run_out(now) {
            return Recalled::Stale(None);
        }
        // By a clock that was set back nothing would grow old until it has made up for that.
        let is_past = |at: &Timestamp| *at <= now.after(RETRY);
        let is_current = age < recheck && is_past(&begun.at) && begun.generation == self.followed.generation();
        match failed.filter(is_past).map(|at| now.since(at)) {
            Some(since) if since < RETRY => Recalled::Fresh(found),
            Some(since) if since < OUTAGE => Recalled::Aging(found),
            _ if !is_current => Recalled::Stale(Some(found)),
            _ if age >= recheck / 2 => Recalled::Aging(found),
            _ => Recalled::Fresh(found),
        }
    }

    /// A check begins.
    pub(super) fn begin(&self) -> Begun {
        Begun { at: self.clock.now(), generation: self.followed.generation() }
    }

    /// Remembers what a check found that began so. One that came to nothing only puts the next one off.
    pub(super) fn note(&self, key: &Key, found: &Found, begun: Begun) {
        let entry = match found {
            Found::Nothing => self.entries.0.get(key).map(|entry| Entry { failed: Some(self.clock.now()), ..entry }),
            Found::AsShown | Found::Facts(_) | Found::Caller(_) | Found::Out => {
                Some(Entry { found: found.clone(), begun, failed: None })
            }
        };
        if let Some(entry) = entry {
            self.entries.0.insert(key.clone(), entry);
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("freshness", &self.freshness).field("entries", &self.entries.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::fakes::HandClock;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
    const KEY: Key = Key::Session(SessionId::from_bytes([7; 16]));

    fn memory() -> (Memory, Arc<HandClock>) {
        let clock = Arc::new(HandClock::at(NOW));
        let freshness = Freshness { recheck: Duration::from_secs(60), max_staleness: Duration::from_secs(300) };
        (Memory::new(freshness, Arc::default(), clock.clone(), Entries::none()), clock)
    }

    /// How good what is remembered is so many seconds from the start.
    fn at(memory: &Memory, clock: &HandClock, seconds: u64) -> &'static str {
        clock.set(NOW.after(Duration::from_secs(seconds)));
        match memory.recall(&KEY) {
            Recalled::Fresh(_) => "fresh",
            Recalled::Aging(_) => "aging",
            Recalled::Stale(Some(_)) => "stale",
            Recalled::Stale(None) => "unknown",
        }
    }

    #[test]
    fn what_a_check_found_is_as_old_as_its_beginning() {
        let (memory, clock) = memory();
        assert_eq!(at(&memory, &clock, 0), "unknown");
        let begun = memory.begin();
        clock.set(NOW.after(Duration::from_secs(20)));
        memory.note(&KEY, &Found::AsShown, begun);
        let known = [20, 29, 30, 59, 60, 299, 300].map(|seconds| at(&memory, &clock, seconds));
        assert_eq!(known, ["fresh", "fresh", "aging", "aging", "stale", "stale", "unknown"]);
    }

    /// One who waits for a check in an outage waits for a timeout.
    #[test]
    fn in_an_outage_nobody_waits_but_the_first() {
        let (memory, clock) = memory();
        memory.note(&KEY, &Found::AsShown, memory.begin());
        for seconds in [70, 80, 90] {
            clock.set(NOW.after(Duration::from_secs(seconds)));
            memory.note(&KEY, &Found::Nothing, memory.begin());
            let known = [0, 1, 14].map(|later| at(&memory, &clock, seconds + later));
            assert_eq!(known, ["fresh", "aging", "aging"], "{seconds}");
        }
        assert_eq!(at(&memory, &clock, 105), "stale", "nobody asked for a while");
        clock.set(NOW.after(Duration::from_secs(299)));
        memory.note(&KEY, &Found::Nothing, memory.begin());
        assert_eq!(at(&memory, &clock, 300), "unknown", "whatever fails");
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nothing_young() {
        let (memory, clock) = memory();
        clock.set(NOW.after(Duration::from_secs(3_600)));
        memory.note(&KEY, &Found::AsShown, memory.begin());
        assert_eq!(at(&memory, &clock, 3_600), "fresh");
        assert_eq!(at(&memory, &clock, 0), "stale");
        clock.set(NOW.after(Duration::from_secs(3_600)));
        memory.note(&KEY, &Found::Nothing, memory.begin());
        assert_eq!(at(&memory, &clock, 0), "stale");
    }
}
