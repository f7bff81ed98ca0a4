//! The keys that sign assertions, written as PASERK, and their public halves as a JWK set.
//!
//! A key's text is `k4.secret.` and 64 bytes of base64url: the seed and the public key (PASERK, type `secret`). Its id is the
//! thumbprint of its public key (RFC 7638). The first key of a ring signs and all are published, so that those who check
//! assertions know the next key before it signs, and the last one until what it signed has run out.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair as _, Signature};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    auth::tokens::{KeyError, KeyRing, RingKey},
    model::{Entropy, NoEntropy, Secret},
};

const PREFIX: &str = "k4.secret.";

/// What an assertion's header says of its type (RFC 8725 §3.11), so that no other JWT under these keys passes for one.
pub(super) const TYPE: &str = "railgate-assertion+jwt";

/// One key pair, and its public id.
pub struct AssertionKey {
    id: String,
    /// The header of what it signs, encoded.
    header: String,
    /// The public key, encoded.
    public: String,
    pair: Ed25519KeyPair,
}

impl AssertionKey {
    /// Reads a PASERK.
    ///
    /// # Errors
    /// [`KeyError::NotSigning`], also where the public half is not that of the seed.
    pub fn parse(paserk: &str) -> Result<Self, KeyError> {
        let data = paserk.strip_prefix(PREFIX).ok_or(KeyError::NotSigning)?;
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(data).map_err(|_| KeyError::NotSigning)?);
        let (seed, public) = decoded.split_at_checked(32).ok_or(KeyError::NotSigning)?;
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| KeyError::NotSigning)?;
        let public = URL_SAFE_NO_PAD.encode(public);
        let id = thumbprint(&public);
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "EdDSA", "typ": TYPE, "kid": id }).to_string());
        Ok(Self { id, header, public, pair })
    }

    /// The text of a new key.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub fn generate(entropy: &dyn Entropy) -> Result<Secret, NoEntropy> {
        let seed = Zeroizing::new(entropy.bytes::<32>()?);
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| NoEntropy)?;
        let both = Zeroizing::new([&*seed, pair.public_key().as_ref()].concat());
        Ok(Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*both))))
    }

    /// The key's id, which an assertion's header names; not secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn header(&self) -> &str {
        &self.header
    }

    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        self.pair.sign(message)
    }
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AssertionKey({})", self.id)
    }
}

/// RFC 7638 §3: SHA-256 over the required members in the order of their names, for an OKP those of RFC 8037 §2.
fn thumbprint(public: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

impl RingKey for AssertionKey {
    fn parse(paserk: &str) -> Result<Self, KeyError> {
        Self::parse(paserk)
    }

    fn id(&self) -> &str {
        self.id()
    }
}

/// The keys in force: the first signs, all are published.
pub type AssertionKeys = KeyRing<AssertionKey>;

impl AssertionKeys {
    pub(super) fn key_set(&self) -> String {
        let keys: Vec<_> = self.iter().map(as_jwk).collect();
        json!({ "keys": keys }).to_string()
    }
}

/// RFC 8037 §2, without the private half.
fn as_jwk(key: &AssertionKey) -> serde_json::Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.id, "x": key.public })
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::{AssertionKey, AssertionKeys};
    use crate::{
        auth::tokens::{Key, KeyError},
        model::{Secret, SystemEntropy},
    };

    /// The key of RFC 8037, appendix A.1.
    fn rfc_key() -> AssertionKey {
        let half = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let (seed, public) =
            (half("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"), half("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
        let text = format!("k4.secret.{}", URL_SAFE_NO_PAD.encode([seed, public].concat()));
        AssertionKey::parse(&text).unwrap()
    }

    /// RFC 8037, appendix A.3.
    #[test]
    fn the_id_is_the_thumbprint() {
        assert_eq!(rfc_key().id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    /// RFC 8037, appendix A.4.
    #[test]
    fn signatures_are_those_of_the_rfc() {
        let signature = rfc_key().sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    /// From the official PASERK test vectors, `k4.secret.json`, `k4.secret-1`.
    #[test]
    fn texts_are_those_of_the_paserk_vectors() {
        let text = "k4.secret.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA7aie8zrakLWKjqNAqbw1zZTIVdx3iQ6Y6wEihi1naKQ";
        assert!(AssertionKey::parse(text).is_ok());
    }

    #[test]
    fn what_is_no_key_pair_is_refused() {
        let key = AssertionKey::generate(&SystemEntropy).unwrap();
        let other = AssertionKey::generate(&SystemEntropy).unwrap();
        let (seed, public) = (&key.expose()[..53], &other.expose()[53..]);
        let mixed = Secret::new(format!("{seed}{public}"));
        assert_eq!(AssertionKeys::parse([&mixed]).unwrap_err(), KeyError::NotSigning);
        let symmetric = Key::generate(&SystemEntropy).unwrap();
        assert_eq!(AssertionKeys::parse([&symmetric]).unwrap_err(), KeyError::NotSigning);
        assert_eq!(AssertionKeys::parse([&Secret::new("k4.secret.AAAA")]).unwrap_err(), KeyError::NotSigning);
        assert_eq!(AssertionKeys::parse([&key, &key]).unwrap_err(), KeyError::Duplicate);
        assert_eq!(AssertionKeys::parse([]).unwrap_err(), KeyError::Empty);
        assert!(!format!("{:?}", AssertionKeys::parse([&key]).unwrap()).contains(&key.expose()[10..30]));
    }

    #[test]
    fn all_keys_are_published_without_their_private_halves() {
        let keys = [(); 2].map(|()| AssertionKey::generate(&SystemEntropy).unwrap());
        let ring = AssertionKeys::parse(&keys).unwrap();
        let set: serde_json::Value = serde_json::from_str(&ring.key_set()).unwrap();
        let published: Vec<_> =
            set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
        assert_eq!(published, ring.iter().map(AssertionKey::id).collect::<Vec<_>>());
        for key in set["keys"].as_array().unwrap() {
            let members: Vec<_> = key.as_object().unwrap().keys().collect();
            assert_eq!(members, ["kty", "crv", "alg", "use", "kid", "x"]);
        }
    }
}
