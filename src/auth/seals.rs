//! How what a store or a client keeps for the gateway is sealed: AES-256-GCM under a subkey of the gateway's key, one for
//! each purpose, bound to whom it is about.
//!
//! | bytes | |
//! |---|---|
//! | 1 | format, 1 |
//! | 4 | name of the key: the beginning of SHA-256 over its id |
//! | 12 | random nonce |
//! | the rest | the sealed text and its tag; whom it is about, a user's id say, is authenticated with it |
//!
//! Random nonces are safe for 2^32 records under one key (NIST SP 800-38D §8.3), and each write of a record is one.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    auth::tokens::{Key, KeyRing},
    model::{Entropy, NoEntropy},
};

const FORMAT: u8 = 1;

/// Tells keys apart; not secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::auth) struct KeyName([u8; 4]);

/// Why a record does not open.
#[derive(Debug, thiserror::Error)]
pub(in crate::auth) enum Unopened {
    #[error("the record is sealed in format {0}; this release knows format {FORMAT}")]
    Format(u8),
    #[error(
        "the record is sealed under a key that is not in force, {0}: put that key behind the first one, and keep it there \
         until the log says that second factors are sealed with the first key, and sessions that began before have ended"
    )]
    UnknownKey(KeyName),
    #[error("the record was changed since it was sealed, or is another user's")]
    Damaged,
}

/// What a record holds.
pub(in crate::auth) struct Opened {
    pub(in crate::auth) text: Zeroizing<Vec<u8>>,
    /// It is sealed with the first key.
    pub(in crate::auth) is_current: bool,
}

/// Seals records with the first key, and opens those that are sealed with any.
#[derive(Debug)]
pub(in crate::auth) struct Seals {
    first: Seal,
    rest: Vec<Seal>,
}

struct Seal {
    name: KeyName,
    subkey: Zeroizing<[u8; 32]>,
}

impl Seals {
    /// For one purpose: what is sealed for another one does not open.
    pub(in crate::auth) fn new(keys: &KeyRing, purpose: &str) -> Self {
        let seal = |key| Seal::new(key, purpose);
        Self { first: seal(keys.signing()), rest: keys.iter().skip(1).map(seal).collect() }
    }

    pub(in crate::auth) fn seal(
        &self,
        whom: &str,
        mut text: Zeroizing<Vec<u8>>,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, NoEntropy> {
        let nonce = entropy.bytes::<NONCE_LEN>()?;
        self.first
            .key()
            .and_then(|key| key.seal_in_place_append_tag(unique(nonce), bound_to(whom), &mut *text).ok())
            .ok_or(NoEntropy)?;
        Ok([&[FORMAT], &self.first.name.0[..], &nonce, &text].concat())
    }

    pub(in crate::auth) fn open(&self, whom: &str, sealed: &[u8]) -> Result<Opened, Unopened> {
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
            .find_map(|(seal, is_current)| Some(Opened { text: seal.open(whom, *nonce, body)?, is_current }))
            .ok_or(Unopened::Damaged)
    }
}

impl Seal {
    fn new(key: &Key, purpose: &str) -> Self {
        let digest = Sha256::digest(key.id());
        Self { name: KeyName([digest[0], digest[1], digest[2], digest[3]]), subkey: key.derive(purpose) }
    }

    fn key(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &*self.subkey).ok().map(LessSafeKey::new)
    }

    fn open(&self, whom: &str, nonce: [u8; NONCE_LEN], body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(body.to_vec());
        let length = self.key()?.open_in_place(unique(nonce), bound_to(whom), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

fn unique(nonce: [u8; NONCE_LEN]) -> Nonce {
    Nonce::assume_unique_for_key(nonce)
}

fn bound_to(whom: &str) -> Aad<&[u8]> {
    Aad::from(whom.as_bytes())
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
    pub(in crate::auth) fn with_one_name(mut self) -> Self {
        self.rest.iter_mut().for_each(|seal| seal.name = self.first.name);
        self
    }

    pub(in crate::auth) const fn first_name(&self) -> &[u8] {
        &self.first.name.0
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::{Seals, Unopened};
    use crate::{
        auth::tokens::{Key, KeyRing},
        model::{Secret, SystemEntropy},
    };

    fn key() -> Secret {
        Key::generate(&SystemEntropy).unwrap()
    }

    fn seals_of(keys: &[&Secret]) -> Seals {
        Seals::new(&KeyRing::parse(keys.iter().copied()).unwrap(), "a purpose")
    }

    #[test]
    fn a_seal_shows_its_name_and_not_its_key() {
        let seals = seals_of(&[&key(), &key()]);
        let shown = format!("{seals:?}");
        assert!(shown.len() < 100 && shown.matches("Seal(").count() == 2, "{shown}");
    }

    #[test]
    fn what_is_sealed_opens_under_its_key_for_its_user_and_purpose_alone() {
        let (old, new) = (key(), key());
        let seals = seals_of(&[&old]);
        let sealed = seals.seal("7", Zeroizing::new(b"text".to_vec()), &SystemEntropy).unwrap();
        assert_eq!(sealed.len(), 1 + 4 + 12 + 4 + 16);
        let opened = seals.open("7", &sealed).unwrap();
        assert_eq!((&opened.text[..], opened.is_current), (&b"text"[..], true));
        let turned = seals_of(&[&new, &old]).open("7", &sealed).unwrap();
        assert_eq!((&turned.text[..], turned.is_current), (&b"text"[..], false));
        let why = |opened: Result<_, Unopened>| opened.err().unwrap();
        assert!(matches!(why(seals_of(&[&new]).open("7", &sealed)), Unopened::UnknownKey(_)));
        assert!(matches!(why(seals.open("8", &sealed)), Unopened::Damaged));
        let other = Seals::new(&KeyRing::parse([&old]).unwrap(), "another purpose");
        assert!(matches!(why(other.open("7", &sealed)), Unopened::Damaged));
        let newer = [&[2], &sealed[1..]].concat();
        assert!(matches!(why(seals.open("7", &newer)), Unopened::Format(2)));
    }

    #[test]
    fn two_keys_of_one_name_are_both_tried() {
        let (old, new) = (key(), key());
        let sealed = seals_of(&[&old]).seal("7", Zeroizing::new(b"text".to_vec()), &SystemEntropy).unwrap();
        let turned = seals_of(&[&new, &old]).with_one_name();
        let renamed = [&sealed[..1], turned.first_name(), &sealed[5..]].concat();
        let opened = turned.open("7", &renamed).unwrap();
        assert_eq!((&opened.text[..], opened.is_current), (&b"text"[..], false));
    }
}
