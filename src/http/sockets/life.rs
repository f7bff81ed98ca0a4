//! How long a socket may last.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    auth::standing::{Over, Vigil},
    http::{drain::Drain, in_force::InForce},
    model::Principal,
};

/// What a socket lasts by: the gateway, its configuration, and what whoever opened it is known by.
#[derive(Debug)]
pub(super) struct Life {
    drain: Drain,
    in_force: InForce,
    vigil: Option<Vigil>,
    expires: Option<Instant>,
}

/// Why a socket may not last any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The token has run out.
    Expired,
    /// The session is over, or its user may not come in any more.
    Session,
    /// Nobody has been able to tell for too long whether the session goes on.
    Unconfirmed,
    /// Its configuration was replaced, long enough ago.
    Replaced,
    /// The gateway stops.
    Stopping,
}

impl Life {
    /// One of nobody's has no `vigil`.
    pub(super) const fn new(drain: Drain, in_force: InForce, vigil: Option<Vigil>) -> Self {
        Self { drain, in_force, vigil, expires: None }
    }

    /// No longer than this from now on.
    pub(super) fn at_most(self, longest: Option<Duration>) -> Self {
        Self { expires: longest.and_then(|longest| Instant::now().checked_add(longest)), ..self }
    }

    /// Returns when the socket may not last any longer. When the gateway stops, what is going on may go on until it is `done`,
    /// or as long as others have for being done. What is found out about the caller meanwhile is `noted`.
    pub(super) async fn over(&mut self, done: impl Future<Output = ()>, noted: impl FnMut(Principal)) -> End {
        let Self { drain, in_force, vigil, expires } = self;
        tokio::select! {
            biased;
            end = watched(vigil.as_mut(), noted) => end,
            () = run_out(*expires) => End::Expired,
            () = in_force.over() => End::Replaced,
            () = drained(drain, done) => End::Stopping,
        }
    }
}

async fn watched(vigil: Option<&mut Vigil>, noted: impl FnMut(Principal)) -> End {
    match vigil {
        Some(vigil) => match vigil.over(noted).await {
            Over::Ended => End::Session,
            Over::Unconfirmed => End::Unconfirmed,
        },
        None => std::future::pending().await,
    }
}

async fn run_out(expires: Option<Instant>) {
    match expires {
        Some(expires) => tokio::time::sleep_until(expires).await,
        None => std::future::pending().await,
    }
}

async fn drained(drain: &mut Drain, done: impl Future<Output = ()>) {
    drain.begun().await;
    // However it ends, there is no more time.
    let _ = tokio::time::timeout(drain.grace(), done).await;
}
