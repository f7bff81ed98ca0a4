//! Identifiers of users, sessions and requests.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// A user's primary key in the directory, as text: `"1"`, or a UUID with dashes.
///
/// Cheap to clone. Two ids are equal when their text is; directories hand out one canonical text per user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Wraps the directory's key.
    pub fn new(key: impl Into<Arc<str>>) -> Self {
        Self(key.into())
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session: 128 random bits, written as 22 characters of unpadded base64url (OWASP ASVS 5 §7.2.3).
///
/// It names a session and opens nothing: a holder of the id alone can neither read nor refresh it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// An id made of these bytes, which must come from [`Entropy`](super::Entropy).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The 22-character form, as bytes of ASCII.
    #[must_use]
    pub fn to_base64(&self) -> [u8; 22] {
        let mut text = [0; 22];
        // 16 bytes take 22 characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text);
        text
    }

    /// Reads the 22-character form. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_base64()).unwrap_or_default())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// A request: 128 random bits, written as 32 hexadecimal digits, as trace ids are (W3C Trace Context §3.2.2.3); or what a
/// proxy calls it, in characters that mean nothing to a log, a shell or a page.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(Name);

#[derive(Clone, PartialEq, Eq)]
enum Name {
    /// Digits.
    Made([u8; 32]),
    Given(Arc<str>),
}

impl RequestId {
    /// Longest one that is taken from a proxy, in bytes.
    const LONGEST: usize = 128;

    /// An id made of these bytes, which must come from [`Entropy`](super::Entropy).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Name::Made(hex(u128::from_be_bytes(bytes))))
    }

    /// An id that somebody else gave: up to 128 letters, digits and `-_.:/+=@~`. `None` for anything else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@~".contains(byte);
        if text.is_empty() || text.len() > Self::LONGEST || !text.iter().all(fits) {
            return None;
        }
        std::str::from_utf8(text).ok().map(|text| Self(Name::Given(text.into())))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Made(digits) => std::str::from_utf8(digits).unwrap_or_default(),
            Name::Given(text) => text,
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// `N` hexadecimal digits, the last ones of the number.
pub(super) const fn hex<const N: usize>(number: u128) -> [u8; N] {
    let mut digits = [0; N];
    let (mut place, mut rest) = (N, number);
    while place > 0 {
        place -= 1;
        digits[place] = b"0123456789abcdef"[(rest & 0xf) as usize];
        rest >>= 4;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::{RequestId, SessionId};

    #[test]
    fn a_request_id_has_all_its_digits() {
        assert_eq!(RequestId::from_bytes([0; 16]).to_string(), "0".repeat(32));
        assert_eq!(RequestId::from_bytes([0xab; 16]).to_string(), "ab".repeat(16));
        assert_eq!(
            RequestId::from_bytes(*b"\x01#Eg\x89\xab\xcd\xef________").to_string(),
            "0123456789abcdef".to_owned() + &"5f".repeat(8)
        );
    }

    #[test]
    fn a_request_id_of_somebody_elses_is_short_and_plain() {
        for good in ["r-1", "Root=1-67891233-abcdef", "a_b.c:d/e+f@g~", &"x".repeat(128)] {
            assert_eq!(RequestId::parse(good.as_bytes()).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a,b", "a;b", "a\"b", "a<b", "a\\b", "a$b", "a\nb", "\u{e9}", &"x".repeat(129)] {
            assert_eq!(RequestId::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(RequestId::parse(b"\xff"), None);
    }

    #[test]
    fn a_session_id_survives_its_text_form() {
        let id = SessionId::from_bytes([7; 16]);
        assert_eq!(id.to_string().len(), 22);
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        assert_eq!(SessionId::parse("short"), None);
    }
}
