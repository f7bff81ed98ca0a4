//! PBKDF2 with HMAC-SHA-256 or HMAC-SHA-1, as Django's `PBKDF2PasswordHasher` and `PBKDF2SHA1PasswordHasher` use it
//! (RFC 8018 §5.2).
//!
//! RustCrypto's implementation, because it was the quickest of those measured (`cargo bench --bench passwords`): a check that
//! costs this side less leaves an attacker with a stolen table where they were, and a login queue shorter.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::{decimal, salt::Salt};

/// Above this a count is taken for damage: the check would hold a thread for a second and more.
/// Django's default has grown by about a tenth a year and stands at a tenth of it.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// What HMAC is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    /// `pbkdf2_sha1`.
    Sha1,
    /// `pbkdf2_sha256`.
    Sha256,
}

impl Digest {
    /// Length of a hash; Django takes the whole digest.
    const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// A stored `pbkdf2_sha256` or `pbkdf2_sha1` hash.
#[derive(Clone)]
pub struct Pbkdf2 {
    digest: Digest,
    iterations: u32,
    salt: String,
    hash: Vec<u8>,
}

impl Pbkdf2 {
    /// Reads `iterations$salt$hash`, what stands behind the algorithm.
    ///
    /// Django compares whole encoded texts, so a spelling that it would not write itself (`+10`, `010`, a hash without
    /// padding) never matches there and is `None` here.
    pub(super) fn parse(digest: Digest, parameters: &str) -> Option<Self> {
        let mut parts = parameters.splitn(3, '$');
        let (iterations, salt, hash) = (decimal(parts.next()?)?, parts.next()?, parts.next()?);
        if iterations == 0 || salt.is_empty() {
            return None;
        }
        let hash = STANDARD.decode(hash).ok().filter(|hash| hash.len() == digest.len())?;
        Some(Self { digest, iterations, salt: salt.to_owned(), hash })
    }

    /// Whether this is the hash of `password`. Compares in constant time.
    pub(super) fn matches(&self, password: &str) -> bool {
        derive(self.digest, password, &self.salt, self.iterations).ct_eq(&self.hash).into()
    }

    /// The iteration count it was made with.
    pub(super) const fn iterations(&self) -> u32 {
        self.iterations
    }

    /// What HMAC was made of.
    pub(super) const fn digest(&self) -> Digest {
        self.digest
    }

    /// Its salt.
    pub(super) fn salt(&self) -> &str {
        &self.salt
    }
}

/// A new `pbkdf2_sha256` hash.
pub(super) fn encode(password: &str, salt: Salt, iterations: u32) -> String {
    let salt = salt.text();
    let hash = STANDARD.encode(derive(Digest::Sha256, password, &salt, iterations));
    format!("pbkdf2_sha256${iterations}${salt}${hash}")
}

/// Spends the time of this many iterations with SHA-256 on nothing, for the cases that have no hash to check.
pub(super) fn burn(password: &str, iterations: u32) {
    if iterations > 0 {
        // As long as a salt that Django makes, so that the first block costs the same.
        std::hint::black_box(derive(Digest::Sha256, password, "0123456789abcdefghijkl", iterations));
    }
}

fn derive(digest: Digest, password: &str, salt: &str, iterations: u32) -> Vec<u8> {
    let mut hash = vec![0; digest.len()];
    let (password, salt) = (password.as_bytes(), salt.as_bytes());
    match digest {
        Digest::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut hash),
        Digest::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut hash),
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::{Digest, Pbkdf2};

    /// Made by Django 5.2.19: `PBKDF2PasswordHasher().encode(password, salt, iterations)`, without the algorithm.
    const MADE_BY_DJANGO: [(&str, &str); 4] = [
        ("secret123", "10$seasalt$PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU="),
        ("motdepasse-é7-長い", "3$NaCl0123456789abcdefgh$nKBIMuGaVQjsNv0+PLpPzb70AXmgxrRb5bzX39k9EgU="),
        ("", "2$pepper$47UIQvF4SLeLuNc8w8+fSVPs3gI94EYUIoBLpXp8JhI="),
        ("naïve", "5$Ünïcode$Xx7FMl27Pn83lCV6V6KgvR5iH4Uls4l7O5EBykYDQ3A="),
    ];

    #[test]
    fn hashes_made_by_django_match_their_password_and_no_other() {
        for (password, parameters) in MADE_BY_DJANGO {
            let hash = Pbkdf2::parse(Digest::Sha256, parameters).unwrap();
            assert!(hash.matches(password), "{parameters}");
            assert!(!hash.matches(&format!("{password} ")), "{parameters}");
        }
    }

    /// RFC 6070, the second case.
    #[test]
    fn with_sha_1_it_is_what_the_rfc_says() {
        let hash = Pbkdf2::parse(Digest::Sha1, "2$salt$6mwBTcctb4zNHtkqzh1B8NjeiVc=").unwrap();
        assert!(hash.matches("password") && !hash.matches("Password"));
        assert!(
            Pbkdf2::parse(Digest::Sha256, "2$salt$6mwBTcctb4zNHtkqzh1B8NjeiVc=").is_none(),
            "a hash of another length"
        );
    }

    #[test]
    fn what_django_would_not_write_is_no_hash() {
        let hash = "PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU=";
        for iterations in ["", "0", "-1", "+10", "010", "1e3", "99999999999999999999"] {
            assert!(Pbkdf2::parse(Digest::Sha256, &format!("{iterations}$seasalt${hash}")).is_none(), "{iterations}");
        }
        for parameters in [
            "",
            "10",
            "10$seasalt",
            "10$seasalt$",
            "10$seasalt$PIy4",
            "10$seasalt$PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU",
        ] {
            assert!(Pbkdf2::parse(Digest::Sha256, parameters).is_none(), "{parameters}");
        }
        assert!(Pbkdf2::parse(Digest::Sha256, &format!("10$${hash}")).is_none(), "no salt");
        assert!(Pbkdf2::parse(Digest::Sha256, &format!("10$sea$salt${hash}")).is_none(), "a dollar in the salt");
    }
}
