//! What many calls need and one of them makes.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use redis::{RedisError, RedisResult};
use tokio::{sync::watch, time::timeout};

/// A value that goes stale, such as a connection. Calls that need a new one at the same time share one attempt.
///
/// The attempt is nobody's: it goes on when the call that began it reaches its deadline. Otherwise calls that queue
/// behind a server that hangs would each be left with the rest of their time, too short to connect in, and a busy gateway
/// would not notice for long that the server is back.
pub(super) struct Joint<T> {
    state: Mutex<State<T>>,
    limit: Duration,
}

struct State<T> {
    latest: Option<T>,
    attempt: Option<Attempt<T>>,
}

/// `None` until it has ended.
type Attempt<T> = watch::Receiver<Option<RedisResult<T>>>;

impl<T: Clone + Send + Sync + 'static> Joint<T> {
    /// Nothing yet. An attempt takes `limit` at most.
    pub(super) const fn new(limit: Duration) -> Self {
        Self { state: Mutex::new(State { latest: None, attempt: None }), limit }
    }

    /// The latest value if it is still `good`; else what an attempt to `make` a new one comes to.
    pub(super) async fn get(
        &self,
        good: impl Fn(&T) -> bool,
        make: impl Future<Output = RedisResult<T>> + Send + 'static,
    ) -> RedisResult<T> {
        let mut attempt = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.settle();
            if let Some(value) = state.latest.as_ref().filter(|value| good(value)) {
                return Ok(value.clone());
            }
            state.attempt.get_or_insert_with(|| begin(make, self.limit)).clone()
        };
        let outcome = attempt.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or_else(|| Err(timed_out()))
    }

    /// The latest value, good or not.
    pub(super) fn latest(&self) -> Option<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle();
        state.latest.clone()
    }
}

impl<T: Clone> State<T> {
    /// Takes up what an attempt has come to.
    fn settle(&mut self) {
        let Some(attempt) = &self.attempt else { return };
        let outcome = attempt.borrow().clone();
        // One whose task is gone will never end.
        if outcome.is_some() || attempt.has_changed().is_err() {
            self.attempt = None;
        }
        if let Some(Ok(value)) = outcome {
            self.latest = Some(value);
        }
    }
}

fn begin<T: Clone + Send + Sync + 'static>(
    make: impl Future<Output = RedisResult<T>> + Send + 'static,
    limit: Duration,
) -> Attempt<T> {
    let (tell, attempt) = watch::channel(None);
    tokio::spawn(async move {
        let outcome = timeout(limit, make).await.unwrap_or_else(|_| Err(timed_out()));
        tell.send_replace(Some(outcome));
    });
    attempt
}

/// A server did not answer in time.
fn timed_out() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use redis::RedisResult;
    use tokio::time::{sleep, timeout};

    use super::Joint;

    const SOON: Duration = Duration::from_millis(20);

    async fn slow(value: u8) -> RedisResult<u8> {
        sleep(SOON * 3).await;
        Ok(value)
    }

    #[tokio::test]
    async fn an_attempt_outlives_the_call_that_began_it() {
        let joint = Joint::new(SOON * 50);
        assert!(timeout(SOON, joint.get(|_| true, slow(1))).await.is_err());
        // This one's own attempt would never end.
        assert_eq!(joint.get(|_| true, pending()).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn calls_share_an_attempt_and_its_failure_and_the_next_begins_anew() {
        let joint = Joint::<u8>::new(SOON);
        let (one, two) = tokio::join!(joint.get(|_| true, pending()), joint.get(|_| true, async { Ok(2) }));
        assert!(one.unwrap_err().is_io_error() && two.unwrap_err().is_io_error());
        assert_eq!(joint.get(|_| true, async { Ok(3) }).await.unwrap(), 3);
        assert_eq!(joint.get(|value| *value == 3, pending()).await.unwrap(), 3);
        assert_eq!(joint.get(|value| *value == 4, async { Ok(4) }).await.unwrap(), 4);
    }
}
