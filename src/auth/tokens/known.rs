//! Tokens of devices that have logged in before: what tells the owner of an account from those who guess at it.
//!
//! Opaque, of the same make as [refresh tokens](super::refresh), format 4. It opens nothing and skips nothing: a login that
//! shows one for its own account is counted by itself ([`throttle`](crate::auth::throttle)), so that nobody else's guesses keep
//! it out. The id says for what it counts, four bytes each:
//!
//! | bytes | |
//! |---|---|
//! | 0 to 3 | the second at which it runs out |
//! | 4 to 7 | hash of the folded name that logged in: for another nobody is even looked up |
//! | 8 to 11 | hash of the password column, which is salted: who knew an earlier password has no guesses at the next |
//! | 12 to 15 | random: each login's token has a budget of its own |

use sha2::{Digest as _, Sha256};

use super::{keys::KeyRing, opaque::OpaqueTokens};
use crate::{
    model::{EncodedPassword, Entropy, NoEntropy, PlainToken, Timestamp, UserId},
    store::UserTag,
};

const FORMAT: u8 = 4;
const MARK_PURPOSE: &str = "known device token mark v1";

/// A device that has logged in to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Of the account's user.
    pub tag: UserTag,
    /// The device, at this account.
    pub id: [u8; 16],
}

impl KnownDevice {
    /// Whether it has logged in by this name, folded.
    #[must_use]
    pub fn is_named(&self, folded: &str) -> bool {
        self.id[4..8] == hash_of(b"name", folded.as_bytes())
    }

    /// Whether it has logged in to this account by the password that it has now.
    #[must_use]
    pub fn is_at(&self, user: &UserId, password: &EncodedPassword) -> bool {
        self.tag == UserTag::of(user) && self.id[8..12] == of_password(password)
    }
}

/// Makes and reads the tokens of known devices.
#[derive(Debug)]
pub struct KnownDevices(OpaqueTokens);

impl KnownDevices {
    /// For the keys in force; the first marks new tokens.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self(OpaqueTokens::new(FORMAT, MARK_PURPOSE, keys))
    }

    /// The token of a device that has just logged in by the name `folded`, to the account of `user` with this password.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub fn mint(
        &self,
        user: &UserId,
        password: &EncodedPassword,
        folded: &str,
        expires: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<PlainToken, NoEntropy> {
        // Until 2106.
        let expires = u32::try_from(expires.as_secs()).unwrap_or(u32::MAX).to_be_bytes();
        let parts = [expires, hash_of(b"name", folded.as_bytes()), of_password(password), entropy.bytes()?];
        let mut id = [0; 16];
        for (place, part) in id.chunks_exact_mut(4).zip(parts) {
            place.copy_from_slice(&part);
        }
        self.0.mint(UserTag::of(user), &id, entropy)
    }

    /// The device that a presented token is of. `None` when it is none of ours, or has run out.
    #[must_use]
    pub fn read(&self, token: &PlainToken, now: Timestamp) -> Option<KnownDevice> {
        let claim = self.0.read(token).filter(|claim| claim.genuine)?;
        let (expires, _) = claim.id.split_first_chunk::<4>()?;
        let is_in_time = now < Timestamp::from_secs(u32::from_be_bytes(*expires).into());
        is_in_time.then_some(KnownDevice { tag: claim.tag, id: claim.id })
    }
}

fn of_password(password: &EncodedPassword) -> [u8; 4] {
    hash_of(b"password", password.expose().as_bytes())
}

/// Four bytes tell nothing of what they are of; they keep others' tokens out.
fn hash_of(what: &[u8], text: &[u8]) -> [u8; 4] {
    let digest = Sha256::new().chain_update(what).chain_update([0]).chain_update(text).finalize();
    let mut hash = [0; 4];
    hash.copy_from_slice(&digest[..4]);
    hash
}

#[cfg(test)]
mod tests {
    use super::{KnownDevice, KnownDevices};
    use crate::{
        auth::tokens::{ChallengeTokens, Key, KeyRing, RefreshTokens},
        model::{EncodedPassword, PlainToken, SystemEntropy, Timestamp, UserId},
    };

    const END: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn is_at(device: &KnownDevice, id: &str, password: &str) -> bool {
        device.is_at(&UserId::new(id), &EncodedPassword::new(password))
    }

    #[test]
    fn a_device_is_known_at_one_account_by_one_name_and_password_until_its_token_runs_out() {
        let [one, other] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
        let known = KnownDevices::new(&KeyRing::parse([&one]).unwrap());
        let (john, password) = (UserId::new("1"), EncodedPassword::new("pbkdf2$secret"));
        let mint = || known.mint(&john, &password, "john", END, &SystemEntropy).unwrap();
        let token = mint();
        let before = Timestamp::from_secs(END.as_secs() - 1);
        let device = known.read(&token, before).unwrap();
        assert!(device.is_named("john") && !device.is_named("jane"));
        assert!(is_at(&device, "1", "pbkdf2$secret") && !is_at(&device, "2", "pbkdf2$secret"));
        assert!(!is_at(&device, "1", "pbkdf2$another"), "known to who knew the password before");
        assert_eq!(known.read(&token, END), None);
        assert_ne!(known.read(&mint(), before), Some(device), "each has a budget of its own");
        let rotated = KnownDevices::new(&KeyRing::parse([&other, &one]).unwrap());
        assert_eq!(rotated.read(&token, before), Some(device));
        assert_eq!(KnownDevices::new(&KeyRing::parse([&other]).unwrap()).read(&token, before), None);
    }

    #[test]
    fn its_token_is_no_other_and_no_other_is_one() {
        let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
        let known = KnownDevices::new(&keys);
        let token = known.mint(&UserId::new("1"), &EncodedPassword::new("x"), "john", END, &SystemEntropy).unwrap();
        assert!(RefreshTokens::new(&keys).read(&token).is_none() && ChallengeTokens::new(&keys).read(&token).is_none());
        for text in ["", "garbage", &"A".repeat(96)] {
            assert_eq!(known.read(&PlainToken::new(text), Timestamp::default()), None, "{text}");
        }
    }
}
