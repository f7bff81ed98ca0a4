//! Trusted devices: a browser or an application that needs no code for a while.
//!
//! What it holds is a token, of the make of all [opaque tokens](crate::auth::tokens), format 3. Beside the user's factors
//! stands a seal, `railgate.` and base64url over the token's id and hash and an HMAC over those, the user, the password
//! column's [mark](crate::auth::tokens::PasswordMarks), the active factors with their secrets, and the end of the trust. So a
//! device is trusted only by a row that the gateway wrote, and only until the password or a factor changes; the backend's own
//! mutations can add rows, but no seal. A hash of the same password that the gateway wrote anew is no change, once.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use subtle::ConstantTimeEq as _;

use crate::{
    auth::tokens::{Key, KeyRing, Marker, OpaqueTokens, before},
    model::{Account, Entropy, Factor, FactorKind, NoEntropy, PlainToken, Secret, Timestamp, TokenHash, TrustedDevice},
    store::UserTag,
};

const FORMAT: u8 = 3;
const MARK_PURPOSE: &str = "trusted device token mark v1";
const SEAL_PURPOSE: &str = "trusted device seal v2";
/// What seals begin with.
const PREFIX: &str = "railgate.";
/// Bytes of an id, and of a token's hash behind it.
const ID: usize = 16;
const NAMED: usize = ID + 32;

/// Makes and reads the tokens of trusted devices, and their seals.
#[derive(Debug)]
pub struct TrustTokens {
    tokens: OpaqueTokens,
    seals: Vec<Seal>,
}

/// What one key seals with.
#[derive(Debug)]
struct Seal {
    mac: hmac::Key,
    marker: Marker,
}

/// For whom a device is trusted: changes of any part end it.
#[derive(Clone, Copy)]
pub(in crate::auth) struct Owner<'a> {
    pub(in crate::auth) account: &'a Account,
    /// The active ones.
    pub(in crate::auth) factors: &'a [Factor],
}

impl TrustTokens {
    /// For the keys in force; the first marks and seals.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self { tokens: OpaqueTokens::new(FORMAT, MARK_PURPOSE, keys), seals: keys.iter().map(Seal::new).collect() }
    }

    /// A new token, and the seal that is kept of it.
    pub(in crate::auth) fn mint(
        &self,
        owner: Owner<'_>,
        expires: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(PlainToken, Secret), NoEntropy> {
        let id = entropy.bytes::<ID>()?;
        let token = self.tokens.mint(UserTag::of(&owner.account.user.id), &id, entropy)?;
        let mut sealed = [id.as_slice(), token.hash().as_bytes()].concat();
        if let Some(seal) = self.seals.first() {
            let mac = mac(&seal.mac, owner, &seal.mark(owner), &sealed, expires);
            sealed.extend_from_slice(mac.as_ref());
        }
        Ok((token, Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed)))))
    }

    /// What a presented token calls the device, and whose it is. `None` when it is none of ours.
    pub(in crate::auth) fn read(&self, token: &PlainToken) -> Option<(UserTag, [u8; ID])> {
        let claim = self.tokens.read(token).filter(|claim| claim.genuine)?;
        Some((claim.tag, claim.id))
    }

    /// Whether the gateway sealed this for `owner` as it is now.
    pub(in crate::auth) fn is_sealed(&self, device: &TrustedDevice, owner: Owner<'_>) -> bool {
        self.named(device, owner).is_some()
    }

    /// Whether this is the token of the device, and that is sealed.
    pub(in crate::auth) fn is_of(&self, token: &PlainToken, device: &TrustedDevice, owner: Owner<'_>) -> bool {
        let Some((_, shown)) = self.read(token) else { return false };
        self.named(device, owner).is_some_and(|(id, hash)| id == shown && hash == token.hash())
    }

    /// The id and the hash of the token that a seal is about, where it is a good one.
    fn named(&self, device: &TrustedDevice, owner: Owner<'_>) -> Option<([u8; ID], TokenHash)> {
        let sealed = URL_SAFE_NO_PAD.decode(device.seal.expose().strip_prefix(PREFIX)?).ok()?;
        let (named, shown) = sealed.split_at_checked(NAMED)?;
        let is_by = |seal: &Seal| {
            let marks = [Some(seal.mark(owner)), before(&owner.account.password)];
            let mut macs = marks.iter().flatten().map(|mark| mac(&seal.mac, owner, mark, named, device.expires));
            macs.any(|mac| bool::from(mac.as_ref().ct_eq(shown)))
        };
        self.seals.iter().any(is_by).then_some(())?;
        let (id, hash) = named.split_first_chunk::<ID>()?;
        Some((*id, TokenHash::from_bytes(hash.try_into().ok()?)))
    }
}

