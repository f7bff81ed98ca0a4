//! `railgate import`: the second factors that users have in the tables of a Rail Django, moved to the gateway's store.
//!
//! The tables are only read: until `[mfa] storage = "store"` is in force everywhere, and on the way back, they hold what they
//! held. Who has an active factor in the store already is left alone, so it may be run again for those who enrolled meanwhile.

use std::{fmt, sync::Arc};

use anyhow::{Context as _, bail};

use super::{Stores, directory::django_settings, keys, spans, stores};
use crate::{
    auth::factors::{BackupCodes, Moved, SealedFactors},
    config::{Config, DirectorySettings, MfaStorage},
    directory::{Factors as _, django::DjangoDirectory},
    model::{Clock, FactorKind, SystemClock, SystemEntropy, UserId},
};

/// What was moved, and what was not.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    /// Users whose authenticators are in the store now, or would be.
    users: usize,
    authenticators: usize,
    codes: usize,
    /// Users who had one there before.
    known: usize,
    left: Vec<Left>,
}

/// What does not move.
#[derive(Debug)]
struct Left {
    user: UserId,
    what: String,
    /// Without it the user gets in by the password alone, where `[mfa] policy` asks for nothing.
    is_unprotected: bool,
}

/// Moves them; with `is_rehearsal` only says what would be.
///
/// # Errors
/// When the configuration is not one with factors in the store, or the database or the store fails; who was moved by then is.
pub(crate) fn import(config: &Config, is_rehearsal: bool) -> anyhow::Result<Imported> {
    let DirectorySettings::Django(settings) = &config.directory else {
        bail!("[directory] kind: only \"django\" has factors to import");
    };
    if config.mfa.storage != MfaStorage::Store {
        bail!(
            "[mfa] storage: set it to \"store\" in this file, which the gateway will have; now factors are where they would come from"
        );
    }
    let services = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let entropy = Arc::new(SystemEntropy);
    let keys = keys::load(&config.tokens.keys, &config.state_dir, &*entropy)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let end_matters = spans(config.tokens.access_lifetime, config.sessions).end_matters();
    let Stores { vault, .. } = stores(&config.store, end_matters, &clock, &services)?;
    let store = SealedFactors::new(vault, &keys, entropy);
    let codes = BackupCodes::new(&keys);
    services.block_on(async {
        let directory = DjangoDirectory::new(django_settings(settings)).context("[directory] url")?;
        let mut imported = Imported::default();
        for user in directory.enrolled().await.context("who has a second factor")? {
            let moved = imported.factors_of(&directory, &user).await.with_context(|| format!("user {user}"))?;
            let is_new = if is_rehearsal {
                !moved.is_empty() && store.active(&user).await.with_context(|| format!("user {user}"))?.is_empty()
            } else {
                store.adopt(&user, &moved, &codes).await.with_context(|| format!("user {user}"))?
            };
            imported.count(&moved, is_new);
        }
        Ok(imported)
    })
}

impl Imported {
    /// What a user has that can move; what can't is noted.
    async fn factors_of(&mut self, directory: &DjangoDirectory, user: &UserId) -> anyhow::Result<Vec<Moved>> {
        let (factors, kept) = (directory.active(user).await?, directory.codes(user).await?);
        let mut moved = Vec::new();
        let mut others = Vec::new();
        for factor in factors {
            match factor.kind {
                FactorKind::Totp(secret) => moved.push(Moved {
                    name: factor.name,
                    secret,
                    created: factor.created,
                    last_used: factor.last_used,
                    codes: BackupCodes::in_the_clear(&kept, &factor.device),
                }),
                FactorKind::Other(kind) => others.push(kind),
            }
        }
        for kind in others {
            let what = format!("a factor of kind {kind}, which the gateway has no part in");
            self.left.push(Left { user: user.clone(), what, is_unprotected: moved.is_empty() });
        }
        let hashed = kept.len() - moved.iter().map(|factor| factor.codes.len()).sum::<usize>();
        if hashed > 0 {
            let what = format!(
                "backup codes that are hashed for their old place ({hashed}); new ones are given by regenerateBackupCodes"
            );
            self.left.push(Left { user: user.clone(), what, is_unprotected: false });
        }
        Ok(moved)
    }

    fn count(&mut self, moved: &[Moved], is_new: bool) {
        if !is_new {
            self.known += usize::from(!moved.is_empty());
            return;
        }
        self.users += 1;
        self.authenticators += moved.len();
        self.codes += moved.iter().map(|factor| factor.codes.len()).sum::<usize>();
    }
}

/// What was left, a line each, then what was moved.
impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Left { user, what, is_unprotected } in &self.left {
            let then =
                if *is_unprotected { "; this user has no other, and logs in by the password alone then" } else { "" };
            writeln!(f, "warning: user {user}: not imported: {what}{then}")?;
        }
        let Self { users, authenticators, codes, known, .. } = self;
        writeln!(
            f,
            "users: {users}; authenticators: {authenticators}; backup codes: {codes}; had factors in the store before: {known}"
        )
    }
}
