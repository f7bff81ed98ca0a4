//! Stand-ins for the unit tests of this room: a clock to move, a directory and a store to break.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use self::factors::Kept;
use super::tokens::Revoked;
use crate::{
    auth::django_session::{DjangoSessions, Engine, Trust},
    directory::{BackendSessions, Directory, DirectoryError, DirectoryErrorKind, StoredSession},
    model::{
        Account, AccountState, Candidate, Clock, EncodedPassword, PlainToken, Role, Secret, Session, SessionId,
        Timestamp, TokenHash, User, UserId,
    },
    store::{
        Admission, Adopt, Adopted, Budget, Challenge, ChallengeKey, ChallengeStore, Feed, NewChallenge, NewSession,
        Rotate, Rotation, SessionKey, SessionStore, StoreError, StoreErrorKind, ThrottleKey, ThrottleStore, Touch,
        UserTag, embedded::EmbeddedStore,
    },
};

mod factors;

/// Has what is past use at this instant dropped, as a rush of ends would.
pub(super) fn sweep(revoked: &Revoked, now: Timestamp) {
    let rush: Vec<_> = (0..10_000_u128).map(|number| SessionId::from_bytes(number.to_be_bytes())).collect();
    revoked.insert(&rush, now, now);
    assert!(!revoked.contains(&rush[0]), "nothing was dropped");
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(super) struct HandClock(AtomicI64);

impl HandClock {
    pub(super) fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_micros()))
    }

    pub(super) fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// How a directory answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mood {
    Well,
    /// Logins can't be noted.
    ReadOnly,
    Down,
}

/// A directory of one user, `john` with the id 1, whose password is `secret123`.
#[derive(Debug)]
pub(crate) struct OneUser {
    state: Mutex<State>,
    asked: AtomicU32,
}

#[derive(Clone, Debug)]
struct State {
    mood: Mood,
    user: Option<User>,
    password: EncodedPassword,
    factors: Kept,
    has_no_place: bool,
    /// What all this becomes as soon as a name has been looked up.
    next: Option<Box<State>>,
}

impl OneUser {
    /// The user alone.
    pub(crate) fn john_himself() -> User {
        let editors = Role { id: "group:1".into(), name: "editors".into(), permissions: Vec::new() };
        User {
            id: UserId::new("1"),
            username: "john".into(),
            email: "john@example.com".into(),
            first_name: String::new(),
            last_name: String::new(),
            is_staff: false,
            is_superuser: false,
            is_active: true,
            date_joined: Timestamp::default(),
            last_login: None,
            permissions: vec!["users.view_user".into()],
            roles: vec![editors],
        }
    }

    pub(super) fn john() -> Self {
        // Ten iterations of Django's `PBKDF2PasswordHasher`.
        let password = EncodedPassword::new("pbkdf2_sha256$10$seasalt$PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU=");
        let state = State {
            mood: Mood::Well,
            user: Some(Self::john_himself()),
            password,
            factors: Kept::default(),
            has_no_place: false,
            next: None,
        };
        Self { state: Mutex::new(state), asked: AtomicU32::new(0) }
    }

    pub(super) fn set(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// Changes the user, or takes the account away.
    pub(super) fn change(&self, change: impl FnOnce(&mut Option<User>)) {
        change(&mut self.state.lock().unwrap().user);
    }

    /// The same, between the look at the name and the one at the account.
    pub(super) fn change_meanwhile(&self, change: impl FnOnce(&mut Mood, &mut Option<User>, &mut EncodedPassword)) {
        let mut state = self.state.lock().unwrap();
        let mut next = Box::new(state.clone());
        change(&mut next.mood, &mut next.user, &mut next.password);
        state.next = Some(next);
    }

    pub(super) fn change_password(&self) {
        self.state.lock().unwrap().password = EncodedPassword::new("!");
    }

    /// How often users were asked for by id.
    pub(super) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    fn look(&self) -> Result<Option<Account>, DirectoryError> {
        let State { mood, user, password, .. } = self.state.lock().unwrap().clone();
        match mood {
            Mood::Well | Mood::ReadOnly => Ok(user.map(|user| Account { user, password })),
            Mood::Down => Err(DirectoryError::new(DirectoryErrorKind::Unavailable, "down")),
        }
    }
}

#[async_trait]
impl Directory for OneUser {
    async fn candidate(&self, username: &str) -> Result<Option<Candidate>, DirectoryError> {
        let account = self.look()?.filter(|account| account.user.username == username);
        let mut state = self.state.lock().unwrap();
        if let Some(next) = state.next.take() {
            *state = *next;
        }
        Ok(account.map(|Account { user, password }| Candidate {
            id: user.id,
            state: AccountState { is_active: user.is_active, password },
        }))
    }

