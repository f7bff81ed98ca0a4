//! `railgate user`: what an operator does about accounts.

use std::process::ExitCode;

use clap::Subcommand;

mod unlock;

#[derive(Subcommand)]
pub(super) enum User {
    /// Forget the wrong passwords and codes at an account, so that it may be logged in to at once.
    ///
    /// Works beside running gateways, on the store that they share. An address from which too much was tried stays as
    /// it is: it gets attempts back in time.
    ///
    /// Exits with 1 if there is no such account; what was counted by that name is forgotten then, too.
    Unlock(unlock::Unlock),
}

pub(super) fn user(command: &User) -> anyhow::Result<ExitCode> {
    match command {
        User::Unlock(arguments) => unlock::unlock(arguments),
    }
}
