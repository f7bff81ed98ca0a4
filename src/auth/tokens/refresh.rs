//! Refresh tokens: opaque to everyone but the gateway, single use, found without a search.
//!
//! A token is of the make of all [opaque tokens](super::opaque), format 1; its id is the session's.
//!
//! Whether a token is good is the store's to say, by its hash. The mark tells an old token of ours, whose return must end
//! the session (RFC 9700 §4.14.2), from something made up around a session id that leaked: that changes nothing. A token
//! whose mark is of a key that was dropped refreshes no more, like all that hangs on such a key; a logout by it still ends
//! its session, if the store takes it for the session's own.

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use zeroize::Zeroizing;

use super::{keys::KeyRing, opaque::OpaqueTokens};
use crate::{
    model::{Entropy, NoEntropy, PlainToken, SessionId},
    store::SessionKey,
};

const FORMAT: u8 = 1;
const MARK_PURPOSE: &str = "refresh token mark v1";
const SEAL_LABEL: &[u8] = b"railgate refresh successor v1";

/// What a presented text says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshClaim {
    /// The session that it names.
    pub key: SessionKey,
    /// It bears the mark of one of the keys in force.
    pub genuine: bool,
}

/// Makes and reads refresh tokens.
#[derive(Debug)]
pub struct RefreshTokens(OpaqueTokens);

impl RefreshTokens {
    /// For the keys in force; the first marks new tokens.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self(OpaqueTokens::new(FORMAT, MARK_PURPOSE, keys))
    }

    /// A new token of this session.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub fn mint(&self, key: SessionKey, entropy: &dyn Entropy) -> Result<PlainToken, NoEntropy> {
        self.0.mint(key.tag, key.id.as_bytes(), entropy)
    }

    /// Reads a presented token. `None` when it can't be one of ours.
    #[must_use]
    pub fn read(&self, token: &PlainToken) -> Option<RefreshClaim> {
        let claim = self.0.read(token)?;
        let key = SessionKey { tag: claim.tag, id: SessionId::from_bytes(claim.id) };
        Some(RefreshClaim { key, genuine: claim.genuine })
    }
}

/// Seals `successor` so that only who holds `presented` can open it: AES-256-GCM under a key that is derived from the
/// presented token's 256 random bits, nonce first.
///
/// # Errors
/// When no random bytes can be had.
pub fn seal(presented: &PlainToken, successor: &PlainToken, entropy: &dyn Entropy) -> Result<Vec<u8>, NoEntropy> {
    let nonce = entropy.bytes::<NONCE_LEN>()?;
    let mut body = successor.expose().as_bytes().to_vec();
    sealing_key(presented)
        .and_then(|key| key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut body).ok())
        .ok_or(NoEntropy)?;
    Ok([nonce.as_slice(), &body].concat())
}

/// Opens what [`seal`] made. `None` when it was sealed under another token or damaged.
#[must_use]
pub fn open(presented: &PlainToken, sealed: &[u8]) -> Option<PlainToken> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut body = Zeroizing::new(body.to_vec());
    let opened =
        sealing_key(presented)?.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut body).ok()?;
    Some(PlainToken::new(std::str::from_utf8(opened).ok()?))
}

fn sealing_key(presented: &PlainToken) -> Option<LessSafeKey> {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, presented.expose().as_bytes());
    let key = hmac::sign(&secret, SEAL_LABEL);
    UnboundKey::new(&AES_256_GCM, key.as_ref()).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::{RefreshTokens, open, seal};
    use crate::{
        auth::tokens::keys::{Key, KeyRing},
        model::{PlainToken, SessionId, SystemEntropy, UserId},
        store::SessionKey,
    };

    fn tokens() -> RefreshTokens {
        let key = Key::generate(&SystemEntropy).unwrap();
        RefreshTokens::new(&KeyRing::parse([&key]).unwrap())
    }

    fn key() -> SessionKey {
        SessionKey::of(&UserId::new("1"), SessionId::from_bytes([9; 16]))
    }

    #[test]
    fn a_token_names_its_session_and_bears_the_mark() {
        let tokens = tokens();
        let token = tokens.mint(key(), &SystemEntropy).unwrap();
        assert_eq!(token.expose().len(), 96);
        let claim = tokens.read(&token).unwrap();
        assert!(claim.genuine);
        assert_eq!(claim.key, key());
    }

    #[test]
    fn a_token_made_up_around_a_session_id_is_not_genuine() {
        let forged = tokens().mint(key(), &SystemEntropy).unwrap();
        assert!(!tokens().read(&forged).unwrap().genuine, "another gateway's key made it");
    }

    #[test]
    fn one_changed_character_is_not_genuine() {
        let tokens = tokens();
        let token = tokens.mint(key(), &SystemEntropy).unwrap();
        let swapped = if token.expose().as_bytes()[50] == b'A' { "B" } else { "A" };
        let mut text = token.expose().to_owned();
        text.replace_range(50..51, swapped);
        assert!(!tokens.read(&PlainToken::new(text)).unwrap().genuine);
    }

    #[test]
    fn garbage_is_no_token() {
        for text in ["", "garbage", "eyJ.eyJ.x", &"A".repeat(95), &"A".repeat(97), &"A".repeat(96), &"é".repeat(48)] {
            assert!(tokens().read(&PlainToken::new(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn a_sealed_successor_opens_under_its_predecessor_only() {
        let tokens = tokens();
        let (old, new) = (tokens.mint(key(), &SystemEntropy).unwrap(), tokens.mint(key(), &SystemEntropy).unwrap());
        let sealed = seal(&old, &new, &SystemEntropy).unwrap();
        assert_eq!(open(&old, &sealed).unwrap().expose(), new.expose());
        assert!(open(&new, &sealed).is_none());
        assert!(open(&old, &sealed[1..]).is_none());
        assert!(open(&old, &[]).is_none());
    }
}
