//! How long the end of a session matters.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long the end of a session is of use to those who remember it: as long as an access token may be accepted after its
/// session ended. Clones share it.
///
/// It only grows. A reload may let tokens live longer; those from before are still about when it lets them live shorter.
#[derive(Clone, Debug)]
pub struct Horizon(Arc<AtomicU64>);

impl Horizon {
    /// So long, to the microsecond.
    #[must_use]
    pub fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Acquire))
    }

    /// No less than this from now on.
    pub fn reach(&self, span: Duration) {
        self.0.fetch_max(micros(span), Ordering::AcqRel);
    }
}

impl From<Duration> for Horizon {
    fn from(span: Duration) -> Self {
        Self(Arc::new(AtomicU64::new(micros(span))))
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Horizon;

    #[test]
    fn it_only_grows_for_all_who_share_it() {
        let [short, long] = [60, 3600].map(Duration::from_secs);
        let horizon = Horizon::from(short);
        let shared = horizon.clone();
        for (reach, expected) in [(long, long), (short, long), (long * 2, long * 2)] {
            horizon.reach(reach);
            assert_eq!(shared.get(), expected);
        }
    }
}
