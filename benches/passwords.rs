//! What a password costs: `cargo bench --bench passwords`.
//!
//! PBKDF2 by the implementation in use and by ring's, and a login that is refused by each hasher at Django's defaults, which
//! is also what a right one costs. On one core; what a queue adds is measured by `storm`.
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has failed")]

use std::{hint::black_box, num::NonZeroU32, time::Duration};

use divan::Bencher;
use railgate::{
    auth::passwords::{
        Argon2Cost, Bounds, Checked, DJANGO_ITERATIONS, DJANGO_ROUNDS, HashingPool, Passwords, Policy, PoolLimits,
        Preferred, ScryptCost,
    },
    model::{EncodedPassword, Secret},
};
use tokio::runtime::{Builder, Runtime};

const PASSWORD: &str = "correct horse battery staple";
const SALT: &[u8] = b"NaCl0123456789abcdefgh";

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn pbkdf2_sha256_rustcrypto() -> [u8; 32] {
    pbkdf2::pbkdf2_hmac_array::<sha2::Sha256, 32>(black_box(PASSWORD).as_bytes(), SALT, DJANGO_ITERATIONS)
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn pbkdf2_sha256_ring() -> [u8; 32] {
    let mut hash = [0; 32];
    let (algorithm, iterations) = (ring::pbkdf2::PBKDF2_HMAC_SHA256, NonZeroU32::new(DJANGO_ITERATIONS).unwrap());
    ring::pbkdf2::derive(algorithm, iterations, SALT, black_box(PASSWORD).as_bytes(), &mut hash);
    hash
}

/// A name that nobody has, where the backend prefers this hasher.
#[divan::bench(sample_count = 20, sample_size = 1, args = ["pbkdf2_sha256", "argon2", "scrypt", "bcrypt_sha256"])]
fn refused(bencher: Bencher<'_, '_>, hasher: &str) {
    let preferred = match hasher {
        "argon2" => Preferred::Argon2(Argon2Cost::DJANGO),
        "scrypt" => Preferred::Scrypt(ScryptCost::DJANGO),
        "bcrypt_sha256" => Preferred::BcryptSha256 { rounds: DJANGO_ROUNDS },
        _ => Preferred::default(),
    };
    let (runtime, passwords) = stage(preferred);
    bencher.bench_local(|| runtime.block_on(passwords.check(Secret::new(PASSWORD), None)).unwrap());
}

/// Those that nobody prefers.
#[divan::bench(sample_count = 20, sample_size = 1, args = [
    "pbkdf2_sha1$1000000$NaCl0123456789abcdefgh$AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "bcrypt$$2b$12$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
])]
fn wrong(bencher: Bencher<'_, '_>, column: &str) {
    let (runtime, passwords) = stage(Preferred::Pbkdf2Sha256 { iterations: 1 });
    let column = EncodedPassword::new(column);
    // Measures what the preferred hasher costs, which is nothing here.
    runtime.block_on(passwords.check(Secret::new(PASSWORD), None)).unwrap();
    bencher.bench_local(|| {
        let checked = runtime.block_on(passwords.check(Secret::new(PASSWORD), Some(&column)));
        assert_eq!(checked, Ok(Checked::Wrong));
    });
}

fn stage(preferred: Preferred) -> (Runtime, Passwords) {
    let limits = PoolLimits { threads: 1, queue: 1, deadline: Duration::from_secs(60) };
    let policy = Policy { preferred, bounds: Bounds::default(), upgrade: false };
    let passwords = Passwords::new(HashingPool::start(limits).unwrap()).with_policy(policy);
    (Builder::new_current_thread().enable_time().build().unwrap(), passwords)
}
