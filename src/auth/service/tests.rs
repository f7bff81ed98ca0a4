//! Sessions from login to their end, on a real store and with dependencies that fail.

use tempfile::TempDir;

use super::{
    super::{
        factors::Policy,
        fakes::{Breakable, HandClock, Mood, OneUser, sweep},
        passwords::{self, HashingPool, PoolLimits, Preferred},
        standing::{Freshness, Look, Shown, Sources, Verdict},
        throttle::ThrottleLimits,
        tokens::{AccessFormat, Authenticator, Key, KeyRing, OptionalClaims, RailTokens, Revoked},
    },
    *,
};
use crate::{
    model::{AuthMethod, FactorKind, Principal, SystemEntropy, UserId},
    store::embedded::EmbeddedStore,
};

mod enrolment;
mod keys;
mod meanwhile;
mod mfa;
mod rail;
mod refresh;
mod sessions;
mod throttle;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const SPANS: Spans = Spans {
    access: Duration::from_secs(900),
    max_staleness: Duration::from_secs(300),
    session: Lifetimes { idle: Duration::from_secs(86_400), absolute: Duration::from_secs(864_000) },
    refresh_grace: Duration::from_secs(10),
};

/// How long after a login factors may be changed.
const FRESH: Duration = Duration::from_secs(600);

const LIMIT: NonZeroU32 = NonZeroU32::new(20).unwrap();

const LIMITS: ThrottleLimits = ThrottleLimits {
    account_attempts: 20,
    client_attempts: 5,
    address_attempts: 50,
    address_regain: Duration::from_secs(60),
    device_attempts: 10,
    first_delay: Duration::from_secs(30),
    longest_delay: Duration::from_secs(3600),
};

struct Stage {
    auth: AuthHandle,
    authenticator: Authenticator,
    revoked: Arc<Revoked>,
    standings: Standings,
    directory: Arc<OneUser>,
    store: Arc<Breakable>,
    clock: Arc<HandClock>,
    iterations: u32,
    folder: Arc<TempDir>,
}

async fn stage() -> Stage {
    stage_with(20).await
}

/// With this cost of a refused password, one thread to hash and one place to wait.
async fn stage_with(iterations: u32) -> Stage {
    stage_under(iterations, Policy::Optional).await
}

async fn stage_under(iterations: u32, policy: Policy) -> Stage {
    let (directory, clock) = (Arc::new(OneUser::john()), Arc::new(HandClock::at(NOW)));
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&folder.path().join("sessions.db"), clock.clone()).await.unwrap();
    let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
    on(iterations, &keys, directory, Arc::new(Breakable::new(store)), clock, Arc::new(folder), policy)
}

/// A gateway with these keys.
fn on(
    iterations: u32,
    keys: &KeyRing,
    directory: Arc<OneUser>,
    store: Arc<Breakable>,
    clock: Arc<HandClock>,
    folder: Arc<TempDir>,
    policy: Policy,
) -> Stage {
    let mfa = MfaRules {
        policy,
        issuer: "railgate".to_owned(),
        fresh_login: FRESH,
        trusted_devices: Some(Duration::from_secs(30 * 24 * 60 * 60)),
    };
    let limits = PoolLimits { threads: 1, queue: 1, deadline: Duration::from_secs(60) };
    let hashing = passwords::Policy { preferred: Preferred::Pbkdf2Sha256 { iterations }, ..Default::default() };
    let passwords = Passwords::new(HashingPool::start(limits).unwrap()).with_policy(hashing);
    let rail = RailTokens { secret: Secret::new("rail"), cut_over: NOW };
    let access = Arc::new(AccessTokens::new(AccessFormat::Paseto, keys, Some(rail), OptionalClaims::default()));
    let revoked: Arc<Revoked> = Arc::default();
    let endings = Endings::new(store.clone(), revoked.clone(), clock.clone(), SPANS.end_matters());
    let marks = Arc::new(PasswordMarks::new(keys));
    let sources = Sources {
        store: store.clone(),
        directory: directory.clone(),
        factors: directory.clone(),
        policy: mfa.policy,
        marks: marks.clone(),
        refresh: Arc::new(RefreshTokens::new(keys)),
        endings: endings.clone(),
        facts: OptionalClaims::default(),
        idle_lifetime: SPANS.session.idle,
        django: None,
        followed: Arc::default(),
    };
    let freshness = Freshness { recheck: Duration::from_secs(60), max_staleness: Duration::from_secs(300) };
    let runtime = tokio::runtime::Handle::current();
    let standings = Standings::new(sources, freshness, clock.clone(), runtime.clone());
    let parts = Parts {
        directory: directory.clone(),
        store: store.clone(),
        challenges: store.clone(),
        throttle: Throttle::new(store.clone(), keys, LIMITS),
        known: KnownDevices::new(keys),
        factors: directory.clone(),
        mfa,
        codes: BackupCodes::new(keys),
        trust: TrustTokens::new(keys),
        passwords,
        backend: None,
        access: access.clone(),
        refresh: Arc::new(RefreshTokens::new(keys)),
        challenge: ChallengeTokens::new(keys),
        marks,
        endings,
        standings: standings.clone(),
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy),
        spans: SPANS,
        session_limit: LIMIT,
    };
    Stage {
        auth: AuthHandle::new(parts, runtime),
        authenticator: Authenticator::new(access, revoked.clone(), clock.clone()),
        revoked,
        standings,
        directory,
        store,
        clock,
        iterations,
        folder,
    }
}

