//! Second factors as a directory describes them.

use std::fmt;

use super::Secret;

/// A second factor that its user has confirmed.
#[derive(Clone, Debug)]
pub struct Factor {
    /// Its name in the directory.
    pub device: DeviceId,
    /// How it is checked.
    pub kind: FactorKind,
}

/// How a second factor is checked.
#[derive(Clone, Debug)]
pub enum FactorKind {
    /// By time-based codes (RFC 6238). The secret is base32, as the directory holds it.
    Totp(Secret),
    /// In a way that the gateway has no part in: text messages, say.
    Other,
}

/// The directory's key of a second factor, as text. Not secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceId(String);

impl DeviceId {
    /// Wraps the directory's key.
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
