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

/// A code that a user has on paper, for when the authenticator is lost: eight digits, as Rail Django gives them out.
#[derive(Clone, Debug)]
pub struct BackupCode(Secret);

impl BackupCode {
    const DIGITS: usize = 8;

    /// Reads what was typed; blanks are left out. `None` for anything but eight digits: whatever else a directory may hold
    /// in the place of a code is not one.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let digits = Secret::new(typed.split_whitespace().collect::<String>());
        let text = digits.expose();
        (text.len() == Self::DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(Self(digits.clone()))
    }

    /// The eight digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::BackupCode;

    #[test]
    fn only_eight_digits_are_a_backup_code() {
        for typed in ["01234567", " 0123 4567\n"] {
            assert_eq!(BackupCode::parse(typed).unwrap().expose(), "01234567", "{typed:?}");
        }
        for typed in ["", "0123456", "012345678", "0123456x", "+1234567", "%1234567", "٠١٢٣٤٥٦٧", "0123\x004567"]
        {
            assert!(BackupCode::parse(typed).is_none(), "{typed:?}");
        }
    }
}
