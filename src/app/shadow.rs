//! What is different where the gateway only looks on (`mode = "shadow"`): whatever it works with, it leaves nothing behind.
//!
//! Sessions, challenges and counts go to a store that keeps nothing ([`Stores::blank`](super::stores::Stores::blank)), the
//! directory is read and not written, and second factors are those of the directory where it has any, since the backend goes
//! by them.

use std::sync::Arc;

use super::directory::Users;
use crate::{
    auth::rehearsal::Scope,
    config::{Config, MfaStorage},
    directory::{Factors, ReadOnly},
    http::{self, stack::Looking},
    model::Timestamp,
};

/// The same configuration, without what would be work for nothing, or is for a day to come.
pub(super) fn harmless(mut config: Config) -> Config {
    config.hashing.upgrade = false;
    if let Some(rail) = &mut config.tokens.accept_rail_jwt {
        // The backend goes on signing: what it signs today would be good on the day of the cut-over.
        rail.cut_over = Timestamp::from_secs(i64::from(u32::MAX));
    }
    if config.directory.has_factors() {
        config.mfa.storage = MfaStorage::Directory;
    }
    config
}

/// The same users, whom nobody changes.
pub(super) fn read_only(users: Users) -> Users {
    let only_read = |factors| -> Arc<dyn Factors> { Arc::new(ReadOnly::<dyn Factors>(factors)) };
    Users { directory: Arc::new(ReadOnly(users.directory)), factors: users.factors.map(only_read), ..users }
}

/// What can be told of a login without one, and where that is counted.
pub(super) fn looking(config: &Config, users: &Users, tally: &Arc<http::ShadowTally>) -> Looking {
    let scope = Scope { logins: users.passwords.is_none(), refreshes: config.tokens.accept_rail_jwt.is_some() };
    Looking { scope, tally: Arc::clone(tally) }
}
