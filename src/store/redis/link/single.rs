//! One server, which is always the one that writes.

use std::time::Duration;

use async_trait::async_trait;
use redis::RedisResult;

use super::{
    Route, Topology,
    access::Access,
    connection::{Lease, Line},
};
use crate::model::RedisNode;

pub(super) struct Single {
    node: RedisNode,
    access: Access,
    line: Line,
}

impl Single {
    pub(super) fn new(node: RedisNode, access: Access, limit: Duration) -> Self {
        Self { node, line: Line::new(access.clone(), limit), access }
    }
}

#[async_trait]
impl Topology for Single {
    async fn lease(&self, _slot: u16, _route: &Route) -> RedisResult<Lease> {
        let (access, node) = (self.access.clone(), self.node.clone());
        self.line.lease(async move { access.reach(node).await }).await
    }

    async fn open(&self, _slot: u16) -> RedisResult<Lease> {
        Ok(self.line.alone(self.access.reach(self.node.clone()).await?))
    }

    fn policies(&self) -> Vec<(RedisNode, String)> {
        self.line.policy().into_iter().collect()
    }
}
