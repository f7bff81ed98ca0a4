//! The implementation of the commands on a directory and a store.

use super::{Commands, Grant, Login, Logout, Refresh, Refusal};

/// Runs commands on the service's own runtime, so that a client that goes away interrupts none half-way. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AuthHandle;

impl Commands for AuthHandle {
    async fn login(&self, _command: Login) -> Result<Grant, Refusal> {
        Err(Refusal::Unavailable)
    }

    async fn refresh(&self, _command: Refresh) -> Result<Grant, Refusal> {
        Err(Refusal::Unavailable)
    }

    async fn logout(&self, _command: Logout) -> Result<(), Refusal> {
        Err(Refusal::Unavailable)
    }
}
