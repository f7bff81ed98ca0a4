//! Salts: sixteen bytes, and how Django writes them.
//!
//! Django draws 22 letters and digits, the fewest that hold 128 bits (`BasePasswordHasher.salt`); bcrypt takes the bytes.

/// The letters of a salt: `RANDOM_STRING_CHARS` of `django/utils/crypto.py`.
const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// How many a salt has; with fewer it is short, and Django makes a new one at the next login.
pub(super) const LENGTH: usize = 22;

/// The salt of a new hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt([u8; 16]);

impl Salt {
    /// Of bytes that no two hashes have in common.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// As Django writes it.
    pub(super) fn text(self) -> String {
        let mut rest = u128::from_be_bytes(self.0);
        let digits = (0..LENGTH).map(|_| {
            let digit = rest % 62;
            rest /= 62;
            digit
        });
        digits.filter_map(|digit| LETTERS.get(usize::try_from(digit).ok()?)).copied().map(char::from).collect()
    }

    /// The salt that this is the text of; none, when no sixteen bytes are written so.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() != LENGTH {
            return None;
        }
        let number = text.bytes().rev().try_fold(0_u128, |number, letter| {
            let digit = LETTERS.iter().position(|known| *known == letter)?;
            number.checked_mul(62)?.checked_add(u128::try_from(digit).ok()?)
        });
        number.map(|number| Self(number.to_be_bytes()))
    }
}

/// Whether Django would call a salt short (`must_update_salt`): 128 bits, at so many a letter.
pub(super) fn is_short(letters: usize) -> bool {
    letters < LENGTH
}

#[cfg(test)]
mod tests {
    use super::Salt;

    #[test]
    fn a_salt_is_written_in_letters_and_digits_and_read_again() {
        for bytes in [[0; 16], [0xff; 16], *b"sixteen bytes of", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]] {
            let text = Salt::from_bytes(bytes).text();
            assert!(text.len() == 22 && text.bytes().all(|letter| letter.is_ascii_alphanumeric()), "{text}");
            assert_eq!(Salt::read(&text), Some(Salt::from_bytes(bytes)), "{text}");
        }
        assert_eq!(Salt::from_bytes([0; 16]).text(), "a".repeat(22));
    }

    #[test]
    fn what_is_not_written_so_is_none() {
        for text in [
            "",
            "seasalt",
            &"a".repeat(21),
            &"a".repeat(23),
            &"9".repeat(22),
            &"é".repeat(11),
            "aaaaaaaaaaaaaaaaaaaaa-",
        ] {
            assert_eq!(Salt::read(text), None, "{text}");
        }
    }
}
