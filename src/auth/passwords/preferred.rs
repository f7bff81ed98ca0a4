//! The hasher that new hashes are made with: the first of Django's `PASSWORD_HASHERS`.

use super::{
    PasswordHash,
    argon2::{self, Argon2Cost},
    bcrypt::{self, Input},
    pbkdf2::{self, Digest},
    salt::{self, Salt},
    scrypt::{self, ScryptCost},
};
use crate::model::EncodedPassword;

/// `PBKDF2PasswordHasher.iterations` of Django 5.2.
pub const DJANGO_ITERATIONS: u32 = 1_000_000;
/// `BCryptSHA256PasswordHasher.rounds` of Django 5.2.
pub const DJANGO_ROUNDS: u32 = 12;

/// An algorithm and what a hash of it costs. It should be what the backend has, or the two would make each other's hashes anew
/// at every login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preferred {
    /// `PBKDF2PasswordHasher`.
    Pbkdf2Sha256 {
        /// Rounds of HMAC.
        iterations: u32,
    },
    /// `Argon2PasswordHasher`.
    Argon2(Argon2Cost),
    /// `BCryptSHA256PasswordHasher`.
    BcryptSha256 {
        /// Doublings; `rounds` in Django.
        rounds: u32,
    },
    /// `ScryptPasswordHasher`.
    Scrypt(ScryptCost),
}

impl Default for Preferred {
    /// Django's own default.
    fn default() -> Self {
        Self::Pbkdf2Sha256 { iterations: DJANGO_ITERATIONS }
    }
}

impl Preferred {
    /// A new hash; `None`: no hash of the algorithm costs so.
    pub(in crate::auth) fn encode(self, password: &str, salt: Salt) -> Option<EncodedPassword> {
        let text = match self {
            Self::Pbkdf2Sha256 { iterations } => Some(pbkdf2::encode(password, salt, iterations)),
            Self::Argon2(cost) => argon2::encode(password, salt, cost),
            Self::BcryptSha256 { rounds } => Some(bcrypt::encode(password, salt, rounds)),
            Self::Scrypt(cost) => scrypt::encode(password, salt, cost),
        };
        text.map(EncodedPassword::new)
    }

    /// Spends the time of one hash on nothing, for the cases that have none to check.
    pub(super) fn burn(self, password: &str) {
        std::hint::black_box(self.encode(password, Salt::from_bytes([0x5a; 16])));
    }

    /// Whether Django would make this hash anew (`verify_password`, and `must_update` of its hashers).
    pub(super) fn must_update(self, hash: &PasswordHash) -> bool {
        if !self.costs_the_same_as(hash) {
            return true;
        }
        match hash {
            PasswordHash::Pbkdf2(hash) => salt::is_short(hash.salt().chars().count()),
            PasswordHash::Argon2(hash) => !hash.is_current() || salt::is_short(hash.salt().len()),
            _ => false,
        }
    }

    /// Whether a hash is of this algorithm and of its cost.
    pub(super) fn costs_the_same_as(self, hash: &PasswordHash) -> bool {
        match (self, hash) {
            (Self::Pbkdf2Sha256 { iterations }, PasswordHash::Pbkdf2(hash)) => {
                (hash.digest(), hash.iterations()) == (Digest::Sha256, iterations)
            }
            (Self::Argon2(cost), PasswordHash::Argon2(hash)) => hash.cost() == cost,
            (Self::BcryptSha256 { rounds }, PasswordHash::Bcrypt(hash)) => {
                (hash.input(), hash.rounds()) == (Input::Sha256, rounds)
            }
            (Self::Scrypt(cost), PasswordHash::Scrypt(hash)) => hash.cost() == cost,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Argon2Cost, PasswordHash, Preferred, ScryptCost};
    use crate::{auth::passwords::salt::Salt, model::EncodedPassword};

    const CHEAP: [Preferred; 4] = [
        Preferred::Pbkdf2Sha256 { iterations: 3 },
        Preferred::Argon2(Argon2Cost { memory: 16, passes: 1, lanes: 2 }),
        Preferred::BcryptSha256 { rounds: 4 },
        Preferred::Scrypt(ScryptCost { work: 4, block: 2, lanes: 3 }),
    ];

    #[test]
    fn a_new_hash_is_of_its_password_has_the_salt_given_and_stays() {
        let salt = Salt::from_bytes(*b"sixteen bytes of");
        for preferred in CHEAP {
            let column = preferred.encode("motdepasse-é7", salt).unwrap();
            let hash = PasswordHash::from(&column);
            assert!(hash.matches("motdepasse-é7") && !hash.matches("motdepasse-e7"), "{preferred:?}");
            assert_eq!(hash.salt(), Some(salt), "{preferred:?}");
            assert!(!preferred.must_update(&hash), "{preferred:?}");
            assert!(column.expose().len() <= 128, "as much as Django's column holds: {}", column.expose());
            for other in CHEAP.into_iter().filter(|other| *other != preferred) {
                assert!(other.must_update(&hash), "{other:?} {preferred:?}");
            }
        }
    }

    /// What Django says of each is asked of it in the tests of the directory.
    #[test]
    fn other_parameters_and_short_salts_make_a_hash_old() {
        let salt = "NaCl0123456789abcdefgh";
        let is_old = |preferred: Preferred, column: &str| {
            preferred.must_update(&PasswordHash::from(&EncodedPassword::new(column)))
        };
        let [pbkdf2, argon2, bcrypt, _] = CHEAP;
        let hash = "nKBIMuGaVQjsNv0+PLpPzb70AXmgxrRb5bzX39k9EgU=";
        assert!(!is_old(pbkdf2, &format!("pbkdf2_sha256$3${salt}${hash}")));
        assert!(is_old(pbkdf2, &format!("pbkdf2_sha256$4${salt}${hash}")));
        assert!(is_old(pbkdf2, &format!("pbkdf2_sha256$3${}${hash}", &salt[1..])), "a short salt");
        let argon2_column =
            |form: &str, salt: &str, length: usize| format!("argon2${form}$m=16,t=1,p=2${salt}${}", "A".repeat(length));
        let long = "TmFDbDAxMjM0NTY3ODlhYmNkZWZnaA";
        assert!(!is_old(argon2, &argon2_column("argon2id$v=19", long, 43)));
        for (form, salt, length) in [
            ("argon2i$v=19", long, 43),
            ("argon2id$v=16", long, 43),
            ("argon2id$v=19", long, 22),
            ("argon2id$v=19", "TmFDbDAxMjM0NTY", 43),
        ] {
            assert!(is_old(argon2, &argon2_column(form, salt, length)), "{form} {salt} {length}");
        }
        let plain = "bcrypt$$2b$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK";
        assert!(is_old(bcrypt, plain), "{:?}", PasswordHash::from(&EncodedPassword::new(plain)));
    }
}
