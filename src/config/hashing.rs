//! `[hashing]`: who computes the hashes of passwords.

use std::time::Duration;

use super::{
    reader::{Table, millis, seconds},
    server::processors,
};

/// The pool of threads that check passwords.
#[derive(Clone, Copy, Debug)]
pub struct Hashing {
    /// Threads; passwords checked at once.
    pub threads: usize,
    /// Logins that may wait; one more is told to come back.
    pub queue: usize,
    /// How long a login may wait.
    pub deadline: Duration,
}

impl Hashing {
    /// Half of the processors, so that a rush of logins leaves the others to what is forwarded.
    pub(super) fn read(table: &Table<'_>) -> Self {
        Self {
            threads: table.number("threads", processors().div_ceil(2), &(1..=1024)),
            queue: table.number("queue", 64, &(0..=100_000)),
            deadline: table.duration("deadline", seconds(5), &(millis(100)..=seconds(60))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::config;

    #[test]
    fn half_of_the_processors_compute_hashes() {
        let settings = config("[server]\nthreads = 1\n[hashing]\nqueue = 3").hashing;
        assert!(settings.threads >= 1);
        assert_eq!(settings.queue, 3);
    }
}
