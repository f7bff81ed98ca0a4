//! How often something was tried, at rest.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use super::{StoreError, UserTag};

/// What is counted: attempts of one kind at one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ThrottleKey {
    /// The account's tag, so that a cluster finds the shard.
    pub tag: UserTag,
    /// What is tried, of which account: characters that a key may hold.
    pub name: String,
}

/// How many attempts there may be, and how they are slowed down.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// So many are admitted without a delay.
    pub free: u32,
    /// After the last of them, no other is admitted for so long; each further one doubles it.
    pub first_delay: Duration,
    /// But never beyond this.
    pub longest_delay: Duration,
    /// After so long without an admitted attempt nothing is remembered. Longer than the longest delay.
    pub forget: Duration,
}

/// Whether an attempt may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is counted.
    Admitted,
    /// Not before so long; it is not counted.
    Refused {
        /// From now on.
        retry_after: Duration,
    },
}

/// Counts attempts. Each method is atomic, as those of [`SessionStore`](super::SessionStore) are, and a backend is held to
/// the same: durable, one clock, formats with a version.
#[async_trait]
pub trait ThrottleStore: Send + Sync + fmt::Debug + 'static {
    /// Counts an attempt before it is made: of callers that come at once, no more are admitted than there is room for.
    ///
    /// An attempt may be counted twice where a reply was lost.
    ///
    /// # Errors
    /// When the outcome isn't known; the attempt must not be made then.
    async fn admit(&self, key: &ThrottleKey, budget: Budget) -> Result<Admission, StoreError>;

    /// Forgets the attempts: one was successful.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn forgive(&self, key: &ThrottleKey) -> Result<(), StoreError>;
}

impl Budget {
    /// How long nothing is admitted after the attempt that is the `count`th.
    #[must_use]
    pub fn delay_after(&self, count: u32) -> Duration {
        let Some(doubled) = count.checked_sub(self.free) else { return Duration::ZERO };
        let factor = 2_u32.checked_pow(doubled).unwrap_or(u32::MAX);
        self.first_delay.saturating_mul(factor).min(self.longest_delay)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Budget;

    #[test]
    fn each_attempt_beyond_the_free_ones_doubles_the_delay_up_to_a_bound() {
        let seconds = Duration::from_secs;
        let budget = Budget { free: 3, first_delay: seconds(30), longest_delay: seconds(200), forget: seconds(1000) };
        let delays: Vec<u64> = (0..8).map(|count| budget.delay_after(count).as_secs()).collect();
        assert_eq!(delays, [0, 0, 0, 30, 60, 120, 200, 200]);
        assert_eq!(budget.delay_after(u32::MAX), seconds(200));
    }
}
