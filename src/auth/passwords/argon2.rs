//! Argon2, as Django's `Argon2PasswordHasher` uses it (RFC 9106): `argon2$argon2id$v=19$m=102400,t=2,p=8$salt$hash`.
//!
//! Argon2id, and Argon2i and Argon2d, which older releases of Django and other programs wrote; without `v=` it is version 16,
//! as argon2-cffi reads it. The lanes of one hash are computed one after the other: the pool has as many threads as may work.
//!
//! Memory comes per hash that is being computed, so up to that of a hash times the threads of the pool.

use std::ops::RangeInclusive;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use subtle::ConstantTimeEq as _;

use super::{decimal, salt::Salt};

/// Above so many KiB times passes a hash is taken for damage: ten times Django's default.
const MAX_WORK: u64 = 2_048_000;
/// `DEFAULT_HASH_LENGTH` of argon2-cffi.
const HASH_BYTES: usize = 32;
const SALT_BYTES: RangeInclusive<usize> = 8..=1024;

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    /// KiB; `memory_cost` in Django.
    pub memory: u32,
    /// Passes over the memory; `time_cost`.
    pub passes: u32,
    /// Lanes; `parallelism`.
    pub lanes: u32,
}

impl Argon2Cost {
    /// `Argon2PasswordHasher` of Django 5.2.
    pub const DJANGO: Self = Self { memory: 102_400, passes: 2, lanes: 8 };

    /// Bytes.
    pub(super) fn bytes(self) -> u64 {
        u64::from(self.memory) * 1024
    }

    pub(super) fn is_absurd(self) -> bool {
        u64::from(self.memory) * u64::from(self.passes) > MAX_WORK
    }

    /// `None`: no hash costs so, such as one of more lanes than the memory is enough for.
    fn params(self, length: usize) -> Option<Params> {
        // Before `Params` multiplies it.
        let lanes = Some(self.lanes).filter(|lanes| *lanes <= Params::MAX_P_COST)?;
        Params::new(self.memory, self.passes, lanes, Some(length)).ok()
    }
}

/// A stored Argon2 hash.
#[derive(Clone)]
pub struct Argon2Hash {
    variety: Algorithm,
    version: Version,
    cost: Argon2Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Argon2Hash {
    /// Reads `argon2id$v=19$m=…,t=…,p=…$salt$hash`, what stands behind `argon2$`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (variety, rest) = text.split_once('$')?;
        let variety = Algorithm::new(variety).ok()?;
        let (version, rest) = match rest.strip_prefix("v=") {
            Some(versioned) => versioned.split_once('$').map(|(version, rest)| (decimal(version), rest))?,
            None => (Some(16), rest),
        };
        let mut parts = rest.split('$');
        let cost = read_cost(parts.next()?)?;
        let (salt, hash) = (unpadded(parts.next()?)?, unpadded(parts.next()?)?);
        if parts.next().is_some() || !SALT_BYTES.contains(&salt.len()) {
            return None;
        }
        cost.params(hash.len())?;
        Some(Self { variety, version: Version::try_from(version?).ok()?, cost, salt, hash })
    }

    pub(super) fn matches(&self, password: &str) -> bool {
        let derived = derive(self.variety, self.version, self.cost, password, &self.salt, self.hash.len());
        derived.is_some_and(|derived| derived.ct_eq(&self.hash).into())
    }

    pub(super) const fn cost(&self) -> Argon2Cost {
        self.cost
    }

    /// Of the kind, and the length, that is made today.
    pub(super) fn is_current(&self) -> bool {
        let is_made_today = (self.variety, self.version) == (Algorithm::Argon2id, Version::V0x13);
        is_made_today && self.hash.len() == HASH_BYTES
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.salt
    }
}

/// A new Argon2id hash; `None`: no hash costs so.
pub(super) fn encode(password: &str, salt: Salt, cost: Argon2Cost) -> Option<String> {
    let salt = salt.text();
    let hash = derive(Algorithm::Argon2id, Version::V0x13, cost, password, salt.as_bytes(), HASH_BYTES)?;
    let Argon2Cost { memory, passes, lanes } = cost;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    Some(format!("argon2$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"))
}

fn derive(
    variety: Algorithm,
    version: Version,
    cost: Argon2Cost,
    password: &str,
    salt: &[u8],
    length: usize,
) -> Option<Vec<u8>> {
    let mut hash = vec![0; length];
    let hasher = Argon2::new(variety, version, cost.params(length)?);
    hasher.hash_password_into(password.as_bytes(), salt, &mut hash).ok()?;
    Some(hash)
}

/// `m=102400,t=2,p=8`, in this order and no other, as the reference implementation reads it.
fn read_cost(text: &str) -> Option<Argon2Cost> {
    let mut parts = text.split(',');
    let mut number = |name: &str| decimal(parts.next()?.strip_prefix(name)?);
    let cost = Argon2Cost { memory: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
    parts.next().is_none().then_some(cost)
}

fn unpadded(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}
