//! What the backend may believe of a caller wherever a request comes from: a short-lived signed token over the facts of the
//! `X-Auth-*` headers and over the request itself.
//!
//! Headers are as good as the network between gateway and backend; whoever reaches the backend around the gateway can write
//! them. An assertion can't be written without the gateway's key, and serves one method and target for some seconds:
//!
//! ```json
//! {"iss":"railgate","aud":"api","iat":1795340542,"exp":1795340572,"htm":"POST","target":"/graphql/",
//!  "sub":"1","username":"john","email":"john@example.com","roles":["editors"],"sid":"1Yw…","method":"cookie","mfa":false,
//!  "auth_time":1795340000}
//! ```
//!
//! It is a JWT signed with Ed25519 (RFC 7519, RFC 8037) of a type of its own (`typ`, RFC 8725 §3.11). `htm` is DPoP's claim
//! (RFC 9449 §4.2); `target` is the path and query string as they are sent, which DPoP's `htu` would leave out in part. Of an
//! anonymous caller it says nothing, and so has no `sub`: a backend can tell a request that came through the gateway as
//! nobody's from one that came around it.
//!
//! The body is not covered: it is streamed. Whoever can read the backend's network could use an assertion for another body
//! until it runs out. Each request is signed anew, for some tens of microseconds of a core (`benches/tokens.rs`).

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

mod keys;

pub use keys::{AssertionKey, AssertionKeys};

use crate::model::{Principal, Timestamp};

/// For whom assertions are made, and what they tell.
#[derive(Clone, Debug)]
pub struct Terms {
    /// `iss`.
    pub issuer: String,
    /// `aud`: which backend may believe them.
    pub audience: String,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
    /// Permissions are told, too.
    pub permissions: bool,
}

/// Makes assertions. Shared by all threads; never waits.
pub struct Assertions {
    keys: AssertionKeys,
    terms: Terms,
}

impl fmt::Debug for Assertions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertions").field("keys", &self.keys).field("terms", &self.terms).finish()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    htm: &'a str,
    target: &'a str,
    #[serde(flatten)]
    caller: Option<Caller<'a>>,
}

#[derive(Serialize)]
struct Caller<'a> {
    sub: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    method: &'static str,
    mfa: bool,
    auth_time: i64,
}

impl Assertions {
    /// Signs by the first of these keys.
    #[must_use]
    pub const fn new(keys: AssertionKeys, terms: Terms) -> Self {
        Self { keys, terms }
    }

    /// An assertion that this caller, or nobody whom the gateway knows, makes this request now. `target` is in origin form
    /// (RFC 9112 §3.2.1).
    #[must_use]
    pub fn sign(&self, caller: Option<&Principal>, method: &str, target: &str, now: Timestamp) -> String {
        let claims = Claims {
            iss: &self.terms.issuer,
            aud: &self.terms.audience,
            iat: now.as_secs(),
            exp: now.after(self.terms.lifetime).as_secs(),
            htm: method,
            target,
            caller: caller.map(|caller| self.describe(caller)),
        };
        // Texts, numbers and lists of texts: there is nothing in them that JSON can't hold.
        let payload = serde_json::to_vec(&claims).unwrap_or_default();
        let key = self.keys.signing();
        let signed = format!("{}.{}", key.header(), URL_SAFE_NO_PAD.encode(payload));
        let signature = key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public halves of all keys, as a JWK set (RFC 7517 §5).
    #[must_use]
    pub fn key_set(&self) -> String {
        self.keys.key_set()
    }

    fn describe<'a>(&self, caller: &'a Principal) -> Caller<'a> {
        Caller {
            sub: caller.user.as_str(),
            username: &caller.username,
            email: caller.email.as_deref(),
            roles: caller.roles.as_deref(),
            permissions: caller.permissions.as_deref().filter(|_| self.terms.permissions),
            sid: caller.session.map(|id| id.to_string()),
            method: caller.method.as_str(),
            mfa: caller.mfa,
            auth_time: caller.auth_time.as_secs(),
        }
    }
}

#[cfg(test)]
mod tests;
