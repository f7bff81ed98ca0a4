//! How many wrong passwords reach a backend that counts them at the gateway's own address.
//!
//! Rail Django blocks an address for an hour after ten failures within five minutes, and behind a gateway all clients have one:
//! anybody could keep everybody out. So fewer failures than that reach it in such a time, of all clients and all gateways
//! together. There are as many places as there may be failures; who asks the backend takes one, and a success gives it back
//! at once. One that was a failure, or of which nobody knows, stays taken for as long as the backend remembers it.
//!
//! What that costs: whoever makes wrong guesses uses the places up, and until they are free again nobody logs in. Sessions go
//! on, and so do refreshes. The limits on accounts and addresses make that dear, but nothing keeps it from happening where
//! a backend counts so; one that believes `X-Forwarded-For` doesn't, and needs no guard.

use std::{error::Error, sync::Arc, time::Duration};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    auth::{Refusal, unavailable},
    model::{Entropy, UserId},
    store::{Admission, Budget, ThrottleKey, ThrottleStore, UserTag},
};

const COUNTING: &str = "counting questions to the backend";

/// What the backend counts.
#[derive(Clone, Copy, Debug)]
pub struct GuardLimits {
    /// So many failures may reach it; 0 for any number.
    pub failures: u32,
    /// Within this time.
    pub window: Duration,
    /// How long one question to it may take, and how long one may wait to be asked.
    pub patience: Duration,
}

/// Lets questions to the backend through.
#[derive(Debug)]
pub struct Guard {
    store: Arc<dyn ThrottleStore>,
    limits: GuardLimits,
    tag: UserTag,
    /// Questions of this process at once, so that right passwords do not find all places taken by each other.
    turns: Semaphore,
}

/// A question to the backend is under way.
#[derive(Debug)]
#[must_use]
pub struct Passage<'g> {
    guard: &'g Guard,
    place: Option<ThrottleKey>,
    _turn: Option<SemaphorePermit<'g>>,
}

impl Guard {
    /// Counts in a store that all gateways share.
    #[must_use]
    pub fn new(store: Arc<dyn ThrottleStore>, limits: GuardLimits) -> Self {
        let turns = Semaphore::new(usize::try_from(limits.failures).unwrap_or(Semaphore::MAX_PERMITS));
        Self { store, limits, tag: UserTag::of(&UserId::new("the backend")), turns }
    }

    /// Lets one question through.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] when all places are taken, [`Refusal::Busy`] when too many of this process wait, and
    /// [`Refusal::Unavailable`] when the store can't tell: the backend must not be asked then.
    pub async fn enter(&self, entropy: &dyn Entropy) -> Result<Passage<'_>, Refusal> {
        if self.limits.failures == 0 {
            return Ok(Passage { guard: self, place: None, _turn: None });
        }
        let turn = tokio::time::timeout(self.limits.patience, self.turns.acquire()).await;
        let Ok(Ok(turn)) = turn else { return Err(Refusal::Busy(self.limits.patience)) };
        // Begun anywhere, so that who comes at once does not meet at each place.
        let [first] = entropy.bytes().map_err(unavailable(COUNTING))?;
        let mut shortest = self.limits.window;
        for step in 0..self.limits.failures {
            let place = self.place((u32::from(first) + step) % self.limits.failures);
            match self.store.admit(&place, self.budget()).await.map_err(unavailable(COUNTING))? {
                Admission::Admitted => {
                    return Ok(Passage { guard: self, place: Some(place), _turn: Some(turn) });
                }
                Admission::Refused { retry_after } => shortest = shortest.min(retry_after),
            }
        }
        tracing::warn!(
            failures = self.limits.failures,
            "logins are refused without asking the backend: one more failure could have it block the gateway"
        );
        Err(Refusal::RateLimited(shortest))
    }

    fn place(&self, number: u32) -> ThrottleKey {
        ThrottleKey { tag: self.tag, name: format!("backend:{number}") }
    }

    /// One, and the next when the backend has forgotten it. It counts later than the store does, by up to the time that a
    /// question takes.
    fn budget(&self) -> Budget {
        let span = self.limits.window.saturating_add(self.limits.patience);
        Budget {
            free: 1,
            first_delay: span,
            longest_delay: span,
            forget: span.saturating_mul(2),
            regain: None,
            limit: None,
        }
    }
}

