//! Tokens of devices that have logged in before: what tells the owner of an account from those who guess at it.
//!
//! Opaque, of the same make as [refresh tokens](super::refresh), format 4. The id holds the second at which the token runs
//! out, and 64 random bits. It opens nothing and skips nothing: a login that shows one for its own account is counted by
//! itself ([`throttle`](crate::auth::throttle)), so that nobody else's guesses keep it out.

use super::{keys::KeyRing, opaque::OpaqueTokens};
use crate::{
    model::{Entropy, NoEntropy, PlainToken, Timestamp, UserId},
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
    /// Whether it has logged in to this account.
    #[must_use]
    pub fn is_at(&self, user: &UserId) -> bool {
        self.tag == UserTag::of(user)
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

    /// The token of a device that has just logged in.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub fn mint(&self, user: &UserId, expires: Timestamp, entropy: &dyn Entropy) -> Result<PlainToken, NoEntropy> {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&expires.as_secs().to_be_bytes());
        id[8..].copy_from_slice(&entropy.bytes::<8>()?);
        self.0.mint(UserTag::of(user), &id, entropy)
    }

    /// The device that a presented token is of. `None` when it is none of ours, or has run out.
    #[must_use]
    pub fn read(&self, token: &PlainToken, now: Timestamp) -> Option<KnownDevice> {
        let claim = self.0.read(token).filter(|claim| claim.genuine)?;
        let (expires, _) = claim.id.split_first_chunk::<8>()?;
        let is_in_time = now < Timestamp::from_secs(i64::from_be_bytes(*expires));
        is_in_time.then_some(KnownDevice { tag: claim.tag, id: claim.id })
    }
}

#[cfg(test)]
mod tests {
    use super::KnownDevices;
    use crate::{
        auth::tokens::{ChallengeTokens, Key, KeyRing, RefreshTokens},
        model::{PlainToken, SystemEntropy, Timestamp, UserId},
    };

    const END: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn a_device_is_known_at_one_account_until_its_token_runs_out() {
        let [one, other] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
        let known = KnownDevices::new(&KeyRing::parse([&one]).unwrap());
        let token = known.mint(&UserId::new("1"), END, &SystemEntropy).unwrap();
        let before = Timestamp::from_secs(END.as_secs() - 1);
        let device = known.read(&token, before).unwrap();
        assert!(device.is_at(&UserId::new("1")) && !device.is_at(&UserId::new("2")));
        assert_eq!(known.read(&token, END), None);
        let again = known.mint(&UserId::new("1"), END, &SystemEntropy).unwrap();
        assert_ne!(known.read(&again, before), Some(device), "each has a budget of its own");
        let rotated = KnownDevices::new(&KeyRing::parse([&other, &one]).unwrap());
        assert_eq!(rotated.read(&token, before), Some(device));
        assert_eq!(KnownDevices::new(&KeyRing::parse([&other]).unwrap()).read(&token, before), None);
    }

    #[test]
    fn its_token_is_no_other_and_no_other_is_one() {
        let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
        let known = KnownDevices::new(&keys);
        let token = known.mint(&UserId::new("1"), END, &SystemEntropy).unwrap();
        assert!(RefreshTokens::new(&keys).read(&token).is_none() && ChallengeTokens::new(&keys).read(&token).is_none());
        for text in ["", "garbage", &"A".repeat(96)] {
            assert_eq!(known.read(&PlainToken::new(text), Timestamp::default()), None, "{text}");
        }
    }
}
