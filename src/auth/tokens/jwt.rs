//! Rail Django's JWT: HS256, the claims of its own tokens.
//!
//! Three kinds share the shape and must never pass for each other. The claim `railgate` tells them apart: `access` is
//! an access token of the gateway (`tokens.format = "jwt"`), `upstream` is what the backend is shown and no client may
//! come with, and a token without the claim is one that Rail Django signed itself. Its refresh tokens are read by
//! [`rail`](super::rail).
//!
//! The algorithm is fixed (RFC 8725 §3.1): the header is read only to refuse everything but HS256, and `kid`, `jwk`,
//! `jku` and the like are never looked at.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{TokenError, claims::AccessClaims};
use crate::model::{PlainToken, Secret, SessionId, Timestamp, UserId};

/// `{"alg":"HS256","typ":"JWT"}`, which is how PyJWT and this module write it.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// Who made a JWT, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Kind {
    /// An access token of the gateway.
    Access,
    /// The gateway's word to the backend.
    Upstream,
    /// Made by Rail Django itself.
    Rail,
}

impl Kind {
    const fn marker(self) -> Option<&'static str> {
        match self {
            Self::Access => Some("access"),
            Self::Upstream => Some("upstream"),
            Self::Rail => None,
        }
    }
}

/// Signs and verifies JWTs under one secret.
#[derive(Clone)]
pub(in crate::auth) struct JwtKey(hmac::Key);

impl std::fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JwtKey")
    }
}

#[derive(Deserialize)]
struct WireHeader<'a> {
    #[serde(borrow)]
    alg: std::borrow::Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "super::present")]
    crit: Option<&'a RawValue>,
}

/// The payload on the wire. Seconds since the epoch, as Rail Django writes them.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    /// A number for Django's integer keys, else a text.
    #[serde(borrow)]
    user_id: std::borrow::Cow<'a, RawValue>,
    username: Arc<str>,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    nbf: Option<i64>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    roles: Option<Arc<[String]>>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    permissions: Option<Arc<[String]>>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    railgate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    mfa: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    email: Option<Arc<str>>,
    /// Nothing here is made for an audience, and Rail Django refuses a token that is.
    #[serde(skip_serializing, borrow, default, deserialize_with = "super::present")]
    aud: Option<&'a RawValue>,
}

impl JwtKey {
    pub(in crate::auth) fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()))
    }

    /// Signs these claims as a token of this kind.
    pub(in crate::auth) fn issue(&self, claims: &AccessClaims, kind: Kind) -> PlainToken {
        let wire = Wire {
            user_id: std::borrow::Cow::Owned(user_id(&claims.user)),
            username: claims.username.clone(),
            iat: claims.issued.as_secs(),
            exp: claims.expires.as_secs(),
            nbf: claims.not_before.map(Timestamp::as_secs),
            kind: "access".to_owned(),
            roles: claims.roles.clone(),
            permissions: claims.permissions.clone(),
            railgate: kind.marker().map(str::to_owned),
            sid: claims.session.map(|id| id.to_string()),
            auth_time: Some(claims.auth_time.as_secs()),
            mfa: Some(claims.mfa),
            email: claims.email.clone(),
            aud: None,
        };
        // Texts, numbers and lists of texts: there is nothing in them that JSON can't hold.
        let payload = serde_json::to_vec(&wire).unwrap_or_default();
        let signed = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(payload));
        let mac = hmac::sign(&self.0, signed.as_bytes());
        PlainToken::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac)))
    }

    /// Reads a token whose MAC and type are right, whoever made it. Instants are not checked here.
    pub(super) fn read(&self, token: &str) -> Result<(AccessClaims, Kind), TokenError> {
        let payload = self.payload(token)?;
        let wire: Wire<'_> = serde_json::from_slice(&payload).map_err(|_| TokenError::Malformed)?;
        wire.into_claims()
    }

    /// The payload of a token whose header and MAC are right, whatever it says.
    pub(super) fn payload(&self, token: &str) -> Result<Vec<u8>, TokenError> {
        let (signed, mac) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        check_header(header)?;
        self.check_mac(signed.as_bytes(), mac)?;
        URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenError::Malformed)
    }

    /// The whole MAC, in constant time; a shortened one is none.
    fn check_mac(&self, signed: &[u8], mac: &str) -> Result<(), TokenError> {
        let mut tag = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(mac, &mut tag) {
            Ok(32) => hmac::verify(&self.0, signed, &tag).map_err(|_| TokenError::Malformed),
            Ok(_) | Err(_) => Err(TokenError::Malformed),
        }
    }
}

fn check_header(header: &str) -> Result<(), TokenError> {
    if header == HEADER {
        return Ok(());
    }
    let decoded = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Malformed)?;
    let header: WireHeader<'_> = serde_json::from_slice(&decoded).map_err(|_| TokenError::Malformed)?;
    if header.alg == "HS256" && header.crit.is_none() { Ok(()) } else { Err(TokenError::Malformed) }
}

/// Django compares the claim with its own key: an integer must be one here, too.
fn user_id(user: &UserId) -> Box<RawValue> {
    let text = match user.as_str().parse::<i64>() {
        Ok(number) if number.to_string() == user.as_str() => number.to_string(),
        Ok(_) | Err(_) => serde_json::Value::from(user.as_str()).to_string(),
    };
    RawValue::from_string(text).unwrap_or_default()
}

/// The key of a user: an integer or a text, as Django's keys are.
pub(super) fn read_user_id(raw: &RawValue) -> Result<UserId, TokenError> {
    if let Ok(number) = serde_json::from_str::<i64>(raw.get()) {
        return Ok(UserId::new(number.to_string()));
    }
    let text: String = serde_json::from_str(raw.get()).map_err(|_| TokenError::Malformed)?;
    if text.is_empty() { Err(TokenError::Malformed) } else { Ok(UserId::new(text)) }
}

impl Wire<'_> {
    fn into_claims(self) -> Result<(AccessClaims, Kind), TokenError> {
        if self.aud.is_some() {
            return Err(TokenError::Malformed);
        }
        let kind = match (self.kind.as_str(), self.railgate.as_deref()) {
            ("access", None) => Kind::Rail,
            ("access", Some("access")) => Kind::Access,
            ("access", Some("upstream")) => Kind::Upstream,
            _ => return Err(TokenError::Malformed),
        };
        let session = self.sid.as_deref().map(|id| SessionId::parse(id).ok_or(TokenError::Malformed)).transpose()?;
        let claims = AccessClaims {
            user: read_user_id(&self.user_id)?,
            username: self.username,
            session,
            issued: Timestamp::from_secs(self.iat),
            not_before: self.nbf.map(Timestamp::from_secs),
            expires: Timestamp::from_secs(self.exp),
            auth_time: Timestamp::from_secs(self.auth_time.unwrap_or(self.iat)),
            mfa: self.mfa.unwrap_or(false),
            email: self.email,
            roles: self.roles,
            permissions: self.permissions,
        };
        Ok((claims, kind))
    }
}

#[cfg(test)]
mod tests;
