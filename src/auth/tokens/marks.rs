//! What a session remembers of its user's password: enough to see that it was changed, too little to guess it by.
//!
//! A mark is an HMAC-SHA256 over the user's id and the password column, cut to 16 bytes, under a subkey of the gateway's
//! key. It is made at a login and anew at each refresh, so it is never older than the refresh token beside it, and a key
//! that may be dropped marks neither any more.
//!
//! Like Django's own (`AbstractBaseUser.get_session_auth_hash`), it goes by the column: a hash that is only written anew, as
//! Django does for a stronger one at a login, ends the sessions that were opened before.

use ring::hmac;

use super::keys::KeyRing;
use crate::model::{EncodedPassword, PasswordMark, UserId};

const PURPOSE: &str = "password mark v1";

/// Makes and compares marks.
#[derive(Debug)]
pub struct PasswordMarks {
    first: hmac::Key,
    rest: Vec<hmac::Key>,
}

impl PasswordMarks {
    /// For the keys in force; the first marks.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        let subkey = |key: &super::Key| hmac::Key::new(hmac::HMAC_SHA256, &*key.derive(PURPOSE));
        Self { first: subkey(keys.signing()), rest: keys.iter().skip(1).map(subkey).collect() }
    }

    /// The mark of this password column of this user's.
    #[must_use]
    pub fn of(&self, user: &UserId, password: &EncodedPassword) -> PasswordMark {
        mark(&self.first, user, password)
    }

    /// Whether `mark` is of this column, under any key in force.
    #[must_use]
    pub fn fits(&self, mark: PasswordMark, user: &UserId, password: &EncodedPassword) -> bool {
        std::iter::once(&self.first).chain(&self.rest).any(|key| mark == self::mark(key, user, password))
    }
}

fn mark(key: &hmac::Key, user: &UserId, password: &EncodedPassword) -> PasswordMark {
    let mut context = hmac::Context::with_key(key);
    // Neither an id nor a password column holds a NUL, so the two can't run into each other.
    for part in [user.as_str(), "\0", password.expose()] {
        context.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.sign().as_ref()[..16]);
    PasswordMark::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::PasswordMarks;
    use crate::{
        auth::tokens::{Key, KeyRing},
        model::{EncodedPassword, SystemEntropy, UserId},
    };

    #[test]
    fn a_mark_fits_one_password_of_one_user_under_any_key_in_force() {
        let [one, other] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
        let before = PasswordMarks::new(&KeyRing::parse([&one]).unwrap());
        let rotated = PasswordMarks::new(&KeyRing::parse([&other, &one]).unwrap());
        let dropped = PasswordMarks::new(&KeyRing::parse([&other]).unwrap());
        let (john, secret) = (UserId::new("1"), EncodedPassword::new("pbkdf2_sha256$1$salt$hash"));
        let mark = before.of(&john, &secret);
        assert!(before.fits(mark, &john, &secret) && rotated.fits(mark, &john, &secret));
        assert!(!dropped.fits(mark, &john, &secret));
        assert!(!before.fits(mark, &john, &EncodedPassword::new("pbkdf2_sha256$1$salt$other")));
        assert!(!before.fits(mark, &UserId::new("2"), &secret));
        assert!(dropped.fits(rotated.of(&john, &secret), &john, &secret), "a new mark is under the first key");
    }
}
