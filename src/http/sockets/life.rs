//! How long a socket may last.

use crate::{
    auth::standing::{Over, Vigil},
    http::drain::Drain,
};

/// What a socket lasts by: the gateway, and the session of whoever opened it.
#[derive(Debug)]
pub(super) struct Life {
    drain: Drain,
    vigil: Option<Vigil>,
}

/// Why a socket may not last any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The session is over, or its user may not come in any more.
    Session,
    /// Nobody has been able to tell for too long whether the session goes on.
    Unconfirmed,
    /// The gateway stops.
    Stopping,
}

impl Life {
    /// One of nobody's has no `vigil`, and lasts as long as the gateway.
    pub(super) const fn new(drain: Drain, vigil: Option<Vigil>) -> Self {
        Self { drain, vigil }
    }

    /// Returns when the socket may not last any longer; when the gateway stops, after what others get for being done.
    pub(super) async fn over(&mut self) -> End {
        let Self { drain, vigil } = self;
        tokio::select! {
            biased;
            end = watched(vigil.as_mut()) => end,
            () = out_of_grace(drain) => End::Stopping,
        }
    }
}

async fn watched(vigil: Option<&mut Vigil>) -> End {
    match vigil {
        Some(vigil) => match vigil.over().await {
            Over::Ended => End::Session,
            Over::Unconfirmed => End::Unconfirmed,
        },
        None => std::future::pending().await,
    }
}

async fn out_of_grace(drain: &mut Drain) {
    drain.begun().await;
    tokio::time::sleep(drain.grace()).await;
}
