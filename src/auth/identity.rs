//! The bearer token that an unchanged backend believes.

use std::sync::Arc;

use super::Refusal;
use crate::model::Principal;

/// Mints and remembers the tokens that stand in the backend's `Authorization` header. Cheap to clone.
#[derive(Clone, Debug)]
pub struct UpstreamBearer;

impl UpstreamBearer {
    /// The token for this caller, without the word `Bearer`. The same one for a session's whole window.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the directory, asked once per session and window, is out of reach;
    /// [`Refusal::InvalidCredentials`] when the user may not come in any more.
    pub async fn token_for(&self, caller: &Principal) -> Result<Arc<str>, Refusal> {
        let _ = caller;
        Err(Refusal::Unavailable)
    }
}
