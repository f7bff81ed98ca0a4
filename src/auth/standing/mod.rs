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
//! | before ends of sessions may have been missed | waits for a check, too |
//! | as before, and nobody can tell | goes on until `max_staleness`, then is [`Verdict::Unconfirmed`] |
//! | as before, and a moment ago nobody could tell | goes on, too, and asks beside the traffic |
//!
//! A session found to be over is noted as revoked, so it is refused without a question from then on. A caller with a token of
//! the backend has no session: whether that token was logged out is asked, and its user, with that the roles, since such a
//! token's own don't count. A browser's cookie that is nothing but an id says nothing of its holder either: all of it is
//! asked for, and remembered under the cookie's hash. The same goes for the cookie of a session that Django opened: the
//! backend's database is asked what it opens, and its user may neither have a second factor nor have to have
//! one, since none was met here. Of a caller who is watched, of whatever kind, the directory is asked what it may do now.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch};

use self::{
    inquiry::{Found, Inquiry, Subject},
    memory::{Begun, Entries, Key, Memory, Recalled},
};
use super::{
    django_session::DjangoSessions,
    endings::Endings,
    factors::Policy,
    revocations::Followed,
    tokens::{OptionalClaims, PasswordMarks, RefreshTokens},
};
use crate::{
    directory::{Directory, Factors},
    model::{Clock, PlainToken, Principal, SessionId},
    store::SessionStore,
};

mod inquiry;
mod memory;
#[cfg(test)]
mod tests;
mod vigil;

pub use vigil::{Over, Vigil};

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
    /// Which second factors users have. One whom Django itself let in has shown none.
    pub factors: Arc<dyn Factors>,
    /// Who has to have one.
    pub policy: Policy,
    /// Whether passwords are still the same.
    pub marks: Arc<PasswordMarks>,
    /// Reads the tokens that browsers have for cookies.
    pub refresh: Arc<RefreshTokens>,
    /// Ends the sessions of those who may not come in any more.
    pub endings: Endings,
    /// What is to be known of a caller whose token doesn't say it, or doesn't count for it.
    pub facts: OptionalClaims,
    /// How long a session goes on after a use by cookie.
    pub idle_lifetime: Duration,
    /// Django's own sessions, where they count.
    pub django: Option<DjangoSessions>,
    /// Whether ends of sessions may have been missed.
    pub followed: Arc<Followed>,
}

/// A credential that is good as far as can be seen without asking anybody.
#[derive(Clone, Debug)]
pub enum Shown {
    /// Who a verified access token speaks for.
    Token(Principal),
    /// A session's cookie: its refresh token.
    Session(PlainToken),
    /// The cookie of a session that Django itself opened.
    Django(PlainToken),
    /// Nothing more than at the beginning, by a caller whose session goes on: what may it do now?
    Watched(Principal),
}

/// What became of who showed a credential.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// May come in.
    Good(Principal),
    /// The session is over, or the user may not come in any more: as good as anonymous.
    Out,
    /// Nobody can tell at the moment, and what was known is too old. With the caller, if the credential says who it is.
    Unconfirmed(Option<Principal>),
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

/// What a check comes to, once it has.
type Asked = watch::Receiver<Option<Found>>;

struct Shared {
    inquiry: Inquiry,
    memory: Memory,
    runtime: Handle,
    under_way: Mutex<HashMap<Key, (Begun, Asked)>>,
}

impl Standings {
    /// Asks `sources` on `runtime`, where their connections live.
    #[must_use]
    pub fn new(sources: Sources, freshness: Freshness, clock: Arc<dyn Clock>, runtime: Handle) -> Self {
        Self::with(Entries::none(), sources, freshness, clock, runtime)
    }

    /// The same with what these remember, of sources that say the same, whose questions are judged the same.
    #[must_use]
    pub fn followed_by(&self, sources: Sources, freshness: Freshness, clock: Arc<dyn Clock>, runtime: Handle) -> Self {
        Self::with(self.0.memory.entries(), sources, freshness, clock, runtime)
    }

