//! What lasts as long as the process, whatever configuration it runs by.
//!
//! The store is opened once: the embedded one is a file of one process, and what is kept in it, sessions and counts, is not the
//! configuration's. The memory of ended sessions, and who follows the ends of other gateways, stay with it: a reload forgets
//! no logout. So does what is counted of those who are told of what happens, and the numbers of audit events.

use std::{sync::Arc, time::Duration};

use tokio::runtime::{Handle, Runtime};

use super::{
    stores::{Stores, stores},
    tokens::spans,
};
use crate::{
    auth::{
        revocations::{Followed, Follower},
        tokens::Revoked,
    },
    config::{Config, Mode},
    http,
    model::{Clock, Entropy, Horizon, SystemClock, SystemEntropy},
    store::SessionStore,
    telemetry::{audit::AuditLog, lines::Ledger},
};

/// How long a start waits for what other gateways have ended.
const CATCH_UP: Duration = Duration::from_secs(10);

/// What lasts as long as the process.
pub(super) struct Lasting {
    pub(super) stores: Stores,
    pub(super) revoked: Arc<Revoked>,
    pub(super) followed: Arc<Followed>,
    /// How long ends of sessions are remembered, here and in the store.
    pub(super) horizon: Horizon,
    /// Counts the sockets that there are.
    pub(super) sockets: http::Places,
    /// Counts in what the gateway would answer otherwise, where the backend answers.
    pub(super) shadow: Option<Arc<http::ShadowTally>>,
    /// Keeps what became of auth operations.
    pub(super) audit: Arc<AuditLog>,
    /// What becomes of the access log.
    pub(super) access: Ledger,
    /// What becomes of spans.
    pub(super) spans: Ledger,
    /// This run of the gateway, for a collector of traces; random.
    pub(super) instance: [u8; 8],
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// Where commands run, and whatever else is no core's.
    pub(super) services: Handle,
}

impl Lasting {
    /// Opens the store.
    ///
    /// # Errors
    /// When it can't be opened. One of other machines that is down is none.
    pub(super) fn open(config: &Config, services: &Runtime) -> anyhow::Result<Self> {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let horizon = Horizon::from(spans(config.tokens.access_lifetime, config.sessions).end_matters());
        let shadow = (config.mode == Mode::Shadow).then(Arc::default);
        let stores = match shadow {
            Some(_) => Stores::blank(),
            None => stores(&config.store, &horizon, &clock, services)?,
        };
        let revoked: Arc<Revoked> = Arc::default();
        let follower = Follower::new(stores.sessions.feed(), Arc::clone(&revoked), Arc::clone(&clock), horizon.clone());
        Ok(Self {
            followed: follow(follower, Arc::clone(&stores.sessions), services),
            stores,
            revoked,
            horizon,
            sockets: http::Places::default(),
            shadow,
            audit: Arc::new(AuditLog::new(Arc::clone(&clock), entropy.bytes()?)),
            access: Ledger::of_lines("access log"),
            spans: Ledger::of_spans(),
            instance: entropy.bytes()?,
            clock,
            entropy,
            services: services.handle().clone(),
        })
    }
}

/// Follows what other gateways end, and first reads what they have ended: a token that they refuse is not taken by one
/// that has just started.
fn follow(mut follower: Follower, sessions: Arc<dyn SessionStore>, services: &Runtime) -> Arc<Followed> {
    let followed = follower.followed();
    services.block_on(async {
        if tokio::time::timeout(CATCH_UP, follower.catch_up()).await.is_err() {
            tracing::warn!("starting without having read all that other gateways have ended; reading goes on");
        }
    });
    services.spawn(follower.keep_running(move || sessions.feed()));
    followed
}
