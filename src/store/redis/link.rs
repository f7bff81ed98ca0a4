//! The connection to Redis, and when it is given up.
//!
//! Every call has one deadline, connecting included. A connection on which a reply may still be outstanding, because
//! the call was cut off by its deadline or its caller went away, is never used again: the next command could get that
//! earlier reply (redis-rs #1252).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisResult, ScriptInvocation, aio::MultiplexedConnection,
};
use tokio::{
    sync::Mutex,
    time::{error::Elapsed, timeout},
};

use super::failure;
use crate::store::{StoreError, StoreErrorKind};

/// One atomic step.
pub(super) enum Step<'a> {
    Command(Cmd),
    Script(ScriptInvocation<'a>),
}

/// Makes connections when they are needed and replaces those that failed.
pub(super) struct Link {
    client: Client,
    limit: Duration,
    /// Held while connecting, so that calls that come together share one connection.
    slot: Mutex<Option<Shared>>,
}

/// A connection that concurrent calls are pipelined on.
#[derive(Clone)]
struct Shared {
    connection: MultiplexedConnection,
    given_up: Arc<AtomicBool>,
}

/// One call's hold on the connection. Unless the call ends well, the connection is given up: the future may be dropped
/// at any await, and `Drop` is the one place that sees it.
struct Lease {
    shared: Shared,
    sound: bool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.sound {
            self.shared.given_up.store(true, Ordering::Release);
        }
    }
}

impl Link {
    /// Connects later, at the first call.
    pub(super) fn new(client: Client, limit: Duration) -> Self {
        Self { client, limit, slot: Mutex::new(None) }
    }

    /// Runs a step within the deadline.
    ///
    /// A step whose connection broke is run once more on a new one, since an idle connection that Redis or a firewall
    /// closed is noticed only by using it. Every step of this store bears that, even if the first attempt was applied
    /// and only its reply was lost: `find`, `list` and `is_spent` change nothing; `end` and `end_all` leave sessions
    /// ended, `spend` a credential spent; `create`, `rotate` and `adopt` find what they wrote and answer as the first time;
    /// an end that is announced twice is no less true.
    pub(super) async fn run<T: FromRedisValue>(&self, step: &Step<'_>) -> Result<T, StoreError> {
        let attempts = async {
            let outcome = match self.attempt(step).await {
                Err(error) if failure::lost_connection(&error) => self.attempt(step).await,
                outcome => outcome,
            };
            outcome.map_err(failure::translate)
        };
        self.within(attempts).await
    }

    /// Gives a call its deadline, for as many steps as it takes.
    pub(super) async fn within<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        timeout(self.limit, call)
            .await
            .unwrap_or_else(|cut_off: Elapsed| Err(StoreError::new(StoreErrorKind::Unavailable, cut_off)))
    }

    async fn attempt<T: FromRedisValue>(&self, step: &Step<'_>) -> RedisResult<T> {
        let mut lease = self.lease().await?;
        let connection = &mut lease.shared.connection;
        let outcome = match step {
            Step::Command(command) => command.query_async(connection).await,
            Step::Script(script) => script.invoke_async(connection).await,
        };
        lease.sound = match &outcome {
            Ok(_) => true,
            Err(error) => failure::connection_is_sound(error),
        };
        outcome
    }

    async fn lease(&self) -> RedisResult<Lease> {
        let mut slot = self.slot.lock().await;
        let shared = match slot.take().filter(|shared| !shared.given_up.load(Ordering::Acquire)) {
            Some(shared) => shared,
            None => self.connect().await?,
        };
        *slot = Some(shared.clone());
        Ok(Lease { shared, sound: false })
    }

    /// A connection for one that waits on it: nothing else is sent there, and no reply is late. Its user bounds each wait.
    pub(super) async fn connect_alone(&self) -> Result<MultiplexedConnection, StoreError> {
        self.within(async { Ok(self.connect().await.map_err(failure::translate)?.connection) }).await
    }

    async fn connect(&self) -> RedisResult<Shared> {
        // No limits of its own: the call's deadline covers connecting and the reply, and drops the connection with it.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Shared { connection, given_up: Arc::default() })
    }
}
