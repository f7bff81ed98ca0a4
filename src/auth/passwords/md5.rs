//! MD5, for tables that are older than anything better: found out in no time by whoever has the table.
//!
//! `md5$salt$hash` is what Django's `MD5PasswordHasher` makes, still today. `md5$$hash` and a bare hash are without salt, and
//! of Django 1.3 and before; Django itself has checked them until 5.0 (`UnsaltedMD5PasswordHasher`).

use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq as _;

/// Letters of a hash.
const LETTERS: usize = 32;

/// A stored MD5 hash.
#[derive(Clone)]
pub struct Md5Hash {
    salt: String,
    hash: String,
}

impl Md5Hash {
    /// Reads `salt$hash`, what stands behind `md5$`.
    pub(super) fn parse(parameters: &str) -> Option<Self> {
        let (salt, hash) = parameters.split_once('$')?;
        Self::of(salt, hash)
    }

    /// Reads a column that is a hash and nothing else.
    pub(super) fn parse_bare(column: &str) -> Option<Self> {
        Self::of("", column)
    }

    fn of(salt: &str, hash: &str) -> Option<Self> {
        let is_hash = hash.len() == LETTERS && hash.bytes().all(|letter| matches!(letter, b'0'..=b'9' | b'a'..=b'f'));
        is_hash.then(|| Self { salt: salt.to_owned(), hash: hash.to_owned() })
    }

    pub(super) fn matches(&self, password: &str) -> bool {
        let digest = Md5::new().chain_update(&self.salt).chain_update(password).finalize();
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        hash.as_bytes().ct_eq(self.hash.as_bytes()).into()
    }
}
