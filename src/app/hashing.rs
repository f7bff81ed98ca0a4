//! The threads that check passwords, and what they check by.

use anyhow::Context as _;

use crate::{
    auth::passwords::{Argon2Cost, Bounds, HashingPool, Passwords, Policy, PoolLimits, Preferred, ScryptCost},
    config::{Hashing, PreferredHasher},
};

/// Starts the threads.
pub(super) fn passwords(settings: &Hashing) -> anyhow::Result<Passwords> {
    let Hashing { threads, queue, deadline, preferred, max_memory, legacy_md5, upgrade } = *settings;
    let pool = HashingPool::start(PoolLimits { threads, queue, deadline }).context("starting the hashing threads")?;
    let policy = Policy { preferred: hasher(preferred), bounds: Bounds { max_memory, legacy_md5 }, upgrade };
    Ok(Passwords::new(pool).with_policy(policy))
}

fn hasher(settings: PreferredHasher) -> Preferred {
    match settings {
        PreferredHasher::Pbkdf2Sha256 { iterations } => Preferred::Pbkdf2Sha256 { iterations },
        PreferredHasher::Argon2 { time_cost, memory_cost, parallelism } => {
            Preferred::Argon2(Argon2Cost { memory: memory_cost, passes: time_cost, lanes: parallelism })
        }
        PreferredHasher::Scrypt { work_factor, block_size, parallelism } => {
            Preferred::Scrypt(ScryptCost { work: work_factor, block: block_size, lanes: parallelism })
        }
        PreferredHasher::BcryptSha256 { rounds } => Preferred::BcryptSha256 { rounds },
    }
}
