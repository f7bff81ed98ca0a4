//! Sessions and refresh tokens at rest, logins half-way, and which credentials of the backend are spent.
//!
//! [`SessionStore`] is what a backend implements, and [`ChallengeStore`] beside it, for logins that wait for a second factor;
//! each of their methods is one atomic step. Who ends sessions also tells the other gateways: what a store has ended comes
//! out of its [`Feed`] in every process that shares it. To add a backend, implement both and run the contract suite of
//! `tests/it/store/` against it: every backend passes the same tests. A store never sees a token in the clear, knows no
//! status code, and reports failures as one of three kinds. [`blank`] is none: it keeps nothing.

use std::{fmt, num::NonZeroU32, time::Duration};

use async_trait::async_trait;

use crate::model::{PasswordMark, Session, SessionId, TokenHash, UserId};

pub mod blank;
mod challenge;
pub mod embedded;
mod feed;
pub mod redis;
mod throttle;
mod tokens;
mod vault;

pub use challenge::{Challenge, ChallengeKey, ChallengeStore, NewChallenge};
pub use feed::{Feed, News};
pub use throttle::{Admission, Budget, ThrottleKey, ThrottleStore};
pub use tokens::TokenStore;
pub use vault::{SealedRecord, VaultStore};

/// Where a session is found: all records of one user share the user's tag (a Redis Cluster hash tag).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// The user's tag: the first 8 bytes of SHA-256 over the user id.
    pub tag: UserTag,
    /// The session.
    pub id: SessionId,
}

impl SessionKey {
    /// Where a session of `user`'s is found.
    #[must_use]
    pub fn of(user: &UserId, id: SessionId) -> Self {
        Self { tag: UserTag::of(user), id }
    }
}

/// Groups the records of one user. Not secret, and not unique by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserTag([u8; 8]);

impl UserTag {
    /// The tag of `user`.
    #[must_use]
    pub fn of(user: &UserId) -> Self {
        use sha2::{Digest as _, Sha256};
        let digest = Sha256::digest(user.as_str().as_bytes());
        let mut tag = [0; 8];
        tag.copy_from_slice(&digest[..8]);
        Self(tag)
    }

    /// A tag read back from a token.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The 8 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for UserTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A session that begins, with the hash of its first refresh token.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session. Its `expiry` holds instants by the gateway's clock; see [`Lifetimes`].
    pub session: Session,
    /// Hash of the refresh token handed out at login.
    pub refresh: TokenHash,
    /// How long it lives, by the store's clock.
    pub lifetimes: Lifetimes,
    /// How many sessions its user may have, this one among them.
    pub limit: NonZeroU32,
}

impl NewSession {
    /// Where it will be found.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        SessionKey::of(&self.session.user, self.session.id)
    }
}

/// A session that begins with a credential of the backend, which is spent by it.
///
/// The session's id is the credential's: a credential that has opened one opens no other. That credential counts as the
/// predecessor of the first refresh token, so [`SessionStore::rotate`] judges its return.
#[derive(Clone, Debug)]
pub struct Adopt {
    /// The session, with the hash of its first refresh token.
    pub new: NewSession,
    /// Hash of the credential.
    pub presented: TokenHash,
    /// The first refresh token, sealed under the credential.
    pub sealed_successor: Vec<u8>,
    /// How long the credential still gets the same refresh token.
    pub grace: Duration,
    /// How long the credential is remembered as spent, by the store's clock.
    pub remember: Duration,
}

/// What became of an [`Adopt`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// The session was added, by this call or an earlier attempt of it; these were ended to make room for it.
    Opened(Vec<SessionId>),
    /// The credential was spent before, by a session or by [`SessionStore::spend`]. No session was added.
    Spent,
}

/// Spans that a store adds to its own clock, so that replicas with skewed clocks agree.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Ends without a refresh for this long.
    pub idle: Duration,
    /// Ends this long after the login.
    pub absolute: Duration,
}

/// One use of a refresh token.
#[derive(Clone, Debug)]
pub struct Rotate {
    /// Which session the token names.
    pub key: SessionKey,
    /// Hash of the token that was presented.
    pub presented: TokenHash,
    /// The token bears the gateway's own mark, so a hash that is not known any more means an old token came back,
    /// not that somebody guessed a session id.
    pub genuine: bool,
    /// Hash of the token that takes over if this use succeeds.
    pub successor: TokenHash,
    /// The successor, sealed under the presented token: only who holds that can open it.
    pub sealed_successor: Vec<u8>,
    /// How long the immediate predecessor still gets the same successor.
    pub grace: Duration,
    /// The idle lifetime that starts anew.
    pub idle: Duration,
    /// The mark of the user's password that the session has from now on; `None` leaves it as it is.
    pub password: Option<PasswordMark>,
}

/// The use of a refresh token that stays good: as the one credential of a browser.
#[derive(Clone, Debug)]
pub struct Touch {
    /// Which session the token names.
    pub key: SessionKey,
    /// Hash of the token that was presented.
    pub presented: TokenHash,
    /// The idle lifetime that starts anew.
    pub idle: Duration,
}

