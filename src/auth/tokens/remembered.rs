//! Access tokens that were verified before, so that a token is taken apart once and not with every request.
//!
//! What is remembered is what never changes about a token: that its seal is right, and what it says. Whether it has become
//! good, has run out or was revoked is asked anew each time. A token's whole text stands for it, as its SHA-256: no token
//! can be read out of the memory, and none passes for another. Only tokens that are good get in, so that nobody without one
//! can push others out.
//!
//! Keys don't change in the life of one of these: a gateway that has other keys begins with none remembered.

use std::{cell::RefCell, fmt, sync::Arc};

use quick_cache::unsync::Cache;
use ring::digest::{SHA256, digest};

use super::{Authenticator, Genuine, TokenError};
use crate::model::{AuthMethod, Principal};

/// So many tokens a core remembers, of some 300 bytes each.
const CAPACITY: usize = 4096;

/// Verifies access tokens and remembers them, for one thread.
pub struct Remembered {
    authenticator: Arc<Authenticator>,
    tokens: RefCell<Cache<[u8; 32], Genuine>>,
}

impl Remembered {
    /// None yet.
    #[must_use]
    pub fn new(authenticator: Arc<Authenticator>) -> Self {
        Self { authenticator, tokens: RefCell::new(Cache::new(CAPACITY)) }
    }

    /// The same as [`Authenticator::authenticate`].
    ///
    /// # Errors
    /// As there.
    pub fn authenticate(&self, token: &str, method: AuthMethod) -> Result<Principal, TokenError> {
        let Ok(key) = digest(&SHA256, token.as_bytes()).as_ref().try_into() else {
            return self.authenticator.authenticate(token, method);
        };
        if let Some(genuine) = self.tokens.borrow().get(&key) {
            return self.authenticator.admit(genuine.clone(), method);
        }
        let genuine = self.authenticator.read(token)?;
        let principal = self.authenticator.admit(genuine.clone(), method)?;
        self.tokens.borrow_mut().insert(key, genuine);
        Ok(principal)
    }

    /// Verifies without remembering.
    #[must_use]
    pub const fn authenticator(&self) -> &Arc<Authenticator> {
        &self.authenticator
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("tokens", &self.tokens.borrow().len()).finish_non_exhaustive()
    }
}