    fn with(entries: Entries, sources: Sources, freshness: Freshness, clock: Arc<dyn Clock>, runtime: Handle) -> Self {
        let memory = Memory::new(freshness, Arc::clone(&sources.followed), Arc::clone(&clock), entries);
        let inquiry = Inquiry::new(sources, clock);
        Self(Arc::new(Shared { inquiry, memory, runtime, under_way: Mutex::default() }))
    }

    /// Judges who shows this credential.
    #[must_use]
    pub fn look(&self, shown: Shown) -> Look {
        let Some((key, subject, caller)) = self.0.inquiry.read(shown) else { return Look::Now(Verdict::Out) };
        match self.0.memory.recall(&key) {
            Recalled::Fresh(found) => Look::Now(self.0.verdict(found, caller)),
            Recalled::Aging(found) => {
                drop(self.0.ask(key, subject));
                Look::Now(self.0.verdict(found, caller))
            }
            Recalled::Stale(known) => {
                let (shared, mut asked) = (Arc::clone(&self.0), self.0.ask(key, subject));
                Look::Later(Box::pin(async move {
                    let found = match asked.wait_for(Option::is_some).await {
                        Ok(found) => found.clone().unwrap_or(Found::Nothing),
                        // The check died: a bug, and an outage to the caller.
                        Err(_closed) => Found::Nothing,
                    };
                    match (found, known) {
                        (Found::Nothing, Some(known)) => shared.verdict(known, caller),
                        (found, _) => shared.verdict(found, caller),
                    }
                }))
            }
        }
    }

    /// Watches a caller who has come in. `django` is the cookie of Django's own session, where that has let the caller in.
    #[must_use]
    pub fn watch(&self, caller: &Principal, django: Option<PlainToken>) -> Vigil {
        let changes = self.0.inquiry.endings().changes();
        Vigil::new(self.clone(), caller, django, changes, self.0.memory.recheck() / 2)
    }

    /// Whether the credential behind this handle is known to have ended.
    fn has_ended(&self, handle: &SessionId) -> bool {
        self.0.inquiry.endings().has_ended(handle)
    }

    /// Remembers that a session and its user were seen to be in order just now: by a login or a refresh.
    pub(super) fn confirmed(&self, session: SessionId) {
        self.0.memory.note(&Key::Session(session), &Found::AsShown, self.0.memory.begin());
    }
}

impl Shared {
    fn verdict(&self, found: Found, caller: Option<Principal>) -> Verdict {
        match (found, caller) {
            (Found::AsShown, Some(caller)) => Verdict::Good(caller),
            (Found::Facts(facts), Some(caller)) => Verdict::Good(facts.of(caller)),
            // An access token's own session was looked up when the token was verified.
            (Found::Caller(caller), _) if self.inquiry.has_ended(&caller) => Verdict::Out,
            (Found::Caller(caller), _) => Verdict::Good(Principal::clone(&caller)),
            (Found::Out, _) => Verdict::Out,
            (Found::Nothing | Found::AsShown | Found::Facts(_), caller) => Verdict::Unconfirmed(caller),
        }
    }

    /// Has the sources asked, unless they are being asked already. What comes of it is remembered even if nobody waits.
    fn ask(self: &Arc<Self>, key: Key, subject: Subject) -> Asked {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = self.memory.begin();
        // One whose check died, or began before a gap in what is heard, is no use to wait for.
        if let Some((earlier, asked)) = under_way.get(&key)
            && earlier.knew_as_much_as(&begun)
            && asked.has_changed().is_ok()
        {
            return asked.clone();
        }
        let (answer, asked) = watch::channel(None);
        under_way.insert(key.clone(), (begun, asked.clone()));
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            let found = shared.inquiry.ask(&subject).await;
            shared.memory.note(&key, &found, begun);
            let mut under_way = shared.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            if under_way.get(&key).is_some_and(|(latest, _)| latest.knew_as_much_as(&begun)) {
                under_way.remove(&key);
            }
            drop(under_way);
            answer.send_replace(Some(found));
        });
        asked
    }
}

impl fmt::Debug for Standings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standings").field("memory", &self.0.memory).finish_non_exhaustive()
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
