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

/// A request: 128 random bits, written as 32 hexadecimal digits, as trace ids are (W3C Trace Context §3.2.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u128);

impl RequestId {
    /// An id made of these bytes, which must come from [`Entropy`](super::Entropy).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// The 32 digits, as bytes of ASCII.
    #[must_use]
    pub const fn to_hex(self) -> [u8; 32] {
        hex(self.0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_hex()).unwrap_or_default())
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
    }

    #[test]
    fn a_session_id_survives_its_text_form() {
        let id = SessionId::from_bytes([7; 16]);
        assert_eq!(id.to_string().len(), 22);
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        assert_eq!(SessionId::parse("short"), None);
    }
}
