//! Refresh tokens: opaque to everyone but the gateway, single use, found without a search.
//!
//! A token is 96 characters of base64url over 72 bytes:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format, 1 |
//! | 8 | the user's tag, so that a cluster finds the shard |
//! | 16 | the session id |
//! | 32 | random: the secret proper |
//! | 15 | HMAC-SHA256 over the above, cut, under a subkey of the gateway's key |
//!
//! Whether a token is good is the store's to say, by its hash. The mark tells an old token of ours, whose return must end
//! the session (RFC 9700 §4.14.2), from something made up around a session id that leaked: that changes nothing. A token
//! whose mark is of a key that was dropped refreshes no more, like all that hangs on such a key; a logout by it still ends
//! its session, if the store takes it for the session's own.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::keys::KeyRing;
use crate::{
    model::{Entropy, NoEntropy, PlainToken, SessionId},
    store::{SessionKey, UserTag},
};

const FORMAT: u8 = 1;
const MARKED: usize = 57;
const LENGTH: usize = 72;
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
pub struct RefreshTokens {
    marks: Vec<hmac::Key>,
}

impl RefreshTokens {
    /// For the keys in force; the first marks new tokens.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        let marks = keys.iter().map(|key| hmac::Key::new(hmac::HMAC_SHA256, &*key.derive(MARK_PURPOSE))).collect();
        Self { marks }
    }

    /// A new token of this session.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub fn mint(&self, key: SessionKey, entropy: &dyn Entropy) -> Result<PlainToken, NoEntropy> {
        let secret = Zeroizing::new(entropy.bytes::<32>()?);
        let mut token = Zeroizing::new(Vec::with_capacity(LENGTH));
        token.push(FORMAT);
        token.extend_from_slice(key.tag.as_bytes());
        token.extend_from_slice(key.id.as_bytes());
        token.extend_from_slice(&*secret);
        if let Some(mark) = self.marks.first() {
            let tag = hmac::sign(mark, &token);
            token.extend(tag.as_ref().iter().take(LENGTH - MARKED));
        }
        Ok(PlainToken::new(URL_SAFE_NO_PAD.encode(&*token)))
    }

    /// Reads a presented token. `None` when it can't be one of ours.
    #[must_use]
    pub fn read(&self, token: &PlainToken) -> Option<RefreshClaim> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let length = URL_SAFE_NO_PAD.decode_slice(token.expose(), &mut *bytes).ok()?;
        if length != LENGTH {
            return None;
        }
        let (marked, mark) = bytes.split_at(MARKED);
        let (&format, rest) = marked.split_first()?;
        if format != FORMAT {
            return None;
        }
        let (tag, rest) = rest.split_first_chunk::<8>()?;
        let (id, _) = rest.split_first_chunk::<16>()?;
        let genuine = self.marks.iter().any(|key| {
            let expected = hmac::sign(key, marked);
            expected.as_ref().get(..LENGTH - MARKED).is_some_and(|expected| bool::from(expected.ct_eq(mark)))
        });
        let key = SessionKey { tag: UserTag::from_bytes(*tag), id: SessionId::from_bytes(*id) };
        Some(RefreshClaim { key, genuine })
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
        store::{SessionKey, UserTag},
    };

    fn tokens() -> RefreshTokens {
        let key = Key::generate(&SystemEntropy).unwrap();
        RefreshTokens::new(&KeyRing::parse([&key]).unwrap())
    }

    fn key() -> SessionKey {
        SessionKey { tag: UserTag::of(&UserId::new("1")), id: SessionId::from_bytes([9; 16]) }
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
