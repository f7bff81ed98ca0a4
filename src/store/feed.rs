//! What a store tells of sessions that ended, so that every gateway refuses their access tokens at once.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use super::StoreError;
use crate::model::SessionId;

/// How long a feed that has nothing to tell stays silent before it says so.
pub(super) const QUIET_EVERY: Duration = Duration::from_secs(2);

/// What a feed says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// These sessions have ended. It may be said more than once.
    Ended(Vec<SessionId>),
    /// Ends may have been missed, so that all that is remembered of sessions has to be checked anew. Whatever the store
    /// still has to tell follows from the beginning.
    Gap,
    /// All that there was to tell has been told. Said every few seconds, so that whoever listens knows how fresh its
    /// knowledge is.
    Quiet,
}

/// One listener's place in what a [`SessionStore`](super::SessionStore) tells.
///
/// It begins with all that is still of use: the ends of as long as an access token may outlive its session. From then on
/// it tells what is new. For example `Ended([a, b])`, `Quiet`, `Quiet`, `Ended([c])`, `Quiet` …
#[async_trait]
pub trait Feed: Send + fmt::Debug {
    /// Waits for news. May be dropped while it waits: nothing is lost by that.
    ///
    /// # Errors
    /// When the store is out of reach. The next call connects anew and goes on where this one stopped.
    async fn next(&mut self) -> Result<News, StoreError>;
}

/// The feed of a store that no other process shares: whoever ends a session there knows it.
#[derive(Debug, Default)]
pub(super) struct Silence {
    has_spoken: bool,
}

#[async_trait]
impl Feed for Silence {
    async fn next(&mut self) -> Result<News, StoreError> {
        if self.has_spoken {
            tokio::time::sleep(QUIET_EVERY).await;
        }
        self.has_spoken = true;
        Ok(News::Quiet)
    }
}
