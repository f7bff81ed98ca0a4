//! How a session ends, whoever ends it: in the store first, then in the memory of this process.

use std::sync::Arc;

use tokio::sync::watch;

use super::tokens::Revoked;
use crate::{
    model::{Clock, Horizon, SessionId, Timestamp},
    store::{SessionKey, SessionStore, StoreError},
};

/// Ends sessions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endings {
    store: Arc<dyn SessionStore>,
    revoked: Arc<Revoked>,
    clock: Arc<dyn Clock>,
    end_matters: Horizon,
}

impl Endings {
    /// In this store; `revoked` holds them for `end_matters`: as long as an access token of theirs may run.
    #[must_use]
    pub fn new(
        store: Arc<dyn SessionStore>,
        revoked: Arc<Revoked>,
        clock: Arc<dyn Clock>,
        end_matters: impl Into<Horizon>,
    ) -> Self {
        Self { store, revoked, clock, end_matters: end_matters.into() }
    }

    /// Whether this process knows that the session has ended.
    pub(super) fn has_ended(&self, session: &SessionId) -> bool {
        self.revoked.contains(session)
    }

    /// Changes whenever this process hears of an end.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.revoked.changes()
    }

    /// Ends a session.
    pub(super) async fn end(&self, key: SessionKey, why: &'static str) -> Result<(), StoreError> {
        self.store.end(key).await?;
        self.note(&[key.id], why);
        Ok(())
    }

    /// Takes note of sessions that the store has ended.
    pub(super) fn note(&self, sessions: &[SessionId], why: &'static str) {
        self.revoke(sessions);
        for session in sessions {
            tracing::info!(%session, why, "session ended");
        }
    }

    /// Access tokens of ended sessions die in this process at once; also one that a refresh racing this is about to make.
    pub(super) fn revoke(&self, sessions: &[SessionId]) {
        let now = self.clock.now();
        self.revoked.insert(sessions, now.after(self.end_matters.get()), now);
    }

    /// A token of the backend that was logged out dies in this process at once; it would have run out by `until`.
    pub(super) fn revoke_until(&self, handle: SessionId, until: Timestamp) {
        self.revoked.insert(&[handle], until, self.clock.now());
    }
}
