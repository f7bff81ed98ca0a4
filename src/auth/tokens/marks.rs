//! What a session remembers of its user's password: enough to see that it was changed, too little to guess it by.
//!
//! A mark is an HMAC-SHA256 over the user's id and the password column, cut to 16 bytes, under a subkey of the gateway's
//! key, behind 4 bytes that tell which key. It is made at a login and anew at each refresh, so it is never older than the
//! refresh token beside it, and a key that may be dropped marks neither any more. A mark of a key that isn't in force says
//! nothing, so it ends nothing.
//!
//! Like Django's own (`AbstractBaseUser.get_session_auth_hash`), it goes by the column: a hash that is only written anew, as
//! Django does for a stronger one at a login, ends the sessions that were opened before. Where the gateway does so itself, they
//! go on: it takes the mark of the old column for the new salt, so that the new column tells every gateway what it came
//! after. No other password gets such a salt, and nobody without the key can make one. It tells of one column before, so a
//! session ends that is not used between two such changes; and of the first key only.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use sha2::{Digest as _, Sha256};

use super::keys::{Key, KeyRing};
use crate::{
    auth::passwords::{PasswordHash, Salt},
    model::{EncodedPassword, PasswordMark, UserId},
};

const PURPOSE: &str = "password mark v1";
const NAMES: &str = "name mark v1";
/// Bytes that tell the key.
const NAME: usize = 4;
/// Bytes of the HMAC.
const DIGEST: usize = 16;

/// Makes and compares marks.
#[derive(Debug)]
pub struct PasswordMarks {
    first: Marker,
    rest: Vec<Marker>,
    names: hmac::Key,
}

/// Makes the marks of one key.
#[derive(Debug)]
pub(in crate::auth) struct Marker {
    name: [u8; NAME],
    subkey: hmac::Key,
}

impl PasswordMarks {
    /// For the keys in force; the first marks.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self {
            first: Marker::new(keys.signing()),
            rest: keys.iter().skip(1).map(Marker::new).collect(),
            names: hmac::Key::new(hmac::HMAC_SHA256, &*keys.signing().derive(NAMES)),
        }
    }

    /// The mark of this password column of this user's.
    #[must_use]
    pub fn of(&self, user: &UserId, password: &EncodedPassword) -> PasswordMark {
        self.first.mark(user, password)
    }

    /// What stands in the audit log for a name that nobody has: the same for the same name, under the first key.
    #[must_use]
    pub fn of_name(&self, name: &str) -> String {
        URL_SAFE_NO_PAD.encode(&hmac::sign(&self.names, name.as_bytes()).as_ref()[..16])
    }

    /// The salt of a hash of the same password that takes the place of this column. Another password must have another salt.
    #[must_use]
    pub fn salt_after(&self, user: &UserId, password: &EncodedPassword) -> Salt {
        Salt::from_bytes(self.first.digest(user, password))
    }

    /// Whether `mark`, under a key in force, is neither of this column nor of the one that it was made anew from.
    #[must_use]
    pub fn contradicts(&self, mark: PasswordMark, user: &UserId, password: &EncodedPassword) -> bool {
        let all = std::iter::once(&self.first).chain(&self.rest);
        // By chance two keys may have one name; either may have made it then.
        let mut makers = all.filter(|marker| mark.as_bytes().starts_with(&marker.name)).peekable();
        makers.peek().is_some()
            && makers.all(|marker| mark != marker.mark(user, password))
            && before(password).is_none_or(|digest| mark.as_bytes()[NAME..] != digest)
    }
}

/// What the mark of the column ends in that this one was made anew from, if it was.
pub(in crate::auth) fn before(password: &EncodedPassword) -> Option<[u8; DIGEST]> {
    PasswordHash::from(password).salt().map(|salt| *salt.as_bytes())
}

impl Marker {
    pub(in crate::auth) fn new(key: &Key) -> Self {
        let mut name = [0; NAME];
        name.copy_from_slice(&Sha256::digest(key.id())[..NAME]);
        Self { name, subkey: hmac::Key::new(hmac::HMAC_SHA256, &*key.derive(PURPOSE)) }
    }

