//! Watches a caller for as long as something of its goes on: a request is judged once, a socket may be open for days.
//!
//! The end of a session is noticed at once, whichever gateway it ended on, as far as the feed of ended sessions is well. What
//! the feed doesn't tell (a user who was disabled, another password, an end that was missed) is asked twice within
//! `sessions.recheck`, as for a caller whose requests come often. A token that runs out is no end: its session goes on.
//!
//! What the caller may do is asked as often, of the directory: a token says it as of when it was made, and so did whatever was
//! shown at the beginning.

use std::time::Duration;

use tokio::sync::watch;

use super::{Look, Shown, Standings, Verdict};
use crate::model::{PlainToken, Principal, SessionId};

/// The watch over one caller.
#[derive(Debug)]
pub struct Vigil {
    standings: Standings,
    shown: Shown,
    handle: SessionId,
    changes: watch::Receiver<()>,
    pause: Duration,
}

/// Why a caller may not stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The session is over, or the user may not come in any more.
    Ended,
    /// Nobody has been able to tell for too long.
    Unconfirmed,
}

impl Vigil {
    /// A session is asked for by its id: the cookie that showed it changes with each refresh.
    pub(super) fn new(
        standings: Standings,
        caller: &Principal,
        django: Option<PlainToken>,
        changes: watch::Receiver<()>,
        pause: Duration,
    ) -> Self {
        let shown = django.map_or_else(|| Shown::Token(caller.clone()), Shown::Django);
        Self { standings, shown, handle: caller.handle, changes, pause }
    }

    /// Returns when the caller may not stay; until then whatever is found out about it is `noted`. May be dropped while it waits.
    pub async fn over(&mut self, mut noted: impl FnMut(Principal)) -> Over {
        loop {
            // Before anything is looked at, so that no end between the two is missed.
            self.changes.mark_unchanged();
            if self.standings.has_ended(&self.handle) {
                return Over::Ended;
            }
            match self.verdict(self.shown.clone()).await {
                Verdict::Good(caller) if caller.session.is_some() => match self.verdict(Shown::Watched(caller)).await {
                    Verdict::Good(caller) => noted(caller),
                    Verdict::Out => return Over::Ended,
                    // What was known goes on counting, as the session does.
                    Verdict::Unconfirmed(_) => {}
                },
                Verdict::Good(caller) => noted(caller),
                Verdict::Out => return Over::Ended,
                Verdict::Unconfirmed(_) => return Over::Unconfirmed,
            }
            self.pause().await;
        }
    }

    async fn verdict(&self, shown: Shown) -> Verdict {
        match self.standings.look(shown) {
            Look::Now(verdict) => verdict,
            Look::Later(verdict) => verdict.await,
        }
    }

    /// Until something has ended that may be this, or it is time to ask.
    async fn pause(&mut self) {
        let asks_again = tokio::time::sleep(self.pause);
        tokio::select! {
            () = self.ended() => {}
            () = asks_again => {}
        }
    }

    async fn ended(&mut self) {
        while self.changes.changed().await.is_ok() {
            if self.standings.has_ended(&self.handle) {
                return;
            }
        }
        // The process ends: nobody will tell any more.
        std::future::pending().await
    }
}
