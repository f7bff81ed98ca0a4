//! Tokens that Rail Django signed before the gateway came, so that nobody has to log in again at the cut-over.
//!
//! Both kinds are HS256 under the Django project's secret, with `exp`, issued before the cut-over, and without the marker
//! claim of the gateway's own JWTs. An access token makes a caller without a session; nothing that it says of roles or
//! factors counts. A refresh token is good for one exchange per family: the chain of tokens that began with one login. Neither
//! says when that login was: what the backend makes by a refresh says when the refresh was. So nobody can tell, and it never
//! counts as a moment ago.
//!
//! They have no session to be revoked by, so each gets an id of its own, the same on every gateway:
//!
//! | what | id: the first 16 bytes of SHA-256 over these, each behind its length in 8 bytes |
//! |---|---|
//! | an access token | `rail token`, the token's MAC as it is written |
//! | a refresh family | `rail family`, the user's key, which claim names the family, its name |
//!
//! The MAC stands for its token, since no two tokens have the same; one has one spelling only. The family's id is also
//! that of the session that it is exchanged for. Like any session id, neither opens anything. An older Rail Django writes
//! no `family`; then the token is a family of its own, by its `jti` or its MAC.

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{
    TokenError,
    claims::{AccessClaims, check_instants},
    jwt::{JwtKey, Kind, read_user_id},
};
use crate::{
    model::{Secret, SessionId, Timestamp, UserId},
    store::SessionKey,
};

/// Which of Rail Django's own tokens are good.
#[derive(Debug)]
pub struct RailTokens {
    /// The Django project's signing secret.
    pub secret: Secret,
    /// Only tokens issued before this instant count.
    pub cut_over: Timestamp,
}

/// Judges Rail Django's own tokens.
#[derive(Debug)]
pub struct Rail {
    key: JwtKey,
    cut_over: Timestamp,
}

/// A refresh token of Rail Django's that may be exchanged, once per family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RailRefresh {
    /// Whose it is.
    pub user: UserId,
    /// Its family, and the session that it becomes.
    pub family: SessionKey,
    /// When the last token of the family has run out: none counts that was made after the cut-over, and all of them live
    /// equally long.
    pub family_expires: Timestamp,
}

/// The payload on the wire. What is not looked at is not named; what must not be there is.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    user_id: &'a RawValue,
    iat: i64,
    exp: i64,
    #[serde(default, deserialize_with = "super::present")]
    nbf: Option<i64>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "super::present")]
    family: Option<String>,
    #[serde(default, deserialize_with = "super::present")]
    jti: Option<String>,
    #[serde(borrow, default, deserialize_with = "super::present")]
    railgate: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "super::present")]
    sid: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "super::present")]
    aud: Option<&'a RawValue>,
}

impl Rail {
    pub(super) fn new(tokens: RailTokens) -> Self {
        Self { key: JwtKey::new(&tokens.secret), cut_over: tokens.cut_over }
    }

    /// What an access token that the backend signed says, as far as it counts, and the id that is its own.
    pub(super) fn read(&self, token: &str) -> Result<(AccessClaims, SessionId), TokenError> {
        let (claims, Kind::Rail) = self.key.read(token)? else { return Err(TokenError::Malformed) };
        if claims.session.is_some() || claims.issued >= self.cut_over {
            return Err(TokenError::Malformed);
        }
        let (email, roles, permissions, auth_time) = (None, None, None, Timestamp::default());
        let counted = AccessClaims { email, roles, permissions, mfa: false, auth_time, ..claims };
        Ok((counted, id(&[b"rail token", mac(token)])))
    }

    /// Reads a refresh token that the backend signed.
    ///
    /// # Errors
    /// [`TokenError::Expired`] for a token that was good once, [`TokenError::Malformed`] for everything else.
    pub fn refresh(&self, token: &str, now: Timestamp) -> Result<RailRefresh, TokenError> {
        let payload = self.key.payload(token)?;
        let wire: Wire<'_> = serde_json::from_slice(&payload).map_err(|_| TokenError::Malformed)?;
        if wire.kind != "refresh" || wire.railgate.is_some() || wire.sid.is_some() || wire.aud.is_some() {
            return Err(TokenError::Malformed);
        }
        let [issued, expires] = [wire.iat, wire.exp].map(Timestamp::from_secs);
        if issued >= self.cut_over {
            return Err(TokenError::Malformed);
        }
        check_instants(issued, wire.nbf.map(Timestamp::from_secs), expires, now)?;
        let user = read_user_id(wire.user_id)?;
        let id = wire.family_id(&user, token)?;
        let family = SessionKey::of(&user, id);
        Ok(RailRefresh { user, family, family_expires: self.cut_over.after(expires.since(issued)) })
    }
}

impl Wire<'_> {
    fn family_id(&self, user: &UserId, token: &str) -> Result<SessionId, TokenError> {
        // One that is empty names nothing, and would be shared by all that say so.
        if [&self.family, &self.jti].into_iter().flatten().any(String::is_empty) {
            return Err(TokenError::Malformed);
        }
        let (claim, name): (&[u8], &[u8]) = match (&self.family, &self.jti) {
            (Some(family), _) => (b"family", family.as_bytes()),
            (None, Some(jti)) => (b"jti", jti.as_bytes()),
            (None, None) => (b"mac", mac(token)),
        };
        Ok(id(&[b"rail family", user.as_str().as_bytes(), claim, name]))
    }
}

/// The MAC as it is written: the last part of a token.
fn mac(token: &str) -> &[u8] {
    token.rsplit_once('.').map_or(token, |(_, mac)| mac).as_bytes()
}

/// An id made of these parts, each behind its length, so that no two lists run into one.
fn id(parts: &[&[u8]]) -> SessionId {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    SessionId::from_bytes(id)
}

#[cfg(test)]
mod tests;
