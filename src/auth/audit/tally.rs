//! How many operations came to what, since the process began: as many as there are lines in the audit log of each kind.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// One for the process, as there is one audit log. Locked once an operation, each of which costs a hash or a round trip.
static TALLY: Mutex<BTreeMap<Kind, u64>> = Mutex::new(BTreeMap::new());

/// What operations are told apart by: all of it words of the gateway's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Its name in the audit log.
    pub operation: &'static str,
    /// What came of it, in the same words.
    pub outcome: &'static str,
    /// Why it was refused; empty if it was not.
    pub code: &'static str,
}

/// One more of these.
pub(super) fn add(kind: Kind) {
    *TALLY.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
}

/// What there was until now.
#[must_use]
pub fn counts() -> Vec<(Kind, u64)> {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(kind, count)| (*kind, *count)).collect()
}
