//! How often the configuration was read again, and what came of it.

use std::sync::{Mutex, PoisonError};

use crate::model::Timestamp;

/// Counts reloads. Shared by who reloads and who tells of it.
#[derive(Debug, Default)]
pub struct Reloads(Mutex<ReloadCounts>);

/// Reloads since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReloadCounts {
    /// Those that put another configuration into force, or the same one again.
    pub applied: u64,
    /// Those that changed nothing, because the configuration can't be used.
    pub refused: u64,
    /// When the last one ended, and how; `None` before the first.
    pub last: Option<(Timestamp, Outcome)>,
}

/// How a reload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The configuration is in force.
    Applied,
    /// Nothing has changed.
    Refused,
}

impl Reloads {
    /// One has ended. All of them, with it.
    pub fn note(&self, outcome: Outcome, at: Timestamp) -> ReloadCounts {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Outcome::Applied => counts.applied += 1,
            Outcome::Refused => counts.refused += 1,
        }
        counts.last = Some((at, outcome));
        *counts
    }

    /// All of them by now.
    #[must_use]
    pub fn counts(&self) -> ReloadCounts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, ReloadCounts, Reloads};
    use crate::model::Timestamp;

    #[test]
    fn reloads_are_counted_by_what_came_of_them() {
        let reloads = Reloads::default();
        assert_eq!(reloads.counts(), ReloadCounts::default());
        let at = Timestamp::from_secs;
        for (outcome, second) in [(Outcome::Applied, 1), (Outcome::Refused, 2), (Outcome::Applied, 3)] {
            assert_eq!(reloads.note(outcome, at(second)).last, Some((at(second), outcome)));
        }
        assert_eq!((reloads.counts().applied, reloads.counts().refused), (2, 1));
    }
}
