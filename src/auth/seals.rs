//! How a record is sealed: AES-256-GCM under a subkey of the gateway's key, bound to its user.
//!
//! | bytes | |
//! |---|---|
//! | 1 | format, 1 |
//! | 4 | name of the key: the beginning of SHA-256 over its id |
//! | 12 | random nonce |
//! | the rest | the sealed text and its tag; the user's id is authenticated with it |
//!
//! Random nonces are safe for 2^32 records under one key (NIST SP 800-38D §8.3), and each write of a record is one.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    auth::tokens::{Key, KeyRing},
    model::{Entropy, NoEntropy, UserId},
};

const FORMAT: u8 = 1;
const PURPOSE: &str = "second factors v1";

/// Tells keys apart; not secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyName([u8; 4]);

/// Why a record does not open.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unopened {
    #[error("the record is sealed in format {0}; this release knows format {FORMAT}")]
    Format(u8),
    #[error(
        "the record is sealed under a key that is not in force, {0}: put that key behind the first one, and keep it there \
         until the log says that second factors are sealed with the first key"
    )]
    UnknownKey(KeyName),
    #[error("the record was changed since it was sealed, or is another user's")]
    Damaged,
}

/// What a record holds.
pub(super) struct Opened {
    pub(super) text: Zeroizing<Vec<u8>>,
    /// It is sealed with the first key.
    pub(super) is_current: bool,
}

/// Seals records with the first key, and opens those that are sealed with any.
#[derive(Debug)]
pub(super) struct Seals {
    first: Seal,
    rest: Vec<Seal>,
}

struct Seal {
    name: KeyName,
    subkey: Zeroizing<[u8; 32]>,
}

impl Seals {
    pub(super) fn new(keys: &KeyRing) -> Self {
        Self { first: Seal::new(keys.signing()), rest: keys.iter().skip(1).map(Seal::new).collect() }
    }

    pub(super) fn seal(
        &self,
        user: &UserId,
        mut text: Zeroizing<Vec<u8>>,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, NoEntropy> {
        let nonce = entropy.bytes::<NONCE_LEN>()?;
        self.first
            .key()
            .and_then(|key| key.seal_in_place_append_tag(unique(nonce), bound_to(user), &mut *text).ok())
            .ok_or(NoEntropy)?;
        Ok([&[FORMAT], &self.first.name.0[..], &nonce, &text].concat())
    }

    pub(super) fn open(&self, user: &UserId, sealed: &[u8]) -> Result<Opened, Unopened> {
        let (format, rest) = sealed.split_first().ok_or(Unopened::Damaged)?;
        if *format != FORMAT {
            return Err(Unopened::Format(*format));
        }
        let (name, rest) = rest.split_first_chunk().ok_or(Unopened::Damaged)?;
        let (nonce, body) = rest.split_first_chunk().ok_or(Unopened::Damaged)?;
        let name = KeyName(*name);
        let all = std::iter::once((&self.first, true)).chain(self.rest.iter().map(|seal| (seal, false)));
        // By chance two keys may have one name; either may have sealed it then.
        let mut named = all.filter(|(seal, _)| seal.name == name).peekable();
        if named.peek().is_none() {
            return Err(Unopened::UnknownKey(name));
        }
        named
            .find_map(|(seal, is_current)| Some(Opened { text: seal.open(user, *nonce, body)?, is_current }))
            .ok_or(Unopened::Damaged)
    }
}

impl Seal {
    fn new(key: &Key) -> Self {
        let digest = Sha256::digest(key.id());
        Self { name: KeyName([digest[0], digest[1], digest[2], digest[3]]), subkey: key.derive(PURPOSE) }
    }

    fn key(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &*self.subkey).ok().map(LessSafeKey::new)
    }

    fn open(&self, user: &UserId, nonce: [u8; NONCE_LEN], body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(body.to_vec());
        let length = self.key()?.open_in_place(unique(nonce), bound_to(user), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

fn unique(nonce: [u8; NONCE_LEN]) -> Nonce {
    Nonce::assume_unique_for_key(nonce)
}

fn bound_to(user: &UserId) -> Aad<&[u8]> {
    Aad::from(user.as_str().as_bytes())
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({})", self.name)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
impl Seals {
    /// As if all keys had the first one's name.
    pub(super) fn with_one_name(mut self) -> Self {
        self.rest.iter_mut().for_each(|seal| seal.name = self.first.name);
        self
    }

    pub(super) const fn first_name(&self) -> &[u8] {
        &self.first.name.0
    }
}
