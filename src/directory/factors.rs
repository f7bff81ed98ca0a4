//! The second factors of users, wherever they are kept.

use std::fmt;

use async_trait::async_trait;

use super::DirectoryError;
use crate::model::{
    Activate, Activation, DeviceId, Factor, HashedCode, KeptCode, NewFactor, NewTrust, PendingFactor, Timestamp,
    TrustedDevice, UserId,
};

/// Keeps second factors, backup codes and trusted devices. Each method is atomic: two gateways that call at once see one
/// order. Every id is one of the user's who is named beside it; another's is as good as none.
///
/// A store keeps them sealed, and the directory where the backend does: then what the backend enrolled counts here, and
/// what was enrolled here counts in the backend. [`can_enrol`](Self::can_enrol) says whether there is a place for more.
#[async_trait]
pub trait Factors: Send + Sync + fmt::Debug + 'static {
    /// Whether authenticators can be added at all: a backend without tables for them has no place.
    ///
    /// # Errors
    /// When nobody can tell.
    async fn can_enrol(&self) -> Result<bool, DirectoryError>;

    /// The user's factors that are active, in the order in which they were set up.
    ///
    /// # Errors
    /// When nobody can tell.
    async fn active(&self, user: &UserId) -> Result<Vec<Factor>, DirectoryError>;

    /// The authenticator that waits for its first code.
    ///
    /// # Errors
    /// When nobody can tell.
    async fn pending(&self, user: &UserId) -> Result<Option<PendingFactor>, DirectoryError>;

    /// Adds an authenticator that waits for its first code, in place of one that does so already. An authenticator that
    /// was used before and then switched off is not one that waits.
    ///
    /// # Errors
    /// When it could not be written.
    async fn set_up(&self, user: &UserId, factor: NewFactor) -> Result<DeviceId, DirectoryError>;

    /// Makes the authenticator that waits an active one. Its backup codes are the user's only ones from then on. Whether
    /// there is another factor is looked at in the same step.
    ///
    /// # Errors
    /// When it could not be written; it must not count then.
    async fn activate(&self, user: &UserId, activate: Activate) -> Result<Activation, DirectoryError>;

    /// Notes that the code of the step that begins at `step` was shown for an active second factor of this user's. `true`
    /// when neither that one nor a later one was noted before: of several that note the same step, on whichever gateway, one
    /// gets `true`.
    ///
    /// # Errors
    /// When it could not be written; the code must not count then.
    async fn accept_step(&self, user: &UserId, device: &DeviceId, step: Timestamp) -> Result<bool, DirectoryError>;

    /// The unused backup codes of the user's active authenticators.
    ///
    /// # Errors
    /// When nobody can tell.
    async fn codes(&self, user: &UserId) -> Result<Vec<KeptCode>, DirectoryError>;

    /// Uses up one of [`codes`](Self::codes). `true` when it was there, of an active authenticator and not used: of
    /// several that use it at once, on whichever gateway, one gets `true`.
    ///
    /// # Errors
    /// When it could not be written; the code must not count then.
    async fn use_code(&self, user: &UserId, code: &DeviceId) -> Result<bool, DirectoryError>;

    /// Puts hashes in the place of codes that were stored in the clear. One that is used by now, or is another, is left.
    ///
    /// # Errors
    /// When they could not be written; nothing else is lost by it.
    async fn hash_codes(&self, user: &UserId, codes: Vec<(KeptCode, HashedCode)>) -> Result<(), DirectoryError>;

    /// Gives an authenticator these backup codes, `given` now, in place of those that it has. For one that is active, they are the
    /// user's only ones from then on. `false` when there is no such authenticator.
    ///
    /// # Errors
    /// When they could not be written.
    async fn give_codes(
        &self,
        user: &UserId,
        device: &DeviceId,
        codes: Vec<HashedCode>,
        given: Timestamp,
    ) -> Result<bool, DirectoryError>;

    /// Removes every factor, active or waiting, and every backup code and trusted device of the user's.
    ///
    /// # Errors
    /// When they could not be removed.
    async fn remove_all(&self, user: &UserId) -> Result<(), DirectoryError>;

    /// The devices of the user's that are said to be trusted and have not run out by `now`, the newest first.
    ///
    /// # Errors
    /// When nobody can tell.
    async fn trusted(&self, user: &UserId, now: Timestamp) -> Result<Vec<TrustedDevice>, DirectoryError>;

    /// Adds a trusted device, and drops those that have run out and the oldest beyond `limit`. `None` where there is no
    /// place for one.
    ///
    /// # Errors
    /// When it could not be written.
    async fn trust(&self, user: &UserId, new: NewTrust, limit: u32) -> Result<Option<DeviceId>, DirectoryError>;

    /// Trusts a device no more. `true` when it was.
    ///
    /// # Errors
    /// When it could not be written.
    async fn distrust(&self, user: &UserId, device: &DeviceId) -> Result<bool, DirectoryError>;
}
