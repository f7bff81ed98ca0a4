//! Access tokens as PASETO v4.local: encrypted, so that a client learns nothing from one and can't confuse purposes.
//!
//! The footer names the key (`{"kid":"k4.lid.…"}`) and is authenticated; the implicit assertion names the purpose, so no
//! other token made under the same key, now or later, passes for an access token. Verification uses the core decryption
//! and typed checks of ours against the injected clock: the library's own parser reads the wall clock and takes some
//! mistyped claims for absent ones.

use std::sync::Arc;

use rusty_paseto::core::{
    Footer, ImplicitAssertion, Key as PasetoKey, Local, Paseto, PasetoNonce, PasetoSymmetricKey, Payload, V4,
};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    TokenError,
    claims::AccessClaims,
    keys::{Key, KeyRing},
};
use crate::model::{Entropy, NoEntropy, PlainToken, SessionId, Timestamp, UserId};

const PURPOSE: &str = "railgate access token v1";
const HEADER: &str = "v4.local.";

struct Sealer {
    key: PasetoSymmetricKey<V4, Local>,
    footer: String,
    encoded_footer: String,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.footer)
    }
}

impl Sealer {
    fn new(key: &Key) -> Self {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let footer = format!(r#"{{"kid":"{}"}}"#, key.id());
        Self {
            key: PasetoSymmetricKey::from(PasetoKey::<32>::from(key.bytes())),
            encoded_footer: URL_SAFE_NO_PAD.encode(&footer),
            footer,
        }
    }

    fn seal(&self, payload: &str, assertion: &str, nonce: [u8; 32]) -> Option<String> {
        Paseto::<V4, Local>::builder()
            .set_payload(Payload::from(payload))
            .set_footer(Footer::from(self.footer.as_str()))
            .set_implicit_assertion(ImplicitAssertion::from(assertion))
            .try_encrypt(&self.key, &PasetoNonce::from(&PasetoKey::<32>::from(nonce)))
            .ok()
    }

    /// The payload of a token that this key sealed with this footer and assertion; all three are in its MAC.
    fn open(&self, token: &str, assertion: &str) -> Option<String> {
        let footer = Footer::from(self.footer.as_str());
        Paseto::<V4, Local>::try_decrypt(token, &self.key, footer, ImplicitAssertion::from(assertion)).ok()
    }
}

/// The payload on the wire: PASETO's registered claims as ISO 8601 texts, ours beside them.
#[derive(Serialize, Deserialize)]
struct Wire {
    sub: String,
    username: Arc<str>,
    sid: String,
    iat: String,
    exp: String,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    nbf: Option<String>,
    auth_time: i64,
    mfa: bool,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    email: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    roles: Option<Arc<[String]>>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "super::present")]
    permissions: Option<Arc<[String]>>,
}

/// Makes and verifies v4.local access tokens.
#[derive(Debug)]
pub(super) struct PasetoTokens {
    sealers: Vec<Sealer>,
}

impl PasetoTokens {
    pub(super) fn new(keys: &KeyRing) -> Self {
        Self { sealers: keys.iter().map(Sealer::new).collect() }
    }

    /// Whether this text is written as a v4.local token.
    pub(super) fn looks_like(token: &str) -> bool {
        token.starts_with(HEADER)
    }

    pub(super) fn issue(&self, claims: &AccessClaims, entropy: &dyn Entropy) -> Result<PlainToken, NoEntropy> {
        let sealer = self.sealers.first().ok_or(NoEntropy)?;
        let wire = Wire {
            sub: claims.user.to_string(),
            username: claims.username.clone(),
            sid: claims.session.map(|id| id.to_string()).unwrap_or_default(),
            iat: claims.issued.to_string(),
            exp: claims.expires.to_string(),
            nbf: claims.not_before.map(|start| start.to_string()),
            auth_time: claims.auth_time.as_secs(),
            mfa: claims.mfa,
            email: claims.email.clone(),
            roles: claims.roles.clone(),
            permissions: claims.permissions.clone(),
        };
        let payload = serde_json::to_string(&wire).map_err(|_| NoEntropy)?;
        let token = sealer.seal(&payload, PURPOSE, entropy.bytes::<32>()?).ok_or(NoEntropy)?;
        Ok(PlainToken::new(token))
    }

    pub(super) fn read(&self, token: &str) -> Result<AccessClaims, TokenError> {
        // Four parts: the decryption takes a token whose footer was cut off for one that never had any.
        let (_, footer) =
            token.strip_prefix(HEADER).and_then(|rest| rest.split_once('.')).ok_or(TokenError::Malformed)?;
        let sealer = self.sealers.iter().find(|sealer| sealer.encoded_footer == footer).ok_or(TokenError::Malformed)?;
        let payload = sealer.open(token, PURPOSE).ok_or(TokenError::Malformed)?;
        let wire: Wire = serde_json::from_str(&payload).map_err(|_| TokenError::Malformed)?;
        wire.try_into()
    }
}

impl TryFrom<Wire> for AccessClaims {
    type Error = TokenError;

    fn try_from(wire: Wire) -> Result<Self, TokenError> {
        Ok(Self {
            user: UserId::new(wire.sub),
            username: wire.username,
            session: Some(SessionId::parse(&wire.sid).ok_or(TokenError::Malformed)?),
            issued: instant(&wire.iat)?,
            not_before: wire.nbf.as_deref().map(instant).transpose()?,
            expires: instant(&wire.exp)?,
            auth_time: Timestamp::from_secs(wire.auth_time),
            mfa: wire.mfa,
            email: wire.email,
            roles: wire.roles,
            permissions: wire.permissions,
        })
    }
}

fn instant(text: &str) -> Result<Timestamp, TokenError> {
    OffsetDateTime::parse(text, &Rfc3339).map(Timestamp::from).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests;
