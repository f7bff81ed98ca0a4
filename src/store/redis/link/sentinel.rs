//! Several servers, of which one is the primary, and sentinels that know which.
//!
//! They are asked for each new connection, in the order of the URL, and the server that they name is asked whether it is
//! a primary: a sentinel that was cut off tells what was true before. Nothing is learnt in advance. A server that was
//! replaced ends its connections or answers `READONLY`, and one that is gone does not answer; each of these gives the
//! connection up, so the next call asks again.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value, cmd};
use tokio::time::timeout;

use super::{
    Route, Topology,
    access::{Access, Connection, Reached},
    connection::{Lease, Line},
};
use crate::{model::RedisNode, store::redis::failure};

pub(super) struct Sentinel {
    search: Arc<Search>,
    line: Line,
}

/// What is known from the start.
pub(super) struct Search {
    pub(super) sentinels: Vec<RedisNode>,
    /// To them.
    pub(super) ask: Access,
    pub(super) service: String,
    /// To the servers.
    pub(super) access: Access,
    /// How long one of all these may take, so that one that doesn't answer leaves time for the others.
    pub(super) patience: Duration,
}

impl Sentinel {
    pub(super) fn new(search: Search, limit: Duration) -> Self {
        let line = Line::new(search.access.clone(), limit);
        Self { search: Arc::new(search), line }
    }
}

#[async_trait]
impl Topology for Sentinel {
    async fn lease(&self, _slot: u16, _route: &Route) -> RedisResult<Lease> {
        let search = Arc::clone(&self.search);
        self.line.lease(async move { search.run().await }).await
    }

    async fn open(&self, _slot: u16) -> RedisResult<Lease> {
        Ok(self.line.alone(self.search.run().await?))
    }

    fn policies(&self) -> Vec<(RedisNode, String)> {
        self.line.policy().into_iter().collect()
    }
}

impl Search {
    /// A connection to the primary.
    async fn run(&self) -> RedisResult<Reached> {
        let (mut tried, mut why) = (Vec::new(), None);
        for sentinel in &self.sentinels {
            let node = match self.within_patience(sentinel, self.primary_by(sentinel)).await {
                Ok(node) if tried.contains(&node) => continue,
                Ok(node) => node,
                Err(error) => {
                    why.get_or_insert(error);
                    continue;
                }
            };
            match self.within_patience(&node, self.connect(&node)).await {
                Ok(connection) => return Ok(Reached { node, connection }),
                // Says more than that a sentinel is away.
                Err(error) => why = Some(error),
            }
            tried.push(node);
        }
        Err(why.unwrap_or_else(|| (ErrorKind::EmptySentinelList, "no sentinel is known").into()))
    }

    async fn within_patience<T>(&self, node: &RedisNode, call: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        let outcome = timeout(self.patience, call).await;
        let outcome = outcome.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        outcome.map_err(|error| failure::at(node, &error))
    }

    async fn primary_by(&self, sentinel: &RedisNode) -> RedisResult<RedisNode> {
        let mut connection = self.ask.connect(sentinel).await?;
        let mut question = cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let named: Option<(String, u16)> = question.query_async(&mut connection.calls).await?;
        let (host, port) = named.ok_or_else(|| self.unknown_service())?;
        Ok(RedisNode { host, port })
    }

    async fn connect(&self, node: &RedisNode) -> RedisResult<Connection> {
        let mut connection = self.access.connect(node).await?;
        let role: Vec<Value> = cmd("ROLE").query_async(&mut connection.calls).await?;
        let role: String = redis::from_redis_value(role.into_iter().next().unwrap_or(Value::Nil))?;
        if role == "master" {
            return Ok(connection);
        }
        let readonly = ErrorKind::Server(ServerErrorKind::ReadOnly);
        Err((readonly, "the sentinels name a server that is no primary").into())
    }

    fn unknown_service(&self) -> RedisError {
        let kind = ErrorKind::MasterNameNotFoundBySentinel;
        (kind, "the sentinel does not know this service", self.service.clone()).into()
    }
}
