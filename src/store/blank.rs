//! A store that keeps nothing: for a gateway that answers nobody (`mode = "shadow"`).
//!
//! Whatever is asked of it is as if it were the first thing that ever was: nobody has a session, nothing is spent, no attempt
//! is one too many. What is to be kept is taken and forgotten, so that work done on it is done by the same code as elsewhere,
//! and leaves no trace. It is no store for sessions, and not held to what those promise.

use std::time::Duration;

use async_trait::async_trait;

use super::{
    Admission, Adopt, Adopted, Budget, Challenge, ChallengeKey, ChallengeStore, Feed, NewChallenge, NewSession, Rotate,
    Rotation, SealedRecord, SessionKey, SessionStore, StoreError, ThrottleKey, ThrottleStore, TokenStore, Touch,
    UserTag, VaultStore, feed::Silence,
};
use crate::model::{Session, SessionId, TokenHash, UserId};

/// The store.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlankStore;

#[async_trait]
impl SessionStore for BlankStore {
    async fn create(&self, _new: NewSession) -> Result<Vec<SessionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn rotate(&self, _step: Rotate) -> Result<Rotation, StoreError> {
        Ok(Rotation::Unknown)
    }

    async fn touch(&self, _step: Touch) -> Result<Option<Session>, StoreError> {
        Ok(None)
    }

    async fn find(&self, _key: SessionKey) -> Result<Option<Session>, StoreError> {
        Ok(None)
    }

    async fn end(&self, _key: SessionKey) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn list(&self, _user: &UserId) -> Result<Vec<Session>, StoreError> {
        Ok(Vec::new())
    }

    async fn end_all(&self, _user: &UserId) -> Result<Vec<SessionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn adopt(&self, _adopt: Adopt) -> Result<Adopted, StoreError> {
        Ok(Adopted::Opened(Vec::new()))
    }

    async fn spend(&self, _credential: SessionKey, _remember: Duration) -> Result<(), StoreError> {
        Ok(())
    }

    async fn is_spent(&self, _credential: SessionKey) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn step_up(&self, _key: SessionKey) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn feed(&self) -> Box<dyn Feed> {
        Box::new(Silence::default())
    }
}

#[async_trait]
impl ChallengeStore for BlankStore {
    async fn begin(&self, _new: NewChallenge) -> Result<(), StoreError> {
        Ok(())
    }

    async fn attempt(&self, _key: ChallengeKey, _presented: TokenHash) -> Result<Option<Challenge>, StoreError> {
        Ok(None)
    }

    async fn find(&self, _key: ChallengeKey, _presented: TokenHash) -> Result<Option<Challenge>, StoreError> {
        Ok(None)
    }

    async fn prove(&self, _key: ChallengeKey, _presented: TokenHash) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn consume(
        &self,
        _key: ChallengeKey,
        _presented: TokenHash,
        _session: SessionId,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }
}

#[async_trait]
impl ThrottleStore for BlankStore {
    async fn admit(&self, _key: &ThrottleKey, _budget: Budget) -> Result<Admission, StoreError> {
        Ok(Admission::Admitted)
    }

    async fn forgive(&self, _key: &ThrottleKey) -> Result<(), StoreError> {
        Ok(())
    }

    async fn undo(&self, _key: &ThrottleKey) -> Result<(), StoreError> {
        Ok(())
    }

    async fn forgive_all(&self, _tag: UserTag, _remember: Duration) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl TokenStore for BlankStore {
    async fn tokens(&self, _user: &UserId) -> Result<Option<SealedRecord>, StoreError> {
        Ok(None)
    }

    async fn keep_tokens(&self, _user: &UserId, _over: u64, _sealed: Vec<u8>) -> Result<bool, StoreError> {
        Ok(true)
    }
}

#[async_trait]
impl VaultStore for BlankStore {
    async fn get(&self, _user: &UserId) -> Result<Option<SealedRecord>, StoreError> {
        Ok(None)
    }

    async fn put(&self, _user: &UserId, _over: u64, _sealed: Vec<u8>) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn users(&self, _after: Option<&UserId>, _limit: u32) -> Result<Vec<UserId>, StoreError> {
        Ok(Vec::new())
    }
}
