//! Django password hashes, checked on a bounded pool of threads.
//!
//! The rule: **every refusal costs the same**, so that time tells nobody which accounts exist. A name that is unknown, a
//! password column that no password matches, a hash that is not computed, and a wrong password for a hash that is cheaper than
//! those of the preferred hasher all cost what that one costs. (Django does the same, in `authenticate` and `harden_runtime`,
//! but not between one algorithm and another.) A hash that is *dearer* costs more, here as there: where `PASSWORD_HASHERS` of
//! the backend begins with another hasher or raises a cost, say so in [`Policy::preferred`].
//!
//! What would hold a thread for seconds, or take more memory than was agreed on, is refused unseen ([`Bounds`]): who can write
//! to the table must not stop the gateway by it.
//!
//! ```text
//! let passwords = Passwords::new(HashingPool::start(limits)?);
//! match passwords.check(password, account.as_ref().map(|a| &a.password)).await { … }
//! ```

mod argon2;
mod bcrypt;
mod encoded;
mod md5;
mod pbkdf2;
mod pool;
mod preferred;
mod price;
mod salt;
mod scrypt;

use std::sync::Arc;

pub use argon2::Argon2Cost;
pub use bcrypt::MAX_ROUNDS;
pub use encoded::{Bounds, PasswordHash, Uncomputed};
pub use pbkdf2::MAX_ITERATIONS;
pub use pool::{HashingPool, PoolLimits, PoolLoad, PoolRefusal};
pub use preferred::{DJANGO_ITERATIONS, DJANGO_ROUNDS, Preferred};
pub use salt::Salt;
pub use scrypt::ScryptCost;

use self::{
    pbkdf2::Digest,
    price::{Meter, Price},
};
use crate::model::{EncodedPassword, Secret};

/// What is hashed where only the time counts.
const NOBODYS: &str = "0123456789abcdef";

/// How passwords are checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// Who makes new hashes, and what a refusal costs.
    pub preferred: Preferred,
    /// What is not computed.
    pub bounds: Bounds,
    /// Whether hashes that Django would make anew are made anew.
    pub upgrade: bool,
}

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The password doesn't open the account.
    Wrong,
    /// It does.
    Right,
    /// It does, and the hash is to be made anew.
    Outdated,
}

impl Checked {
    /// Whether the password opens the account.
    #[must_use]
    pub const fn is_right(self) -> bool {
        match self {
            Self::Right | Self::Outdated => true,
            Self::Wrong => false,
        }
    }
}

/// Checks passwords. Cheap to clone; the clones share one pool.
#[derive(Clone, Debug)]
pub struct Passwords {
    pool: Arc<HashingPool>,
    policy: Policy,
    price: Arc<Price>,
}

impl Passwords {
    /// Checks on this pool, at the cost of Django's default.
    #[must_use]
    pub fn new(pool: HashingPool) -> Self {
        Self { pool: Arc::new(pool), policy: Policy::default(), price: Arc::default() }
    }

    /// The same with another policy.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, price: Arc::default(), ..self }
    }

    /// How busy the pool is.
    #[must_use]
    pub fn load(&self) -> PoolLoad {
        self.pool.load()
    }

    /// What `password` is to the account with this password column; `None` stands for an account that doesn't exist.
    ///
    /// # Errors
    /// When the pool is too busy; nothing is known of the password then.
    pub async fn check(&self, password: Secret, account: Option<&EncodedPassword>) -> Result<Checked, PoolRefusal> {
        self.run(password, account, Opens::ByPassword).await
    }

    /// The same for an account that no password opens: the right one costs what a wrong one does.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub async fn check_closed(&self, password: Secret, account: &EncodedPassword) -> Result<Checked, PoolRefusal> {
        self.run(password, Some(account), Opens::Never).await
    }

    async fn run(
        &self,
        password: Secret,
        account: Option<&EncodedPassword>,
        opens: Opens,
    ) -> Result<Checked, PoolRefusal> {
        let hash = account.and_then(|column| self.computable(column));
        let (policy, price) = (self.policy, Arc::clone(&self.price));
        self.pool.run(move || verify(&password, hash.as_ref(), opens, (policy, &price))).await
    }

    /// A new hash of a password, made when a thread has nothing else to do; `None` when none has, and then it may be tried
    /// again at the next occasion.
    pub async fn renew(&self, password: Secret, salt: Salt) -> Option<EncodedPassword> {
        let preferred = self.policy.preferred;
        self.pool.run_if_idle(move || preferred.encode(password.expose(), salt)).await.ok().flatten()
    }

    /// The hash in a column, if it is one that passwords are compared with.
    fn computable(&self, column: &EncodedPassword) -> Option<PasswordHash> {
        let hash = PasswordHash::from(column);
        match hash.check(self.policy.bounds) {
            Ok(()) => Some(hash).filter(|hash| !matches!(hash, PasswordHash::Unusable)),
            Err(why) => {
                tracing::warn!(?hash, %why, "a login fails whatever the password: its hash is not computed");
                None
            }
        }
    }
}

/// Whether the right password lets anybody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opens {
    ByPassword,
    Never,
}

/// The work of one check.
fn verify(password: &Secret, hash: Option<&PasswordHash>, opens: Opens, (policy, price): (Policy, &Price)) -> Checked {
    let (password, preferred) = (password.expose(), policy.preferred);
    let Some(hash) = hash else {
        price.pay(preferred, password);
        return Checked::Wrong;
    };
    let meter = Meter::start();
    let is_right = hash.matches(password);
    if preferred.costs_the_same_as(hash) {
        price.note(meter);
    } else if !is_right || opens == Opens::Never {
        level(hash, preferred, (meter, price));
    }
    match is_right {
        true if policy.upgrade && preferred.must_update(hash) && hash.is_of_all_of(password) => Checked::Outdated,
        true => Checked::Right,
        false => Checked::Wrong,
    }
}

/// Has the refusal of a cheaper hash cost as much as one of the preferred hasher: where both are PBKDF2, by the iterations that
/// it lacks, to the last. What is hashed for it is short, however long the password is, which was paid for by the check.
fn level(hash: &PasswordHash, preferred: Preferred, (meter, price): (Meter, &Price)) {
    match (preferred, hash) {
        (Preferred::Pbkdf2Sha256 { iterations }, PasswordHash::Pbkdf2(hash)) if hash.digest() == Digest::Sha256 => {
            pbkdf2::burn(NOBODYS, iterations.saturating_sub(hash.iterations()));
        }
        _ => price.pay_the_rest(meter, preferred, NOBODYS),
    }
}

/// A number as it is written by every program: without a sign, blanks or zeros in front.
fn decimal(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests;
