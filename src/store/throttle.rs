//! How often something was tried, at rest.

use std::{fmt, num::NonZeroU32, time::Duration};

use async_trait::async_trait;

use super::{StoreError, UserTag};

/// What is counted: attempts of one kind at one account, or from one address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ThrottleKey {
    /// The tag of what they are about, so that a cluster finds the shard. All that is counted under one can be forgotten
    /// at once.
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
    /// One attempt is taken off the count each time that so long has passed; `None`: none is.
    pub regain: Option<Duration>,
    /// After so many no other is admitted until all are forgotten; `None`: never.
    pub limit: Option<NonZeroU32>,
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

    /// Takes an admitted attempt off the count again, and lifts the delay that it began. For one that ends within the
    /// shortest delay: by then nobody else's can have begun.
    ///
    /// One may be taken off twice where a reply was lost. Of attempts that are forgotten there is none to take off.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn undo(&self, key: &ThrottleKey) -> Result<(), StoreError>;

    /// Forgets all attempts that were counted under a tag before now, whatever their names. `remember`: the longest
    /// [`Budget::forget`] of any of them.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn forgive_all(&self, tag: UserTag, remember: Duration) -> Result<(), StoreError>;
}

impl Budget {
    /// How long nothing is admitted after the attempt that is the `count`th.
    #[must_use]
    pub fn delay_after(&self, count: u32) -> Duration {
        if self.limit.is_some_and(|limit| count >= limit.get()) {
            return self.forget;
        }
        let Some(doubled) = count.checked_sub(self.free) else { return Duration::ZERO };
        let factor = 2_u32.checked_pow(doubled).unwrap_or(u32::MAX);
        self.first_delay.saturating_mul(factor).min(self.longest_delay)
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use super::Budget;

    #[test]
    fn each_attempt_beyond_the_free_ones_doubles_the_delay_up_to_a_bound() {
        let seconds = Duration::from_secs;
        let budget = Budget {
            free: 3,
            first_delay: seconds(30),
            longest_delay: seconds(200),
            forget: seconds(1000),
            regain: None,
            limit: None,
        };
        let delays = |budget: Budget| (0..8).map(|count| budget.delay_after(count).as_secs()).collect::<Vec<_>>();
        assert_eq!(delays(budget), [0, 0, 0, 30, 60, 120, 200, 200]);
        assert_eq!(budget.delay_after(u32::MAX), seconds(200));
        let limited = Budget { limit: NonZeroU32::new(5), ..budget };
        assert_eq!(delays(limited), [0, 0, 0, 30, 60, 1000, 1000, 1000]);
    }
}
