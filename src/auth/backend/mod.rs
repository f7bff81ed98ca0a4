//! Passwords and codes that the backend checks itself.
//!
//! - [`Guard`]: how many wrong ones reach the backend, which may count them at the gateway's own address
//! - [`BackendChallenges`]: logins that wait for a code that the backend checks
//! - [`SealedTokens`]: the backend's own tokens of users, at rest

use std::sync::Arc;

use crate::directory::BackendLogin;

mod challenge;
mod guard;
mod tokens;

pub use challenge::{BackendChallenges, HeldChallenge, Unheld};
pub use guard::{Guard, GuardLimits, Passage};
pub use tokens::SealedTokens;

/// Who checks passwords where the gateway can't.
#[derive(Debug)]
pub struct BackendPasswords {
    /// The backend.
    pub login: Arc<dyn BackendLogin>,
    /// Keeps it from counting too much.
    pub guard: Guard,
    /// Who makes the tokens of logins that wait for the backend's code.
    pub challenges: BackendChallenges,
    /// Users log in by the name that the backend calls them by, and not by another of their properties.
    pub by_username: bool,
}
