//! Sessions that were ended while access tokens of theirs are still running.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::model::{SessionId, Timestamp};

/// The ended sessions that this process knows of. An entry stays until the last access token of its session has run out.
///
/// As long as nothing was revoked, asking costs one atomic load.
#[derive(Debug, Default)]
pub struct Revoked {
    any: AtomicBool,
    until: RwLock<HashMap<SessionId, Timestamp>>,
}

impl Revoked {
    /// Remembers that `session` has ended; its access tokens run out by `until`.
    pub fn insert(&self, session: SessionId, until: Timestamp, now: Timestamp) {
        let mut entries = self.until.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, until| *until > now);
        entries.insert(session, until);
        self.any.store(true, Ordering::Release);
    }

    /// Whether `session` has ended.
    #[must_use]
    pub fn contains(&self, session: &SessionId) -> bool {
        self.any.load(Ordering::Acquire)
            && self.until.read().unwrap_or_else(PoisonError::into_inner).contains_key(session)
    }
}
