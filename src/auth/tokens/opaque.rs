//! What opaque tokens have in common: one is 96 characters of base64url over 72 bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format, one for each kind of token |
//! | 8 | the user's tag, so that a cluster finds the shard |
//! | 16 | the id of what the token is about |
//! | 32 | random: the secret proper |
//! | 15 | HMAC-SHA256 over the above, cut, under a subkey of the gateway's key that is the kind's own |

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::keys::KeyRing;
use crate::{
    model::{Entropy, NoEntropy, PlainToken},
    store::UserTag,
};

const MARKED: usize = 57;
const LENGTH: usize = 72;

/// One kind of opaque token. None passes for one of another kind.
#[derive(Debug)]
pub(in crate::auth) struct OpaqueTokens {
    format: u8,
    marks: Vec<hmac::Key>,
}

/// What a presented text says of itself.
pub(in crate::auth) struct Claim {
    pub(in crate::auth) tag: UserTag,
    pub(in crate::auth) id: [u8; 16],
    /// It bears the mark of one of the keys in force.
    pub(in crate::auth) genuine: bool,
}

impl OpaqueTokens {
    /// For the keys in force; the first marks new tokens.
    pub(in crate::auth) fn new(format: u8, purpose: &str, keys: &KeyRing) -> Self {
        let marks = keys.iter().map(|key| hmac::Key::new(hmac::HMAC_SHA256, &*key.derive(purpose))).collect();
        Self { format, marks }
    }

    /// A new token about this.
    pub(in crate::auth) fn mint(
        &self,
        tag: UserTag,
        id: &[u8; 16],
        entropy: &dyn Entropy,
    ) -> Result<PlainToken, NoEntropy> {
        let secret = Zeroizing::new(entropy.bytes::<32>()?);
        let mut token = Zeroizing::new(Vec::with_capacity(LENGTH));
        token.push(self.format);
        token.extend_from_slice(tag.as_bytes());
        token.extend_from_slice(id);
        token.extend_from_slice(&*secret);
        if let Some(mark) = self.marks.first() {
            let tag = hmac::sign(mark, &token);
            token.extend(tag.as_ref().iter().take(LENGTH - MARKED));
        }
        Ok(PlainToken::new(URL_SAFE_NO_PAD.encode(&*token)))
    }

    /// Reads a presented token. `None` when it can't be one of this kind.
    pub(in crate::auth) fn read(&self, token: &PlainToken) -> Option<Claim> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let length = URL_SAFE_NO_PAD.decode_slice(token.expose(), &mut *bytes).ok()?;
        if length != LENGTH {
            return None;
        }
        let (marked, mark) = bytes.split_at(MARKED);
        let (&format, rest) = marked.split_first()?;
        if format != self.format {
            return None;
        }
        let (tag, rest) = rest.split_first_chunk::<8>()?;
        let (id, _) = rest.split_first_chunk::<16>()?;
        let genuine = self.marks.iter().any(|key| {
            let expected = hmac::sign(key, marked);
            expected.as_ref().get(..LENGTH - MARKED).is_some_and(|expected| bool::from(expected.ct_eq(mark)))
        });
        Some(Claim { tag: UserTag::from_bytes(*tag), id: *id, genuine })
    }
}
