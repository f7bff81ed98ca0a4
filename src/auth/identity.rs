//! The bearer token that an unchanged backend believes: one that the gateway mints (`upstream.identity.bearer = "rail-jwt"`), or
//! the backend's own (`"backend"`, [`BackendBearer`]).
//!
//! A stock Rail Django knows a caller by a JWT signed with the project's own secret. The gateway mints one for each
//! session and window of time and uses it for every request of the window, since the backend remembers each distinct
//! token it was shown. The token carries no `aud` and an `iat` in the past (the backend refuses an audience and an `iat`
//! that its clock has not reached), and the marker claim by which the gateway would know it if a client came with it.
//! It appears in no answer; the backend's network is the only place where it is seen.
//!
//! A window lasts `lifetime`, and so does a token beyond its window: one that is in use does not run out, and a directory
//! that is out of reach for less than that stops nobody. Windows of different sessions begin at different times, so that
//! the directory is not asked for all of them in one second.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

mod backend;

pub use backend::BackendBearer;

use super::{
    Refusal,
    tokens::{
        AccessClaims,
        jwt::{JwtKey, Kind},
    },
};
use crate::{
    directory::Directory,
    model::{Account, AuthMethod, Clock, Principal, Secret, SessionId, Timestamp, User, UserId},
    store::UserTag,
};

/// How far the backend's clock may be from ours, either way: `iat` is set that far back, and no token is used so near to
/// its end.
const SKEW: Duration = Duration::from_secs(60);
/// How long a token of a past window goes on before the directory is asked again.
const RETRY: Duration = Duration::from_secs(5);
/// Remembered tokens; beyond it those that are past use are dropped, then all.
const CAPACITY: usize = 100_000;

/// Whose token it is: a session's; a user's, where the caller came with a token or a session of the backend. These two are told
/// apart, since they don't say the same of when credentials were shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Session(SessionId),
    User(UserId, AuthMethod),
}

impl Holder {
    fn of(caller: &Principal) -> Self {
        caller.session.map_or_else(|| Self::User(caller.user.clone(), caller.method), Self::Session)
    }

    /// A number that is the same on every replica and differs from holder to holder.
    fn spread(&self) -> i64 {
        i64::from_be_bytes(match self {
            Self::Session(id) => {
                let [first @ .., _, _, _, _, _, _, _, _] = *id.as_bytes();
                first
            }
            Self::User(id, _) => *UserTag::of(id).as_bytes(),
        })
    }
}

/// A span of time in which a holder has one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    start: Timestamp,
    end: Timestamp,
    /// When its token runs out.
    expires: Timestamp,
}

impl Window {
    /// The window that `now` is in. Every thread and replica finds the same one, and so mints the same token.
    fn of(holder: &Holder, now: Timestamp, lifetime: Duration) -> Self {
        let span = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX).max(1);
        let offset = holder.spread().rem_euclid(span);
        let start = now.as_secs().saturating_sub(offset).div_euclid(span).saturating_mul(span).saturating_add(offset);
        let end = start.saturating_add(span);
        let [start, end, expires] = [start, end, end.saturating_add(span)].map(Timestamp::from_secs);
        Self { start, end, expires }
    }
}

struct Minted {
    token: Arc<str>,
    window: Window,
}

#[derive(Default)]
struct Remembered {
    tokens: HashMap<Holder, Minted>,
    /// When those past use are dropped next.
    sweep_at: Timestamp,
}

impl Remembered {
    /// Tokens past use are dropped once a lifetime, and whenever there is no room.
    fn make_room(&mut self, now: Timestamp, lifetime: Duration) {
        if now >= self.sweep_at || self.tokens.len() >= CAPACITY {
            self.tokens.retain(|_, minted| minted.window.expires > now);
            self.sweep_at = now.after(lifetime);
        }
        if self.tokens.len() >= CAPACITY {
            self.tokens.clear();
        }
    }
}

struct Shared {
    key: JwtKey,
    lifetime: Duration,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    runtime: tokio::runtime::Handle,
    remembered: Mutex<Remembered>,
}

/// Where the tokens come from that stand in the backend's `Authorization` header. Cheap to clone.
#[derive(Clone, Debug)]
pub enum UpstreamBearer {
    /// The gateway mints them.
    Minted(MintedBearer),
    /// The backend made them at a login.
    Backend(BackendBearer),
}

