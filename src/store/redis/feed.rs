//! The feed of ended sessions: announcing, and following what was announced.

use std::{fmt, mem, sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::{Value, cmd};
use tokio::time::{error::Elapsed, timeout};

use super::{
    failure,
    keys::Keys,
    link::{Lease, Link},
    position::{Batch, Position, Reply},
    scripts::{ANNOUNCE, NEWS, micros},
    step::Step,
};
use crate::{
    model::{Horizon, SessionId},
    store::{Feed, News, StoreError, StoreErrorKind, feed::QUIET_EVERY},
};

/// How much longer than its entries the feed's place is known. A feed in which nothing happens for longer looks as if
/// Redis had lost its data: every session is checked anew, once.
const PLACE_KNOWN: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many entries are read at once.
const BATCH: usize = 1000;

/// Where ends of sessions are announced.
#[derive(Clone, Debug)]
pub(super) struct Revocations {
    stream: String,
    place: String,
    /// How long an entry is of use.
    of_use: Horizon,
    /// One reply's time.
    timeout: Duration,
}

impl Revocations {
    pub(super) fn new(keys: &Keys, of_use: Horizon, timeout: Duration) -> Self {
        Self { stream: keys.stream(), place: keys.place(), of_use, timeout }
    }

    /// The step that announces the end of these sessions; `None` when there are none.
    pub(super) fn announcement(&self, sessions: &[SessionId]) -> Option<Step<'static>> {
        let texts: Vec<String> = sessions.iter().map(SessionId::to_string).collect();
        let (first, of_use) = (texts.first()?, self.of_use.get());
        let mut script = Step::script(&ANNOUNCE);
        script
            .key(self.stream.clone())
            .key(self.place.clone())
            .arg(micros(of_use))
            .arg(micros(of_use.saturating_add(PLACE_KNOWN)))
            .arg(first)
            .arg(texts.join(" "));
        Some(script)
    }

    /// A listener from the beginning.
    pub(super) fn follow(&self, link: Arc<Link>) -> RedisFeed {
        let keys = self.clone();
        RedisFeed { link, keys, position: Position::start(), connection: None, owes_quiet: false }
    }
}

/// A listener with a connection of its own, on which it may wait.
pub(super) struct RedisFeed {
    link: Arc<Link>,
    keys: Revocations,
    position: Position,
    /// Taken while it is used, so that it is gone after a call that failed or was dropped: a reply may be outstanding.
    connection: Option<Listening>,
    /// All has been told; it remains to be said so.
    owes_quiet: bool,
}

struct Listening {
    /// Dropped after a failure, it has the server found anew.
    lease: Lease,
    /// All that there was has been read by this connection.
    is_up_to_date: bool,
}

impl RedisFeed {
    async fn connect(&mut self) -> Result<Listening, StoreError> {
        let lease = self.link.connect_alone(&self.keys.stream).await?;
        self.position.resume();
        Ok(Listening { lease, is_up_to_date: false })
    }

    /// Waits until there is a further entry, but no longer than it may be silent. Which entry it is, is read afterwards,
    /// together with where the stream stands.
    async fn wait(&self, lease: &mut Lease) -> Result<(), StoreError> {
        let mut command = cmd("XREAD");
        command.arg("COUNT").arg(1).arg("BLOCK").arg(QUIET_EVERY.as_millis().to_string());
        command.arg("STREAMS").arg(&self.keys.stream).arg(self.position.cursor());
        // Redis answers in time even if there is nothing. A peer that doesn't is dead.
        within(QUIET_EVERY.saturating_add(self.keys.timeout), command.query_async::<Value>(lease.connection())).await?;
        Ok(())
    }

    async fn read(&self, lease: &mut Lease) -> Result<Batch, StoreError> {
        let mut script = Step::script(&NEWS);
        script.key(self.keys.stream.clone()).key(self.keys.place.clone()).arg(self.position.cursor()).arg(BATCH);
        let reply = within(self.keys.timeout, script.run::<Reply>(lease.connection())).await?;
        Ok(Batch::new(reply, BATCH))
    }
}

async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, redis::RedisError>>) -> Result<T, StoreError> {
    let reply =
        timeout(limit, call).await.map_err(|cut_off: Elapsed| StoreError::new(StoreErrorKind::Unavailable, cut_off))?;
    reply.map_err(failure::translate)
}

#[async_trait]
impl Feed for RedisFeed {
    async fn next(&mut self) -> Result<News, StoreError> {
        if mem::take(&mut self.owes_quiet) {
            return Ok(News::Quiet);
        }
        let mut listening = match self.connection.take() {
            Some(listening) => listening,
            None => self.connect().await?,
        };
        if listening.is_up_to_date {
            self.wait(&mut listening.lease).await?;
        }
        let batch = self.read(&mut listening.lease).await?;
        let is_all = !batch.is_full();
        let news = self.position.advance(batch);
        listening.is_up_to_date = is_all && news != News::Gap;
        self.owes_quiet = listening.is_up_to_date && news != News::Quiet;
        self.connection = Some(listening);
        Ok(news)
    }
}

impl fmt::Debug for RedisFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisFeed").field("position", &self.position).finish_non_exhaustive()
    }
}
