//! PBKDF2 with HMAC-SHA-256, as Django's `PBKDF2PasswordHasher` uses it (RFC 8018 §5.2).
//!
//! RustCrypto's implementation, because it was the quickest of those measured: a check that costs this side less leaves an
//! attacker with a stolen table where they were, and a login queue shorter.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Above this a stored count is taken for damage: the check would hold a thread for a second and more.
/// Django's default has grown by about a tenth a year and stands at a tenth of it.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// Length of a hash; Django takes the whole digest.
const HASH_BYTES: usize = 32;

/// A stored `pbkdf2_sha256` hash.
#[derive(Clone)]
pub struct Pbkdf2Sha256 {
    iterations: u32,
    salt: String,
    hash: [u8; HASH_BYTES],
}

impl Pbkdf2Sha256 {
    /// Reads `iterations$salt$hash`, what stands behind `pbkdf2_sha256$`.
    ///
    /// Django compares whole encoded texts, so a spelling that it would not write itself (`+10`, `010`, a hash without
    /// padding) never matches there and is `None` here.
    pub(super) fn parse(parameters: &str) -> Option<Self> {
        let mut parts = parameters.splitn(3, '$');
        let (iterations_text, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let iterations: u32 = iterations_text.parse().ok()?;
        let is_canonical = iterations.to_string() == iterations_text;
        if !is_canonical || !(1..=MAX_ITERATIONS).contains(&iterations) || salt.is_empty() {
            return None;
        }
        let hash = STANDARD.decode(hash).ok()?.try_into().ok()?;
        Some(Self { iterations, salt: salt.to_owned(), hash })
    }

    /// Whether this is the hash of `password`. Compares in constant time.
    #[must_use]
    pub fn matches(&self, password: &str) -> bool {
        derive(password, &self.salt, self.iterations).ct_eq(&self.hash).into()
    }

    /// The iteration count it was made with.
    #[must_use]
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }
}

/// Spends the time of this many iterations on nothing, for the cases that have no hash to check.
pub(super) fn burn(password: &str, iterations: u32) {
    if iterations > 0 {
        // As long as a salt that Django makes, so that the first block costs the same.
        std::hint::black_box(derive(password, "0123456789abcdefghijkl", iterations));
    }
}

fn derive(password: &str, salt: &str, iterations: u32) -> [u8; HASH_BYTES] {
    pbkdf2::pbkdf2_hmac_array::<Sha256, HASH_BYTES>(password.as_bytes(), salt.as_bytes(), iterations)
}

#[cfg(test)]
mod tests {
    use super::Pbkdf2Sha256;

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
            let hash = Pbkdf2Sha256::parse(parameters).unwrap();
            assert!(hash.matches(password), "{parameters}");
            assert!(!hash.matches(&format!("{password} ")), "{parameters}");
        }
    }

    #[test]
    fn what_django_would_not_write_is_no_hash() {
        let hash = "PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU=";
        for iterations in ["", "0", "-1", "+10", "010", "1e3", "10000001", "99999999999999999999"] {
            assert!(Pbkdf2Sha256::parse(&format!("{iterations}$seasalt${hash}")).is_none(), "{iterations}");
        }
        for parameters in [
            "",
            "10",
            "10$seasalt",
            "10$seasalt$",
            "10$seasalt$PIy4",
            "10$seasalt$PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU",
        ] {
            assert!(Pbkdf2Sha256::parse(parameters).is_none(), "{parameters}");
        }
        assert!(Pbkdf2Sha256::parse(&format!("10$${hash}")).is_none(), "no salt");
        assert!(Pbkdf2Sha256::parse(&format!("10$sea$salt${hash}")).is_none(), "a dollar in the salt");
    }
}
