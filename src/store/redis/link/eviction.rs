//! Whether a server throws keys away when its memory is short.
//!
//! Every key of ours is worth keeping: a session that is evicted is a user logged out, and a note of a spent credential
//! that is evicted lets the credential be used again. No call waits for this or fails by it: it is asked in passing, on a
//! connection of its own, and the log says what an operator should change.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{InfoDict, RedisResult, cmd};
use tokio::time::timeout;

use super::access::Access;
use crate::model::RedisNode;

/// The policy that throws nothing away.
const KEEPS_ALL: &str = "noeviction";

/// Asks servers how they are set, each when it takes the place of another.
pub(super) struct Eviction {
    access: Access,
    limit: Duration,
    /// The server that was looked at last.
    seen: Mutex<Option<RedisNode>>,
}

impl Eviction {
    pub(super) const fn new(access: Access, limit: Duration) -> Self {
        Self { access, limit, seen: Mutex::new(None) }
    }

    /// Asks this server, unless it was the last that was asked, and warns of what it says.
    pub(super) fn look(self: &Arc<Self>, node: RedisNode) {
        if self.see(Some(node.clone())).as_ref() == Some(&node) {
            return;
        }
        let eviction = Arc::clone(self);
        tokio::spawn(async move {
            match timeout(eviction.limit, eviction.policy(&node)).await {
                Ok(Ok(Some(policy))) if policy != KEEPS_ALL => tracing::warn!(
                    %node,
                    policy,
                    "Redis may throw keys away when its memory is short: set maxmemory-policy to noeviction"
                ),
                Ok(Ok(_)) => {}
                // A user who may not ask, for one.
                Ok(Err(error)) if !error.is_io_error() => {
                    let error = &error as &dyn Error;
                    tracing::debug!(%node, error, "Redis does not tell its maxmemory-policy");
                }
                // It broke off or did not answer: the next connection asks again.
                Ok(Err(_)) | Err(_) => drop(eviction.see(None)),
            }
        });
    }

    fn see(&self, node: Option<RedisNode>) -> Option<RedisNode> {
        std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), node)
    }

    async fn policy(&self, node: &RedisNode) -> RedisResult<Option<String>> {
        let mut connection = self.access.connect(node).await?;
        let info: InfoDict = cmd("INFO").arg("memory").query_async(&mut connection.calls).await?;
        Ok(info.get("maxmemory_policy"))
    }
}
