//! Whether a server throws keys away when its memory is short.
//!
//! Every key of ours is worth keeping: a session that is evicted is a user logged out, and a note of a spent credential
//! that is evicted lets the credential be used again. No call waits for this or fails by it: it is asked in passing, on a
//! connection of its own, and the log and `/readyz` say what an operator should change.

use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{InfoDict, RedisResult, cmd};
use tokio::time::{Instant, timeout};

use super::access::Access;
use crate::model::RedisNode;

/// The policy that throws nothing away.
const KEEPS_ALL: &str = "noeviction";
/// How long an answer counts. An operator may change the policy of a server that runs.
const COUNTS_FOR: Duration = Duration::from_secs(10);

/// Asks servers how they are set: each when it takes the place of another, and again after a while.
pub(super) struct Eviction {
    access: Access,
    limit: Duration,
    look: Mutex<Option<Look>>,
}

/// The last time that a server was asked.
struct Look {
    node: RedisNode,
    begun: Instant,
    /// What it said, now or the time before.
    policy: Option<String>,
    /// It broke off or did not answer.
    failed: bool,
}

impl Eviction {
    pub(super) const fn new(access: Access, limit: Duration) -> Self {
        Self { access, limit, look: Mutex::new(None) }
    }

    /// Asks this server, which is connected to just now, unless it was the last that answered.
    pub(super) fn look(self: &Arc<Self>, node: RedisNode) {
        let mut look = self.last();
        if look.as_ref().is_none_or(|look| look.node != node || look.failed) {
            self.ask(&mut look, node);
        }
    }

    /// Asks the last one again if that is a while ago.
    pub(super) fn look_again(self: &Arc<Self>) {
        let mut look = self.last();
        let due = look.as_ref().filter(|look| look.begun.elapsed() >= COUNTS_FOR);
        if let Some(node) = due.map(|look| look.node.clone()) {
            self.ask(&mut look, node);
        }
    }

    /// The server that was asked last, and its policy as far as it is known.
    pub(super) fn policy(&self) -> Option<(RedisNode, String)> {
        let look = self.last();
        let Look { node, policy, .. } = look.as_ref()?;
        Some((node.clone(), policy.clone()?))
    }

    fn last(&self) -> MutexGuard<'_, Option<Look>> {
        self.look.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(self: &Arc<Self>, look: &mut Option<Look>, node: RedisNode) {
        let policy = look.take().filter(|before| before.node == node).and_then(|before| before.policy);
        *look = Some(Look { node: node.clone(), begun: Instant::now(), policy, failed: false });
        let eviction = Arc::clone(self);
        tokio::spawn(async move {
            let answer = timeout(eviction.limit, eviction.policy_of(&node)).await;
            let mut look = eviction.last();
            let Some(look) = look.as_mut().filter(|look| look.node == node) else { return };
            match answer {
                Ok(Ok(policy)) => look.note(policy),
                // A user who may not ask, for one.
                Ok(Err(error)) if !error.is_io_error() => {
                    look.policy = None;
                    let error = &error as &dyn Error;
                    tracing::debug!(%node, error, "Redis does not tell its maxmemory-policy");
                }
                Ok(Err(_)) | Err(_) => look.failed = true,
            }
        });
    }

    async fn policy_of(&self, node: &RedisNode) -> RedisResult<Option<String>> {
        let mut connection = self.access.connect(node).await?;
        let info: InfoDict = cmd("INFO").arg("memory").query_async(&mut connection.calls).await?;
        Ok(info.get("maxmemory_policy"))
    }
}

impl Look {
    /// Warns of what is new.
    fn note(&mut self, policy: Option<String>) {
        let Self { node, policy: known, .. } = self;
        if let Some(policy) =
            policy.as_deref().filter(|policy| *policy != KEEPS_ALL && Some(*policy) != known.as_deref())
        {
            tracing::warn!(
                %node,
                policy,
                "Redis may throw keys away when its memory is short: set maxmemory-policy to noeviction"
            );
        }
        *known = policy;
    }
}
