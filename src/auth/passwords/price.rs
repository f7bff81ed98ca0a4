//! What the preferred hasher costs on this machine, so that a cheaper check can be made to cost as much.
//!
//! It is measured in passing, in CPU time of the thread, which doesn't grow while others hold the processor. Algorithms can't
//! be converted into each other: how many iterations of PBKDF2 an Argon2 hash is worth differs by machine.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use super::{Preferred, pbkdf2};

/// Iterations between two looks at the clock: under a millisecond.
const STEP: u32 = 4_000;
/// One measurement's weight in the mean.
const WEIGHT: u64 = 8;

/// The mean cost of a hash, in nanoseconds; 0 before the first.
#[derive(Debug, Default)]
pub(super) struct Price(AtomicU64);

/// CPU time from here on.
#[derive(Clone, Copy)]
pub(super) struct Meter(Duration);

impl Meter {
    pub(super) fn start() -> Self {
        Self(thread_time())
    }

    pub(super) fn spent(self) -> Duration {
        thread_time().saturating_sub(self.0)
    }
}

impl Price {
    /// Takes note of what one hash of the preferred hasher cost.
    pub(super) fn note(&self, meter: Meter) {
        let spent = u64::try_from(meter.spent().as_nanos()).unwrap_or(u64::MAX).max(1);
        // A lost update is a measurement less.
        let mean = self.0.load(Ordering::Relaxed);
        let next = if mean == 0 { spent } else { mean - mean / WEIGHT + spent / WEIGHT };
        self.0.store(next.max(1), Ordering::Relaxed);
    }

    /// Spends a hash's time on nothing.
    pub(super) fn pay(&self, preferred: Preferred, password: &str) {
        let meter = Meter::start();
        preferred.burn(password);
        self.note(meter);
    }

    /// Spends what is left of a hash's time after a cheaper check. Before the first measurement it is a whole one.
    pub(super) fn pay_the_rest(&self, meter: Meter, preferred: Preferred, password: &str) {
        match self.0.load(Ordering::Relaxed) {
            0 => self.pay(preferred, password),
            price => {
                while meter.spent() < Duration::from_nanos(price) {
                    pbkdf2::burn(password, STEP);
                }
            }
        }
    }
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Meter, Preferred, Price};
    use crate::auth::passwords::pbkdf2;

    #[test]
    fn the_rest_is_what_a_hash_costs_less_what_was_spent() {
        let (price, preferred) = (Price::default(), Preferred::Pbkdf2Sha256 { iterations: 40_000 });
        let whole = Meter::start();
        price.pay(preferred, "secret");
        let whole = whole.spent();
        for iterations in [0, 120_000] {
            let meter = Meter::start();
            pbkdf2::burn("secret", iterations);
            let before = meter.spent();
            price.pay_the_rest(meter, preferred, "secret");
            let spent = meter.spent();
            // Far from both what would be wrong: nothing more, and a whole hash more.
            assert!(
                spent > whole / 2 && spent - before < whole.saturating_sub(before) + whole / 2,
                "{spent:?} {whole:?}"
            );
        }
    }
}
