//! Access tokens, refresh tokens, and the keys under them.
//!
//! Each kind of token has one purpose, and none passes for another: access tokens are bound to theirs by implicit
//! assertion or marker claim ([`access`]), refresh tokens ([`refresh`]) and challenge tokens are opaque and good only as the store says;
//! those of known devices open nothing.
//! During a cut-over those of Rail Django count, too ([`rail`]).
//!
//! Those that were verified are remembered, by each core for itself ([`remembered`]).

use std::sync::Arc;

use crate::model::{AuthMethod, Clock, Principal};

mod access;
mod challenge;
mod claims;
pub(in crate::auth) mod jwt;
mod keys;
mod known;
mod marks;
mod opaque;
mod paseto;
mod rail;
pub mod refresh;
mod remembered;
mod revoked;
#[cfg(test)]
mod tests;

use access::Genuine;
pub use access::{AccessFormat, AccessTokens};
pub use challenge::ChallengeTokens;
pub use claims::{AccessClaims, Occasion, OptionalClaims};
pub use keys::{Key, KeyError, KeyRing, RingKey};
pub use known::{KnownDevice, KnownDevices};
pub use marks::PasswordMarks;
pub(in crate::auth) use marks::{Marker, before};
pub(in crate::auth) use opaque::OpaqueTokens;
pub use rail::{Rail, RailRefresh, RailTokens};
pub use refresh::{RefreshClaim, RefreshTokens};
pub use remembered::Remembered;
pub use revoked::Revoked;

/// Why a token was not accepted. For the log; a client is told only that it is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of any accepted kind, or its seal is wrong.
    #[error("not a token of this gateway")]
    Malformed,
    /// It has run out.
    #[error("expired")]
    Expired,
    /// Its session was ended, or a logout named the token itself.
    #[error("revoked")]
    Revoked,
}

/// Tells who a token speaks for. Shared by all threads; never waits.
#[derive(Debug)]
pub struct Authenticator {
    access: Arc<AccessTokens>,
    revoked: Arc<Revoked>,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// Verifies tokens made by `access`, except those of `revoked` sessions.
    #[must_use]
    pub fn new(access: Arc<AccessTokens>, revoked: Arc<Revoked>, clock: Arc<dyn Clock>) -> Self {
        Self { access, revoked, clock }
    }

    /// Verifies an access token.
    ///
    /// # Errors
    /// When it is no good; the request then counts as anonymous.
    pub fn authenticate(&self, token: &str, method: AuthMethod) -> Result<Principal, TokenError> {
        self.admit(self.read(token)?, method)
    }

    /// Reads a token whose seal is right, whether it is good now or not.
    fn read(&self, token: &str) -> Result<Genuine, TokenError> {
        self.access.read(token)
    }

    /// Who comes with such a token, if it is good now.
    fn admit(&self, genuine: Genuine, method: AuthMethod) -> Result<Principal, TokenError> {
        genuine.check(self.clock.now())?;
        let principal = genuine.into_principal(method);
        if self.revoked.contains(&principal.handle) { Err(TokenError::Revoked) } else { Ok(principal) }
    }

    /// Who a token of the gateway's own spoke for before it ran out: good for a logout, and for nothing else.
    #[must_use]
    pub fn expired(&self, token: &str, method: AuthMethod) -> Option<Principal> {
        self.access.expired(token, method, self.clock.now())
    }
}

/// A claim may be absent, but never null or of another type.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
