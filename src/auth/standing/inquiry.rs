//! One check of a caller: what is asked, and what the answers mean.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Shown, Sources, memory::Key};
use crate::{
    auth::{django_session::Opened, endings::Endings},
    model::{
        Account, AuthMethod, Clock, EncodedPassword, PlainToken, Principal, Session, SessionId, Timestamp, TokenHash,
        User, UserId,
    },
    store::{SessionKey, Touch},
};

/// Asks the sources.
pub(super) struct Inquiry {
    sources: Sources,
    clock: Arc<dyn Clock>,
    store: Reach,
    directory: Reach,
}

/// Whom a check is about.
pub(super) enum Subject {
    /// Does this session of this user's go on?
    Session(SessionId, UserId),
    /// May this user come in, and was the token of the backend with this id, which runs out then, not logged out?
    Token(SessionId, UserId, Timestamp),
    /// Whose is the session that goes on by this token?
    Cookie(SessionKey, TokenHash),
    /// Whose is the session that Django opened by this cookie?
    Django(PlainToken),
    /// What may this user do?
    User(UserId),
}

/// What a check came to.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// In order; all that is to be known is in the access token.
    AsShown,
    /// In order; with what the directory says of a user whose token doesn't count for it.
    Facts(Arc<Facts>),
    /// In order, and this is who it is.
    Caller(Arc<Principal>),
    /// Not any more.
    Out,
    /// A source could not tell.
    Nothing,
}

impl Found {
    /// It is about a session that has run out since, for all that this clock knows.
    pub(super) fn has_run_out(&self, now: Timestamp) -> bool {
        matches!(self, Self::Caller(caller) if caller.expires <= now)
    }
}

/// What the directory says of a user, as far as tokens are to carry it.
#[derive(Debug)]
pub(super) struct Facts {
    email: Option<Arc<str>>,
    roles: Option<Arc<[String]>>,
    permissions: Option<Arc<[String]>>,
}

