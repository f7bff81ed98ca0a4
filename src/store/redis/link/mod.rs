//! The way to Redis: how a step finds the server that writes, and when a connection is given up.
//!
//! Every call has one deadline, connecting included. A connection on which a reply may still be outstanding, because
//! the call was cut off by its deadline or its caller went away, is never used again: the next command could get that
//! earlier reply (redis-rs #1252).
//!
//! A [`Topology`] finds the server; there is a file for each. All of them share what is here: the deadline, and what
//! is done about an error. Redis' own client for clusters is not used, nor its managed connections: they repeat commands by
//! rules of their own and outlast a caller's deadline, and one file of rules is easier to trust than two.

use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::{FromRedisValue, RedisResult};
use tokio::time::{Instant, error::Elapsed, sleep, timeout};

use self::{
    access::Access,
    cluster::Cluster,
    sentinel::{Search, Sentinel},
    single::Single,
};
use super::{
    failure::{self, Remedy, Verdict},
    step::Step,
};
use crate::{
    model::{Meter, RedisAddress, RedisNode, RedisTopology, Secret},
    store::{StoreError, StoreErrorKind},
};

mod access;
mod cluster;
mod connection;
mod eviction;
mod joint;
mod sentinel;
mod single;
mod slots;
mod tls;

pub(super) use connection::Lease;
pub(super) use slots::slot_of;
pub use tls::Tls;

/// So many servers may be silent, one after the other, until a call's time is over.
const PATIENCE: u32 = 4;

/// How often a call follows a cluster that sends it elsewhere.
const REDIRECTS: u32 = 5;

/// Until what a cluster is about to change may have changed.
const PAUSE: Duration = Duration::from_millis(20);

/// Finds the server that writes, and keeps connections.
#[async_trait]
trait Topology: Send + Sync {
    /// A hold on a connection to it, which other calls may be using at the same time. Where there is one server for all
    /// keys, neither slot nor route matters.
    async fn lease(&self, slot: u16, route: &Route) -> RedisResult<Lease>;

    /// A connection of the caller's own to the server that has the slot.
    async fn open(&self, slot: u16) -> RedisResult<Lease>;

    /// What servers that it has connections to do when their memory is short, as far as it is known.
    fn policies(&self) -> Vec<(RedisNode, String)>;
}

/// Which server a step is for. All but the first is said by a cluster.
pub(super) enum Route {
    /// The one that has the step's slot.
    Owner,
    /// The same, but what was known of it is wrong, and this node should know.
    Moved(Option<RedisNode>),
    /// For this once the one to which the slot is moving: the other one has the keys no more. Without a host it is on that
    /// other one's.
    Ask(RedisNode),
}

/// What a step said.
pub(super) struct Told<T> {
    pub(super) reply: T,
    /// Its connection broke once: the step may have been applied before, and that reply is lost.
    pub(super) repeated: bool,
}

/// What the store runs its steps on.
pub(super) struct Link {
    topology: Box<dyn Topology>,
    limit: Duration,
    pub(super) meter: Arc<Meter>,
}

impl Link {
    /// Connects later, at the first call. A call takes `limit` at most.
    ///
    /// # Errors
    /// When the URL can't be read, or it and `tls` don't go together: nothing is spoken in clear that was meant not to be.
    pub(super) fn new(url: &Secret, tls: Option<Tls>, limit: Duration) -> Result<Self, StoreError> {
        let unusable = |fault: Box<dyn Error + Send + Sync>| StoreError::new(StoreErrorKind::Unavailable, fault);
        let address = RedisAddress::parse(url.expose()).map_err(|fault| unusable(fault.into()))?;
        if address.is_tls != tls.is_some() {
            return Err(unusable("TLS is spoken where the URL begins with rediss, and only there".into()));
        }
        Ok(Self { topology: topology(address, tls, limit), limit, meter: Arc::default() })
    }
    /// What servers that are in use do when their memory is short, as far as they say it.
    pub(super) fn policies(&self) -> Vec<(RedisNode, String)> {
        self.topology.policies()
    }

