//! What is remembered of callers, and how good that is.

use std::{fmt, sync::Arc, time::Duration};

use quick_cache::sync::Cache;

use super::{Freshness, inquiry::Found};
use crate::{
    auth::revocations::Followed,
    model::{Clock, SessionId, Timestamp},
};

/// Callers that are remembered. One that is forgotten for want of room is only asked about again.
const CAPACITY: usize = 100_000;
/// After a check that came to nothing, how long the next request of the caller does without one.
const RETRY: Duration = Duration::from_secs(1);

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
}

/// Callers and what the last check of them found. Bounded; shared by all threads.
pub(super) struct Memory {
    freshness: Freshness,
    followed: Arc<Followed>,
    clock: Arc<dyn Clock>,
    entries: Cache<Key, Entry>,
}

/// What the last check that came to something found.
#[derive(Clone)]
struct Entry {
    found: Found,
    at: Timestamp,
    /// Of what was known of ended sessions when the check began.
    generation: u64,
    /// No check before this.
    not_before: Timestamp,
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
    pub(super) fn new(freshness: Freshness, followed: Arc<Followed>, clock: Arc<dyn Clock>) -> Self {
        Self { freshness, followed, clock, entries: Cache::new(CAPACITY) }
    }

    pub(super) fn recall(&self, key: &Key) -> Recalled {
        let Some(entry) = self.entries.get(key) else { return Recalled::Stale(None) };
        let Entry { found, at, generation, not_before } = entry;
        let now = self.clock.now();
        let age = now.since(at);
        let Freshness { recheck, max_staleness } = self.freshness;
        if age >= max_staleness {
            Recalled::Stale(None)
        } else if now < not_before {
            Recalled::Fresh(found)
        } else if age >= recheck || generation != self.generation() {
            Recalled::Stale(Some(found))
        } else if age >= recheck / 2 {
            Recalled::Aging(found)
        } else {
            Recalled::Fresh(found)
        }
    }

    /// What a check that begins now rests on.
    pub(super) fn generation(&self) -> u64 {
        self.followed.generation()
    }

    /// Remembers what a check found that began in this generation. One that came to nothing only puts the next one off.
    pub(super) fn note(&self, key: &Key, found: &Found, generation: u64) {
        let now = self.clock.now();
        let entry = match found {
            Found::Nothing => self.entries.get(key).map(|entry| Entry { not_before: now.after(RETRY), ..entry }),
            Found::AsShown | Found::Facts(_) | Found::Caller(_) | Found::Out => {
                Some(Entry { found: found.clone(), at: now, generation, not_before: now })
            }
        };
        if let Some(entry) = entry {
            self.entries.insert(key.clone(), entry);
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("freshness", &self.freshness).field("entries", &self.entries.len()).finish()
    }
}