/// What became of a [`Rotate`].
#[derive(Clone, Debug)]
pub enum Rotation {
    /// The token was the current one; `successor` of the request is now, by this call or an earlier attempt of it.
    Rotated(Session),
    /// The token was the immediate predecessor, within grace: its successor stands, sealed as it was stored.
    Repeated {
        /// The session, unchanged.
        session: Session,
        /// The `sealed_successor` of the use that came first.
        sealed_successor: Vec<u8>,
    },
    /// A genuine token that had been used up came back: the session was ended in this step (RFC 9700 §4.14.2). Said even
    /// where its end could not be announced, which the store logs: reuse must be known.
    Replayed(Session),
    /// No such session, or a token that the gateway never made for it. Nothing changed.
    Unknown,
    /// The session had run out; it is gone.
    Expired,
}

/// Why a store could not do its work. Details are in the error's source and go to the log, not to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Out of reach, overloaded or refusing writes. Nothing is known of the outcome; trying again is sensible.
    Unavailable,
    /// Another writer was first.
    Conflict,
    /// A record can't be read: made by a newer release, or damaged.
    Corrupt,
}

/// A store's failure: a kind to act on, and a source to log.
#[derive(Debug, thiserror::Error)]
#[error("session store: {kind:?}")]
pub struct StoreError {
    /// What to do about it.
    pub kind: StoreErrorKind,
    /// What happened.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// A failure of this kind.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }
}

/// Keeps sessions. Each method is atomic: two replicas that call at once see one order.
///
/// A backend must be durable against the death of the gateway's process: what it acknowledged is there after a restart.
/// Records carry a format version; a record of a newer format is [`StoreErrorKind::Corrupt`], never misread.
#[async_trait]
pub trait SessionStore: Send + Sync + fmt::Debug + 'static {
    /// Adds a session. Where its user then has more than the limit, the others that would run out first are ended in the
    /// same step: those that were not used for the longest time, or are near their absolute end. It returns their ids. Their
    /// ends are announced; where that fails it is logged, and the new session stands.
    ///
    /// # Errors
    /// [`StoreErrorKind::Conflict`] when the id is taken, which 128 random bits exclude in practice.
    async fn create(&self, new: NewSession) -> Result<Vec<SessionId>, StoreError>;

    /// Exchanges a refresh token for its successor.
    ///
    /// The same call may be repeated while no other came in between, whatever the grace: a successor that is the current
    /// token already names the attempt, and the answer is [`Rotation::Rotated`] again.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn rotate(&self, step: Rotate) -> Result<Rotation, StoreError>;

    /// Takes note that a session is used, and moves its idle expiry on. `None` when there is none, or none by this token:
    /// the current one counts, and within its grace the immediate predecessor. No other use has a consequence, since a
    /// browser that two requests of are under way may well come with an older one.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn touch(&self, step: Touch) -> Result<Option<Session>, StoreError>;

    /// The session, or `None` when it has ended or run out.
    ///
    /// # Errors
    /// When the store can't tell.
    async fn find(&self, key: SessionKey) -> Result<Option<Session>, StoreError>;

    /// Ends a session and announces its end, also of one that is gone already: an earlier call may have ended it and
    /// failed to say so. `true` when there was one. Once this returns, its refresh token is dead on every replica, and
    /// every [`Feed`] is going to tell of it.
    ///
    /// # Errors
    /// When the store can't promise both.
    async fn end(&self, key: SessionKey) -> Result<bool, StoreError>;

    /// All sessions of a user that have neither ended nor run out, at one instant and in no order.
    ///
    /// # Errors
    /// When the store can't tell. [`StoreErrorKind::Corrupt`] when one of them can't be read: none is left out.
    async fn list(&self, user: &UserId) -> Result<Vec<Session>, StoreError>;

    /// Ends all sessions of a user in one step, readable or not, announces their ends, and returns their ids. Further ones
    /// among them have ended before; those are among them whose end an earlier call could not announce. A session that is
    /// created at the same time is ended, too, or stands as if it had begun afterwards.
    ///
    /// # Errors
    /// When the store can't promise that all of them ended and were announced.
    async fn end_all(&self, user: &UserId) -> Result<Vec<SessionId>, StoreError>;

    /// Adds a session as [`create`](Self::create) does, and notes in the same step that the credential it began with is
    /// spent. One that is spent already opens nothing; how long it is remembered is lengthened where need be.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn adopt(&self, adopt: Adopt) -> Result<Adopted, StoreError>;

    /// Notes that the credential of the backend with this id, which is no session's as yet or has one, is spent, for as
    /// long as this and never for less than was said before; and announces that, as the end of a session. Once this
    /// returns, every replica is told so that asks.
    ///
    /// # Errors
    /// When the store can't promise that it is noted.
    async fn spend(&self, credential: SessionKey, remember: Duration) -> Result<(), StoreError>;

    /// Whether the credential of the backend with this id is spent.
    ///
    /// # Errors
    /// When the store can't tell.
    async fn is_spent(&self, credential: SessionKey) -> Result<bool, StoreError>;

    /// Notes that the session's user has shown a second factor in it; nothing else changes. `true` when the session goes on.
    ///
    /// # Errors
    /// When the outcome isn't known.
    async fn step_up(&self, key: SessionKey) -> Result<bool, StoreError>;

    /// A listener of its own to the ends of sessions, in this process or another. Connects at its first call.
    fn feed(&self) -> Box<dyn Feed>;
}
