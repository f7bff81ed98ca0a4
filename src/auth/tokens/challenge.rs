//! Challenge tokens: what the holder of a right password gets where a second factor is due, and shows again beside the code.
//!
//! Opaque, of the same make as [refresh tokens](super::refresh), with a format and a mark of their own: neither passes for
//! the other, and neither is an access token. Whether one is good is the store's to say, by its hash. One without a mark
//! in force is not even looked up.

use super::{keys::KeyRing, opaque::OpaqueTokens};
use crate::{
    model::{Entropy, NoEntropy, PlainToken},
    store::ChallengeKey,
};

const FORMAT: u8 = 2;
const MARK_PURPOSE: &str = "challenge token mark v1";

/// Makes and reads challenge tokens.
#[derive(Debug)]
pub struct ChallengeTokens(OpaqueTokens);

impl ChallengeTokens {
    /// For the keys in force; the first marks new tokens.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self(OpaqueTokens::new(FORMAT, MARK_PURPOSE, keys))
    }

    /// The token of a new challenge.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub fn mint(&self, key: ChallengeKey, entropy: &dyn Entropy) -> Result<PlainToken, NoEntropy> {
        self.0.mint(key.tag, &key.id, entropy)
    }

    /// The challenge that a presented token is of. `None` when it is none of ours.
    #[must_use]
    pub fn read(&self, token: &PlainToken) -> Option<ChallengeKey> {
        let claim = self.0.read(token).filter(|claim| claim.genuine)?;
        Some(ChallengeKey { tag: claim.tag, id: claim.id })
    }
}

#[cfg(test)]
mod tests {
    use super::ChallengeTokens;
    use crate::{
        auth::tokens::{Key, KeyRing, RefreshTokens},
        model::{PlainToken, SessionId, SystemEntropy, UserId},
        store::{ChallengeKey, SessionKey, UserTag},
    };

    #[test]
    fn a_challenge_token_is_no_refresh_token_and_the_reverse() {
        let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
        let (challenges, refresh) = (ChallengeTokens::new(&keys), RefreshTokens::new(&keys));
        let (tag, id) = (UserTag::of(&UserId::new("1")), [9; 16]);
        let challenge = challenges.mint(ChallengeKey { tag, id }, &SystemEntropy).unwrap();
        let session = refresh.mint(SessionKey { tag, id: SessionId::from_bytes(id) }, &SystemEntropy).unwrap();
        assert_eq!(challenges.read(&challenge), Some(ChallengeKey { tag, id }));
        assert!(refresh.read(&challenge).is_none());
        assert!(challenges.read(&session).is_none());
    }

    #[test]
    fn what_another_key_marked_or_nobody_made_is_none() {
        let [ours, theirs] = [(); 2].map(|()| {
            let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
            ChallengeTokens::new(&keys)
        });
        let key = ChallengeKey { tag: UserTag::of(&UserId::new("1")), id: [9; 16] };
        assert_eq!(ours.read(&theirs.mint(key, &SystemEntropy).unwrap()), None);
        for text in ["", "garbage", &"A".repeat(96)] {
            assert_eq!(ours.read(&PlainToken::new(text)), None, "{text}");
        }
    }
}
