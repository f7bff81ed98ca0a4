//! Sessions that Django itself opened, at `/admin/login/` say: whom one speaks for.
//!
//! ```text
//! Cookie: sessionid=gs4cm5m8…            database:       the key of a row, whose data Django signed
//! Cookie: sessionid=.eJxVjDsOwjAQ…:1tX…  signed_cookies: the data itself, signed
//!
//! {"_auth_user_id": "7", "_auth_user_backend": "django.contrib.auth.backends.ModelBackend", "_auth_user_hash": "41fa…"}
//! ```
//!
//! A session counts when Django would take it (`contrib/auth/__init__.py`, `get_user`): it has not run out, the project's
//! key or a fallback signed it, a backend that is listed opened it, and the hash is of the user's present password column.
//! Whether that user may come in is [`standing`](super::standing)'s to ask.
//!
//! Two of Django's settings aren't followed: data is read as JSON only, since reading a pickle runs it, and the signer is
//! Django's own (`SIGNING_BACKEND`). Nothing is written: a session is not prolonged by what passes here, and only Django
//! ends it. One in a signed cookie ends nowhere before its time: a copy of it outlives the logout, here as in Django.

mod seal;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

pub use self::seal::{Login, Seal, SealError};
use crate::{
    directory::{BackendSessions, DirectoryError, StoredSession},
    model::{EncodedPassword, PlainToken, Secret, Timestamp},
};

/// How far Django's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(60);
/// What a key in `django_session` consists of (`_get_new_session_key`).
const KEY_LENGTH: usize = 32;

/// Where Django keeps sessions.
#[derive(Clone, Debug)]
pub enum Engine {
    /// In its database.
    Database(Arc<dyn BackendSessions>),
    /// In the cookies.
    SignedCookies {
        /// How long one counts after Django wrote it.
        lifetime: Duration,
    },
}

/// By what sessions are judged.
#[derive(Debug)]
pub struct Trust {
    /// The project's `SECRET_KEY`, then its fallbacks.
    pub secrets: Vec<Secret>,
    /// Dotted paths of the backends whose logins count.
    pub backends: Vec<String>,
}

/// Reads Django's sessions.
#[derive(Debug)]
pub struct DjangoSessions {
    engine: Engine,
    seal: Seal,
}

/// A session that counts, if its user may still come in.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Who logged in.
    pub login: Login,
    /// When it runs out.
    pub expires: Timestamp,
}

impl DjangoSessions {
    /// Of a project with this engine.
    #[must_use]
    pub fn new(engine: Engine, trust: Trust) -> Self {
        let seal = match engine {
            Engine::Database(_) => Seal::of_rows(trust),
            Engine::SignedCookies { .. } => Seal::of_cookies(trust),
        };
        Self { engine, seal }
    }

    /// Whether a cookie has the form of those that Django sets, which costs no question.
    #[must_use]
    pub fn could_be_one(&self, cookie: &PlainToken) -> bool {
        match self.engine {
            Engine::Database(_) => is_key(cookie.expose()),
            // Data, instant and MAC. Whether it is one, a MAC tells, which is reckoned once and not for each request.
            Engine::SignedCookies { .. } => cookie.expose().bytes().filter(|byte| *byte == b':').count() == 2,
        }
    }

    /// What this cookie opens; `None` for nothing.
    ///
    /// # Errors
    /// When the backend's sessions can't be asked for.
    pub async fn open(&self, cookie: &PlainToken, now: Timestamp) -> Result<Option<Opened>, DirectoryError> {
        match &self.engine {
            Engine::Database(sessions) => {
                if !is_key(cookie.expose()) {
                    return Ok(None);
                }
                let stored = sessions.backend_session(cookie).await?.filter(|stored| stored.expires > now);
                Ok(stored.and_then(|stored| self.read_row(&stored)))
            }
            Engine::SignedCookies { lifetime } => Ok(self.read_cookie(cookie, *lifetime, now)),
        }
    }

    /// Whether the user's password column is still the one that the login was made by.
    #[must_use]
    pub fn fits(&self, login: &Login, password: &EncodedPassword) -> bool {
        self.seal.fits(login, password)
    }

    fn read_row(&self, stored: &StoredSession) -> Option<Opened> {
        match self.seal.open(stored.data.expose()) {
            Ok((login, _)) => Some(Opened { login, expires: stored.expires }),
            Err(error @ (SealError::Signature | SealError::Backend(_) | SealError::Malformed)) => {
                // No client can write a row, so this is a matter of the configuration.
                tracing::warn!(%error, "a session of Django's can't be accepted");
                None
            }
            Err(SealError::Anonymous) => None,
        }
    }

    fn read_cookie(&self, cookie: &PlainToken, lifetime: Duration, now: Timestamp) -> Option<Opened> {
        match self.seal.open(cookie.expose()) {
            Ok((login, written)) => {
                let expires = written.after(lifetime);
                (written <= now.after(SKEW) && now < expires).then_some(Opened { login, expires })
            }
            Err(error @ SealError::Backend(_)) => {
                tracing::warn!(%error, "a session of Django's can't be accepted");
                None
            }
            Err(error) => {
                tracing::debug!(%error, "a session cookie was not accepted");
                None
            }
        }
    }
}

fn is_key(text: &str) -> bool {
    text.len() == KEY_LENGTH && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}
