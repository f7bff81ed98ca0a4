//! What a password column holds: `algorithm$parameters`, read into a type.
//!
//! Source: Django 5.2, `django/contrib/auth/hashers.py`, `identify_hasher` and `is_password_usable`.

use std::fmt;

use super::pbkdf2::Pbkdf2Sha256;
use crate::model::EncodedPassword;

/// A stored password, as far as this gateway can check it.
#[derive(Clone)]
pub enum PasswordHash {
    /// Django's default since 1.4.
    Pbkdf2Sha256(Pbkdf2Sha256),
    /// Empty or `!…`: set by `set_unusable_password()`; no password opens the account.
    Unusable,
    /// An algorithm that Django ships and this gateway doesn't check yet.
    Unsupported(Algorithm),
    /// Anything else: cut off, edited, or of an algorithm that Django doesn't ship.
    Malformed,
}

/// The other algorithms of Django 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `PBKDF2SHA1PasswordHasher`.
    Pbkdf2Sha1,
    /// `Argon2PasswordHasher`.
    Argon2,
    /// `BCryptSHA256PasswordHasher`.
    BcryptSha256,
    /// `BCryptPasswordHasher`.
    Bcrypt,
    /// `ScryptPasswordHasher`.
    Scrypt,
    /// `MD5PasswordHasher`.
    Md5,
}

impl Algorithm {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "pbkdf2_sha1" => Some(Self::Pbkdf2Sha1),
            "argon2" => Some(Self::Argon2),
            "bcrypt_sha256" => Some(Self::BcryptSha256),
            "bcrypt" => Some(Self::Bcrypt),
            "scrypt" => Some(Self::Scrypt),
            "md5" => Some(Self::Md5),
            _ => None,
        }
    }
}

impl From<&EncodedPassword> for PasswordHash {
    fn from(column: &EncodedPassword) -> Self {
        let text = column.expose();
        if text.is_empty() || text.starts_with('!') {
            return Self::Unusable;
        }
        let Some((name, parameters)) = text.split_once('$') else {
            return Self::Malformed;
        };
        if name == "pbkdf2_sha256" {
            return Pbkdf2Sha256::parse(parameters).map_or(Self::Malformed, Self::Pbkdf2Sha256);
        }
        Algorithm::parse(name).map_or(Self::Malformed, Self::Unsupported)
    }
}

impl fmt::Debug for PasswordHash {
    /// The kind only: salt and hash are what an attacker needs to try passwords at home.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pbkdf2Sha256(hash) => write!(f, "Pbkdf2Sha256({} iterations)", hash.iterations()),
            Self::Unusable => f.write_str("Unusable"),
            Self::Unsupported(algorithm) => write!(f, "Unsupported({algorithm:?})"),
            Self::Malformed => f.write_str("Malformed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PasswordHash;
    use crate::model::EncodedPassword;

    fn kind(column: &str) -> String {
        format!("{:?}", PasswordHash::from(&EncodedPassword::new(column)))
    }

    #[test]
    fn every_column_has_one_reading_and_shows_no_hash() {
        let readings = [
            ("pbkdf2_sha256$10$seasalt$PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU=", "Pbkdf2Sha256(10 iterations)"),
            ("", "Unusable"),
            ("!", "Unusable"),
            ("!pbkdf2_sha256$10$seasalt$PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU=", "Unusable"),
            ("argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdA$aGFzaA", "Unsupported(Argon2)"),
            ("bcrypt_sha256$$2b$12$abc", "Unsupported(BcryptSha256)"),
            ("md5$salt$hash", "Unsupported(Md5)"),
            ("pbkdf2_sha256", "Malformed"),
            ("pbkdf2_sha256$$$", "Malformed"),
            ("PBKDF2_SHA256$10$seasalt$PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU=", "Malformed"),
            ("plain text", "Malformed"),
        ];
        for (column, reading) in readings {
            assert_eq!(kind(column), reading, "{column}");
        }
    }
}
