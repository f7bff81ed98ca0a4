//! Backup codes, for when the authenticator is lost.
//!
//! A code has 80 random bits, which NIST SP 800-63B-4 §3.1.2 asks 64 of, and is written in Crockford's base32, which has no
//! letters that look alike: `7Q4M-0XVT-9DHP-W2CE`. Kept of it are the first 120 bits of an HMAC over the authenticator that it
//! was given for and the code, under a subkey of the gateway's key: 20 characters of base64url, as much as Rail Django's
//! column holds. A code that was made under a key which is not in force any more is void.
//!
//! Rail Django gave out codes of eight digits and kept them in the clear. Such a one counts as well, and is hashed as soon
//! as it is met. Anything else that stands in the place of a hash is compared as one, never in the clear: who could read
//! the backend's table would else log in by what stands there.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    auth::tokens::KeyRing,
    model::{DeviceId, Entropy, HashedCode, KeptCode, NoEntropy, Secret},
};

/// How many a user gets at once.
const MANY: usize = 10;
/// Of randomness: 16 characters.
const BYTES: usize = 10;
/// Characters between two dashes.
const GROUP: usize = 4;
/// Of an HMAC: 20 characters.
const HASH: usize = 15;
/// Of a code of Rail Django's.
const DIGITS: usize = 8;
const PURPOSE: &str = "backup code v1";

/// Makes backup codes, and finds them again by their hashes.
#[derive(Debug)]
pub struct BackupCodes(Vec<hmac::Key>);

impl BackupCodes {
    /// For the keys in force; new codes are hashed under the first.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self(keys.iter().map(|key| hmac::Key::new(hmac::HMAC_SHA256, &*key.derive(PURPOSE))).collect())
    }

    /// Ten new codes, as people read them.
    pub(in crate::auth) fn generate(&self, entropy: &dyn Entropy) -> Result<Vec<Secret>, NoEntropy> {
        (0..MANY).map(|_| generate(entropy)).collect()
    }

    /// What is kept of codes that are given for this authenticator.
    pub(in crate::auth) fn hashed(&self, device: &DeviceId, codes: &[Secret]) -> Vec<HashedCode> {
        codes.iter().filter_map(|code| self.hash(device, &typed(code.expose()))).collect()
    }

    /// Which of these codes was typed.
    pub(in crate::auth) fn find<'k>(&self, kept: &'k [KeptCode], text: &str) -> Option<&'k KeptCode> {
        let text = typed(text);
        if !is_code(&text) {
            return None;
        }
        kept.iter().find(|code| {
            let stands = code.kept.expose();
            if is_in_the_clear(stands) {
                return stands.as_bytes().ct_eq(text.expose().as_bytes()).into();
            }
            self.0.iter().any(|key| is_hash(stands, key, &code.device, &text))
        })
    }

    /// Those of an authenticator that the backend stored in the clear. Of the others nobody knows the code.
    #[must_use]
    pub fn in_the_clear(kept: &[KeptCode], device: &DeviceId) -> Vec<Secret> {
        let of_it = kept.iter().filter(|code| code.device == *device && is_in_the_clear(code.kept.expose()));
        of_it.map(|code| code.kept.clone()).collect()
    }

    /// Those that the backend stored in the clear, each with what is to stand there.
    pub(in crate::auth) fn to_hash(&self, kept: Vec<KeptCode>) -> Vec<(KeptCode, HashedCode)> {
        let in_the_clear = kept.into_iter().filter(|code| is_in_the_clear(code.kept.expose()));
        in_the_clear.filter_map(|code| Some((code.clone(), self.hash(&code.device, &code.kept)?))).collect()
    }

    fn hash(&self, device: &DeviceId, code: &Secret) -> Option<HashedCode> {
        self.0.first().map(|key| HashedCode::new(mac(key, device, code)))
    }
}

fn generate(entropy: &dyn Entropy) -> Result<Secret, NoEntropy> {
    let bytes = Zeroizing::new(entropy.bytes::<BYTES>()?);
    let characters = Zeroizing::new(base32::encode(base32::Alphabet::Crockford, &*bytes));
    let mut code = String::new();
    for (index, character) in characters.chars().enumerate() {
        if index > 0 && index % GROUP == 0 {
            code.push('-');
        }
        code.push(character);
    }
    Ok(Secret::new(code))
}

/// The code that a person meant: without blanks and dashes, and with the letters that Crockford's base32 reads as digits.
fn typed(text: &str) -> Secret {
    let meant = |character: char| match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let is_written = |character: &char| !character.is_whitespace() && *character != '-';
    Secret::new(text.chars().filter(is_written).map(meant).collect::<String>())
}