    fn mark(&self, user: &UserId, password: &EncodedPassword) -> PasswordMark {
        let mut bytes = [0; NAME + DIGEST];
        bytes[..NAME].copy_from_slice(&self.name);
        bytes[NAME..].copy_from_slice(&self.digest(user, password));
        PasswordMark::from_bytes(bytes)
    }

    /// A mark without the key's name.
    pub(in crate::auth) fn digest(&self, user: &UserId, password: &EncodedPassword) -> [u8; DIGEST] {
        let mut context = hmac::Context::with_key(&self.subkey);
        // Neither an id nor a password column holds a NUL, so the two can't run into each other.
        for part in [user.as_str(), "\0", password.expose()] {
            context.update(part.as_bytes());
        }
        let mut digest = [0; DIGEST];
        digest.copy_from_slice(&context.sign().as_ref()[..DIGEST]);
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::PasswordMarks;
    use crate::{
        auth::{
            passwords::{Preferred, Salt},
            tokens::{Key, KeyRing},
        },
        model::{EncodedPassword, SystemEntropy, UserId},
    };

    #[test]
    fn a_mark_tells_one_password_of_one_user_under_any_key_in_force() {
        let [one, other] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
        let before = PasswordMarks::new(&KeyRing::parse([&one]).unwrap());
        let rotated = PasswordMarks::new(&KeyRing::parse([&other, &one]).unwrap());
        let dropped = PasswordMarks::new(&KeyRing::parse([&other]).unwrap());
        let (john, secret) = (UserId::new("1"), EncodedPassword::new("pbkdf2_sha256$1$salt$hash"));
        let changed = EncodedPassword::new("pbkdf2_sha256$1$salt$other");
        let mark = before.of(&john, &secret);
        for marks in [&before, &rotated] {
            assert!(!marks.contradicts(mark, &john, &secret));
            assert!(marks.contradicts(mark, &john, &changed));
            assert!(marks.contradicts(mark, &UserId::new("2"), &secret));
        }
        assert!(!dropped.contradicts(mark, &john, &changed), "nobody can tell any more");
        assert!(dropped.contradicts(rotated.of(&john, &secret), &john, &changed), "a new mark is under the first key");
    }

    #[test]
    fn a_column_made_anew_from_the_marked_one_contradicts_no_mark_of_it() {
        let [one, other] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
        let marks = PasswordMarks::new(&KeyRing::parse([&one]).unwrap());
        let rotated = PasswordMarks::new(&KeyRing::parse([&other, &one]).unwrap());
        let (john, old) = (UserId::new("1"), EncodedPassword::new("pbkdf2_sha256$1$salt$hash"));
        let preferred = Preferred::Pbkdf2Sha256 { iterations: 3 };
        let column = |salt: Salt| preferred.encode("secret123", salt).unwrap();
        let new = column(marks.salt_after(&john, &old));
        let mark = marks.of(&john, &old);
        for marks in [&marks, &rotated] {
            assert!(!marks.contradicts(mark, &john, &new), "of the old column");
            assert!(!marks.contradicts(marks.of(&john, &new), &john, &new), "of the new one");
            assert!(marks.contradicts(marks.of(&john, &new), &john, &old), "and never the other way round");
            assert!(marks.contradicts(marks.of(&UserId::new("2"), &old), &john, &new), "of another user");
        }
        let foreign = PasswordMarks::new(&KeyRing::parse([&other]).unwrap());
        for salt in
            [foreign.salt_after(&john, &old), marks.salt_after(&UserId::new("2"), &old), Salt::from_bytes([7; 16])]
        {
            assert!(marks.contradicts(mark, &john, &column(salt)), "another salt");
        }
        let newer = column(marks.salt_after(&john, &new));
        assert!(marks.contradicts(mark, &john, &newer), "two changes ago");
        assert!(!marks.contradicts(marks.of(&john, &new), &john, &newer));
    }
}
