//! bcrypt, as Django's `BCryptSHA256PasswordHasher` and `BCryptPasswordHasher` use it: `bcrypt_sha256$$2b$12$` and 53 letters.
//!
//! The former hashes the hexadecimal SHA-256 of the password, so every letter of it counts. The latter takes the password
//! itself, of which bcrypt sees 72 bytes: what comes behind is cut off, as Python's `bcrypt` did until 4.3. (From 5.0 on it
//! refuses longer ones, and Django's hasher with it.) All prefixes mean the same algorithm, as they do to that package.

use base64::{
    Engine as _,
    alphabet::BCRYPT,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use blowfish::Blowfish;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::salt::Salt;

/// Above so many doublings a hash is taken for damage: eight times the work of Django's 12.
pub const MAX_ROUNDS: u32 = 15;
/// As many as bcrypt can have.
const ROUNDS: std::ops::RangeInclusive<u32> = 4..=31;
const LETTERS: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);
/// Letters of a salt.
const SALT: usize = 22;
/// Bytes of a hash; the last of the 24 that come out is dropped.
const HASH_BYTES: usize = 23;

/// What is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The password: `bcrypt`.
    Password,
    /// The hexadecimal SHA-256 of it: `bcrypt_sha256`.
    Sha256,
}

/// A stored bcrypt hash.
#[derive(Clone)]
pub struct BcryptHash {
    input: Input,
    rounds: u32,
    salt: Salt,
    hash: [u8; HASH_BYTES],
}

impl BcryptHash {
    /// Reads `$2b$12$` and what follows, which stands behind `bcrypt$`.
    pub(super) fn parse(input: Input, text: &str) -> Option<Self> {
        let text = ["$2a$", "$2b$", "$2x$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
        let (rounds, letters) = text.split_once('$')?;
        let is_canonical = rounds.len() == 2 && rounds.bytes().all(|digit| digit.is_ascii_digit());
        let rounds = rounds.parse().ok().filter(|rounds| is_canonical && ROUNDS.contains(rounds))?;
        let (salt, hash) = letters.split_at_checked(SALT)?;
        let salt = LETTERS.decode(salt).ok()?.try_into().ok().map(Salt::from_bytes)?;
        Some(Self { input, rounds, salt, hash: LETTERS.decode(hash).ok()?.try_into().ok()? })
    }

    /// Behind the 72nd byte, and behind a NUL, there may have been anything when the hash was made.
    pub(super) fn is_of_all_of(&self, password: &str) -> bool {
        self.input == Input::Sha256 || (password.len() < 72 && !password.contains('\0'))
    }

    pub(super) fn matches(&self, password: &str) -> bool {
        derive(self.input, password, self.salt, self.rounds).ct_eq(&self.hash).into()
    }

    pub(super) const fn input(&self) -> Input {
        self.input
    }

    pub(super) const fn rounds(&self) -> u32 {
        self.rounds
    }

    pub(super) const fn salt(&self) -> Salt {
        self.salt
    }
}

/// A new `bcrypt_sha256` hash.
pub(super) fn encode(password: &str, salt: Salt, rounds: u32) -> String {
    let hash = derive(Input::Sha256, password, salt, rounds);
    format!("bcrypt_sha256$$2b${rounds:02}${}{}", LETTERS.encode(salt.as_bytes()), LETTERS.encode(hash))
}

fn derive(input: Input, password: &str, salt: Salt, rounds: u32) -> [u8; HASH_BYTES] {
    let mut key = match input {
        Input::Password => password.as_bytes().to_vec(),
        Input::Sha256 => Sha256::digest(password).iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
    };
    // Of all this the key schedule reads 72 bytes.
    key.push(0);
    bcrypt(&key, salt.as_bytes(), rounds)
}

/// Provos and Mazières, “A Future-Adaptable Password Scheme” (1999), §4.
fn bcrypt(key: &[u8], salt: &[u8], rounds: u32) -> [u8; HASH_BYTES] {
    let mut state = Blowfish::bc_init_state();
    state.salted_expand_key(salt, key);
    for _ in 0..1_u32 << rounds.min(*ROUNDS.end()) {
        state.bc_expand_key(key);
        state.bc_expand_key(salt);
    }
    let mut hash = [0; HASH_BYTES];
    let blocks = b"OrpheanBeholderScryDoubt".as_chunks().0.iter().map(|block: &[u8; 8]| encrypted(&state, *block));
    for (place, byte) in hash.iter_mut().zip(blocks.flatten()) {
        *place = byte;
    }
    hash
}

/// A block, encrypted 64 times.
fn encrypted(state: &Blowfish, block: [u8; 8]) -> [u8; 8] {
    let number = u64::from_be_bytes(block);
    let halves = [(number >> 32) as u32, number as u32];
    let [left, right] = (0..64).fold(halves, |halves, _| state.bc_encrypt(halves));
    (u64::from(left) << 32 | u64::from(right)).to_be_bytes()
}