impl Seal {
    fn new(key: &Key) -> Self {
        Self { mac: hmac::Key::new(hmac::HMAC_SHA256, &*key.derive(SEAL_PURPOSE)), marker: Marker::new(key) }
    }

    /// Of the password as it is.
    fn mark(&self, owner: Owner<'_>) -> [u8; 16] {
        self.marker.digest(&owner.account.user.id, &owner.account.password)
    }
}

/// Each part behind its length, so that none can run into the next.
fn mac(key: &hmac::Key, owner: Owner<'_>, password: &[u8], named: &[u8], expires: Timestamp) -> hmac::Tag {
    let Owner { account, factors } = owner;
    let mut context = hmac::Context::with_key(key);
    let mut part = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    part(named);
    part(account.user.id.as_str().as_bytes());
    part(password);
    // To the second: what a database does to the rest is its own affair.
    part(&expires.as_secs().to_be_bytes());
    let mut factors: Vec<&Factor> = factors.iter().collect();
    factors.sort_unstable_by(|one, other| one.device.cmp(&other.device));
    for factor in factors {
        part(factor.device.as_str().as_bytes());
        match &factor.kind {
            FactorKind::Totp(secret) => part(secret.expose().as_bytes()),
            FactorKind::Other(kind) => part(kind.as_bytes()),
        }
    }
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::{Owner, TrustTokens};
    use crate::{
        auth::{
            fakes::OneUser,
            passwords::{Preferred, Salt},
            tokens::{Key, KeyRing, PasswordMarks},
        },
        model::{
            Account, DeviceId, EncodedPassword, Factor, FactorKind, PlainToken, Secret, SystemEntropy, Timestamp,
            TrustedDevice, UserId,
        },
    };

    fn account(id: &str, password: &str) -> Account {
        let user = crate::model::User { id: UserId::new(id), ..OneUser::john_himself() };
        Account { user, password: EncodedPassword::new(password) }
    }

    fn factor(id: &str, secret: &str) -> Factor {
        Factor {
            device: DeviceId::new(id),
            name: "phone".to_owned(),
            kind: FactorKind::Totp(Secret::new(secret)),
            created: Timestamp::default(),
            last_used: None,
        }
    }

    fn device(seal: &Secret, expires: Timestamp) -> TrustedDevice {
        TrustedDevice {
            id: DeviceId::new("1"),
            seal: seal.clone(),
            name: String::new(),
            created: Timestamp::default(),
            expires,
        }
    }

    fn tokens() -> TrustTokens {
        TrustTokens::new(&KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap())
    }

    #[test]
    fn a_device_is_trusted_for_one_user_one_password_and_one_set_of_factors() {
        let (tokens, until) = (tokens(), Timestamp::from_secs(1_800_000_000));
        let (john, factors) = (account("1", "pbkdf2$a"), [factor("1", "ABC"), factor("2", "DEF")]);
        let owner = Owner { account: &john, factors: &factors };
        let (token, seal) = tokens.mint(owner, until, &SystemEntropy).unwrap();
        assert!(seal.expose().len() <= 255, "as much as a column holds: {}", seal.expose().len());
        let trusted = device(&seal, until);
        assert!(tokens.is_of(&token, &trusted, owner) && tokens.is_sealed(&trusted, owner));
        let turned = [factors[1].clone(), factors[0].clone()];
        assert!(tokens.is_of(&token, &trusted, Owner { account: &john, factors: &turned }), "in whatever order");

        let (jane, changed) = (account("2", "pbkdf2$a"), account("1", "pbkdf2$b"));
        let lost = [factor("1", "ABC")];
        let more = [factor("1", "ABC"), factor("2", "DEF"), factor("3", "GHI")];
        let other = [factor("1", "ABC"), factor("2", "XYZ")];
        for (account, factors) in
            [(&jane, &factors[..]), (&changed, &factors), (&john, &lost), (&john, &more), (&john, &other)]
        {
            assert!(!tokens.is_of(&token, &trusted, Owner { account, factors }));
        }
        let later = device(&seal, Timestamp::from_secs(1_900_000_000));
        assert!(!tokens.is_of(&token, &later, owner), "somebody moved its end");
    }

    #[test]
    fn only_its_own_token_is_of_a_device_and_only_a_sealed_row_counts() {
        let (ours, theirs, until) = (tokens(), tokens(), Timestamp::from_secs(1_800_000_000));
        let (john, factors) = (account("1", "pbkdf2$a"), [factor("1", "ABC")]);
        let owner = Owner { account: &john, factors: &factors };
        let [(one, seal), (other, _)] = [(); 2].map(|()| ours.mint(owner, until, &SystemEntropy).unwrap());
        let (foreign, foreign_seal) = theirs.mint(owner, until, &SystemEntropy).unwrap();
        let trusted = device(&seal, until);
        for token in [&other, &foreign, &PlainToken::new(""), &PlainToken::new(seal.expose())] {
            assert!(!ours.is_of(token, &trusted, owner));
        }
        assert!(ours.is_of(&one, &trusted, owner));
        for seal in [
            foreign_seal.expose(),
            one.expose(),
            "",
            "railgate.",
            "railgate.AAAA",
            seal.expose().trim_start_matches("railgate."),
        ] {
            let row = device(&Secret::new(seal), until);
            assert!(!ours.is_sealed(&row, owner), "{seal}");
            assert!([&one, &foreign].iter().all(|token| !ours.is_of(token, &row, owner)), "{seal}");
        }
    }

    #[test]
    fn trust_outlives_the_rotation_of_keys_but_not_the_removal_of_its_own() {
        let [one, other] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
        let (john, factors) = (account("1", "pbkdf2$a"), [factor("1", "ABC")]);
        let (owner, until) = (Owner { account: &john, factors: &factors }, Timestamp::from_secs(1_800_000_000));
        let made = TrustTokens::new(&KeyRing::parse([&one]).unwrap());
        let (token, seal) = made.mint(owner, until, &SystemEntropy).unwrap();
        let trusted = device(&seal, until);
        assert!(TrustTokens::new(&KeyRing::parse([&other, &one]).unwrap()).is_of(&token, &trusted, owner));
        assert!(!TrustTokens::new(&KeyRing::parse([&other]).unwrap()).is_of(&token, &trusted, owner));
    }

    #[test]
    fn a_hash_that_is_made_anew_takes_no_trust_and_another_password_does() {
        let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
        let (tokens, marks, until) =
            (TrustTokens::new(&keys), PasswordMarks::new(&keys), Timestamp::from_secs(1_800_000_000));
        let (john, factors) = (account("1", "pbkdf2_sha256$1$salt$hash"), [factor("1", "ABC")]);
        let owner = Owner { account: &john, factors: &factors };
        let (token, seal) = tokens.mint(owner, until, &SystemEntropy).unwrap();
        let trusted = device(&seal, until);
        let with = |salt: Salt| {
            let column = Preferred::BcryptSha256 { rounds: 4 }.encode("secret123", salt).unwrap();
            let account = Account { password: column, ..john.clone() };
            tokens.is_of(&token, &trusted, Owner { account: &account, factors: &factors })
        };
        assert!(with(marks.salt_after(&john.user.id, &john.password)));
        assert!(!with(Salt::from_bytes([7; 16])));
    }
}
