//! What a password column holds: `algorithm$parameters`, read into a type.
//!
//! Source: Django 5.2, `django/contrib/auth/hashers.py`, `identify_hasher` and `is_password_usable`.

use std::fmt;

use super::{
    argon2::Argon2Hash,
    bcrypt::{BcryptHash, Input, MAX_ROUNDS},
    md5::Md5Hash,
    pbkdf2::{Digest, MAX_ITERATIONS, Pbkdf2},
    salt::Salt,
    scrypt::ScryptHash,
};
use crate::model::EncodedPassword;

/// A stored password: a hash of one of the algorithms that Django ships, or none.
#[derive(Clone)]
pub enum PasswordHash {
    /// `PBKDF2PasswordHasher`, Django's default since 1.4, and `PBKDF2SHA1PasswordHasher`.
    Pbkdf2(Pbkdf2),
    /// `Argon2PasswordHasher`.
    Argon2(Argon2Hash),
    /// `BCryptSHA256PasswordHasher` and `BCryptPasswordHasher`.
    Bcrypt(BcryptHash),
    /// `ScryptPasswordHasher`.
    Scrypt(ScryptHash),
    /// `MD5PasswordHasher`, and what came before it.
    Md5(Md5Hash),
    /// Empty or `!…`: set by `set_unusable_password()`; no password opens the account.
    Unusable,
    /// Anything else: cut off, edited, or of an algorithm that Django doesn't ship.
    Malformed,
}

/// Which hashes are computed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes that one may take. As many hashes are computed at once as the pool has threads.
    pub max_memory: u64,
    /// Whether MD5 is a hash at all.
    pub legacy_md5: bool,
}

impl Default for Bounds {
    /// 256 MiB, and no MD5.
    fn default() -> Self {
        Self { max_memory: 256 * 1024 * 1024, legacy_md5: false }
    }
}

/// Why no password matches a column that should have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Uncomputed {
    /// It is no hash of Django's.
    #[error("it is no hash of an algorithm that Django ships")]
    Malformed,
    /// The check would hold a thread for seconds or for ever.
    #[error("it asks for some ten times the work of Django's default, or more")]
    Work,
    /// The check could have the gateway killed.
    #[error("it asks for more memory than `[hashing] max_memory`")]
    Memory,
    /// Not switched on.
    #[error("it is of MD5, and `[hashing] legacy_md5` is off")]
    Md5,
}

impl PasswordHash {
    /// Whether the hash is of every byte of a password that it matches: only then does it tell what a new one is to be of.
    pub(super) fn is_of_all_of(&self, password: &str) -> bool {
        match self {
            Self::Bcrypt(hash) => hash.is_of_all_of(password),
            _ => true,
        }
    }

    /// Whether it is to be computed. An unusable password is in order, and costs nothing.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn check(&self, bounds: Bounds) -> Result<(), Uncomputed> {
        let is_absurd = match self {
            Self::Pbkdf2(hash) => hash.iterations() > MAX_ITERATIONS,
            Self::Argon2(hash) => hash.cost().is_absurd(),
            Self::Bcrypt(hash) => hash.rounds() > MAX_ROUNDS,
            Self::Scrypt(hash) => hash.cost().is_absurd(),
            Self::Md5(_) | Self::Unusable => false,
            Self::Malformed => return Err(Uncomputed::Malformed),
        };
        match self {
            _ if is_absurd => Err(Uncomputed::Work),
            Self::Argon2(hash) if hash.cost().bytes() > bounds.max_memory => Err(Uncomputed::Memory),
            Self::Scrypt(hash) if hash.cost().bytes() > bounds.max_memory => Err(Uncomputed::Memory),
            Self::Md5(_) if !bounds.legacy_md5 => Err(Uncomputed::Md5),
            _ => Ok(()),
        }
    }

    /// Whether this is the hash of `password`, whatever that costs. Compares in constant time.
    pub(super) fn matches(&self, password: &str) -> bool {
        match self {
            Self::Pbkdf2(hash) => hash.matches(password),
            Self::Argon2(hash) => hash.matches(password),
            Self::Bcrypt(hash) => hash.matches(password),
            Self::Scrypt(hash) => hash.matches(password),
            Self::Md5(hash) => hash.matches(password),
            Self::Unusable | Self::Malformed => false,
        }
    }

    /// Its salt, where that is one of sixteen bytes.
    pub(in crate::auth) fn salt(&self) -> Option<Salt> {
        match self {
            Self::Pbkdf2(hash) => Salt::read(hash.salt()),
            Self::Argon2(hash) => Salt::read(std::str::from_utf8(hash.salt()).ok()?),
            Self::Bcrypt(hash) => Some(hash.salt()),
            Self::Scrypt(hash) => Salt::read(hash.salt()),
            Self::Md5(_) | Self::Unusable | Self::Malformed => None,
        }
    }
}

impl From<&EncodedPassword> for PasswordHash {
    fn from(column: &EncodedPassword) -> Self {
        let text = column.expose();
        if text.is_empty() || text.starts_with('!') {
            return Self::Unusable;
        }
        let found = match text.split_once('$') {
            Some((name, parameters)) => read(name, parameters),
            None => Md5Hash::parse_bare(text).map(Self::Md5),
        };
        found.unwrap_or(Self::Malformed)
    }
}

fn read(name: &str, parameters: &str) -> Option<PasswordHash> {
    Some(match name {
        "pbkdf2_sha256" => PasswordHash::Pbkdf2(Pbkdf2::parse(Digest::Sha256, parameters)?),
        "pbkdf2_sha1" => PasswordHash::Pbkdf2(Pbkdf2::parse(Digest::Sha1, parameters)?),
        "argon2" => PasswordHash::Argon2(Argon2Hash::parse(parameters)?),
        "bcrypt_sha256" => PasswordHash::Bcrypt(BcryptHash::parse(Input::Sha256, parameters)?),
        "bcrypt" => PasswordHash::Bcrypt(BcryptHash::parse(Input::Password, parameters)?),
        "scrypt" => PasswordHash::Scrypt(ScryptHash::parse(parameters)?),
        "md5" => PasswordHash::Md5(Md5Hash::parse(parameters)?),
        _ => return None,
    })
}

impl fmt::Debug for PasswordHash {
    /// Kind and cost only: salt and hash are what an attacker needs to try passwords at home.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pbkdf2(hash) => write!(f, "Pbkdf2{:?}({} iterations)", hash.digest(), hash.iterations()),
            Self::Argon2(hash) => write!(f, "{:?}", hash.cost()),
            Self::Bcrypt(hash) => write!(f, "Bcrypt{:?}({} rounds)", hash.input(), hash.rounds()),
            Self::Scrypt(hash) => write!(f, "{:?}", hash.cost()),
            Self::Md5(_) => f.write_str("Md5"),
            Self::Unusable => f.write_str("Unusable"),
            Self::Malformed => f.write_str("Malformed"),
        }
    }
}

#[cfg(test)]
mod tests;
