//! A directory that is read and never written: for a gateway that answers nobody (`mode = "shadow"`).
//!
//! What is to be noted or used up counts as noted, for whoever asked, and nothing is written.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Directory, DirectoryError, DirectoryErrorKind, Factors};
use crate::model::{
    Account, AccountState, Activate, Activation, Candidate, DeviceId, Factor, HashedCode, KeptCode, NewFactor,
    NewTrust, PendingFactor, Timestamp, TrustedDevice, UserId,
};

/// One that is read only.
#[derive(Debug)]
pub struct ReadOnly<T: ?Sized>(pub Arc<T>);

/// What can't be done without leaving something behind.
fn not_written() -> DirectoryError {
    DirectoryError::new(DirectoryErrorKind::Unavailable, "nothing is written here")
}

#[async_trait]
impl Directory for ReadOnly<dyn Directory> {
    async fn candidate(&self, username: &str) -> Result<Option<Candidate>, DirectoryError> {
        self.0.candidate(username).await
    }

    async fn account_of(&self, id: &UserId) -> Result<Option<Account>, DirectoryError> {
        self.0.account_of(id).await
    }

    async fn state_of(&self, id: &UserId) -> Result<Option<AccountState>, DirectoryError> {
        self.0.state_of(id).await
    }

    async fn record_login(&self, _id: &UserId, _at: Timestamp) -> Result<(), DirectoryError> {
        Ok(())
    }
}

#[async_trait]
impl Factors for ReadOnly<dyn Factors> {
    async fn can_enrol(&self) -> Result<bool, DirectoryError> {
        self.0.can_enrol().await
    }

    async fn active(&self, user: &UserId) -> Result<Vec<Factor>, DirectoryError> {
        self.0.active(user).await
    }

    async fn pending(&self, user: &UserId) -> Result<Option<PendingFactor>, DirectoryError> {
        self.0.pending(user).await
    }

    async fn set_up(&self, _user: &UserId, _factor: NewFactor) -> Result<DeviceId, DirectoryError> {
        Err(not_written())
    }

    async fn activate(&self, _user: &UserId, _activate: Activate) -> Result<Activation, DirectoryError> {
        Err(not_written())
    }

    async fn accept_step(&self, _user: &UserId, _device: &DeviceId, _step: Timestamp) -> Result<bool, DirectoryError> {
        Ok(true)
    }

    async fn codes(&self, user: &UserId) -> Result<Vec<KeptCode>, DirectoryError> {
        self.0.codes(user).await
    }

    async fn use_code(&self, _user: &UserId, _code: &DeviceId) -> Result<bool, DirectoryError> {
        Ok(true)
    }

    async fn hash_codes(&self, _user: &UserId, _codes: Vec<(KeptCode, HashedCode)>) -> Result<(), DirectoryError> {
        Ok(())
    }

    async fn give_codes(
        &self,
        _user: &UserId,
        _device: &DeviceId,
        _codes: Vec<HashedCode>,
        _given: Timestamp,
    ) -> Result<bool, DirectoryError> {
        Err(not_written())
    }

    async fn remove_all(&self, _user: &UserId) -> Result<(), DirectoryError> {
        Err(not_written())
    }

    async fn trusted(&self, user: &UserId, now: Timestamp) -> Result<Vec<TrustedDevice>, DirectoryError> {
        self.0.trusted(user, now).await
    }

    async fn trust(&self, _user: &UserId, _new: NewTrust, _limit: u32) -> Result<Option<DeviceId>, DirectoryError> {
        Ok(None)
    }

    async fn distrust(&self, _user: &UserId, _device: &DeviceId) -> Result<bool, DirectoryError> {
        Err(not_written())
    }
}
