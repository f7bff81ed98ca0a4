//! Django password hashes, checked on a bounded pool of threads.
//!
//! The rule: **every login costs the same**, so that time tells nobody which accounts exist. A name that is unknown, a password
//! column that no password matches, and a hash with fewer iterations than Django's default all cost what Django's default
//! costs. (Django does the same, in `authenticate` and `harden_runtime`.) A hash with *more* iterations costs more; where
//! `PASSWORD_HASHERS` raises the count, give that count to [`Passwords::with_preferred_iterations`].
//!
//! ```text
//! let passwords = Passwords::new(HashingPool::start(limits)?);
//! match passwords.check(password, account.as_ref().map(|a| &a.password)).await { … }
//! ```

mod encoded;
mod pbkdf2;
mod pool;

use std::sync::Arc;

pub use encoded::{Algorithm, PasswordHash};
pub use pbkdf2::{MAX_ITERATIONS, Pbkdf2Sha256};
pub use pool::{HashingPool, PoolLimits, PoolRefusal};

use crate::model::{EncodedPassword, Secret};

/// `PBKDF2PasswordHasher.iterations` of Django 5.2.
pub const DJANGO_ITERATIONS: u32 = 1_000_000;

/// Checks passwords. Cheap to clone; the clones share one pool.
#[derive(Clone, Debug)]
pub struct Passwords {
    pool: Arc<HashingPool>,
    preferred_iterations: u32,
}

impl Passwords {
    /// Checks on this pool, at the cost of Django's default.
    #[must_use]
    pub fn new(pool: HashingPool) -> Self {
        Self { pool: Arc::new(pool), preferred_iterations: DJANGO_ITERATIONS }
    }

    /// The same with another cost, for a backend whose preferred hasher has another count. Capped at [`MAX_ITERATIONS`].
    #[must_use]
    pub fn with_preferred_iterations(self, iterations: u32) -> Self {
        Self { preferred_iterations: iterations.min(MAX_ITERATIONS), ..self }
    }

    /// Whether `password` opens the account with this password column; `None` stands for an account that doesn't exist.
    ///
    /// # Errors
    /// When the pool is too busy; nothing is known of the password then.
    pub async fn check(&self, password: Secret, account: Option<&EncodedPassword>) -> Result<bool, PoolRefusal> {
        let hash = account.map(PasswordHash::from);
        if let Some(PasswordHash::Unsupported(algorithm)) = hash {
            tracing::warn!(?algorithm, "a login failed because its password hash is of an algorithm not supported yet");
        }
        let preferred = self.preferred_iterations;
        self.pool.run(move || verify(&password, hash.as_ref(), preferred)).await
    }
}

/// The work of one check: at least `preferred` iterations unless the password is right.
fn verify(password: &Secret, hash: Option<&PasswordHash>, preferred: u32) -> bool {
    let password = password.expose();
    match hash {
        Some(PasswordHash::Pbkdf2Sha256(hash)) => {
            let is_right = hash.matches(password);
            if !is_right {
                pbkdf2::burn(password, preferred.saturating_sub(hash.iterations()));
            }
            is_right
        }
        Some(PasswordHash::Unusable | PasswordHash::Unsupported(_) | PasswordHash::Malformed) | None => {
            pbkdf2::burn(password, preferred);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{HashingPool, PasswordHash, Passwords, PoolLimits, verify};
    use crate::model::{EncodedPassword, Secret};

    const JOHNS: &str = "pbkdf2_sha256$10$seasalt$PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU=";

    fn passwords() -> Passwords {
        let limits = PoolLimits { threads: 1, queue: 8, deadline: Duration::from_secs(60) };
        Passwords::new(HashingPool::start(limits).unwrap()).with_preferred_iterations(20)
    }

    #[tokio::test]
    async fn the_right_password_opens_the_account() {
        let column = EncodedPassword::new(JOHNS);
        assert_eq!(passwords().check(Secret::new("secret123"), Some(&column)).await, Ok(true));
        assert_eq!(passwords().check(Secret::new("secret124"), Some(&column)).await, Ok(false));
    }

    #[tokio::test]
    async fn nothing_opens_an_account_that_is_unknown_unusable_or_damaged() {
        let passwords = passwords();
        assert_eq!(passwords.check(Secret::new(""), None).await, Ok(false));
        for column in ["", "!", "argon2$x", "secret123", "pbkdf2_sha256$0$seasalt$PIy4"] {
            let column = EncodedPassword::new(column);
            assert_eq!(passwords.check(Secret::new("secret123"), Some(&column)).await, Ok(false));
            assert_eq!(passwords.check(Secret::new(""), Some(&column)).await, Ok(false));
        }
    }

    /// With a preferred cost this far above nothing, an early answer can't be mistaken for a slow one.
    #[test]
    fn every_refusal_costs_what_the_preferred_hasher_costs() {
        const PREFERRED: u32 = 20_000;
        let right = Secret::new("secret123");
        let cheap = PasswordHash::from(&EncodedPassword::new(JOHNS));
        let time = |password: &Secret, hash: Option<&PasswordHash>| {
            let start = Instant::now();
            verify(password, hash, PREFERRED);
            start.elapsed()
        };
        let quick = time(&right, Some(&cheap));
        let refusals = [
            time(&right, None),
            time(&right, Some(&PasswordHash::Unusable)),
            time(&right, Some(&PasswordHash::Malformed)),
            time(&Secret::new("wrong"), Some(&cheap)),
        ];
        for refusal in refusals {
            assert!(refusal > quick * 10, "{refusal:?} beside {quick:?}");
        }
    }
}
