//! Whether a caller whose token is good may still come in.
//!
//! A token says what was true when it was made. Whether its session goes on, its user is active and the password is still
//! the same, store and directory are asked at first sight, and again within `sessions.recheck`. Of a session in use nobody
//! waits for that but the first request: halfway through the time it is asked beside the traffic.
//!
//! | what is known | a request |
//! |---|---|
//! | asked within half of `recheck` | goes on |
//! | asked within `recheck` | goes on, and starts the next check |
//! | asked longer ago, or never | waits for a check, which all who wait share |
//! | as before, and nobody can tell | goes on until `max_staleness`, then is [`Verdict::Unconfirmed`] |
//!
//! A session found to be over is noted as revoked, so it is refused without a question from then on. A caller with a token of
//! the backend has no session: whether that token was logged out is asked, and its user, with that the roles, since such a
//! token's own don't count.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quick_cache::sync::Cache;
use tokio::{runtime::Handle, sync::watch};

use self::inquiry::{Found, Inquiry};
use super::{endings::Endings, tokens::OptionalClaims};
use crate::{
    auth::tokens::PasswordMarks,
    directory::Directory,
    model::{Clock, Principal, SessionId, Timestamp},
    store::SessionStore,
};

mod inquiry;
#[cfg(test)]
mod tests;

/// Callers that are remembered. One that is forgotten for want of room is only asked about again.
const CAPACITY: usize = 100_000;
/// After a check that came to nothing, how long the next request of the caller does without one.
const RETRY: Duration = Duration::from_secs(1);

/// How old what is known may be.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// Beyond this it is asked again.
    pub recheck: Duration,
    /// Beyond this it counts for nothing, even if nobody can be asked.
    pub max_staleness: Duration,
}

/// What standings are judged by.
#[derive(Debug)]
pub struct Sources {
    /// Whether sessions go on.
    pub store: Arc<dyn SessionStore>,
    /// Whether users may come in.
    pub directory: Arc<dyn Directory>,
    /// Whether passwords are still the same.
    pub marks: Arc<PasswordMarks>,
    /// Ends the sessions of those who may not come in any more.
    pub endings: Endings,
    /// What is to be known of a caller whose token's own facts don't count.
    pub facts: OptionalClaims,
}

/// What became of a caller with a good token.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// May come in.
    Good(Principal),
    /// The session is over, or the user may not come in any more: as good as anonymous.
    Out,
    /// Nobody can tell at the moment, and what was known is too old.
    Unconfirmed(Principal),
}

/// A verdict, or the wait for one.
pub enum Look {
    /// From memory.
    Now(Verdict),
    /// Store and directory are being asked.
    Later(Pin<Box<dyn Future<Output = Verdict>>>),
}

/// Judges callers and remembers them. Shared by all threads; cheap to clone.
#[derive(Clone)]
pub struct Standings(Arc<Shared>);

struct Shared {
    inquiry: Inquiry,
    freshness: Freshness,
    clock: Arc<dyn Clock>,
    runtime: Handle,
    remembered: Cache<SessionId, Remembered>,
    under_way: Mutex<HashMap<SessionId, watch::Receiver<Option<Found>>>>,
}

/// What the last check that came to something found.
#[derive(Clone)]
struct Remembered {
    at: Timestamp,
    found: Found,
    /// No check before this.
    not_before: Timestamp,
}

/// How good what is remembered is.
enum Memory {
    Fresh(Found),
    /// Counts, but it is time to ask again.
    Aging(Found),
    /// Counts only if nobody can be asked.
    Stale(Option<Found>),
}

impl Standings {
    /// Asks `sources` on `runtime`, where their connections live.
    #[must_use]
    pub fn new(sources: Sources, freshness: Freshness, clock: Arc<dyn Clock>, runtime: Handle) -> Self {
        let (remembered, under_way) = (Cache::new(CAPACITY), Mutex::default());
        Self(Arc::new(Shared { inquiry: Inquiry::new(sources), freshness, clock, runtime, remembered, under_way }))
    }

    /// Judges the caller of a token that was verified just now.
    #[must_use]
    pub fn look(&self, caller: Principal) -> Look {
        match self.0.recall(caller.handle) {
            Memory::Fresh(found) => Look::Now(found.verdict(caller)),
            Memory::Aging(found) => {
                drop(self.0.ask(&caller));
                Look::Now(found.verdict(caller))
            }
            Memory::Stale(known) => {
                let mut asked = self.0.ask(&caller);
                Look::Later(Box::pin(async move {
                    let found = match asked.wait_for(Option::is_some).await {
                        Ok(found) => found.clone().unwrap_or(Found::Nothing),
                        // The check died: a bug, and an outage to the caller.
                        Err(_closed) => Found::Nothing,
                    };
                    match (found, known) {
                        (Found::Nothing, Some(known)) => known.verdict(caller),
                        (found, _) => found.verdict(caller),
                    }
                }))
            }
        }
    }

    /// Remembers a caller whose session and user were seen to be in order just now: by a login or a refresh.
    pub(super) fn confirmed(&self, session: SessionId) {
        self.0.settle(session, &Found::Good(None));
    }
}

impl Shared {
    fn recall(&self, handle: SessionId) -> Memory {
        let Some(known) = self.remembered.get(&handle) else { return Memory::Stale(None) };
        let now = self.clock.now();
        let age = now.since(known.at);
        if age < self.freshness.recheck / 2 {
            return Memory::Fresh(known.found);
        }
        if age < self.freshness.recheck {
            return if now < known.not_before { Memory::Fresh(known.found) } else { Memory::Aging(known.found) };
        }
        if age >= self.freshness.max_staleness {
            return Memory::Stale(None);
        }
        if now < known.not_before { Memory::Fresh(known.found) } else { Memory::Stale(Some(known.found)) }
    }

    /// Has the sources asked, unless they are being asked already. What comes of it is remembered even if nobody waits.
    fn ask(self: &Arc<Self>, caller: &Principal) -> watch::Receiver<Option<Found>> {
        let handle = caller.handle;
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // One whose check died is no use to wait for.
        if let Some(asked) = under_way.get(&handle).filter(|asked| asked.has_changed().is_ok()) {
            return asked.clone();
        }
        let (answer, asked) = watch::channel(None);
        under_way.insert(handle, asked.clone());
        let (shared, subject) = (Arc::clone(self), inquiry::Subject::of(caller));
        self.runtime.spawn(async move {
            let found = shared.inquiry.ask(&subject).await;
            shared.settle(handle, &found);
            shared.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&handle);
            answer.send_replace(Some(found));
        });
        asked
    }

    fn settle(&self, handle: SessionId, found: &Found) {
        let now = self.clock.now();
        match found {
            Found::Nothing => {
                if let Some(known) = self.remembered.get(&handle) {
                    self.remembered.insert(handle, Remembered { not_before: now.after(RETRY), ..known });
                }
            }
            Found::Good(_) | Found::Out => {
                let remembered = Remembered { at: now, found: found.clone(), not_before: now };
                self.remembered.insert(handle, remembered);
            }
        }
    }
}

impl fmt::Debug for Standings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standings").field("freshness", &self.0.freshness).finish_non_exhaustive()
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Look::Now",
            Self::Later(_) => "Look::Later",
        })
    }
}
