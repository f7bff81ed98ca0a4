//! Logins that wait for a second factor, at rest.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{StoreError, UserTag};
use crate::model::{PasswordMark, SessionId, TokenHash, UserId};

/// Where a challenge is found, beside the sessions of the same user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChallengeKey {
    /// The user's tag.
    pub tag: UserTag,
    /// 128 random bits.
    pub id: [u8; 16],
}

impl fmt::Display for ChallengeKey {
    /// The id: 22 characters of base64url.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.id))
    }
}

/// A login whose password was right, and that waits for a code.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// Who logs in.
    pub user: UserId,
    /// Mark of the password that was shown: with another password the login is void.
    pub password: PasswordMark,
    /// The `deviceName` given at the login.
    pub device_name: Option<String>,
    /// How often a code may still be tried.
    pub tries_left: u32,
    /// Its holder has shown the first code of the factor that was set up by it.
    pub proven: bool,
}

/// A challenge that begins.
#[derive(Clone, Debug)]
pub struct NewChallenge {
    /// Its place.
    pub key: ChallengeKey,
    /// What is kept of it.
    pub challenge: Challenge,
    /// Hash of the token handed out for it.
    pub token: TokenHash,
    /// How long it is good, by the store's clock.
    pub lifetime: Duration,
}

/// Keeps challenges. Each method is atomic, as those of [`SessionStore`](super::SessionStore) are, and a backend is held to
/// the same: durable, one clock, formats with a version.
#[async_trait]
pub trait ChallengeStore: Send + Sync + fmt::Debug + 'static {
    /// Adds a challenge. The same call may be repeated.
    ///
    /// # Errors
    /// [`StoreErrorKind::Conflict`](super::StoreErrorKind::Conflict) when the id is taken, which 128 random bits exclude in
    /// practice.
    async fn begin(&self, new: NewChallenge) -> Result<(), StoreError>;

    /// Counts a try, before anybody looks at the code: of callers that come at once, no more get here than tries are left.
    /// The challenge as it is afterwards; `None` when it is unknown, used, run out or has no try left, or when the token is
    /// not its own.
    ///
    /// A try may be counted twice where a reply was lost.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn attempt(&self, key: ChallengeKey, presented: TokenHash) -> Result<Option<Challenge>, StoreError>;

    /// The challenge as it is, without counting a try; `None` where [`attempt`](Self::attempt) would say so.
    ///
    /// # Errors
    /// When the store can't tell.
    async fn find(&self, key: ChallengeKey, presented: TokenHash) -> Result<Option<Challenge>, StoreError>;

    /// Notes on a challenge that is not used up that its holder has shown the first code of the factor that was set up by
    /// it. Where that took the last try, there is one more, for the login to go on. `true` when it is noted, by this call or before.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn prove(&self, key: ChallengeKey, presented: TokenHash) -> Result<bool, StoreError>;

    /// Uses a challenge up, for the session of this id that is opened next. `true` for one session only, however many ask at
    /// once; the same call again is answered the same.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn consume(&self, key: ChallengeKey, presented: TokenHash, session: SessionId) -> Result<bool, StoreError>;
}
