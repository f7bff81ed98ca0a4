//! What is kept of a user: the backend's tokens, and what its payload said that its `me` doesn't.
//!
//! As JSON, for whoever seals it. A text without tokens stands where the backend takes those that were there no more: who knows
//! that needn't ask again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::error::Failure;
use crate::model::{PlainToken, Timestamp};

/// Tokens are renewed so long before they run out, or at the last quarter of their life, whichever is later. It covers what
/// the clocks of gateway and backend differ by.
const EARLY: Duration = Duration::from_secs(60);

/// How long an access token is good for that doesn't say it.
const UNKNOWN: Duration = Duration::from_secs(5 * 60);

const FORMAT: u32 = 1;

/// A user's tokens.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    pub(super) access: PlainToken,
    pub(super) refresh: Option<PlainToken>,
    pub(super) obtained: Timestamp,
    pub(super) expires: Timestamp,
    /// The payload's `user`, as it was.
    pub(super) user: Map<String, Value>,
    /// A gateway shows the refresh token to the backend, and nobody else does until then.
    pub(super) renewing: Option<Timestamp>,
    /// It was shown, and nobody knows what came of it.
    pub(super) failed: bool,
    /// Whose they are was said by the payload that brought them, or by `me` since.
    pub(super) verified: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    access: &'a str,
    refresh: Option<&'a str>,
    obtained: i64,
    expires: i64,
    user: &'a Map<String, Value>,
    /// In microseconds.
    renewing: Option<i64>,
    failed: bool,
    verified: bool,
}

#[derive(Deserialize)]
struct Read {
    access: Option<String>,
    refresh: Option<String>,
    #[serde(default)]
    obtained: i64,
    #[serde(default)]
    expires: i64,
    #[serde(default)]
    user: Map<String, Value>,
    renewing: Option<i64>,
    #[serde(default)]
    failed: bool,
    #[serde(default)]
    verified: bool,
}

impl Tokens {
    /// Those that a payload brought now. `expires` as it says, else as the token does, where it is a JWT.
    pub(super) fn obtained(
        now: Timestamp,
        access: PlainToken,
        refresh: Option<PlainToken>,
        expires: Option<Timestamp>,
        user: Map<String, Value>,
    ) -> Self {
        let expires = expires.or_else(|| exp(&access)).unwrap_or_else(|| now.after(UNKNOWN));
        Self { access, refresh, obtained: now, expires, user, renewing: None, failed: false, verified: true }
    }

    /// When they are to be renewed.
    pub(super) fn renew(&self) -> Timestamp {
        let early = EARLY.min(self.expires.since(self.obtained) / 4);
        self.expires.before(early)
    }

    pub(super) fn text(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let written = Written {
            v: FORMAT,
            access: self.access.expose(),
            refresh: self.refresh.as_ref().map(PlainToken::expose),
            obtained: self.obtained.as_secs(),
            expires: self.expires.as_secs(),
            user: &self.user,
            renewing: self.renewing.map(Timestamp::as_micros),
            failed: self.failed,
            verified: self.verified,
        };
        serde_json::to_vec(&written).map(Zeroizing::new).map_err(Failure::Kept)
    }

    /// `None` for a text without tokens.
    pub(super) fn read(text: &[u8]) -> Result<Option<Self>, Failure> {
        let Read { access, refresh, obtained, expires, user, renewing, failed, verified } =
            serde_json::from_slice(text).map_err(Failure::Kept)?;
        Ok(access.map(|access| Self {
            access: PlainToken::new(access),
            refresh: refresh.map(PlainToken::new),
            obtained: Timestamp::from_secs(obtained),
            expires: Timestamp::from_secs(expires),
            user,
            renewing: renewing.map(Timestamp::from_micros),
            failed,
            verified,
        }))
    }

    /// The text that says that there are none any more.
    pub(super) fn none() -> Zeroizing<Vec<u8>> {
        Zeroizing::new(format!("{{\"v\":{FORMAT}}}").into_bytes())
    }
}

/// The `exp` of a JWT, whose signature is the backend's affair.
fn exp(token: &PlainToken) -> Option<Timestamp> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims = URL_SAFE_NO_PAD.decode(token.expose().split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok().map(|claims| Timestamp::from_secs(claims.exp))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn expiring(expires: Option<Timestamp>, token: &str) -> Tokens {
        Tokens::obtained(at(1000), PlainToken::new(token), None, expires, Map::new())
    }

    #[test]
    fn tokens_are_renewed_a_minute_early_or_in_their_last_quarter() {
        assert_eq!(expiring(Some(at(4600)), "t").renew(), at(4540));
        assert_eq!(expiring(Some(at(1100)), "t").renew(), at(1075));
        assert_eq!(expiring(Some(at(900)), "t").renew(), at(900), "that has run out already");
    }

    #[test]
    fn a_token_that_does_not_say_when_it_runs_out_is_asked_itself() {
        // {"exp":1500}
        assert_eq!(expiring(None, "e30.eyJleHAiOjE1MDB9.x").expires, at(1500));
        assert_eq!(expiring(None, "opaque").expires, at(1300));
        assert_eq!(expiring(Some(at(1200)), "e30.eyJleHAiOjE1MDB9.x").expires, at(1200), "the payload comes first");
    }

    #[test]
    fn what_is_kept_is_read_as_it_was_written() {
        let mut tokens = expiring(Some(at(4600)), "access");
        tokens.refresh = Some(PlainToken::new("refresh"));
        let soon = Timestamp::from_micros(1_007_000_001);
        (tokens.renewing, tokens.failed, tokens.verified) = (Some(soon), true, false);
        tokens.user.insert("id".to_owned(), Value::String("7".to_owned()));
        let read = Tokens::read(&tokens.text().unwrap()).unwrap().unwrap();
        assert_eq!((read.access.expose(), read.refresh.unwrap().expose()), ("access", "refresh"));
        assert_eq!(
            (read.obtained, read.expires, read.renewing),
            (at(1000), at(4600), Some(soon)),
            "a claim is as short as a timeout"
        );
        assert!(read.failed && !read.verified);
        assert_eq!(read.user["id"], "7");
        assert!(Tokens::read(&Tokens::none()).unwrap().is_none());
        assert!(matches!(Tokens::read(b"{"), Err(Failure::Kept(_))));
        assert!(!format!("{tokens:?}").contains("access\""), "nothing shows a token");
    }
}
