//! What lasts as long as the process, whatever configuration it runs by.
//!
//! The store is opened once: the embedded one is a file of one process, and what is kept in it, sessions and counts, is not the
//! configuration's. The memory of ended sessions, and who follows the ends of other gateways, stay with it: a reload forgets
//! no logout. Who is told of what happens, the audit log and a collector of traces, stays too.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::{Handle, Runtime},
    task::JoinHandle,
};

use super::{
    audit,
    stores::{Stores, stores},
    tokens::spans,
    traces,
};
use crate::{
    auth::{
        revocations::{Followed, Follower},
        tokens::Revoked,
    },
    config::{Config, Mode},
    http,
    model::{Clock, Entropy, Horizon, SystemClock, SystemEntropy},
    telemetry::{audit::AuditLog, lines::Writers, spans::Tracer},
};

/// How long a start waits for what other gateways have ended.
const CATCH_UP: Duration = Duration::from_secs(10);
/// How long the end waits for each task to tell what is left.
const PATIENCE: Duration = Duration::from_secs(2);

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
    /// Records spans, where a collector is told of them.
    pub(super) tracer: Option<Tracer>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// Where commands run, and whatever else is no core's.
    pub(super) services: Handle,
}

/// The tasks that tell others of what happened: one that writes audit events to a stream, and one that sends spans.
pub(super) struct Told {
    streaming: Option<JoinHandle<()>>,
    exporting: Option<JoinHandle<()>>,
}

impl Told {
    /// Waits until all is told, but not for ever. Nobody may tell of anything any more.
    pub(super) async fn end(self) {
        tokio::join!(end_of(self.streaming), end_of(self.exporting));
    }
}

async fn end_of(task: Option<JoinHandle<()>>) {
    if let Some(task) = task {
        // What is left then is told of when the task is dropped.
        let _ = tokio::time::timeout(PATIENCE, task).await;
    }
}

impl Lasting {
    /// Opens the store, and the ways to those who are told of what happens.
    ///
    /// # Errors
    /// When one can't be opened. One of other machines that is down is none.
    pub(super) fn open(config: &Config, services: &Runtime, writers: &mut Writers) -> anyhow::Result<(Self, Told)> {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let (tracer, exporting) = traces::start(config.otlp.as_ref(), &*entropy, services.handle())?;
        let (mut audit, streaming) = audit::log(&config.audit, Arc::clone(&clock), &*entropy, writers, services)?;
        if let Some(tracer) = tracer.clone() {
            audit.set_tracer(tracer);
        }
        let horizon = Horizon::from(spans(config.tokens.access_lifetime, config.sessions).end_matters());
        let shadow = (config.mode == Mode::Shadow).then(Arc::default);
        let stores = match shadow {
            Some(_) => Stores::blank(),
            None => stores(&config.store, &horizon, &clock, services)?,
        };
        let stores = traces::timed(tracer.as_ref(), stores);
        let revoked: Arc<Revoked> = Arc::default();
        let follower = Follower::new(stores.sessions.feed(), Arc::clone(&revoked), Arc::clone(&clock), horizon.clone());
        let lasting = Self {
            followed: follow(follower, services),
            stores,
            revoked,
            horizon,
            sockets: http::Places::default(),
            shadow,
            audit: Arc::new(audit),
            tracer,
            clock,
            entropy,
            services: services.handle().clone(),
        };
        Ok((lasting, Told { streaming, exporting }))
    }
}

/// Follows what other gateways end, and first reads what they have ended: a token that they refuse is not taken by one
/// that has just started.
fn follow(mut follower: Follower, services: &Runtime) -> Arc<Followed> {
    let followed = follower.followed();
    services.block_on(async {
        if tokio::time::timeout(CATCH_UP, follower.catch_up()).await.is_err() {
            tracing::warn!("starting without having read all that other gateways have ended; reading goes on");
        }
    });
    services.spawn(follower.run());
    followed
}
