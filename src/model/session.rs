//! Sessions: one per login, living on by refreshes until they end.

use std::{fmt, net::IpAddr, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;

use super::{SessionId, Timestamp, UserId};

/// What is known of the client that opened a session; shown to its owner, never trusted.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// Its `User-Agent`, cut to 256 characters.
    pub user_agent: Option<String>,
    /// The `deviceName` given at login, cut to 100 characters.
    pub device_name: Option<String>,
}

/// When a session ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpiry {
    /// Without a refresh until here it ends; each refresh moves this on.
    pub idle: Timestamp,
    /// It ends here whatever happens (OWASP ASVS 5 §7.3.2).
    pub absolute: Timestamp,
}

/// A session as a store keeps it, without its token hashes.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// When the login happened.
    pub created: Timestamp,
    /// When its refresh token was last used (the login, at first).
    pub last_used: Timestamp,
    /// When it ends.
    pub expiry: SessionExpiry,
    /// When credentials were last shown.
    pub auth_time: Timestamp,
    /// A second factor was shown.
    pub mfa: bool,
    /// Who opened it.
    pub client: ClientInfo,
    /// What is remembered of the user's password; `None` in a record of a release that remembered nothing.
    pub password: Option<PasswordMark>,
}

/// By this a session sees that its user's password was changed: a MAC of the password column. Nothing can be guessed by it
/// without the gateway's key.
#[derive(Clone, Copy)]
pub struct PasswordMark([u8; 20]);

impl PasswordMark {
    /// A mark of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The 20 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl PartialEq for PasswordMark {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for PasswordMark {}

impl fmt::Display for PasswordMark {
    /// 27 characters of base64url.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for PasswordMark {
    type Err = NoMark;

    fn from_str(text: &str) -> Result<Self, NoMark> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoMark)?;
        bytes.try_into().map(Self).map_err(|_| NoMark)
    }
}

impl fmt::Debug for PasswordMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[password mark]")
    }
}

/// A text is no [`PasswordMark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a password mark")]
pub struct NoMark;
