//! The way to Redis: how a step finds the server that writes, and when a connection is given up.
//!
//! Every call has one deadline, connecting included. A connection on which a reply may still be outstanding, because
//! the call was cut off by its deadline or its caller went away, is never used again: the next command could get that
//! earlier reply (redis-rs #1252).
//!
//! A [`Topology`] finds the server; there is a file for each. All of them share what is here: the deadline, and what
//! is done about an error. Redis' own client for clusters is not used, nor its managed connections: they repeat commands by
//! rules of their own and outlast a caller's deadline, and one file of rules is easier to trust than two.

use std::time::Duration;

use async_trait::async_trait;
use redis::{FromRedisValue, RedisResult};
use tokio::time::{error::Elapsed, timeout};

use self::{
    connection::{Access, Lease},
    sentinel::{Search, Sentinel},
    single::Single,
};
use super::{
    failure::{self, Remedy},
    step::Step,
};
use crate::{
    model::{RedisAddress, RedisTopology},
    store::{StoreError, StoreErrorKind},
};

mod connection;
mod joint;
mod sentinel;
mod single;

/// So many servers may be silent, one after the other, until a call's time is over.
const PATIENCE: u32 = 4;

/// Finds the server that writes, and keeps connections.
#[async_trait]
trait Topology: Send + Sync {
    /// A hold on a connection to it, which other calls may be using at the same time.
    async fn lease(&self) -> RedisResult<Lease>;
}

/// What the store runs its steps on.
pub(super) struct Link {
    topology: Box<dyn Topology>,
    limit: Duration,
}

impl Link {
    /// Connects later, at the first call. A call takes `limit` at most.
    pub(super) fn new(address: RedisAddress, limit: Duration) -> Self {
        let topology: Box<dyn Topology> = match address.topology {
            RedisTopology::Single { node, db } => Box::new(Single::new(node, Access::new(address.login, db), limit)),
            RedisTopology::Sentinel { sentinels, service, sentinel_login, db } => {
                let (ask, access) = (Access::new(sentinel_login, 0), Access::new(address.login, db));
                let search = Search { sentinels, ask, service, access, patience: limit / PATIENCE };
                Box::new(Sentinel::new(search, limit))
            }
        };
        Self { topology, limit }
    }

    /// Runs a step within the deadline.
    ///
    /// A step whose connection broke is run once more on a new one, since an idle connection that Redis or a firewall
    /// closed is noticed only by using it. Every step of this store bears that, even if the first attempt was applied
    /// and only its reply was lost: `find` and `list` change nothing; `end` and `end_all` leave sessions ended; `create`
    /// and `rotate` find what they wrote and answer as the first time.
    pub(super) async fn run<T: FromRedisValue>(&self, step: &Step<'_>) -> Result<T, StoreError> {
        self.within(async { self.persist(step).await.map_err(failure::translate) }).await
    }

    /// Gives a call its deadline, for as many steps as it takes.
    pub(super) async fn within<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        timeout(self.limit, call)
            .await
            .unwrap_or_else(|cut_off: Elapsed| Err(StoreError::new(StoreErrorKind::Unavailable, cut_off)))
    }

    async fn persist<T: FromRedisValue>(&self, step: &Step<'_>) -> RedisResult<T> {
        let mut repeated = false;
        loop {
            let error = match self.attempt(step).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            match failure::remedy(&error) {
                Remedy::Repeat if !repeated => repeated = true,
                Remedy::Repeat | Remedy::Tell => return Err(error),
            }
        }
    }

    async fn attempt<T: FromRedisValue>(&self, step: &Step<'_>) -> RedisResult<T> {
        let mut lease = self.topology.lease().await?;
        let outcome = step.run(lease.connection()).await;
        if outcome.as_ref().err().is_none_or(failure::connection_is_sound) {
            lease.ends_well();
        }
        outcome
    }
}
