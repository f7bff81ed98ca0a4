//! The backend's own tokens of users, sealed by whoever keeps them.

use std::fmt;

use async_trait::async_trait;

use super::{SealedRecord, StoreError};
use crate::model::UserId;

/// Keeps one sealed record a user, beside and apart from that of [`VaultStore`](super::VaultStore), and held to the same.
#[async_trait]
pub trait TokenStore: Send + Sync + fmt::Debug + 'static {
    /// The user's record.
    ///
    /// # Errors
    /// When the store can't tell.
    async fn tokens(&self, user: &UserId) -> Result<Option<SealedRecord>, StoreError>;

    /// Writes the user's record where it still has the version `over`, 0 for none at all. `true` when it was written, by
    /// this call or an earlier attempt of it: the same bytes as the version after `over` are the same call.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn keep_tokens(&self, user: &UserId, over: u64, sealed: Vec<u8>) -> Result<bool, StoreError>;
}
