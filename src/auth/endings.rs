//! How a session ends, whoever ends it: in the store first, then in the memory of this process.

use std::{sync::Arc, time::Duration};

use super::tokens::Revoked;
use crate::{
    model::{Clock, SessionId},
    store::{SessionKey, SessionStore, StoreError},
};

/// No command runs this long, so a token made by one that began before a revocation is covered by it.
const RACE: Duration = Duration::from_secs(60);

/// Ends sessions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endings {
    store: Arc<dyn SessionStore>,
    revoked: Arc<Revoked>,
    clock: Arc<dyn Clock>,
    access_lifetime: Duration,
}

impl Endings {
    /// In this store; `revoked` holds them for as long as their access tokens run.
    #[must_use]
    pub fn new(
        store: Arc<dyn SessionStore>,
        revoked: Arc<Revoked>,
        clock: Arc<dyn Clock>,
        access_lifetime: Duration,
    ) -> Self {
        Self { store, revoked, clock, access_lifetime }
    }

    /// Whether this process knows that the session has ended.
    pub(super) fn has_ended(&self, session: &SessionId) -> bool {
        self.revoked.contains(session)
    }

    /// Ends a session.
    pub(super) async fn end(&self, key: SessionKey, why: &'static str) -> Result<(), StoreError> {
        self.store.end(key).await?;
        self.note(&[key.id], why);
        Ok(())
    }

    /// Takes note of sessions that the store has ended.
    pub(super) fn note(&self, sessions: &[SessionId], why: &'static str) {
        for session in sessions {
            self.revoke(*session);
            tracing::info!(%session, why, "session ended");
        }
    }

    /// Access tokens of an ended session die in this process at once; also one that a refresh racing this is about to make.
    pub(super) fn revoke(&self, session: SessionId) {
        let now = self.clock.now();
        self.revoked.insert(session, now.after(self.access_lifetime).after(RACE), now);
    }
}