fn is_code(text: &Secret) -> bool {
    const CHARACTERS: usize = BYTES * 8 / 5;
    is_in_the_clear(text.expose())
        || (text.expose().len() == CHARACTERS && text.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn is_in_the_clear(kept: &str) -> bool {
    kept.len() == DIGITS && kept.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_hash(stands: &str, key: &hmac::Key, device: &DeviceId, code: &Secret) -> bool {
    stands.as_bytes().ct_eq(mac(key, device, code).as_bytes()).into()
}

/// The device's key holds no NUL, so it can't run into the code.
fn mac(key: &hmac::Key, device: &DeviceId, code: &Secret) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in [device.as_str(), "\0", code.expose()] {
        context.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(&context.sign().as_ref()[..HASH])
}

#[cfg(test)]
mod tests {
    use super::BackupCodes;
    use crate::{
        auth::tokens::{Key, KeyRing},
        model::{DeviceId, KeptCode, Secret, SystemEntropy},
    };

    fn kept(id: &str, device: &str, text: &str) -> KeptCode {
        KeptCode { id: DeviceId::new(id), device: DeviceId::new(device), kept: Secret::new(text) }
    }

    fn codes() -> BackupCodes {
        BackupCodes::new(&KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap())
    }

    #[test]
    fn ten_codes_that_people_can_read_and_a_column_holds_the_hash_of() {
        let codes = codes();
        let given = codes.generate(&SystemEntropy).unwrap();
        let distinct: std::collections::HashSet<&str> = given.iter().map(Secret::expose).collect();
        assert_eq!(distinct.len(), 10);
        for code in &given {
            let groups: Vec<&str> = code.expose().split('-').collect();
            assert!(groups.len() == 4 && groups.iter().all(|group| group.len() == 4), "{}", code.expose());
            assert!(!code.expose().contains(['I', 'L', 'O', 'U']), "{}", code.expose());
        }
        let hashes = codes.hashed(&DeviceId::new("7"), &given);
        assert_eq!(hashes.len(), 10);
        assert!(hashes.iter().all(|hash| hash.as_str().len() == 20));
    }

    #[test]
    fn a_code_is_found_however_it_is_typed_and_for_its_own_device_only() {
        let codes = codes();
        let code = Secret::new("7Q4M-01VT-9DHP-W2CE");
        let hash = codes.hashed(&DeviceId::new("7"), std::slice::from_ref(&code))[0].as_str().to_owned();
        let ours = [kept("1", "7", "other"), kept("2", "7", &hash)];
        for typed in ["7Q4M-01VT-9DHP-W2CE", " 7q4m 01vt 9dhp w2ce\n", "7Q4MO1VT9DHPW2CE", "7q4molvt-9dhp-w2ce"] {
            assert_eq!(codes.find(&ours, typed).map(|code| code.id.as_str()), Some("2"), "{typed}");
        }
        for typed in ["", "7Q4M-01VT-9DHP-W2C", "7Q4M-01VT-9DHP-W2CEE", "8Q4M-01VT-9DHP-W2CE", &hash] {
            assert!(codes.find(&ours, typed).is_none(), "{typed}");
        }
        assert!(codes.find(&[kept("2", "8", &hash)], code.expose()).is_none(), "another device's");
    }

    #[test]
    fn only_eight_digits_are_compared_in_the_clear() {
        let codes = codes();
        for stands in ["12345678", "12345678901234567890", "ABCDEFGHABCDEFGH", "1234567", ""] {
            let found = codes.find(&[kept("1", "7", stands)], stands).is_some();
            assert_eq!(found, stands == "12345678", "{stands}");
        }
        assert!(codes.find(&[kept("1", "7", "01234567")], "0123 4567").is_some());
        assert!(codes.find(&[kept("1", "7", "01234567")], "O1234567").is_some(), "a letter for a digit");
        assert!(codes.find(&[kept("1", "7", "01234567")], "01234568").is_none());
    }

    #[test]
    fn what_stands_in_the_clear_is_found_by_its_hash_afterwards() {
        let codes = codes();
        let hash = codes.hashed(&DeviceId::new("7"), &[Secret::new("AAAA-AAAA-AAAA-AAAA")])[0].as_str().to_owned();
        let to_hash = codes.to_hash(vec![kept("1", "7", "01234567"), kept("2", "7", &hash), kept("3", "7", "")]);
        let [(before, after)] = &to_hash[..] else { panic!("{to_hash:?}") };
        assert_eq!(before.id.as_str(), "1");
        let all = [kept("1", "7", "01234567"), kept("2", "7", &hash), kept("3", "8", "12345678")];
        let clear = BackupCodes::in_the_clear(&all, &DeviceId::new("7"));
        assert_eq!(clear.iter().map(Secret::expose).collect::<Vec<_>>(), ["01234567"]);
        assert!(codes.find(&[kept("1", "7", after.as_str())], "0123-4567").is_some());
    }

    #[test]
    fn a_code_outlives_the_rotation_of_keys_but_not_the_removal_of_its_own() {
        let [one, other] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
        let made = BackupCodes::new(&KeyRing::parse([&one]).unwrap());
        let code = made.generate(&SystemEntropy).unwrap().remove(0);
        let kept = [kept("1", "7", made.hashed(&DeviceId::new("7"), std::slice::from_ref(&code))[0].as_str())];
        let rotated = BackupCodes::new(&KeyRing::parse([&other, &one]).unwrap());
        let dropped = BackupCodes::new(&KeyRing::parse([&other]).unwrap());
        assert!(rotated.find(&kept, code.expose()).is_some());
        assert!(dropped.find(&kept, code.expose()).is_none());
    }
}
