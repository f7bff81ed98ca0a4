//! Following the ends of sessions that other gateways announce.
//!
//! A [`Follower`] reads the store's feed, on the services' runtime, into the memory of revoked sessions that every request is
//! held against. So a session that ended elsewhere is refused here within the time of two messages, and no request asks
//! the store. What this process ends by itself it notes at once, and hears of it again.
//!
//! The feed may break off, or miss something. [`Followed`] tells both: [`heard`](Followed::heard) stands still, and
//! [`generation`](Followed::generation) goes up.

use std::{
    convert::Infallible,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::tokens::Revoked;
use crate::{
    model::{Clock, Horizon, Timestamp},
    store::{Feed, News, StoreError},
};

/// How soon a feed that broke off is tried again, at first; each further time takes twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest time between two tries. It is how late an end may be noticed once the store is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How well this process knows which sessions have ended. Shared by those who have to know; asking costs an atomic load.
#[derive(Debug)]
pub struct Followed {
    /// In microseconds; the least number for never.
    heard: AtomicI64,
    generation: AtomicU64,
}

impl Default for Followed {
    fn default() -> Self {
        Self { heard: AtomicI64::new(i64::MIN), generation: AtomicU64::new(0) }
    }
}

impl Followed {
    /// All sessions that had ended by this instant are known. `None` until all has been read that there was at the start.
    /// A few seconds old as long as the feed is well.
    #[must_use]
    pub fn heard(&self) -> Option<Timestamp> {
        let micros = self.heard.load(Ordering::Acquire);
        (micros != i64::MIN).then(|| Timestamp::from_micros(micros))
    }

    /// Ends may have been missed.
    pub(super) fn miss(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Goes up each time that ends may have been missed. What the store said of a session counts only as long as this is
    /// what it was *before* the store was asked.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

/// Reads the feed.
#[derive(Debug)]
pub struct Follower {
    feed: Box<dyn Feed>,
    revoked: Arc<Revoked>,
    followed: Arc<Followed>,
    clock: Arc<dyn Clock>,
    /// How long an access token may be accepted after its session ended.
    end_matters: Horizon,
    outage: Option<Outage>,
}

#[derive(Clone, Copy, Debug)]
struct Outage {
    since: Timestamp,
    pause: Duration,
}

impl Follower {
    /// Reads `feed` into `revoked`, where a session stays for `end_matters`: as long as an access token of it may run.
    #[must_use]
    pub fn new(
        feed: Box<dyn Feed>,
        revoked: Arc<Revoked>,
        clock: Arc<dyn Clock>,
        end_matters: impl Into<Horizon>,
    ) -> Self {
        Self { feed, revoked, followed: Arc::default(), clock, end_matters: end_matters.into(), outage: None }
    }

    /// What there is to know of it.
    #[must_use]
    pub fn followed(&self) -> Arc<Followed> {
        Arc::clone(&self.followed)
    }

    /// Reads what the feed held at the start. Gives up at the first failure: a gateway starts while its store is down, and
    /// [`keep_running`](Self::keep_running) goes on from there.
    pub async fn catch_up(&mut self) {
        while self.outage.is_none() && self.followed.heard().is_none() {
            self.step().await;
        }
    }

    /// Follows as long as the process lives. Should it panic, which would otherwise be the end of it without a word, it is told
    /// and begun anew with another feed; ends may have been missed in between.
    pub async fn keep_running(mut self, feed: impl Fn() -> Box<dyn Feed>) {
        loop {
            let (revoked, followed) = (Arc::clone(&self.revoked), Arc::clone(&self.followed));
            let (clock, end_matters) = (Arc::clone(&self.clock), self.end_matters.clone());
            let Err(ended) = tokio::spawn(self.run()).await;
            if !ended.is_panic() {
                return;
            }
            tracing::error!("who follows ended sessions panicked, and begins anew: what is remembered is checked anew");
            followed.miss();
            tokio::time::sleep(FIRST_PAUSE).await;
            self = Self { feed: feed(), revoked, followed, clock, end_matters, outage: None };
        }
    }

    async fn run(mut self) -> Infallible {
        loop {
            if let Some(outage) = self.outage {
                tokio::time::sleep(outage.pause).await;
            }
            self.step().await;
        }
    }

    async fn step(&mut self) {
        match self.feed.next().await {
            Ok(news) => {
                self.is_back();
                self.take(news);
            }
            Err(error) => self.is_down(&error),
        }
    }

    fn take(&self, news: News) {
        let now = self.clock.now();
        match news {
            News::Ended(sessions) => {
                self.revoked.insert(&sessions, now.after(self.end_matters.get()), now);
                tracing::debug!(?sessions, "ended by some gateway");
            }
            News::Gap => {
                self.followed.miss();
                tracing::warn!("ends of sessions may have been missed: what is remembered of sessions is checked anew");
            }
            News::Quiet => self.followed.heard.store(now.as_micros(), Ordering::Release),
        }
    }

    /// Told once an outage, whatever its length.
    fn is_down(&mut self, error: &StoreError) {
        self.outage = Some(match self.outage {
            Some(Outage { since, pause }) => Outage { since, pause: (pause * 2).min(LONGEST_PAUSE) },
            None => {
                let error = error as &dyn Error;
                tracing::warn!(
                    error,
                    "the feed of ended sessions broke off: what other gateways end is not known here"
                );
                Outage { since: self.clock.now(), pause: FIRST_PAUSE }
            }
        });
    }

    fn is_back(&mut self) {
        if let Some(outage) = self.outage.take() {
            tracing::info!(after = ?self.clock.now().since(outage.since), "the feed of ended sessions is back");
        }
    }
}

#[cfg(test)]
mod tests;