    async fn account_of(&self, id: &UserId) -> Result<Option<Account>, DirectoryError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // As in a column of integers, which knows one number by many spellings.
        Ok(self.look()?.filter(|account| account.user.id.as_str() == id.as_str().trim_start_matches('0')))
    }

    async fn state_of(&self, id: &UserId) -> Result<Option<AccountState>, DirectoryError> {
        let account = self.account_of(id).await?;
        Ok(account.map(|Account { user, password, .. }| AccountState { is_active: user.is_active, password }))
    }

    async fn record_login(&self, _id: &UserId, _at: Timestamp) -> Result<(), DirectoryError> {
        match self.state.lock().unwrap().mood {
            Mood::Well => Ok(()),
            Mood::ReadOnly | Mood::Down => Err(DirectoryError::new(DirectoryErrorKind::Misconfigured, "read-only")),
        }
    }
}

/// A real store that can be put out of reach, or kept from ending sessions.
#[derive(Debug)]
pub(super) struct Breakable {
    store: EmbeddedStore,
    down: AtomicBool,
    ends_none: AtomicBool,
    counts_none: AtomicBool,
}

impl Breakable {
    pub(super) fn new(store: EmbeddedStore) -> Self {
        Self {
            store,
            down: AtomicBool::default(),
            ends_none: AtomicBool::default(),
            counts_none: AtomicBool::default(),
        }
    }

    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// Whether attempts can't be counted.
    pub(super) fn count_none(&self, none: bool) {
        self.counts_none.store(none, Ordering::SeqCst);
    }

    pub(super) fn end_none(&self) {
        self.ends_none.store(true, Ordering::SeqCst);
    }

    fn store(&self) -> Result<&EmbeddedStore, StoreError> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(StoreError::new(StoreErrorKind::Unavailable, "down")),
            false => Ok(&self.store),
        }
    }
}

#[async_trait]
impl SessionStore for Breakable {
    async fn create(&self, new: NewSession) -> Result<Vec<SessionId>, StoreError> {
        self.store()?.create(new).await
    }

    async fn rotate(&self, step: Rotate) -> Result<Rotation, StoreError> {
        self.store()?.rotate(step).await
    }

    async fn touch(&self, step: Touch) -> Result<Option<Session>, StoreError> {
        self.store()?.touch(step).await
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Session>, StoreError> {
        SessionStore::find(self.store()?, key).await
    }

    async fn end(&self, key: SessionKey) -> Result<bool, StoreError> {
        match self.ends_none.load(Ordering::SeqCst) {
            true => Err(StoreError::new(StoreErrorKind::Unavailable, "read-only")),
            false => self.store()?.end(key).await,
        }
    }

    async fn list(&self, user: &UserId) -> Result<Vec<Session>, StoreError> {
        self.store()?.list(user).await
    }

    async fn end_all(&self, user: &UserId) -> Result<Vec<SessionId>, StoreError> {
        self.store()?.end_all(user).await
    }

    async fn step_up(&self, key: SessionKey) -> Result<bool, StoreError> {
        self.store()?.step_up(key).await
    }

    fn feed(&self) -> Box<dyn Feed> {
        self.store.feed()
    }

    async fn adopt(&self, adopt: Adopt) -> Result<Adopted, StoreError> {
        self.store()?.adopt(adopt).await
    }

    async fn spend(&self, credential: SessionKey, remember: Duration) -> Result<(), StoreError> {
        self.store()?.spend(credential, remember).await
    }

    async fn is_spent(&self, credential: SessionKey) -> Result<bool, StoreError> {
        self.store()?.is_spent(credential).await
    }
}

/// Django's database with one session in it, [`OneUser::john`]'s.
#[derive(Debug)]
pub(super) struct OneDjangoSession {
    expires: Timestamp,
    ended: AtomicBool,
    down: AtomicBool,
    asked: AtomicU32,
}

impl OneDjangoSession {
    pub(super) fn johns(expires: Timestamp) -> Self {
        Self { expires, ended: AtomicBool::default(), down: AtomicBool::default(), asked: AtomicU32::default() }
    }

