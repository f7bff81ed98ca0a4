//! Logins that wait for a code that the backend checks.
//!
//! The client gets a challenge token of the gateway's, as for any second factor, and behind it, sealed, what the backend gave
//! for the first half: `token.sealed`. The store knows the token's hash, counts tries and takes it once; what is sealed
//! belongs to that one token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    auth::{
        seals::Seals,
        tokens::{ChallengeTokens, KeyRing},
    },
    model::{Entropy, NoEntropy, PlainToken},
    store::ChallengeKey,
};

const PURPOSE: &str = "backend challenge v1";

/// Makes and reads the tokens.
#[derive(Debug)]
pub struct BackendChallenges {
    tokens: ChallengeTokens,
    seals: Seals,
}

/// What a token holds.
#[derive(Debug)]
pub struct HeldChallenge {
    /// Where the store has its half.
    pub key: ChallengeKey,
    /// What is shown to the backend beside the code.
    pub challenge: PlainToken,
}

/// Why a token could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Unheld {
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// What is held can't be written.
    #[error("a challenge of the backend can't be written")]
    Text(#[from] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct Held {
    challenge: String,
}

impl BackendChallenges {
    /// For the keys in force; the first seals.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self { tokens: ChallengeTokens::new(keys), seals: Seals::new(keys, PURPOSE) }
    }

    /// The token of a login that the backend answered with this challenge.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub fn mint(&self, key: ChallengeKey, challenge: &PlainToken, entropy: &dyn Entropy) -> Result<PlainToken, Unheld> {
        let token = self.tokens.mint(key, entropy)?;
        let held = Held { challenge: challenge.expose().to_owned() };
        let text = Zeroizing::new(serde_json::to_vec(&held)?);
        let sealed = self.seals.seal(&key.to_string(), text, entropy)?;
        Ok(PlainToken::new(format!("{}.{}", token.expose(), URL_SAFE_NO_PAD.encode(sealed))))
    }

    /// Whether it has the form of one. The gateway's other challenge tokens have no dot.
    #[must_use]
    pub fn is_one(token: &PlainToken) -> bool {
        token.expose().contains('.')
    }

    /// What a presented token holds. `None` when it is none of ours.
    #[must_use]
    pub fn read(&self, token: &PlainToken) -> Option<HeldChallenge> {
        let (token, sealed) = token.expose().split_once('.')?;
        let key = self.tokens.read(&PlainToken::new(token))?;
        let opened = self.seals.open(&key.to_string(), &URL_SAFE_NO_PAD.decode(sealed).ok()?).ok()?;
        let Held { challenge } = serde_json::from_slice(&opened.text).ok()?;
        Some(HeldChallenge { key, challenge: PlainToken::new(challenge) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::tokens::Key,
        model::{SystemEntropy, UserId},
        store::UserTag,
    };

    fn key(id: u8) -> ChallengeKey {
        ChallengeKey { tag: UserTag::of(&UserId::new("1")), id: [id; 16] }
    }

    #[test]
    fn what_the_backend_gave_is_in_the_token_and_nobody_else_reads_it() {
        let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
        let challenges = BackendChallenges::new(&keys);
        let [one, two] = [(1, "canary"), (2, "other")]
            .map(|(id, challenge)| challenges.mint(key(id), &PlainToken::new(challenge), &SystemEntropy).unwrap());
        let held = challenges.read(&one).unwrap();
        assert_eq!((held.key, held.challenge.expose()), (key(1), "canary"));
        assert!(!one.expose().contains("canary") && BackendChallenges::is_one(&one));

        let plain = ChallengeTokens::new(&keys).mint(key(1), &SystemEntropy).unwrap();
        assert!(!BackendChallenges::is_one(&plain) && challenges.read(&plain).is_none());
        let (first, _) = one.expose().split_once('.').unwrap();
        let (_, second) = two.expose().split_once('.').unwrap();
        for wrong in [format!("{first}.{second}"), format!("{first}."), format!("x.{second}"), ".".to_owned()] {
            assert!(challenges.read(&PlainToken::new(wrong.clone())).is_none(), "{wrong}");
        }
        assert!(ChallengeTokens::new(&keys).read(&one).is_none(), "it sets no factor up");
    }
}
