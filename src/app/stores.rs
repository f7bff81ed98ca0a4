//! The store of the configured kind, under each name that it has.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::tls::for_redis;
use crate::{
    auth::timed::Timed,
    config::StoreSettings,
    model::{Clock, Horizon, Meter},
    store::{
        ChallengeStore, SessionStore, ThrottleStore, TokenStore, VaultStore, blank::BlankStore,
        embedded::EmbeddedStore, redis::RedisStore,
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
    /// The same, where it is Redis.
    pub(super) redis: Option<Arc<RedisStore>>,
    /// How long what it is asked takes.
    pub(super) meter: Arc<Meter>,
}

impl Stores {
    /// Keeps nothing.
    pub(super) fn blank() -> Self {
        Self::of(Arc::new(BlankStore), Arc::default())
    }

    fn of<S: SessionStore + ChallengeStore + ThrottleStore + TokenStore + VaultStore>(
        store: Arc<S>,
        meter: Arc<Meter>,
    ) -> Self {
        Self {
            sessions: Arc::new(Timed(Arc::clone(&store))),
            challenges: Arc::new(Timed(Arc::clone(&store))),
            throttle: Arc::new(Timed(Arc::clone(&store))),
            tokens: Arc::clone(&store) as _,
            vault: store,
            redis: None,
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
            Ok(Stores::of(Arc::new(store), meter))
        }
        StoreSettings::Redis { url, tls, key_prefix, timeout } => {
            let tls = for_redis(tls.as_ref(), services.handle()).context("[store.tls]")?;
            let store = RedisStore::connect(url, tls, key_prefix.as_str(), *timeout, horizon.clone());
            let store = Arc::new(store.context("[store] url")?);
            let meter = store.meter();
            Ok(Stores { redis: Some(Arc::clone(&store)), ..Stores::of(store, meter) })
        }
    }
}
