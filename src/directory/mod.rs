//! Where users come from.
//!
//! A [`Directory`] answers three questions: who logs in by this name, who is this id today, and may this id still come in;
//! and it notes logins. Second factors are kept by [`Factors`]: the directory, or somebody else.
//! It knows nothing of the gateway's tokens and sessions, nor of status codes. [`django`] reads the database of a Django project.
//! Where that also keeps the sessions that the backend opens itself, it has these as [`BackendSessions`]. [`mod@file`] reads a list of
//! users that an operator keeps. [`upstream`] asks the backend itself, which then checks passwords ([`BackendLogin`]).

use std::fmt;

use async_trait::async_trait;

use crate::model::{Account, AccountState, Candidate, EncodedPassword, PlainToken, Secret, Timestamp, UserId};

mod backend;
pub mod django;
mod factors;
pub mod file;
mod read_only;
pub mod upstream;

pub use backend::{
    BackendEntry, BackendLogin, BackendToken, BackendTokens, Credentials, FactorShown, KeptText, TokenVault, Unanswered,
};
pub use factors::Factors;
pub use read_only::ReadOnly;

/// Why a directory could not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryErrorKind {
    /// Out of reach or overloaded; trying again is sensible.
    Unavailable,
    /// What it holds doesn't fit the configuration: no user table, a missing column.
    Misconfigured,
    /// A row can't be read.
    Corrupt,
}

/// A directory's failure: a kind to act on, and a source to log.
#[derive(Debug, thiserror::Error)]
#[error("user directory: {kind:?}")]
pub struct DirectoryError {
    /// What to do about it.
    pub kind: DirectoryErrorKind,
    /// What happened.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl DirectoryError {
    /// A failure of this kind.
    pub fn new(kind: DirectoryErrorKind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }
}

/// A source of users.
#[async_trait]
pub trait Directory: Send + Sync + fmt::Debug + 'static {
    /// Who logs in by this name, compared as the directory compares names; also when inactive. It takes what it takes for a
    /// name that nobody has: what a user has beside a password is asked for when that has turned out right
    /// ([`account_of`](Self::account_of)), or the time of a refusal would tell who has much.
    ///
    /// # Errors
    /// When the directory can't tell.
    async fn candidate(&self, username: &str) -> Result<Option<Candidate>, DirectoryError>;

    /// The account with this id as it is now; also when it is inactive.
    ///
    /// # Errors
    /// When the directory can't tell.
    async fn account_of(&self, id: &UserId) -> Result<Option<Account>, DirectoryError>;

    /// The part of the account with this id that sessions hang on. It is asked often, and costs one query where
    /// [`account_of`](Self::account_of) costs several.
    ///
    /// # Errors
    /// When the directory can't tell.
    async fn state_of(&self, id: &UserId) -> Result<Option<AccountState>, DirectoryError>;

    /// Notes a login (Django's `last_login`).
    ///
    /// # Errors
    /// When it could not be written; the login stands all the same.
    async fn record_login(&self, id: &UserId, at: Timestamp) -> Result<(), DirectoryError>;

    /// Puts a hash of the same password in the place of `old`, if that still stands there; `true` when it did. A directory
    /// whose hashes are not the gateway's to write leaves them.
    ///
    /// # Errors
    /// When it could not be written, or nobody knows; `old` and `new` are of one password, so either may stand.
    async fn replace_password(
        &self,
        id: &UserId,
        old: &EncodedPassword,
        new: &EncodedPassword,
    ) -> Result<bool, DirectoryError> {
        let _not_written = (id, old, new);
        Ok(false)
    }
}

/// A session of the backend's own, as it keeps it: what is in it is the backend's to write, and sealed.
#[derive(Clone, Debug)]
pub struct StoredSession {
    /// The signed data; what a project keeps there is nobody's to read in a log.
    pub data: Secret,
    /// When it runs out.
    pub expires: Timestamp,
}

/// Where the backend keeps the sessions that it opens itself.
#[async_trait]
pub trait BackendSessions: Send + Sync + fmt::Debug + 'static {
    /// The session that a browser has this cookie of; also when it has run out.
    ///
    /// # Errors
    /// When the directory can't tell.
    async fn backend_session(&self, cookie: &PlainToken) -> Result<Option<StoredSession>, DirectoryError>;
}
