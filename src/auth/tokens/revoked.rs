//! Sessions that were ended while access tokens of theirs are still running.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;

use crate::model::{SessionId, Timestamp};

/// How many entries there are when those past use are dropped for the first time.
const FIRST_SWEEP: usize = 1024;

/// The ended sessions that this process knows of. An entry stays at least until the last access token of its session has
/// run out.
///
/// As long as nothing was revoked, asking costs one atomic load.
#[derive(Debug, Default)]
pub struct Revoked {
    any: AtomicBool,
    entries: RwLock<Entries>,
    changes: watch::Sender<()>,
}

#[derive(Debug)]
struct Entries {
    until: HashMap<SessionId, Timestamp>,
    /// Those past use are dropped at this many: at twice as many as were left the last time, so that a rush of ends costs
    /// each of them the same.
    sweep_at: usize,
}

impl Default for Entries {
    fn default() -> Self {
        Self { until: HashMap::new(), sweep_at: FIRST_SWEEP }
    }
}

impl Revoked {
    /// Remembers that these sessions have ended; their access tokens run out by `until`.
    pub fn insert(&self, sessions: &[SessionId], until: Timestamp, now: Timestamp) {
        if sessions.is_empty() {
            return;
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        for session in sessions {
            let known = entries.until.entry(*session).or_insert(until);
            *known = (*known).max(until);
        }
        if entries.until.len() >= entries.sweep_at {
            entries.until.retain(|_, until| *until > now);
            entries.sweep_at = entries.until.len().saturating_mul(2).max(FIRST_SWEEP);
        }
        self.any.store(true, Ordering::Release);
        drop(entries);
        self.changes.send_replace(());
    }

    /// Changes whenever something was added, for those who can't wait until they are asked.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Whether `session` has ended.
    #[must_use]
    pub fn contains(&self, session: &SessionId) -> bool {
        self.any.load(Ordering::Acquire)
            && self.entries.read().unwrap_or_else(PoisonError::into_inner).until.contains_key(session)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FIRST_SWEEP, Revoked};
    use crate::model::{SessionId, Timestamp};

    fn id(number: usize) -> SessionId {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        SessionId::from_bytes(bytes)
    }

    fn len(revoked: &Revoked) -> usize {
        revoked.entries.read().unwrap().until.len()
    }

    #[test]
    fn entries_past_use_go_and_no_others() {
        let (revoked, start, use_for) = (Revoked::default(), Timestamp::from_secs(1_000), Duration::from_secs(60));
        for second in 0..10_000 {
            let now = start.after(Duration::from_millis(10) * second);
            revoked.insert(&[id(second as usize)], now.after(use_for), now);
        }
        // 6,000 are of use at any time, and no more than twice as many are kept.
        assert!((6_000..=12_000).contains(&len(&revoked)), "{}", len(&revoked));
        assert!((4_000..10_000).all(|number| revoked.contains(&id(number))));
    }

    #[test]
    fn a_sweep_is_rare_and_frees_all_that_it_can() {
        let (revoked, now) = (Revoked::default(), Timestamp::from_secs(1_000));
        let many: Vec<_> = (0..FIRST_SWEEP * 4).map(id).collect();
        revoked.insert(&many, now.after(Duration::from_secs(1)), now);
        assert_eq!(revoked.entries.read().unwrap().sweep_at, FIRST_SWEEP * 8);
        let later = now.after(Duration::from_secs(1));
        let more: Vec<_> = (FIRST_SWEEP * 4..FIRST_SWEEP * 8).map(id).collect();
        revoked.insert(&more, later.after(Duration::from_secs(1)), later);
        assert_eq!(len(&revoked), more.len());
    }

    #[test]
    fn an_entry_is_never_cut_short() {
        let (revoked, now) = (Revoked::default(), Timestamp::from_secs(1_000));
        revoked.insert(&[id(1)], now.after(Duration::from_secs(60)), now);
        revoked.insert(&[id(1)], now.after(Duration::from_secs(1)), now);
        let others: Vec<_> = (2..FIRST_SWEEP + 2).map(id).collect();
        revoked.insert(&others, now.after(Duration::from_secs(60)), now.after(Duration::from_secs(2)));
        assert!(revoked.contains(&id(1)));
    }
}
