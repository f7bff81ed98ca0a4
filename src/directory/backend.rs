//! The backend as the one who checks passwords, where nobody else can.
//!
//! It answers a login with tokens of its own. They are nobody's business but the gateway's: kept in a [`TokenVault`], shown to
//! the backend as the user's bearer ([`BackendTokens`]), and renewed before they run out.

use std::{fmt, net::IpAddr};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::DirectoryError;
use crate::model::{Account, PlainToken, Secret, Timestamp, UserId};

/// A name and a password, as they were typed.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The client's address, which the backend is told of.
    pub client: Option<IpAddr>,
}

/// The second half of a login.
#[derive(Clone, Debug)]
pub struct FactorShown {
    /// What the backend gave for the first half.
    pub challenge: PlainToken,
    /// The code, as it was typed.
    pub code: Secret,
    /// As above.
    pub client: Option<IpAddr>,
}

/// What the backend makes of a login, or of half of one.
#[derive(Clone, Debug)]
pub enum BackendEntry {
    /// The user is in, and the backend's tokens are kept.
    In(Box<Account>),
    /// The name, the password or the code is wrong, or the account is not to be logged in to.
    Refused,
    /// The backend wants the code of a second factor that it keeps itself; this is to be shown beside it.
    FactorDue(PlainToken),
    /// The backend wants a second factor set up, at the backend.
    SetupDue,
}

/// Why the backend says neither yes nor no.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// It answers nobody now who comes from where this came from.
    #[error("the backend has counted too many failures, and takes no login from the gateway for a while")]
    Blocked,
    /// It gave no answer that can be read, or its tokens could not be kept.
    #[error("the backend's own login")]
    Failed {
        /// What happened.
        #[source]
        error: DirectoryError,
        /// What was shown reached the backend for all that is known, which may have counted a failure.
        may_count: bool,
    },
}

/// Checks passwords by asking the backend.
#[async_trait]
pub trait BackendLogin: Send + Sync + fmt::Debug + 'static {
    /// The first half of a login, or all of it.
    ///
    /// # Errors
    /// When there is no answer.
    async fn log_in(&self, credentials: Credentials) -> Result<BackendEntry, Unanswered>;

    /// The second half.
    ///
    /// # Errors
    /// As above.
    async fn complete(&self, shown: FactorShown) -> Result<BackendEntry, Unanswered>;
}

/// The backend's own access token of a user.
#[derive(Clone, Debug)]
pub struct BackendToken {
    /// The token.
    pub token: PlainToken,
    /// When it is to be renewed.
    pub renew: Timestamp,
}

/// Has the backend's own tokens of users.
#[async_trait]
pub trait BackendTokens: Send + Sync + fmt::Debug + 'static {
    /// The access token of this user, good for now; `None` when there is none, and none to be had without a login.
    ///
    /// # Errors
    /// When nobody can tell.
    async fn token_of(&self, user: &UserId) -> Result<Option<BackendToken>, DirectoryError>;
}

/// What was kept of a user, and which version of it.
#[derive(Clone, Debug)]
pub struct KeptText {
    /// From 1 on; each write adds one.
    pub version: u64,
    /// The text, which holds secrets.
    pub text: Zeroizing<Vec<u8>>,
}

/// A place for one secret text a user, that gateways share. Nobody else can read it.
#[async_trait]
pub trait TokenVault: Send + Sync + fmt::Debug + 'static {
    /// The user's text.
    ///
    /// # Errors
    /// When the place can't tell, or has a text that doesn't open.
    async fn get(&self, user: &UserId) -> Result<Option<KeptText>, DirectoryError>;

    /// Writes the user's text where it still has the version `over`, 0 for none at all. Whether it was written.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn put(&self, user: &UserId, over: u64, text: Zeroizing<Vec<u8>>) -> Result<bool, DirectoryError>;

    /// The version that a user's text has, whether or not it opens; 0 for none.
    ///
    /// # Errors
    /// When the place can't tell.
    async fn version(&self, user: &UserId) -> Result<u64, DirectoryError>;
}