impl Passage<'_> {
    /// How long the backend remembers a failure.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.guard.limits.window
    }

    /// The backend counts no failure for it.
    pub async fn succeeded(self) {
        let Some(place) = &self.place else { return };
        if let Err(error) = self.guard.store.forgive(place).await {
            // It is free again when a failure would be forgotten.
            tracing::warn!(error = &error as &dyn Error, "a place for a question to the backend was not given back");
        }
    }

    /// The backend counts a failure, or nobody knows whether it does.
    pub fn failed(self) {}
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{
        auth::fakes::{Breakable, HandClock},
        model::{SystemEntropy, Timestamp},
        store::embedded::EmbeddedStore,
    };

    const START: Timestamp = Timestamp::from_secs(1_800_000_000);

    struct Stage {
        clock: Arc<HandClock>,
        store: Arc<Breakable>,
        _folder: tempfile::TempDir,
    }

    impl Stage {
        async fn new() -> Self {
            let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::at(START)));
            let store = EmbeddedStore::open(&folder.path().join("s.db"), clock.clone()).await.unwrap();
            Self { clock, store: Arc::new(Breakable::new(store)), _folder: folder }
        }

        fn gateway(&self, failures: u32) -> Guard {
            let limits = GuardLimits { failures, window: Duration::from_secs(300), patience: Duration::from_secs(5) };
            Guard::new(self.store.clone(), limits)
        }
    }

    #[tokio::test]
    async fn so_many_failures_reach_the_backend_of_all_gateways_together_and_no_more() {
        let stage = Stage::new().await;
        let gateways = [stage.gateway(4), stage.gateway(4)];
        for number in 0..4 {
            gateways[number % 2].enter(&SystemEntropy).await.unwrap().failed();
            stage.clock.set(START.after(Duration::from_secs(10 * (number as u64 + 1))));
        }
        for gateway in &gateways {
            // The first failure is forgotten 305 s after it was made, 40 s of which are over.
            assert_eq!(
                gateway.enter(&SystemEntropy).await.unwrap_err(),
                Refusal::RateLimited(Duration::from_secs(265))
            );
        }
        stage.clock.set(START.after(Duration::from_secs(305)));
        gateways[0].enter(&SystemEntropy).await.unwrap().failed();
        let Refusal::RateLimited(_) = gateways[1].enter(&SystemEntropy).await.unwrap_err() else { panic!() };
        stage.clock.set(START.after(Duration::from_secs(315)));
        gateways[1].enter(&SystemEntropy).await.unwrap().failed();
        let Refusal::RateLimited(_) = gateways[0].enter(&SystemEntropy).await.unwrap_err() else { panic!() };
    }

    #[tokio::test]
    async fn successes_take_no_place_and_give_back_none_but_their_own() {
        let stage = Stage::new().await;
        let guard = stage.gateway(3);
        guard.enter(&SystemEntropy).await.unwrap().failed();
        guard.enter(&SystemEntropy).await.unwrap().failed();
        for _ in 0..20 {
            guard.enter(&SystemEntropy).await.unwrap().succeeded().await;
        }
        guard.enter(&SystemEntropy).await.unwrap().failed();
        assert!(guard.enter(&SystemEntropy).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_at_once_no_more_come_through_than_there_are_places() {
        let stage = Stage::new().await;
        let gateways = [Arc::new(stage.gateway(5)), Arc::new(stage.gateway(5))];
        let passed = Arc::new(AtomicU32::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..40 {
            let (guard, passed) = (Arc::clone(&gateways[number % 2]), Arc::clone(&passed));
            tasks.spawn(async move {
                if let Ok(passage) = guard.enter(&SystemEntropy).await {
                    passed.fetch_add(1, Ordering::SeqCst);
                    passage.failed();
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(passed.load(Ordering::SeqCst), 5);
    }

    #[tokio::test]
    async fn without_a_store_the_backend_is_not_asked_and_without_a_limit_nothing_is_counted() {
        let stage = Stage::new().await;
        stage.store.count_none(true);
        assert_eq!(stage.gateway(3).enter(&SystemEntropy).await.unwrap_err(), Refusal::Unavailable);
        let free = stage.gateway(0);
        for _ in 0..20 {
            free.enter(&SystemEntropy).await.unwrap().failed();
        }
    }
}
