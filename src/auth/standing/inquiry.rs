//! One check of a caller: what is asked, and what the answers mean.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Sources, Verdict};
use crate::{
    model::{AccountState, Principal, Session, SessionId, Timestamp, UserId},
    store::{SessionKey, UserTag},
};

/// Asks the sources.
pub(super) struct Inquiry {
    sources: Sources,
    store: Reach,
    directory: Reach,
}

/// Whom a check is about.
pub(super) struct Subject {
    user: UserId,
    session: Option<SessionId>,
    /// By what its token is revoked, and when that runs out.
    handle: SessionId,
    expires: Timestamp,
}

impl Subject {
    pub(super) fn of(caller: &Principal) -> Self {
        let Principal { session, handle, expires, .. } = *caller;
        Self { user: caller.user.clone(), session, handle, expires }
    }
}

/// What a check came to.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// In order; with what the directory says of a user whose token doesn't count for it.
    Good(Option<Arc<Facts>>),
    /// Not any more.
    Out,
    /// A source could not tell.
    Nothing,
}

/// What the directory says of a user, as far as tokens are to carry it.
#[derive(Debug)]
pub(super) struct Facts {
    email: Option<String>,
    roles: Option<Vec<String>>,
    permissions: Option<Vec<String>>,
}

impl Found {
    pub(super) fn verdict(&self, caller: Principal) -> Verdict {
        match self {
            Self::Good(None) => Verdict::Good(caller),
            Self::Good(Some(facts)) => Verdict::Good(Principal {
                email: facts.email.clone(),
                roles: facts.roles.clone(),
                permissions: facts.permissions.clone(),
                ..caller
            }),
            Self::Out => Verdict::Out,
            Self::Nothing => Verdict::Unconfirmed(caller),
        }
    }
}

/// A source failed.
struct Failed;

/// Whether a source could tell when it was asked last. Only a change is worth a line of the log: in an outage every caller
/// is asked about again and again.
struct Reach {
    source: &'static str,
    is_lost: AtomicBool,
}

impl Reach {
    const fn of(source: &'static str) -> Self {
        Self { source, is_lost: AtomicBool::new(false) }
    }

    fn note<T, E: Error + 'static>(&self, answer: Result<T, E>) -> Result<T, Failed> {
        let was_lost = self.is_lost.swap(answer.is_err(), Ordering::Relaxed);
        match &answer {
            Ok(_) if was_lost => tracing::info!(source = self.source, "callers can be checked again"),
            Err(error) if !was_lost => {
                let error: &dyn Error = error;
                tracing::error!(error, source = self.source, "callers can't be checked");
            }
            Ok(_) | Err(_) => {}
        }
        answer.map_err(|_| Failed)
    }
}

impl Inquiry {
    pub(super) fn new(sources: Sources) -> Self {
        Self { sources, store: Reach::of("session store"), directory: Reach::of("user directory") }
    }

    pub(super) async fn ask(&self, subject: &Subject) -> Found {
        let found = match subject.session {
            Some(id) => self.ask_for_session(SessionKey { tag: UserTag::of(&subject.user), id }, &subject.user).await,
            None => self.ask_for_token(subject).await,
        };
        found.unwrap_or(Found::Nothing)
    }

    async fn ask_for_session(&self, key: SessionKey, user: &UserId) -> Result<Found, Failed> {
        let (session, state) = tokio::join!(self.sources.store.find(key), self.sources.directory.state_of(user));
        // Two users may have the same tag.
        let session = self.store.note(session)?.filter(|session| session.user == *user);
        let Some(session) = session else {
            self.sources.endings.revoke(key.id);
            return Ok(Found::Out);
        };
        let Some(why) = self.objection(&session, self.directory.note(state)?.as_ref()) else {
            return Ok(Found::Good(None));
        };
        if let Err(error) = self.sources.endings.end(key, why).await {
            // Refused here all the same; a refresh finds what was found here, and tries to end it again.
            tracing::error!(error = &error as &dyn Error, session = %key.id, why, "a session could not be ended");
            self.sources.endings.revoke(key.id);
        }
        Ok(Found::Out)
    }

    /// Why the session has to end, if it has to.
    fn objection(&self, session: &Session, state: Option<&AccountState>) -> Option<&'static str> {
        match state.filter(|state| state.is_active) {
            None => Some("user is gone or inactive"),
            Some(state) => match session.password {
                Some(mark) if !self.sources.marks.fits(mark, &session.user, &state.password) => {
                    Some("password was changed")
                }
                Some(_) | None => None,
            },
        }
    }

    async fn ask_for_token(&self, subject: &Subject) -> Result<Found, Failed> {
        let key = SessionKey { tag: UserTag::of(&subject.user), id: subject.handle };
        let (spent, account) =
            tokio::join!(self.sources.store.is_spent(key), self.sources.directory.account_of(&subject.user));
        if self.store.note(spent)? {
            self.sources.endings.revoke_until(subject.handle, subject.expires);
            return Ok(Found::Out);
        }
        let account = self.directory.note(account)?;
        let Some(account) = account.filter(|account| account.user.is_active) else { return Ok(Found::Out) };
        let (user, wanted) = (account.user, self.sources.facts);
        Ok(Found::Good(Some(Arc::new(Facts {
            email: wanted.email.then_some(user.email),
            roles: wanted.roles.then(|| user.roles.into_iter().map(|role| role.name).collect()),
            permissions: wanted.permissions.then_some(user.permissions),
        }))))
    }
}
