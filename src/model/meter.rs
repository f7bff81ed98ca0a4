//! Numbers that go up while the gateway works, and are read by who watches it.
//!
//! Counting is one relaxed addition: nothing is locked, looked up or allocated for it. What is read in between may be of
//! slightly different instants, which does no harm to numbers that only go up.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Upper bounds of the buckets that durations fall into, in microseconds; a last bucket has no bound.
pub const BOUNDS: [u64; 15] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

/// How many there are of something, since the start.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// So many now, whatever it was.
    pub fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// How many there are.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long things took.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [Count; BOUNDS.len() + 1],
    /// In microseconds.
    sum: AtomicU64,
}

impl Histogram {
    /// Something took so long.
    pub fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[place].add_one();
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was recorded until now.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        Distribution {
            buckets: std::array::from_fn(|place| self.buckets[place].get()),
            micros: self.sum.load(Ordering::Relaxed),
        }
    }
}

/// How long things took, at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// How many fell between a bound and the one before.
    pub buckets: [u64; BOUNDS.len() + 1],
    /// All of them together, in microseconds.
    pub micros: u64,
}

impl Distribution {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Those of another core, too.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (own, more) in self.buckets.iter_mut().zip(other.buckets) {
            *own += more;
        }
        self.micros += other.micros;
        self
    }
}

/// How long answers of somebody took, and how many questions had none.
#[derive(Debug, Default)]
pub struct Meter {
    /// Of all, answered or not.
    pub durations: Histogram,
    /// Of those, the ones without an answer.
    pub failures: Count,
}

impl Meter {
    /// Asks, and notes what came of it. A question that is dropped before is not counted.
    ///
    /// # Errors
    /// Those of `asked`.
    pub async fn time<T, E>(&self, asked: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let begun = Instant::now();
        let answer = asked.await;
        self.durations.record(begun.elapsed());
        if answer.is_err() {
            self.failures.add_one();
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BOUNDS, Distribution, Histogram, Meter};

    #[test]
    fn a_duration_falls_into_the_bucket_of_the_next_bound() {
        let histogram = Histogram::default();
        for micros in [0, 250, 251, 10_000_000, 10_000_001, u64::MAX] {
            histogram.record(Duration::from_micros(micros));
        }
        let Distribution { buckets, .. } = histogram.distribution();
        assert_eq!((buckets[0], buckets[1], buckets[BOUNDS.len() - 1], buckets[BOUNDS.len()]), (2, 1, 1, 2));
        assert_eq!(histogram.distribution().count(), 6);
        assert!(BOUNDS.is_sorted());
    }

    #[test]
    fn cores_come_to_a_sum() {
        let (one, two) = (Histogram::default(), Histogram::default());
        one.record(Duration::from_micros(100));
        two.record(Duration::from_micros(200));
        two.record(Duration::from_secs(1));
        let both = one.distribution().and(&two.distribution());
        assert_eq!((both.count(), both.micros, both.buckets[0]), (3, 1_000_300, 2));
    }

    #[tokio::test]
    async fn a_question_without_an_answer_is_counted_twice() {
        let meter = Meter::default();
        assert_eq!(meter.time(async { Ok::<_, ()>(1) }).await, Ok(1));
        assert_eq!(meter.time(async { Err::<(), _>(2) }).await, Err(2));
        assert_eq!((meter.durations.distribution().count(), meter.failures.get()), (2, 1));
    }
}
