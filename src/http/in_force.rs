//! The end of a configuration, for what outlives its request.
//!
//! A request is served to its end by the configuration that it began under. That is a matter of moments for most; a socket, or
//! an answer that goes on, would hold on to rules that are no longer in force for days. So whoever serves one is told
//! here when its time is up: `[server] reload_grace` after another configuration came into force.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

/// Tells when what began under a configuration has to end. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct InForce(watch::Receiver<Option<Instant>>);

/// Ends what was in force.
#[derive(Debug)]
pub(super) struct Replaced(watch::Sender<Option<Instant>>);

impl InForce {
    /// From now on, until it is replaced.
    pub(super) fn begin() -> (Replaced, Self) {
        let (replaced, in_force) = watch::channel(None);
        (Replaced(replaced), Self(in_force))
    }

    /// Returns when it is over. May be dropped while it waits.
    pub(super) async fn over(&mut self) {
        let end = match self.0.wait_for(Option::is_some).await {
            Ok(end) => *end,
            // It ends with its core, and is replaced by nothing.
            Err(_gone) => None,
        };
        match end {
            Some(end) => tokio::time::sleep_until(end).await,
            None => std::future::pending().await,
        }
    }
}

impl Replaced {
    /// Another one is in force; what began before has so long.
    pub(super) fn after(&self, grace: Duration) {
        self.0.send_replace(Instant::now().checked_add(grace));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::InForce;

    async fn is_over(in_force: &mut InForce) -> bool {
        tokio::time::timeout(Duration::from_millis(50), in_force.over()).await.is_ok()
    }

    #[tokio::test]
    async fn it_is_over_a_grace_after_it_was_replaced_and_never_before() {
        for (grace, expected) in [(Duration::ZERO, true), (Duration::from_secs(3600), false)] {
            let (replaced, mut in_force) = InForce::begin();
            assert!(!is_over(&mut in_force).await);
            replaced.after(grace);
            drop(replaced);
            assert_eq!(is_over(&mut in_force).await, expected, "{grace:?}");
        }
    }

    #[tokio::test]
    async fn a_core_that_ends_replaces_nothing() {
        let (replaced, mut in_force) = InForce::begin();
        drop(replaced);
        assert!(!is_over(&mut in_force).await);
    }
}
