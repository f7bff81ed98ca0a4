//! What is kept of a user beside sessions, sealed by whoever keeps it.

use std::fmt;

use async_trait::async_trait;

use super::StoreError;
use crate::model::UserId;

/// A sealed record, and which of its versions it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRecord {
    /// From 1 on; each [`put`](VaultStore::put) adds one.
    pub version: u64,
    /// What was sealed, which only its keeper can open.
    pub sealed: Vec<u8>,
}

/// Keeps one sealed record a user. It neither knows nor needs to know what is in it. A backend is held to what
/// [`SessionStore`](super::SessionStore) says: atomic, durable, formats with a version. Records never run out.
#[async_trait]
pub trait VaultStore: Send + Sync + fmt::Debug + 'static {
    /// The user's record.
    ///
    /// # Errors
    /// When the store can't tell.
    async fn get(&self, user: &UserId) -> Result<Option<SealedRecord>, StoreError>;

    /// Writes the user's record where it still has the version `over`, 0 for none at all. `true` when it was written, by
    /// this call or an earlier attempt of it: the same bytes as the version after `over` are the same call.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn put(&self, user: &UserId, over: u64, sealed: Vec<u8>) -> Result<bool, StoreError>;

    /// Up to `limit` users who have a record, by the order of their ids' text, after this one. Every user whose record
    /// was there all along is told of when one goes on from the last until none is left. Somebody whose first
    /// [`put`](Self::put) failed may be told of, too.
    ///
    /// # Errors
    /// When the store can't tell.
    async fn users(&self, after: Option<&UserId>, limit: u32) -> Result<Vec<UserId>, StoreError>;
}
