//! How often credentials may be tried, as it is configured; and an account that is unlocked from outside.

use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::{
    directory::{self, Neighbours},
    keys,
    stores::{Stores, stores},
    tokens::spans,
};
use crate::{
    auth::throttle::{Throttle, ThrottleLimits},
    config::{Config, StoreSettings, ThrottleSettings},
    model::{Clock, Horizon, SystemClock, SystemEntropy, UserId},
};

pub(super) const fn limits(settings: &ThrottleSettings) -> ThrottleLimits {
    let ThrottleSettings {
        account_attempts,
        client_attempts,
        address_attempts,
        address_regain,
        device_attempts,
        first_delay,
        longest_delay,
    } = *settings;
    ThrottleLimits {
        account_attempts,
        client_attempts,
        address_attempts,
        address_regain,
        device_attempts,
        first_delay,
        longest_delay,
    }
}

/// Forgets what was tried at the account of this name, beside the gateways that run: Redis is theirs to share, and SQLite has
/// each process wait for the others. The account's id, if there is one.
///
/// # Errors
/// When there is no store or no key of a gateway that has run, or one of them or the directory can't be read.
pub fn unlock(config: &Config, name: &str) -> anyhow::Result<Option<UserId>> {
    let services = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    if let StoreSettings::Embedded { path } = &config.store
        && !path.exists()
    {
        bail!("session store {}: no gateway has made it yet, so nothing is locked", path.display());
    }
    let keys = keys::existing(&config.tokens.keys, &config.state_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let horizon = Horizon::from(spans(config.tokens.access_lifetime, config.sessions).end_matters());
    let Stores { throttle: counts, tokens, .. } = stores(&config.store, &horizon, &clock, &services)?;
    let throttle = Throttle::new(Arc::clone(&counts), &keys, limits(&config.throttle));
    services.block_on(async {
        let entropy = Arc::new(SystemEntropy);
        let neighbours = Neighbours { keys: &keys, tokens, throttle: counts, clock, entropy };
        let account = directory::users(config, neighbours, services.handle())?.directory.candidate(name).await;
        let user = account.with_context(|| format!("looking up {name}"))?.map(|candidate| candidate.id);
        throttle.unlock(name, user.as_ref()).await?;
        Ok(user)
    })
}
