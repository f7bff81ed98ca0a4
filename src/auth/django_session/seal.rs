//! The form of Django's signed data (`core/signing.py`, 5.2), and what its sessions say of their user.
//!
//! ```text
//! <data>:<written>:<MAC>     data     JSON in base64url without padding; compressed by zlib where a `.` stands before it
//!                            written  seconds since 1970 in base 62
//!                            MAC      HMAC-SHA256 over all before it, in base64url
//! ```
//!
//! The key of a MAC is SHA-256 over what it is for and the project's secret (`utils/crypto.py`, `salted_hmac`). So a
//! session's data doesn't pass for anything else that the project signs, nor the other way round. The MAC is checked before
//! anything is decoded or unpacked, and what is unpacked is bounded all the same.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use ring::hmac;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::Trust;
use crate::model::{EncodedPassword, Secret, Timestamp, UserId};

/// `key_salt` of every `SessionStore` that keeps its data in a row, and the signer's own suffix.
const ROW: &str = "django.contrib.sessions.SessionStoresigner";
/// The salt of the engine `signed_cookies`, and the suffix.
const COOKIE: &str = "django.contrib.sessions.backends.signed_cookiessigner";
/// What `_auth_user_hash` is made for.
const PASSWORD: &str = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";
/// The largest session that is read, packed or unpacked. Django's own set no limit; one of a login has 200 bytes.
const LIMIT: usize = 1024 * 1024;
/// `BASE62_ALPHABET`
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Opens the signed data of one project's sessions.
pub struct Seal {
    keys: Vec<hmac::Key>,
    passwords: Vec<hmac::Key>,
    backends: Vec<String>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").field("backends", &self.backends).finish_non_exhaustive()
    }
}

/// Who logged in, and by which password.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user's key.
    pub user: UserId,
    /// `_auth_user_hash`: a MAC of the password column.
    password: [u8; 32],
}

/// Why a session counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not what Django writes with `SESSION_SERIALIZER` at its default.
    #[error("it is not the JSON of a Django session")]
    Malformed,
    /// Made up, or signed by another key.
    #[error("none of `sessions.django.secret_key` signed it")]
    Signature,
    /// A visitor's. Django opens sessions for these, too.
    #[error("nobody is logged in by it")]
    Anonymous,
    /// Django would ask whether this is still one of `AUTHENTICATION_BACKENDS`.
    #[error("it was opened by {0}, which `sessions.django.backends` doesn't list")]
    Backend(String),
}

/// What is looked at. A project keeps other things beside these.
#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "_auth_user_id")]
    user: Option<String>,
    #[serde(rename = "_auth_user_backend")]
    backend: Option<String>,
    #[serde(rename = "_auth_user_hash")]
    password: Option<String>,
}

impl Seal {
    pub(super) fn of_rows(trust: Trust) -> Self {
        Self::of(ROW, trust)
    }

    pub(super) fn of_cookies(trust: Trust) -> Self {
        Self::of(COOKIE, trust)
    }

    fn of(purpose: &str, Trust { secrets, backends }: Trust) -> Self {
        let keys = |purpose: &str| secrets.iter().map(|secret| key(purpose, secret)).collect();
        Self { keys: keys(purpose), passwords: keys(PASSWORD), backends }
    }

    /// Whose session this is, and when Django wrote it.
    ///
    /// # Errors
    /// Why it counts for nothing.
    pub fn open(&self, sealed: &str) -> Result<(Login, Timestamp), SealError> {
        if sealed.len() > LIMIT {
            return Err(SealError::Malformed);
        }
        let (data, written) = self.signed(sealed)?.rsplit_once(':').ok_or(SealError::Malformed)?;
        let written = base62(written).ok_or(SealError::Malformed)?;
        let wire: Wire = serde_json::from_slice(&unpack(data)?).map_err(|_| SealError::Malformed)?;
        let (Some(user), Some(backend)) = (wire.user, wire.backend) else { return Err(SealError::Anonymous) };
        if !self.backends.contains(&backend) {
            return Err(SealError::Backend(backend));
        }
        // Empty, or absent, for a user model without passwords: nothing would end such a session when one is changed.
        let password = wire.password.as_deref().and_then(unhex).ok_or(SealError::Malformed)?;
        Ok((Login { user: UserId::new(user), password }, Timestamp::from_secs(written)))
    }

    /// Whether the login was made by this password column.
    pub(super) fn fits(&self, login: &Login, password: &EncodedPassword) -> bool {
        let column = password.expose().as_bytes();
        self.passwords.iter().any(|key| hmac::verify(key, column, &login.password).is_ok())
    }

    /// What stands before a MAC of the project's.
    fn signed<'s>(&self, sealed: &'s str) -> Result<&'s str, SealError> {
        let (signed, mac) = sealed.rsplit_once(':').ok_or(SealError::Signature)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| SealError::Signature)?;
        let is_ours = self.keys.iter().any(|key| hmac::verify(key, signed.as_bytes(), &mac).is_ok());
        if is_ours { Ok(signed) } else { Err(SealError::Signature) }
    }
}

fn key(purpose: &str, secret: &Secret) -> hmac::Key {
    let digest = Sha256::new().chain_update(purpose).chain_update(secret.expose()).finalize();
    hmac::Key::new(hmac::HMAC_SHA256, &digest)
}

fn unpack(data: &str) -> Result<Vec<u8>, SealError> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Malformed);
    match data.strip_prefix('.') {
        Some(packed) => decompress_to_vec_zlib_with_limit(&decode(packed)?, LIMIT).map_err(|_| SealError::Malformed),
        None => decode(data),
    }
}

fn base62(text: &str) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_i64, |number, byte| {
        let digit = BASE62.iter().position(|known| *known == byte)?;
        number.checked_mul(62)?.checked_add(i64::try_from(digit).ok()?)
    })
}

/// 32 bytes as `hexdigest` writes them.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().map(digit).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}
