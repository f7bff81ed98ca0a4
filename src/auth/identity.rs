//! The bearer token that an unchanged backend believes: `upstream.identity.bearer = "rail-jwt"`.
//!
//! A stock Rail Django knows a caller by a JWT signed with the project's own secret. The gateway mints one for each
//! session and window of time and uses it for every request of the window, since the backend remembers each distinct
//! token it was shown. The token carries no `aud` and an `iat` in the past (the backend refuses an audience and an `iat`
//! that its clock has not reached), and the marker claim by which the gateway would know it if a client came with it.
//! It appears in no answer; the backend's network is the only place where it is seen.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    Refusal,
    tokens::{
        AccessClaims,
        jwt::{JwtKey, Kind},
    },
};
use crate::{
    directory::Directory,
    model::{Clock, Principal, Secret, SessionId, Timestamp, User, UserId},
};

/// How far back `iat` is set.
const ISSUED_BEFORE: Duration = Duration::from_secs(60);
/// Remembered tokens; beyond it those of past windows are dropped, then all.
const CAPACITY: usize = 100_000;

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Session(SessionId),
    /// A caller with a token of the backend has no session of ours.
    User(UserId),
}

struct Minted {
    token: Arc<str>,
    window_end: Timestamp,
}

struct Shared {
    key: JwtKey,
    lifetime: Duration,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    runtime: tokio::runtime::Handle,
    minted: Mutex<HashMap<Holder, Minted>>,
}

/// Mints and remembers the tokens that stand in the backend's `Authorization` header. Cheap to clone.
#[derive(Clone)]
pub struct UpstreamBearer(Arc<Shared>);

impl fmt::Debug for UpstreamBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamBearer").field("lifetime", &self.0.lifetime).finish_non_exhaustive()
    }
}

impl UpstreamBearer {
    /// Mints with the Django project's secret; `runtime` is where the directory lives.
    #[must_use]
    pub fn new(
        secret: &Secret,
        lifetime: Duration,
        directory: Arc<dyn Directory>,
        clock: Arc<dyn Clock>,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        let minted = Mutex::new(HashMap::new());
        Self(Arc::new(Shared { key: JwtKey::new(secret), lifetime, directory, clock, runtime, minted }))
    }

    /// The token for this caller, without the word `Bearer`. The same one for a session's whole window.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the directory, asked once per session and window, is out of reach;
    /// [`Refusal::InvalidCredentials`] when the user may not come in any more.
    pub async fn token_for(&self, caller: &Principal) -> Result<Arc<str>, Refusal> {
        let holder = caller.session.map_or_else(|| Holder::User(caller.user.clone()), Holder::Session);
        let now = self.0.clock.now();
        if let Some(token) = self.0.remembered(&holder, now) {
            return Ok(token);
        }
        let user = self.look_up(caller.user.clone()).await?;
        Ok(self.0.mint(holder, &user, caller, now))
    }

    /// Asks the directory on its own runtime, so that its connections live where they were made.
    async fn look_up(&self, id: UserId) -> Result<User, Refusal> {
        let shared = Arc::clone(&self.0);
        let found = self.0.runtime.spawn(async move { shared.directory.user(&id).await }).await;
        match found {
            Ok(Ok(Some(user))) if user.is_active => Ok(user),
            Ok(Ok(_)) => Err(Refusal::InvalidCredentials),
            Ok(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "no bearer for the backend: directory failed"
                );
                Err(Refusal::Unavailable)
            }
            Err(_) => Err(Refusal::Unavailable),
        }
    }
}

impl Shared {
    fn remembered(&self, holder: &Holder, now: Timestamp) -> Option<Arc<str>> {
        let minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        minted.get(holder).filter(|entry| entry.window_end > now).map(|entry| Arc::clone(&entry.token))
    }

    /// Windows begin at multiples of the lifetime, so that every thread and replica mints the same token in one window;
    /// a token outlives its window by one lifetime, so that none runs out while it is used.
    fn mint(&self, holder: Holder, user: &User, caller: &Principal, now: Timestamp) -> Arc<str> {
        let span = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX).max(1);
        let start = Timestamp::from_secs(now.as_secs().div_euclid(span).saturating_mul(span));
        let claims = AccessClaims {
            user: user.id.clone(),
            username: user.username.clone(),
            session: caller.session,
            issued: start.before(ISSUED_BEFORE),
            not_before: None,
            expires: start.after(self.lifetime).after(self.lifetime),
            auth_time: caller.auth_time,
            mfa: caller.mfa,
            email: None,
            roles: Some(user.roles.iter().map(|role| role.name.clone()).collect()),
            permissions: Some(user.permissions.clone()),
        };
        let token: Arc<str> = Arc::from(self.key.issue(&claims, Kind::Upstream).expose());
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        if minted.len() >= CAPACITY {
            minted.retain(|_, entry| entry.window_end > now);
        }
        if minted.len() >= CAPACITY {
            minted.clear();
        }
        minted.insert(holder, Minted { token: Arc::clone(&token), window_end: start.after(self.lifetime) });
        token
    }
}