impl Facts {
    /// The caller, of whom these facts count and not those of the token.
    pub(super) fn of(&self, caller: Principal) -> Principal {
        let Self { email, roles, permissions } = self;
        Principal { email: email.clone(), roles: roles.clone(), permissions: permissions.clone(), ..caller }
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
    pub(super) fn new(sources: Sources, clock: Arc<dyn Clock>) -> Self {
        Self { sources, clock, store: Reach::of("session store"), directory: Reach::of("user directory") }
    }

    /// Under what who shows this is remembered, what is to be asked, and who it is if that shows. `None` for a cookie that
    /// neither the gateway nor Django ever made: nobody is asked about that.
    pub(super) fn read(&self, shown: Shown) -> Option<(Key, Subject, Option<Principal>)> {
        Some(match shown {
            Shown::Token(caller) => {
                let (user, id, expires) = (caller.user.clone(), caller.handle, caller.expires);
                match caller.session {
                    Some(_) => (Key::Session(id), Subject::Session(id, user), Some(caller)),
                    None => (Key::Token(id), Subject::Token(id, user, expires), Some(caller)),
                }
            }
            Shown::Session(cookie) => {
                let claim = self.sources.refresh.read(&cookie).filter(|claim| claim.genuine)?;
                let hash = cookie.hash();
                (Key::Cookie(*hash.as_bytes()), Subject::Cookie(claim.key, hash), None)
            }
            Shown::Django(cookie) => {
                self.sources.django.as_ref().filter(|django| django.could_be_one(&cookie))?;
                (Key::Django(*cookie.hash().as_bytes()), Subject::Django(cookie), None)
            }
            Shown::Watched(caller) => {
                let user = caller.user.clone();
                (Key::User(user.clone()), Subject::User(user), Some(caller))
            }
        })
    }

    pub(super) const fn endings(&self) -> &Endings {
        &self.sources.endings
    }

    /// Whether the session behind a cookie is known to have ended: one of ours was revoked, one of Django's has run out, which
    /// no use puts off.
    pub(super) fn has_ended(&self, caller: &Principal) -> bool {
        match &caller.session {
            Some(session) => self.sources.endings.has_ended(session),
            None => caller.expires <= self.clock.now(),
        }
    }

    pub(super) async fn ask(&self, subject: &Subject) -> Found {
        let found = match subject {
            Subject::Session(id, user) => self.ask_for_session(SessionKey::of(user, *id), user).await,
            Subject::Token(id, user, expires) => self.ask_for_token(SessionKey::of(user, *id), user, *expires).await,
            Subject::Cookie(key, hash) => self.ask_for_cookie(*key, *hash).await,
            Subject::Django(cookie) => self.ask_for_djangos(cookie).await,
            Subject::User(user) => self.ask_for_user(user).await,
        };
        found.unwrap_or(Found::Nothing)
    }

    async fn ask_for_session(&self, key: SessionKey, user: &UserId) -> Result<Found, Failed> {
        let (session, state) = tokio::join!(self.sources.store.find(key), self.sources.directory.state_of(user));
        // Two users may have the same tag.
        let session = self.store.note(session)?.filter(|session| session.user == *user);
        let Some(session) = session else {
            self.sources.endings.revoke(&[key.id]);
            return Ok(Found::Out);
        };
        let state = self.directory.note(state)?;
        let password = state.as_ref().filter(|state| state.is_active).map(|state| &state.password);
        Ok(if self.goes_on(key, &session, password).await { Found::AsShown } else { Found::Out })
    }

    async fn ask_for_cookie(&self, key: SessionKey, presented: TokenHash) -> Result<Found, Failed> {
        let touch = Touch { key, presented, idle: self.sources.idle_lifetime };
        let Some(session) = self.store.note(self.sources.store.touch(touch).await)? else { return Ok(Found::Out) };
        let account = self.directory.note(self.sources.directory.account_of(&session.user).await)?;
        let account = account.filter(|account| account.user.is_active);
        if !self.goes_on(key, &session, account.as_ref().map(|account| &account.password)).await {
            return Ok(Found::Out);
        }
        Ok(account.map_or(Found::Out, |account| Found::Caller(Arc::new(self.caller(session, account.user)))))
    }

    async fn ask_for_djangos(&self, cookie: &PlainToken) -> Result<Found, Failed> {
        let Some(django) = &self.sources.django else { return Ok(Found::Out) };
        let opened = self.directory.note(django.open(cookie, self.clock.now()).await)?;
        let Some(Opened { login, expires }) = opened else { return Ok(Found::Out) };
        let account = self.directory.note(self.sources.directory.account_of(&login.user).await)?;
        let is_fit = |account: &Account| account.user.is_active && django.fits(&login, &account.password);
        let Some(account) = account.filter(is_fit) else { return Ok(Found::Out) };
        if self.is_factor_due(&account).await? {
            tracing::debug!(user = %account.user.id, "a session of Django's is not accepted: a second factor is due");
            return Ok(Found::Out);
        }
        Ok(Found::Caller(Arc::new(self.djangos_caller(account.user, handle_of(cookie), expires))))
    }

    /// Whether a login at the gateway would ask for more than the password.
    async fn is_factor_due(&self, account: &Account) -> Result<bool, Failed> {
        let Sources { factors, policy, .. } = &self.sources;
        if !policy.asks() || policy.requires(&account.user) {
            return Ok(policy.asks());
        }
        Ok(!self.directory.note(factors.active(&account.user.id).await)?.is_empty())
    }

    async fn ask_for_token(&self, key: SessionKey, user: &UserId, expires: Timestamp) -> Result<Found, Failed> {
        let Sources { store, directory, endings, .. } = &self.sources;
        let (spent, account) = tokio::join!(store.is_spent(key), directory.account_of(user));
        if self.store.note(spent)? {
            endings.revoke_until(key.id, expires);
            return Ok(Found::Out);
        }
        let account = self.directory.note(account)?.filter(|account| account.user.is_active);
        Ok(account.map_or(Found::Out, |account| Found::Facts(Arc::new(self.facts(&account.user)))))
    }

    async fn ask_for_user(&self, user: &UserId) -> Result<Found, Failed> {
        let account = self.directory.note(self.sources.directory.account_of(user).await)?;
        let account = account.filter(|account| account.user.is_active);
        Ok(account.map_or(Found::Out, |account| Found::Facts(Arc::new(self.facts(&account.user)))))
    }

    /// Whether a session may go on, of whose user this is the password now, or who may not come in any more. If not, it is
    /// ended.
    async fn goes_on(&self, key: SessionKey, session: &Session, password: Option<&EncodedPassword>) -> bool {
        let Sources { marks, endings, .. } = &self.sources;
        let why = match (password, session.password) {
            (None, _) => "user is gone or inactive",
            (Some(now), Some(mark)) if marks.contradicts(mark, &session.user, now) => "password was changed",
            (Some(_), _) => return true,
        };
        if let Err(error) = endings.end(key, why).await {
            // Refused here all the same; a refresh finds what was found here, and tries to end it again.
            tracing::error!(error = &error as &dyn Error, session = %key.id, why, "a session could not be ended");
            endings.revoke(&[key.id]);
        }
        false
    }

    fn facts(&self, user: &User) -> Facts {
        let wanted = self.sources.facts;
        Facts {
            email: wanted.email.then(|| user.email.as_str().into()),
            roles: wanted.roles.then(|| user.roles.iter().map(|role| role.name.clone()).collect()),
            permissions: wanted.permissions.then(|| user.permissions.as_slice().into()),
        }
    }

    /// Whom a session's cookie speaks for.
    fn caller(&self, session: Session, user: User) -> Principal {
        let Facts { email, roles, permissions } = self.facts(&user);
        Principal {
            user: user.id,
            username: user.username.as_str().into(),
            email,
            roles,
            permissions,
            session: Some(session.id),
            handle: session.id,
            method: AuthMethod::Cookie,
            mfa: session.mfa,
            auth_time: session.auth_time,
            expires: session.expiry.idle.min(session.expiry.absolute),
        }
    }

    /// Whom a session of Django's speaks for.
    ///
    /// When the password was shown, Django doesn't keep: `last_login` may be of another browser's login since, and the
    /// session is signed anew whenever something is put into it. Both would make an old login pass for a fresh one.
    fn djangos_caller(&self, user: User, handle: SessionId, expires: Timestamp) -> Principal {
        let Facts { email, roles, permissions } = self.facts(&user);
        Principal {
            user: user.id,
            username: user.username.as_str().into(),
            email,
            roles,
            permissions,
            session: None,
            handle,
            method: AuthMethod::DjangoSession,
            mfa: false,
            auth_time: Timestamp::default(),
            expires,
        }
    }
}

/// An id for a session of Django's, which has none of ours: the first half of its cookie's hash.
fn handle_of(cookie: &PlainToken) -> SessionId {
    let mut id = [0; 16];
    id.copy_from_slice(&cookie.hash().as_bytes()[..16]);
    SessionId::from_bytes(id)
}