fn using(token: &PlainToken) -> Refresh {
    Refresh { token: Some(token.clone()), client: ClientInfo::default() }
}

impl Stage {
    /// The same users and sessions after a start with these keys.
    fn with_keys(&self, keys: &[&Secret]) -> Self {
        let ring = KeyRing::parse(keys.iter().copied()).unwrap();
        let (directory, store) = (Arc::clone(&self.directory), Arc::clone(&self.store));
        let (clock, folder) = (Arc::clone(&self.clock), Arc::clone(&self.folder));
        on(self.iterations, &ring, directory, store, clock, folder, Policy::Optional)
    }

    async fn enter(&self, username: &str, password: &str) -> Result<Entry, Refusal> {
        let (username, password) = (username.to_owned(), Secret::new(password));
        let client = ClientInfo { device_name: Some("phone".into()), ..ClientInfo::default() };
        self.auth.login(Login { username, password, devices: Vec::new(), client }).await
    }

    async fn login(&self, username: &str, password: &str) -> Result<Grant, Refusal> {
        match self.enter(username, password).await? {
            Entry::Open(grant) => Ok(*grant),
            Entry::FactorDue(_) | Entry::EnrolmentDue(_) => panic!("a second factor is due"),
        }
    }

    async fn john(&self) -> Grant {
        self.login("john", "secret123").await.unwrap()
    }

    async fn refresh(&self, token: &IssuedToken) -> Result<Grant, Refusal> {
        self.auth.refresh(using(&token.token)).await
    }

    fn caller(&self, grant: &Grant) -> Option<Principal> {
        self.authenticator.authenticate(grant.access.token.expose(), AuthMethod::Bearer).ok()
    }

    /// The ids that `caller` sees, and which of them is its own.
    async fn listed(&self, caller: Option<Principal>) -> Result<Vec<(SessionId, bool)>, Refusal> {
        let sessions = self.auth.sessions(ListSessions { caller }).await?;
        Ok(sessions.into_iter().map(|own| (own.session.id, own.is_current)).collect())
    }

    async fn revoke(&self, by: &Grant, session: Option<SessionId>) -> Result<Own, Refusal> {
        self.auth.revoke_session(RevokeSession { caller: self.caller(by), session }).await
    }

    async fn revoke_all(&self, caller: Option<Principal>) -> Result<(), Refusal> {
        self.auth.revoke_all_sessions(RevokeAllSessions { caller, refresh: None }).await
    }

    fn id(&self, grant: &Grant) -> SessionId {
        self.caller(grant).unwrap().session.unwrap()
    }

    async fn logout(&self, grant: &Grant) -> Result<(), Refusal> {
        self.auth.logout(Logout { caller: self.caller(grant), refresh: None }).await
    }
}

#[test]
fn an_end_is_remembered_for_as_long_as_anything_might_outlive_it() {
    assert_eq!(SPANS.end_matters(), SPANS.access + RACE);
    let stale = Spans { max_staleness: SPANS.access * 2, ..SPANS };
    assert_eq!(stale.end_matters(), SPANS.access * 2 + RACE);
}

#[tokio::test]
async fn refusals_do_not_tell_accounts_apart_and_factors_only_to_who_knows_the_password() {
    let stage = stage().await;
    stage.directory.enrol_factor(FactorKind::Other("sms".into()));
    assert_eq!(stage.login("john", "secret123").await.unwrap_err(), Refusal::UnsupportedFactor);
    for (username, password) in [("john", "wrong"), ("nobody", "secret123"), ("", ""), ("john", "")] {
        assert_eq!(stage.login(username, password).await.unwrap_err(), Refusal::InvalidCredentials, "{username}");
    }
    stage.directory.change(|user| user.as_mut().unwrap().is_active = false);
    assert_eq!(stage.login("john", "secret123").await.unwrap_err(), Refusal::InvalidCredentials);
}

