//! The end of the gateway, for what outlives its request.
//!
//! A connection that has become a socket is no longer the server's to close. Whoever serves it is told here when the gateway
//! stops, and keeps it waiting as long as it holds this; no longer than `[server] shutdown_grace`.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

/// What is left of the grace for saying goodbye: so much, or a quarter of it.
const GOODBYE: Duration = Duration::from_secs(1);

/// Tells when the gateway stops. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Drain {
    stop: watch::Receiver<bool>,
    /// As long as there is one, the gateway waits.
    _busy: mpsc::Sender<Infallible>,
    /// The connection's place among those that there may be, as long as it lasts in whatever form.
    _place: Option<Arc<OwnedSemaphorePermit>>,
    grace: Duration,
}

impl Drain {
    /// Leaves nobody any time, until [`within`](Self::within) does.
    pub(super) const fn new(stop: watch::Receiver<bool>, busy: mpsc::Sender<Infallible>) -> Self {
        Self { stop, _busy: busy, _place: None, grace: Duration::ZERO }
    }

    /// The same for a connection that has this place.
    pub(super) fn with(&self, place: OwnedSemaphorePermit) -> Self {
        Self { _place: Some(Arc::new(place)), ..self.clone() }
    }

    /// The same with so much time once the gateway stops.
    pub(super) fn within(&self, grace: Duration) -> Self {
        Self { grace, ..self.clone() }
    }

    /// Returns when the gateway stops. May be dropped while it waits.
    pub(super) async fn begun(&mut self) {
        // A sender that is gone means the same as being told.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }

    /// How long what is going on may go on then.
    pub(super) fn grace(&self) -> Duration {
        self.grace.saturating_sub(GOODBYE.min(self.grace / 4))
    }

    /// For what doesn't ask when it begins.
    #[cfg(test)]
    pub(super) fn unasked() -> Self {
        Self::new(watch::channel(false).1, mpsc::channel(1).0)
    }
}
