//! Second factors as whoever keeps them describes them.

use std::fmt;

use super::{ClientInfo, Secret, Timestamp};

/// A second factor that its user has confirmed.
#[derive(Clone, Debug)]
pub struct Factor {
    /// Its name where it is kept.
    pub device: DeviceId,
    /// What its user calls it.
    pub name: String,
    /// How it is checked.
    pub kind: FactorKind,
    /// When it was set up.
    pub created: Timestamp,
    /// The beginning of the step whose code was accepted last.
    pub last_used: Option<Timestamp>,
}

/// How a second factor is checked.
#[derive(Clone, Debug)]
pub enum FactorKind {
    /// By time-based codes (RFC 6238). The secret is base32.
    Totp(Secret),
    /// In a way that the gateway has no part in; what the backend calls it: `sms`.
    Other(String),
}

/// An authenticator that was set up and has shown no code yet. It counts for nothing until then.
#[derive(Clone, Debug)]
pub struct PendingFactor {
    /// Its name where it is kept.
    pub device: DeviceId,
    /// Base32.
    pub secret: Secret,
    /// When it was set up.
    pub created: Timestamp,
}

/// An authenticator that is being set up.
#[derive(Clone, Debug)]
pub struct NewFactor {
    /// What its user calls it; at most 100 characters.
    pub name: String,
    /// Base32.
    pub secret: Secret,
    /// When.
    pub created: Timestamp,
}

/// The first code of an authenticator was shown: it is to count from now on.
#[derive(Clone, Debug)]
pub struct Activate {
    /// Which one.
    pub device: DeviceId,
    /// The beginning of the step whose code was shown: that is used up by it.
    pub step: Timestamp,
    /// Its backup codes; `None` where they were given to it when it was set up.
    pub codes: Option<Vec<HashedCode>>,
    /// Nothing is to happen where the user has an active factor already, of whatever kind.
    pub only_first: bool,
}

/// What became of an [`Activate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// It counts.
    Active,
    /// There is no such authenticator that waits: it was dropped for another, or has been activated already.
    NotPending,
    /// The user has a factor already, and it was to be the first.
    Exists,
}

/// The key of a second factor, a backup code or a trusted device where it is kept, as text. Not secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceId(String);

impl DeviceId {
    /// Wraps the key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A backup code as it is kept: 20 characters of base64url, the beginning of an HMAC over the device and the code.
#[derive(Clone, PartialEq, Eq)]
pub struct HashedCode(String);

impl HashedCode {
    /// Wraps the 20 characters.
    pub fn new(hash: impl Into<String>) -> Self {
        Self(hash.into())
    }

    /// The 20 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HashedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hashed code]")
    }
}

/// A backup code that is not used, of an active authenticator.
#[derive(Clone, Debug)]
pub struct KeptCode {
    /// Its key where it is kept.
    pub id: DeviceId,
    /// Which authenticator it was given for.
    pub device: DeviceId,
    /// What is kept of it: a [`HashedCode`], or what the backend stored in the clear.
    pub kept: Secret,
}

/// A browser or an application that needs no code for a while.
#[derive(Clone, Debug)]
pub struct TrustedDevice {
    /// Its key where it is kept.
    pub id: DeviceId,
    /// What the gateway wrote to tell it from one that somebody else added; at most 255 characters.
    pub seal: Secret,
    /// What its user calls it; may be empty.
    pub name: String,
    /// When it was trusted.
    pub created: Timestamp,
    /// How long it is.
    pub expires: Timestamp,
}

/// A device that is to be trusted.
#[derive(Clone, Debug)]
pub struct NewTrust {
    /// What tells it from one that somebody else added; at most 255 characters.
    pub seal: Secret,
    /// Who asked for it. Its `device_name` is the device's.
    pub client: ClientInfo,
    /// When.
    pub created: Timestamp,
    /// How long it is trusted.
    pub expires: Timestamp,
}
