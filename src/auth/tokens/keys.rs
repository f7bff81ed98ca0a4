//! The gateway's symmetric keys, written as PASERK.
//!
//! A key's text is `k4.local.` and 32 bytes of base64url (PASERK, type `local`); its id is the PASERK `k4.lid.…` of that
//! text, so an operator can name a key without showing it. The first key of a ring signs, every key verifies: a new key
//! is put second on all gateways, then first, and the old one is dropped when the last token under it has run out.
//! Everything that isn't an access token uses subkeys derived by HKDF-SHA256 (RFC 5869), one per purpose.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use blake2::{Blake2b, Digest as _, digest::consts::U33};
use ring::hkdf;
use zeroize::Zeroizing;

use crate::model::{Entropy, NoEntropy, Secret};

const PREFIX: &str = "k4.local.";
const ID_PREFIX: &str = "k4.lid.";

/// Why a text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a PASERK of the right type and length.
    #[error("not a key: expected `k4.local.` and 43 characters of base64url, as `railgate keygen` prints them")]
    Malformed,
    /// Not a PASERK of a key pair.
    #[error(
        "not an assertion key: expected `k4.secret.` and 86 characters of base64url, as `railgate keygen --assertion` prints them"
    )]
    NotSigning,
    /// The same key twice.
    #[error("the same key stands twice")]
    Duplicate,
    /// No key at all.
    #[error("no key is given")]
    Empty,
}

/// One symmetric key and its public id.
pub struct Key {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    /// Reads a PASERK.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn parse(paserk: &str) -> Result<Self, KeyError> {
        let data = paserk.strip_prefix(PREFIX).ok_or(KeyError::Malformed)?;
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(data).map_err(|_| KeyError::Malformed)?);
        let bytes: [u8; 32] = decoded.as_slice().try_into().map_err(|_| KeyError::Malformed)?;
        Ok(Self { id: key_id(paserk), bytes: Zeroizing::new(bytes) })
    }

    /// The text of a new key.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub fn generate(entropy: &dyn Entropy) -> Result<Secret, NoEntropy> {
        let bytes = Zeroizing::new(entropy.bytes::<32>()?);
        Ok(Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(*bytes))))
    }

    /// The key's id, `k4.lid.…`; not secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The 32 bytes.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// A subkey for one purpose. Different purposes give unrelated subkeys.
    pub(in crate::auth) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut subkey = Zeroizing::new([0; 32]);
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"railgate").extract(&*self.bytes);
        // Neither step can fail: HKDF-SHA256 gives up to 8,160 bytes, and 32 are asked for.
        if let Ok(material) = prk.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256) {
            let _filled = material.fill(&mut *subkey);
        }
        subkey
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// PASERK `lid`: BLAKE2b of 33 bytes over the id's own prefix and the key's text.
fn key_id(paserk: &str) -> String {
    let digest = Blake2b::<U33>::new().chain_update(ID_PREFIX).chain_update(paserk).finalize();
    format!("{ID_PREFIX}{}", URL_SAFE_NO_PAD.encode(digest))
}

impl RingKey for Key {
    fn parse(paserk: &str) -> Result<Self, KeyError> {
        Self::parse(paserk)
    }

    fn id(&self) -> &str {
        self.id()
    }
}

/// What a ring can hold: a key that is written as a PASERK, and known by an id.
pub trait RingKey: Sized {
    /// Reads a PASERK.
    ///
    /// # Errors
    /// [`KeyError`] where it is no key of this kind.
    fn parse(paserk: &str) -> Result<Self, KeyError>;

    /// The key's id; not secret.
    fn id(&self) -> &str;
}

/// The keys in force: the first signs, and what any of them has signed counts.
#[derive(Debug)]
pub struct KeyRing<K = Key> {
    first: K,
    rest: Vec<K>,
}

impl<K: RingKey> KeyRing<K> {
    /// A ring of these PASERK texts, in order.
    ///
    /// # Errors
    /// [`KeyError`] for the first text that is no key, for a repeated one and for none at all.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a Secret>) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for text in texts {
            let key = K::parse(text.expose().trim())?;
            if keys.iter().any(|known: &K| known.id() == key.id()) {
                return Err(KeyError::Duplicate);
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        let first = keys.remove(0);
        Ok(Self { first, rest: keys })
    }

    /// The key that signs.
    #[must_use]
    pub const fn signing(&self) -> &K {
        &self.first
    }

    /// Every key, the signing one first.
    pub fn iter(&self) -> impl Iterator<Item = &K> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, KeyError, KeyRing};
    use crate::model::{Secret, SystemEntropy};

    /// From the official PASERK test vectors, `k4.lid.json`, `k4.lid-1` and `k4.lid-2`.
    #[test]
    fn ids_are_those_of_the_paserk_vectors() {
        for (key, id) in [
            (
                "k4.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "k4.lid.bqltbNc4JLUAmc9Xtpok-fBuI0dQN5_m3CD9W_nbh559",
            ),
            (
                "k4.local.cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8",
                "k4.lid.iVtYQDjr5gEijCSjJC3fQaJm7nCeQSeaty0Jixy8dbsk",
            ),
        ] {
            assert_eq!(Key::parse(key).unwrap().id(), id);
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let key = Key::generate(&SystemEntropy).unwrap();
        let short = Secret::new("k4.local.AAAA");
        let public = Secret::new("k4.public.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(KeyRing::<Key>::parse([&short]).unwrap_err(), KeyError::Malformed);
        assert_eq!(KeyRing::<Key>::parse([&public]).unwrap_err(), KeyError::Malformed);
        assert_eq!(KeyRing::<Key>::parse([&key, &key]).unwrap_err(), KeyError::Duplicate);
        assert_eq!(KeyRing::<Key>::parse([]).unwrap_err(), KeyError::Empty);
    }

    #[test]
    fn purposes_have_unrelated_subkeys() {
        let key = Key::parse(Key::generate(&SystemEntropy).unwrap().expose()).unwrap();
        assert_ne!(key.derive("a"), key.derive("b"));
        assert_ne!(&*key.derive("a"), key.bytes());
    }
}