    /// What john's browser keeps.
    pub(super) fn cookie() -> PlainToken {
        PlainToken::new("0123456789abcdefghijklmnopqrstuv")
    }

    pub(super) fn sessions(self: Arc<Self>) -> DjangoSessions {
        let secrets = vec![Secret::new("the project's secret, 32 bytes or more")];
        let backends = vec!["django.contrib.auth.backends.ModelBackend".to_owned()];
        DjangoSessions::new(Engine::Database(self), Trust { secrets, backends })
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(super) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl BackendSessions for OneDjangoSession {
    async fn backend_session(&self, cookie: &PlainToken) -> Result<Option<StoredSession>, DirectoryError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(DirectoryError::new(DirectoryErrorKind::Unavailable, "down"));
        }
        // Written by Django 5.2.
        let data = ".eJxVjMEOwiAQRP-FsyEtCFs8evcbyO6ylaqBpLQn47_bJj3ocea9mbeKuC45rk3mOCV1Ub06_XaE_JSyg_TAcq-aa1nmifSu6IM2\
                    fatJXtfD_TvI2PK29nQ2wSERjgPIYMkD9c4yGO-MAAiGLgRmDN4x87gla8EhJivYiVefL-qhOEM:1xocE4:\
                    zuSAGb_eP8ajNdqHrJAg_CUxnxWuNezSQw1NtIz6tiY";
        let is_there = *cookie.expose() == *Self::cookie().expose() && !self.ended.load(Ordering::SeqCst);
        Ok(is_there.then(|| StoredSession { data: Secret::new(data), expires: self.expires }))
    }
}

#[async_trait]
impl ChallengeStore for Breakable {
    async fn begin(&self, new: NewChallenge) -> Result<(), StoreError> {
        self.store()?.begin(new).await
    }

    async fn attempt(&self, key: ChallengeKey, presented: TokenHash) -> Result<Option<Challenge>, StoreError> {
        self.store()?.attempt(key, presented).await
    }

    async fn find(&self, key: ChallengeKey, presented: TokenHash) -> Result<Option<Challenge>, StoreError> {
        ChallengeStore::find(self.store()?, key, presented).await
    }

    async fn prove(&self, key: ChallengeKey, presented: TokenHash) -> Result<bool, StoreError> {
        self.store()?.prove(key, presented).await
    }

    async fn consume(&self, key: ChallengeKey, presented: TokenHash, session: SessionId) -> Result<bool, StoreError> {
        self.store()?.consume(key, presented, session).await
    }
}

#[async_trait]
impl ThrottleStore for Breakable {
    async fn admit(&self, key: &ThrottleKey, budget: Budget) -> Result<Admission, StoreError> {
        match self.counts_none.load(Ordering::SeqCst) {
            true => Err(StoreError::new(StoreErrorKind::Unavailable, "read-only")),
            false => self.store()?.admit(key, budget).await,
        }
    }

    async fn forgive(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        self.store()?.forgive(key).await
    }
    async fn undo(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        self.store()?.undo(key).await
    }

    async fn forgive_all(&self, tag: UserTag, remember: Duration) -> Result<(), StoreError> {
        self.store()?.forgive_all(tag, remember).await
    }
}
