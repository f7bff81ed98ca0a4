//! What is left to do once sessions have ended: to tell others, and to take them out of the index.

use std::error::Error;

use tokio::time::{Instant, timeout_at};

use super::{RedisStore, scripts::FORGET, step::Step};
use crate::{
    model::SessionId,
    store::{SessionKey, StoreError, StoreErrorKind, UserTag},
};

impl RedisStore {
    /// Has every gateway know.
    pub(super) async fn announce(&self, ended: &[SessionId]) -> Result<(), StoreError> {
        match self.revocations.announcement(ended) {
            Some(script) => self.link.run::<String>(&script).await.map(drop),
            None => Ok(()),
        }
    }

    /// For ends that are not what the caller asked for, and whose outcome is not theirs to repeat.
    pub(super) async fn announce_or_log(&self, ended: &[SessionId], until: Instant) {
        let outcome = timeout_at(until, self.announce(ended)).await;
        let outcome = outcome.unwrap_or_else(|cut_off| Err(StoreError::new(StoreErrorKind::Unavailable, cut_off)));
        if let Err(error) = outcome {
            let error = &error as &dyn Error;
            tracing::error!(
                error,
                ?ended,
                "the end of sessions was not announced: other gateways do not know of it yet"
            );
        }
    }

    /// Takes sessions out of the index whose end has been announced. If that fails, their end is only announced once more
    /// when it is asked for again.
    pub(super) async fn forget(&self, tag: UserTag, ended: &[SessionId]) {
        if ended.is_empty() {
            return;
        }
        let mut script = Step::script(&FORGET);
        script.key(self.keys.index(tag));
        for id in ended {
            script.key(self.keys.session(SessionKey { tag, id: *id }));
        }
        if let Err(error) = self.link.run::<()>(&script).await {
            let error = &error as &dyn Error;
            tracing::debug!(error, "sessions that have ended stay in the index");
        }
    }
}
