//! Sessions: one per login, living on by refreshes until they end.

use std::net::IpAddr;

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
    /// When its refresh token was last exchanged (the login, at first).
    pub last_used: Timestamp,
    /// When it ends.
    pub expiry: SessionExpiry,
    /// When credentials were last shown.
    pub auth_time: Timestamp,
    /// A second factor was shown.
    pub mfa: bool,
    /// Who opened it.
    pub client: ClientInfo,
}
