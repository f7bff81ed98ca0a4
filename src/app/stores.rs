//! The store of the configured kind, under each name that it has.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use crate::{
    auth::timed::Timed,
    config::StoreSettings,
    model::{Clock, Horizon, Meter},
    store::{
        ChallengeStore, SessionStore, ThrottleStore, TokenStore, VaultStore, embedded::EmbeddedStore, redis::RedisStore,
    },
};

/// One backend, as each of those who work with it knows it. What a collector of traces may be told of is timed, whether there is
/// one at the moment or not.
#[derive(Clone)]
pub(super) struct Stores {
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) challenges: Arc<dyn ChallengeStore>,
    pub(super) throttle: Arc<dyn ThrottleStore>,
    pub(super) tokens: Arc<dyn TokenStore>,
    pub(super) vault: Arc<dyn VaultStore>,
    /// How long what it is asked takes.
    pub(super) meter: Arc<Meter>,
}

impl Stores {
    fn of<S: SessionStore + ChallengeStore + ThrottleStore + TokenStore + VaultStore>(
        store: S,
        meter: Arc<Meter>,
    ) -> Self {
        let store = Arc::new(store);
        Self {
            sessions: Arc::new(Timed(Arc::clone(&store))),
            challenges: Arc::new(Timed(Arc::clone(&store))),
            throttle: Arc::new(Timed(Arc::clone(&store))),
            tokens: Arc::clone(&store) as _,
            vault: store,
            meter,
        }
    }
}

pub(super) fn stores(
    settings: &StoreSettings,
    horizon: &Horizon,
    clock: &Arc<dyn Clock>,
    services: &Runtime,
) -> anyhow::Result<Stores> {
    match settings {
        StoreSettings::Embedded { path } => {
            let store = services.block_on(EmbeddedStore::open(path, Arc::clone(clock)));
            let store = store.with_context(|| format!("session store {}", path.display()))?;
            let meter = store.meter();
            Ok(Stores::of(store, meter))
        }
        StoreSettings::Redis { url, key_prefix, timeout } => {
            let store = RedisStore::connect(url, key_prefix.as_str(), *timeout, horizon.clone());
            let store = store.context("[store] url")?;
            let meter = store.meter();
            Ok(Stores::of(store, meter))
        }
    }
}