#[tokio::test]
async fn a_login_that_can_not_be_noted_stands() {
    let stage = stage().await;
    stage.directory.set(Mood::ReadOnly);
    assert_eq!(stage.john().await.user.last_login, None);
    stage.directory.set(Mood::Well);
    assert_eq!(stage.john().await.user.last_login, Some(NOW));
}

#[tokio::test]
async fn an_outage_costs_no_session() {
    let stage = stage().await;
    let grant = stage.john().await;
    stage.directory.set(Mood::Down);
    assert_eq!(stage.login("john", "secret123").await.unwrap_err(), Refusal::Unavailable);
    assert_eq!(stage.refresh(&grant.refresh).await.unwrap_err(), Refusal::Unavailable);
    stage.directory.set(Mood::Well);
    stage.store.set_down(true);
    assert_eq!(stage.login("john", "secret123").await.unwrap_err(), Refusal::Unavailable);
    assert_eq!(stage.refresh(&grant.refresh).await.unwrap_err(), Refusal::Unavailable);
    assert_eq!(stage.logout(&grant).await, Err(Refusal::Unavailable), "never falsely ok");
    assert!(stage.caller(&grant).is_some());
    stage.store.set_down(false);
    let grant = stage.refresh(&grant.refresh).await.unwrap();
    assert_eq!(stage.logout(&grant).await, Ok(()));
    assert!(stage.caller(&grant).is_none());
}

#[tokio::test]
async fn logout_takes_the_session_of_either_credential() {
    let stage = stage().await;
    let (mine, cookie, bystander) = (stage.john().await, stage.john().await, stage.john().await);
    let both = Logout { caller: stage.caller(&mine), refresh: Some(cookie.refresh.token.clone()) };
    stage.auth.logout(both).await.unwrap();
    for ended in [&mine, &cookie] {
        assert!(stage.caller(ended).is_none());
        assert_eq!(stage.refresh(&ended.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
    }
    assert!(stage.caller(&bystander).is_some());
    assert_eq!(stage.auth.logout(Logout { caller: None, refresh: None }).await, Ok(()));
    let django = Principal { session: None, method: AuthMethod::DjangoSession, ..stage.caller(&bystander).unwrap() };
    let unmanaged = Logout { caller: Some(django), refresh: None };
    assert_eq!(stage.auth.logout(unmanaged).await, Err(Refusal::DjangoSession));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_of_a_refresh_that_races_a_logout_is_good_afterwards() {
    let stage = stage().await;
    for _ in 0..30 {
        let grant = stage.john().await;
        let auth = stage.auth.clone();
        let racing = using(&grant.refresh.token);
        let refresh = tokio::spawn(async move { auth.refresh(racing).await });
        stage.logout(&grant).await.unwrap();
        if let Ok(racer) = refresh.await.unwrap() {
            assert!(stage.caller(&racer).is_none());
            assert_eq!(stage.refresh(&racer.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
        }
        assert!(stage.caller(&grant).is_none());
    }
}

/// Its last access token outlives the session by less than the entry that remembers its end.
#[tokio::test]
async fn an_ended_session_stays_ended_until_its_last_token_has_run_out() {
    let stage = stage().await;
    let grant = stage.john().await;
    stage.logout(&grant).await.unwrap();
    for seconds in [0, 450, 899] {
        stage.clock.set(NOW.after(Duration::from_secs(seconds)));
        sweep(&stage.revoked, stage.clock.now());
        assert!(stage.caller(&grant).is_none(), "after {seconds} s");
    }
}

#[tokio::test]
async fn a_login_whose_client_went_away_gives_its_place_up() {
    let stage = stage_with(4_000_000).await;
    let moment = || tokio::time::sleep(Duration::from_millis(50));
    let slow = stage.login("john", "wrong");
    let others = async {
        moment().await;
        tokio::time::timeout(Duration::from_millis(50), stage.login("john", "secret123")).await.unwrap_err();
        moment().await;
        stage.login("john", "secret123").await
    };
    let (slow, last) = tokio::join!(slow, others);
    assert_eq!(slow.unwrap_err(), Refusal::InvalidCredentials);
    assert!(last.is_ok(), "the one place to wait was still taken");
}
