//! What is remembered of callers, and how good that is.

use std::{fmt, sync::Arc, time::Duration};

use quick_cache::sync::Cache;

use super::{Freshness, inquiry::Found};
use crate::model::{Clock, SessionId, Timestamp, UserId};

/// Callers that are remembered. One that is forgotten for want of room is only asked about again.
const CAPACITY: usize = 100_000;
/// After a check that came to nothing, how long the next request of the caller does without one.
const RETRY: Duration = Duration::from_secs(1);

/// Under what a caller is remembered.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The session of an access token.
    Session(SessionId),
    /// The user of a token of the backend, which belongs to no session.
    User(UserId),
    /// SHA-256 of a session's cookie.
    Cookie([u8; 32]),
    /// The same of the cookie of a session that Django opened.
    Django([u8; 32]),
}

/// Callers and what the last check of them found. Bounded; shared by all threads.
pub(super) struct Memory {
    freshness: Freshness,
    clock: Arc<dyn Clock>,
    entries: Cache<Key, Entry>,
}

/// What the last check that came to something found.
#[derive(Clone)]
struct Entry {
    found: Found,
    at: Timestamp,
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
    pub(super) fn new(freshness: Freshness, clock: Arc<dyn Clock>) -> Self {
        Self { freshness, clock, entries: Cache::new(CAPACITY) }
    }

    pub(super) fn recall(&self, key: &Key) -> Recalled {
        let Some(Entry { found, at, not_before }) = self.entries.get(key) else { return Recalled::Stale(None) };
        let now = self.clock.now();
        let age = now.since(at);
        let Freshness { recheck, max_staleness } = self.freshness;
        if age >= max_staleness {
            Recalled::Stale(None)
        } else if age < recheck / 2 || now < not_before {
            Recalled::Fresh(found)
        } else if age < recheck {
            Recalled::Aging(found)
        } else {
            Recalled::Stale(Some(found))
        }
    }

    /// Remembers what a check found. One that came to nothing only puts the next one off.
    pub(super) fn note(&self, key: &Key, found: &Found) {
        let now = self.clock.now();
        let entry = match found {
            Found::Nothing => self.entries.get(key).map(|entry| Entry { not_before: now.after(RETRY), ..entry }),
            Found::AsShown | Found::Facts(_) | Found::Caller(_) | Found::Out => {
                Some(Entry { found: found.clone(), at: now, not_before: now })
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
