//! What one configuration leaves to the next where both say the same.
//!
//! Each configuration could have everything to itself, as two gateways have that share a store. But a directory has connections
//! to a database and has found out how that is built, threads that hash wait in line, and what is remembered of callers
//! carries them through an outage of those who would have to be asked. So these are handed on, each only where all
//! that it depends on is the same.

use std::sync::Arc;

use super::{directory::Users, told::Told};
use crate::{
    auth::{passwords::Passwords, standing::Standings},
    config::{Config, DirectorySettings},
    directory::Factors,
};

/// What was made by a configuration.
pub(super) struct Kept {
    /// The configuration in force.
    pub(super) config: Config,
    /// The ids of the keys, in their order.
    pub(super) keys: Vec<String>,
    pub(super) users: Users,
    pub(super) factors: Arc<dyn Factors>,
    pub(super) passwords: Passwords,
    pub(super) standings: Standings,
    pub(super) told: Told,
}

/// What there is to take over from a former configuration.
#[derive(Clone, Copy, Default)]
pub(super) struct Inheritance<'k> {
    pub(super) users: Option<&'k Users>,
    pub(super) factors: Option<&'k Arc<dyn Factors>>,
    pub(super) passwords: Option<&'k Passwords>,
    pub(super) standings: Option<&'k Standings>,
}

impl Kept {
    /// What a configuration takes over that has these keys.
    pub(super) fn for_next(&self, next: &Config, keys: &[String]) -> Inheritance<'_> {
        let now = &self.config;
        let same_keys = self.keys == keys;
        let same_backend = || now.upstream.url == next.upstream.url && now.upstream.tls == next.upstream.tls;
        let same_users = now.directory == next.directory
            && match next.directory {
                DirectorySettings::Upstream(_) => same_keys && same_backend(),
                DirectorySettings::Django(_) | DirectorySettings::File(_) => true,
            };
        let same_factors = same_users && same_keys && now.mfa.storage == next.mfa.storage;
        let same_standings = same_factors
            && now.mfa.policy == next.mfa.policy
            && now.tokens.claims == next.tokens.claims
            && now.django_sessions == next.django_sessions;
        Inheritance {
            users: same_users.then_some(&self.users),
            factors: same_factors.then_some(&self.factors),
            passwords: (now.hashing == next.hashing).then_some(&self.passwords),
            standings: same_standings.then_some(&self.standings),
        }
    }
}