    /// The deadline of a call that begins now, for what it does aside after its steps.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.limit
    }

    /// Runs a step within the deadline.
    ///
    /// A step whose connection broke is run once more on a new one, since an idle connection that Redis or a firewall
    /// closed is noticed only by using it. Every step of this store bears that, even if the first attempt was applied
    /// and only its reply was lost: `find`, `list` and `is_spent` change nothing; `end` and `end_all` leave sessions
    /// ended, `spend` a credential spent; `touch` touches again; `create`, `rotate`, `adopt`, `begin`, `consume` and `put` find
    /// what they wrote and answer as the first time; an end that is announced twice is no less true, an event that is
    /// appended twice says which it is, and a try that `attempt` counts twice costs its user one. Only a `rotate` that ended
    /// the session finds nothing any more: see [`run_telling`](Self::run_telling).
    pub(super) async fn run<T: FromRedisValue>(&self, step: &Step<'_>) -> Result<T, StoreError> {
        self.run_telling(step).await.map(|told| told.reply)
    }

    /// The same for a step to which it matters that an earlier attempt may have been applied.
    pub(super) async fn run_telling<T: FromRedisValue>(&self, step: &Step<'_>) -> Result<Told<T>, StoreError> {
        self.within(async { self.persist(step).await.map_err(failure::translate) }).await
    }

    /// Gives a call its deadline, for as many steps as it takes.
    pub(super) async fn within<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let cut_off = |cut_off: Elapsed| Err(StoreError::new(StoreErrorKind::Unavailable, cut_off));
        self.meter.time(async { timeout(self.limit, call).await.unwrap_or_else(cut_off) }).await
    }

    /// A connection for one that waits on it, to the server that has this key: nothing else is sent there, and no reply is
    /// late. Its user bounds each wait, and drops it when one fails, so that the server is found anew.
    pub(super) async fn connect_alone(&self, key: &str) -> Result<Lease, StoreError> {
        self.within(async { self.topology.open(slot_of(key)).await.map_err(failure::translate) }).await
    }

    async fn persist<T: FromRedisValue>(&self, step: &Step<'_>) -> RedisResult<Told<T>> {
        let (mut route, mut repeated, mut redirects) = (Route::Owner, false, 0);
        loop {
            let error = match self.attempt(step, &route).await {
                Ok(reply) => return Ok(Told { reply, repeated }),
                Err(error) => error,
            };
            route = match failure::remedy(&error) {
                Remedy::Repeat if !repeated => {
                    repeated = true;
                    Route::Owner
                }
                Remedy::Follow(route) if redirects < REDIRECTS => {
                    // That it goes on is two nodes that disagree, until they have spoken.
                    sleep(PAUSE * u32::from(redirects > 0)).await;
                    redirects += 1;
                    route
                }
                Remedy::Wait => {
                    sleep(PAUSE).await;
                    redirects = 0;
                    Route::Owner
                }
                Remedy::Repeat | Remedy::Follow(_) | Remedy::Tell => return Err(error),
            };
        }
    }

    async fn attempt<T: FromRedisValue>(&self, step: &Step<'_>, route: &Route) -> RedisResult<T> {
        let mut lease = self.topology.lease(step.slot(), route).await?;
        let outcome = match route {
            Route::Ask(_) => step.run_asking(lease.connection()).await,
            Route::Owner | Route::Moved(_) => step.run(lease.connection()).await,
        };
        match outcome.as_ref().err().map(failure::verdict) {
            None | Some(Verdict::Sound) => lease.ends_well(),
            Some(Verdict::WrongServer) => lease.is_sound(),
            Some(Verdict::Broken) => {}
        }
        outcome
    }
}

fn topology(address: RedisAddress, tls: Option<Tls>, limit: Duration) -> Box<dyn Topology> {
    let RedisAddress { topology, login, .. } = address;
    match topology {
        RedisTopology::Single { node, db } => Box::new(Single::new(node, Access::new(login, db, tls), limit)),
        RedisTopology::Sentinel { sentinels, service, sentinel_login, db } => {
            let (ask, access) = (Access::new(sentinel_login, 0, tls.clone()), Access::new(login, db, tls));
            let search = Search { sentinels, ask, service, access, patience: limit / PATIENCE };
            Box::new(Sentinel::new(search, limit))
        }
        RedisTopology::Cluster { nodes } => {
            Box::new(Cluster::new(nodes, Access::new(login, 0, tls), limit / PATIENCE, limit))
        }
    }
}