impl UpstreamBearer {
    /// The token for this caller, without the word `Bearer`.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when none is at hand and nobody can be asked for one; another one when the user may not come
    /// in any more.
    pub async fn token_for(&self, caller: &Principal) -> Result<Arc<str>, Refusal> {
        match self {
            Self::Minted(minted) => minted.token_for(caller).await,
            Self::Backend(backend) => backend.token_for(caller).await,
        }
    }
}

/// Mints and remembers the tokens that stand in the backend's `Authorization` header. Cheap to clone.
#[derive(Clone)]
pub struct MintedBearer(Arc<Shared>);

impl fmt::Debug for MintedBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintedBearer").field("lifetime", &self.0.lifetime).finish_non_exhaustive()
    }
}

impl MintedBearer {
    /// Mints with the Django project's secret; `runtime` is where the directory lives.
    #[must_use]
    pub fn new(
        secret: &Secret,
        lifetime: Duration,
        directory: Arc<dyn Directory>,
        clock: Arc<dyn Clock>,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        let remembered = Mutex::default();
        Self(Arc::new(Shared { key: JwtKey::new(secret), lifetime, directory, clock, runtime, remembered }))
    }

    /// The token for this caller, without the word `Bearer`. The same one for a session's whole window.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the directory, asked once per session and window, is out of reach and no earlier
    /// token is good any more; [`Refusal::InvalidCredentials`] when the user may not come in any more.
    pub async fn token_for(&self, caller: &Principal) -> Result<Arc<str>, Refusal> {
        let holder = Holder::of(caller);
        let now = self.0.clock.now();
        if let Some(token) = self.0.current(&holder, now) {
            return Ok(token);
        }
        match self.look_up(caller.user.clone()).await {
            Ok(user) => Ok(self.0.mint(holder, &user, caller, now)),
            Err(Refusal::Unavailable) => self.0.earlier(&holder, now).ok_or(Refusal::Unavailable),
            Err(refusal) => Err(refusal),
        }
    }

    /// Asks the directory on its own runtime, so that its connections live where they were made.
    async fn look_up(&self, id: UserId) -> Result<User, Refusal> {
        let shared = Arc::clone(&self.0);
        let found = self.0.runtime.spawn(async move { shared.directory.account_of(&id).await }).await;
        match found {
            Ok(Ok(Some(Account { user, .. }))) if user.is_active => Ok(user),
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
    /// The token of the window that `now` is in.
    fn current(&self, holder: &Holder, now: Timestamp) -> Option<Arc<str>> {
        let remembered = self.lock();
        let minted = remembered.tokens.get(holder).filter(|minted| minted.window.end > now)?;
        Some(Arc::clone(&minted.token))
    }

    /// The token of a past window, as long as it is good. It then counts as the current one for a moment, so that requests
    /// do not each wait for a directory that is out of reach.
    fn earlier(&self, holder: &Holder, now: Timestamp) -> Option<Arc<str>> {
        let mut remembered = self.lock();
        let minted = remembered.tokens.get_mut(holder).filter(|minted| minted.window.expires.before(SKEW) > now)?;
        minted.window.end = now.after(RETRY);
        Some(Arc::clone(&minted.token))
    }

    fn mint(&self, holder: Holder, user: &User, caller: &Principal, now: Timestamp) -> Arc<str> {
        let window = Window::of(&holder, now, self.lifetime);
        let claims = AccessClaims {
            user: user.id.clone(),
            username: user.username.as_str().into(),
            session: caller.session,
            issued: window.start.before(SKEW),
            not_before: None,
            expires: window.expires,
            auth_time: caller.auth_time,
            mfa: caller.mfa,
            email: None,
            roles: Some(user.roles.iter().map(|role| role.name.clone()).collect()),
            permissions: Some(user.permissions.as_slice().into()),
        };
        let token: Arc<str> = Arc::from(self.key.issue(&claims, Kind::Upstream).expose());
        let mut remembered = self.lock();
        remembered.make_room(now, self.lifetime);
        remembered.tokens.insert(holder, Minted { token: Arc::clone(&token), window });
        token
    }

    /// A poisoned lock is taken all the same: every change under it leaves whole entries.
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
