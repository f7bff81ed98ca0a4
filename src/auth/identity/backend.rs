//! The backend's own tokens as the bearer that it believes: `upstream.identity.bearer = "backend"`.
//!
//! Who logged in by the backend's own login has tokens of it, which the directory keeps and renews. Here they are remembered for
//! a moment, so that not every request asks the store; another gateway may have renewed them meanwhile, and a backend may
//! then refuse the old one.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Refusal;
use crate::{
    directory::{BackendToken, BackendTokens},
    model::{Clock, Principal, Timestamp, UserId},
};

/// How long a token is remembered.
const REMEMBERED: Duration = Duration::from_secs(30);
/// How long one that is past renewing, and could not be renewed yet, is.
const RETRY: Duration = Duration::from_secs(2);
/// Remembered tokens; beyond it those that are past use are dropped, then all.
const CAPACITY: usize = 100_000;

struct Remembered {
    token: Arc<str>,
    until: Timestamp,
}

struct Shared {
    tokens: Arc<dyn BackendTokens>,
    clock: Arc<dyn Clock>,
    runtime: tokio::runtime::Handle,
    remembered: Mutex<HashMap<UserId, Remembered>>,
}

/// Shows the backend its own tokens. Cheap to clone.
#[derive(Clone)]
pub struct BackendBearer(Arc<Shared>);

impl fmt::Debug for BackendBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackendBearer")
    }
}

impl BackendBearer {
    /// `runtime` is where the tokens are asked for.
    #[must_use]
    pub fn new(tokens: Arc<dyn BackendTokens>, clock: Arc<dyn Clock>, runtime: tokio::runtime::Handle) -> Self {
        Self(Arc::new(Shared { tokens, clock, runtime, remembered: Mutex::default() }))
    }

    /// The token of this caller's.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when nobody can tell; [`Refusal::InvalidCredentials`] when there is none any more.
    pub async fn token_for(&self, caller: &Principal) -> Result<Arc<str>, Refusal> {
        if let Some(token) = self.0.known(&caller.user) {
            return Ok(token);
        }
        let (shared, user) = (Arc::clone(&self.0), caller.user.clone());
        let found = self.0.runtime.spawn(async move { shared.tokens.token_of(&user).await }).await;
        match found {
            Ok(Ok(Some(token))) => Ok(self.0.remember(caller.user.clone(), &token)),
            Ok(Ok(None)) => Err(Refusal::InvalidCredentials),
            Ok(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no bearer for the backend");
                Err(Refusal::Unavailable)
            }
            Err(_) => Err(Refusal::Unavailable),
        }
    }
}

impl Shared {
    fn known(&self, user: &UserId) -> Option<Arc<str>> {
        let now = self.clock.now();
        let remembered = self.lock();
        let found = remembered.get(user).filter(|found| found.until > now)?;
        Some(Arc::clone(&found.token))
    }

    fn remember(&self, user: UserId, found: &BackendToken) -> Arc<str> {
        let now = self.clock.now();
        let token: Arc<str> = Arc::from(found.token.expose());
        let until = if found.renew > now { found.renew.min(now.after(REMEMBERED)) } else { now.after(RETRY) };
        let mut remembered = self.lock();
        if remembered.len() >= CAPACITY {
            remembered.retain(|_, found| found.until > now);
        }
        if remembered.len() >= CAPACITY {
            remembered.clear();
        }
        remembered.insert(user, Remembered { token: Arc::clone(&token), until });
        token
    }

    /// A poisoned lock is taken all the same: every change under it leaves whole entries.
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
