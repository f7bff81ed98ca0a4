//! scrypt, as Django's `ScryptPasswordHasher` uses it (RFC 7914): `scrypt$16384$salt$8$5$hash`.
//!
//! Memory comes per hash that is being computed: 128 times `work` and `block` in bytes, 16 MiB by default.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use scrypt::Params;
use subtle::ConstantTimeEq as _;

use super::{decimal, salt::Salt};

/// Above this product of a hash's three numbers it is taken for damage: ten times Django's default.
const MAX_WORK: u64 = 6_553_600;
const HASH_BYTES: usize = 64;

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScryptCost {
    /// `N`, a power of two; `work_factor` in Django.
    pub work: u32,
    /// `r`; `block_size`.
    pub block: u32,
    /// `p`; `parallelism`.
    pub lanes: u32,
}

impl ScryptCost {
    /// `ScryptPasswordHasher` of Django 5.2.
    pub const DJANGO: Self = Self { work: 16_384, block: 8, lanes: 5 };

    /// Bytes.
    pub(super) fn bytes(self) -> u64 {
        let blocks = u64::from(self.work) + u64::from(self.lanes) + 1;
        blocks.saturating_mul(128 * u64::from(self.block))
    }

    pub(super) fn is_absurd(self) -> bool {
        let numbers = [self.work, self.block, self.lanes].map(u64::from);
        numbers.into_iter().fold(1, u64::saturating_mul) > MAX_WORK
    }

    /// `None`: no hash costs so.
    fn params(self) -> Option<Params> {
        let is_possible = self.work.is_power_of_two() && self.work > 1 && !self.is_absurd();
        let log_work = u8::try_from(self.work.trailing_zeros()).ok().filter(|_| is_possible)?;
        Params::new(log_work, self.block, self.lanes).ok()
    }
}

/// A stored `scrypt` hash.
#[derive(Clone)]
pub struct ScryptHash {
    cost: ScryptCost,
    salt: String,
    hash: [u8; HASH_BYTES],
}

impl ScryptHash {
    /// Reads `work$salt$block$lanes$hash`, what stands behind `scrypt$`.
    pub(super) fn parse(parameters: &str) -> Option<Self> {
        let mut parts = parameters.splitn(5, '$');
        let (work, salt) = (decimal(parts.next()?)?, parts.next()?);
        let (block, lanes) = (decimal(parts.next()?)?, decimal(parts.next()?)?);
        let is_possible = work > 1 && work.is_power_of_two() && block > 0 && lanes > 0;
        if !is_possible || salt.is_empty() {
            return None;
        }
        let hash = STANDARD.decode(parts.next()?).ok()?.try_into().ok()?;
        Some(Self { cost: ScryptCost { work, block, lanes }, salt: salt.to_owned(), hash })
    }

    pub(super) fn matches(&self, password: &str) -> bool {
        derive(password, &self.salt, self.cost).is_some_and(|derived| derived.ct_eq(&self.hash).into())
    }

    pub(super) const fn cost(&self) -> ScryptCost {
        self.cost
    }

    pub(super) fn salt(&self) -> &str {
        &self.salt
    }
}

/// A new hash; `None`: no hash costs so.
pub(super) fn encode(password: &str, salt: Salt, cost: ScryptCost) -> Option<String> {
    let salt = salt.text();
    let hash = STANDARD.encode(derive(password, &salt, cost)?);
    let ScryptCost { work, block, lanes } = cost;
    Some(format!("scrypt${work}${salt}${block}${lanes}${hash}"))
}

fn derive(password: &str, salt: &str, cost: ScryptCost) -> Option<[u8; HASH_BYTES]> {
    let mut hash = [0; HASH_BYTES];
    scrypt::scrypt(password.as_bytes(), salt.as_bytes(), &cost.params()?, &mut hash).ok()?;
    Some(hash)
}
