//! How long a caller goes on after something happened to session, user or password, and when that is asked for.

use std::num::NonZeroU32;

use tempfile::TempDir;

use super::*;
use crate::{
    auth::{
        fakes::{Breakable, HandClock, Mood, OneDjangoSession, OneUser},
        tokens::{Key, KeyRing, Revoked},
    },
    model::{
        AuthMethod, ClientInfo, FactorKind, PasswordMark, Session, SessionExpiry, SessionId, SystemEntropy, Timestamp,
        UserId,
    },
    store::{Lifetimes, NewSession, SessionKey, embedded::EmbeddedStore},
};

mod cookies;
mod django;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const RECHECK: Duration = Duration::from_secs(60);
const STALE: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(86_400);
const ID: SessionId = SessionId::from_bytes([7; 16]);
const LOGIN: Timestamp = Timestamp::from_secs(1_799_999_000);

struct Stage {
    standings: Standings,
    directory: Arc<OneUser>,
    store: Arc<Breakable>,
    revoked: Arc<Revoked>,
    clock: Arc<HandClock>,
    followed: Arc<Followed>,
    /// The session's, for a browser that keeps nothing else.
    cookie: PlainToken,
    /// Another one of his, that Django opened.
    djangos: Arc<OneDjangoSession>,
    _folder: TempDir,
}

/// John has a session.
async fn stage() -> Stage {
    stage_under(Policy::Optional).await
}

async fn stage_under(policy: Policy) -> Stage {
    let (directory, clock) = (Arc::new(OneUser::john()), Arc::new(HandClock::at(NOW)));
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&folder.path().join("sessions.db"), clock.clone()).await.unwrap();
    let store = Arc::new(Breakable::new(store));
    let revoked: Arc<Revoked> = Arc::default();
    let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
    let (marks, refresh) = (PasswordMarks::new(&keys), RefreshTokens::new(&keys));
    let john = directory.account_of(&UserId::new("1")).await.unwrap().unwrap();
    let djangos = Arc::new(OneDjangoSession::johns(NOW.after(DAY)));
    let cookie = refresh.mint(key(), &SystemEntropy).unwrap();
    store.create(session(marks.of(&john.user.id, &john.password), &cookie)).await.unwrap();
    let followed: Arc<Followed> = Arc::default();
    let sources = Sources {
        store: store.clone(),
        directory: directory.clone(),
        factors: directory.clone(),
        policy,
        marks: Arc::new(marks),
        refresh: Arc::new(refresh),
        endings: Endings::new(store.clone(), revoked.clone(), clock.clone(), Duration::from_secs(900)),
        facts: OptionalClaims { roles: true, ..OptionalClaims::default() },
        idle_lifetime: DAY,
        django: Some(djangos.clone().sessions()),
        followed: followed.clone(),
    };
    let freshness = Freshness { recheck: RECHECK, max_staleness: STALE };
    let standings = Standings::new(sources, freshness, clock.clone(), Handle::current());
    Stage { standings, directory, store, revoked, clock, followed, cookie, djangos, _folder: folder }
}

fn key() -> SessionKey {
    SessionKey::of(&UserId::new("1"), ID)
}

fn session(password: PasswordMark, cookie: &PlainToken) -> NewSession {
    let session = Session {
        id: ID,
        user: UserId::new("1"),
        created: NOW,
        last_used: NOW,
        expiry: SessionExpiry { idle: NOW, absolute: NOW },
        auth_time: LOGIN,
        mfa: true,
        client: ClientInfo::default(),
        password: Some(password),
    };
    let lifetimes = Lifetimes { idle: DAY, absolute: DAY * 2 };
    NewSession { session, refresh: cookie.hash(), lifetimes, limit: NonZeroU32::MIN }
}

fn caller(session: Option<SessionId>) -> Principal {
    Principal {
        user: UserId::new("1"),
        username: "john".into(),
        email: None,
        roles: Some(["what the token says".into()].into()),
        permissions: None,
        session,
        handle: session.unwrap_or(TOKEN),
        method: AuthMethod::Bearer,
        mfa: false,
        auth_time: NOW,
        expires: NOW.after(STALE * 10),
    }
}

/// What a token of the backend's is revoked by.
const TOKEN: SessionId = SessionId::from_bytes([8; 16]);

/// What a verdict is called.
fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Good(_) => "good",
        Verdict::Out => "out",
        Verdict::Unconfirmed(_) => "unconfirmed",
    }
}

impl Stage {
    async fn verdict(&self, caller: Principal) -> Verdict {
        match self.standings.look(Shown::Token(caller)) {
            Look::Now(verdict) => verdict,
            Look::Later(verdict) => verdict.await,
        }
    }

    async fn johns(&self) -> &'static str {
        name(&self.verdict(caller(Some(ID))).await)
    }

    /// The verdict on the browser.
    async fn cookies(&self) -> &'static str {
        name(&self.seen(self.cookie.clone()).await)
    }

    async fn seen(&self, cookie: PlainToken) -> Verdict {
        match self.standings.look(Shown::Session(cookie)) {
            Look::Now(verdict) => verdict,
            Look::Later(verdict) => verdict.await,
        }
    }

    /// The verdict on the browser that Django knows.
    async fn by_django(&self) -> Verdict {
        match self.standings.look(Shown::Django(OneDjangoSession::cookie())) {
            Look::Now(verdict) => verdict,
            Look::Later(verdict) => verdict.await,
        }
    }

    async fn djangos(&self) -> &'static str {
        name(&self.by_django().await)
    }

    /// The verdict if there is one without waiting.
    fn at_once(&self) -> Option<&'static str> {
        match self.standings.look(Shown::Token(caller(Some(ID)))) {
            Look::Now(verdict) => Some(name(&verdict)),
            Look::Later(_) => None,
        }
    }

    fn at(&self, span: Duration) {
        self.clock.set(NOW.after(span));
    }

    /// Waits until the directory was asked so many times and the answer is remembered.
    async fn asked(&self, times: u32) {
        let is_done = || self.directory.asked() >= times && self.standings.0.under_way.lock().unwrap().is_empty();
        for _ in 0..5_000 {
            if is_done() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(self.directory.asked(), times);
    }
}

#[tokio::test]
async fn a_session_in_use_is_asked_about_beside_the_traffic() {
    let stage = stage().await;
    assert_eq!(stage.at_once(), None, "the first request waits");
    assert_eq!(stage.johns().await, "good");
    // John himself was looked up once for the stage.
    stage.asked(2).await;
    for _ in 0..100 {
        assert_eq!(stage.at_once(), Some("good"));
    }
    stage.at(RECHECK / 2);
    for _ in 0..100 {
        assert_eq!(stage.at_once(), Some("good"), "nobody waits");
    }
    stage.asked(3).await;
    stage.at(RECHECK + RECHECK / 4);
    assert_eq!(stage.at_once(), Some("good"), "the check beside the traffic counts");
    stage.asked(4).await;
}

#[tokio::test]
async fn whoever_waits_for_the_same_check_shares_it() {
    let stage = stage().await;
    let waiting: Vec<_> = (0..50)
        .map(|_| match stage.standings.look(Shown::Token(caller(Some(ID)))) {
            Look::Later(verdict) => verdict,
            Look::Now(verdict) => panic!("{verdict:?}"),
        })
        .collect();
    for verdict in waiting {
        assert_eq!(name(&verdict.await), "good");
    }
    stage.asked(2).await;
}

#[tokio::test]
async fn a_check_goes_on_when_who_waited_has_gone() {
    let stage = stage().await;
    drop(stage.standings.look(Shown::Token(caller(Some(ID)))));
    stage.asked(2).await;
    assert_eq!(stage.at_once(), Some("good"));
}

/// What happens to a caller who was in order a moment ago.
async fn is_out_within_the_time(what: impl AsyncFn(&Stage), ends: bool) {
    let stage = stage().await;
    assert_eq!((stage.johns().await, stage.cookies().await), ("good", "good"));
    what(&stage).await;
    assert_eq!((stage.johns().await, stage.cookies().await), ("good", "good"), "not asked for each request");
    stage.at(RECHECK);
    assert_eq!((stage.johns().await, stage.cookies().await), ("out", "out"));
    assert!(stage.revoked.contains(&ID));
    assert_eq!(stage.store.find(key()).await.unwrap().is_none(), ends);
    assert_eq!(stage.at_once(), Some("out"));
}

#[tokio::test]
async fn a_user_who_is_disabled_or_gone_is_out_and_so_is_the_session() {
    is_out_within_the_time(async |stage| stage.directory.change(|user| user.as_mut().unwrap().is_active = false), true)
        .await;
    is_out_within_the_time(async |stage| stage.directory.change(|user| *user = None), true).await;
}

#[tokio::test]
async fn a_changed_password_ends_the_session() {
    is_out_within_the_time(async |stage| stage.directory.change_password(), true).await;
}

#[tokio::test]
async fn a_session_that_ended_elsewhere_is_over_here() {
    let end = async |stage: &Stage| {
        assert!(stage.store.end(key()).await.unwrap());
    };
    is_out_within_the_time(end, true).await;
}

#[tokio::test]
async fn a_session_of_another_user_is_none_of_the_callers() {
    let stage = stage().await;
    let stranger = Principal { user: UserId::new("2"), ..caller(Some(ID)) };
    assert_eq!(name(&stage.verdict(stranger).await), "out");
    assert!(stage.store.find(key()).await.unwrap().is_some(), "and its owner's goes on");
}

#[tokio::test]
async fn who_may_not_come_in_is_out_here_even_if_the_session_can_not_be_ended() {
    let stage = stage().await;
    assert_eq!(stage.johns().await, "good");
    stage.directory.change(|user| user.as_mut().unwrap().is_active = false);
    stage.store.end_none();
    stage.at(RECHECK);
    assert_eq!(stage.johns().await, "out");
    assert!(stage.revoked.contains(&ID), "for other tokens of the session, too");
}

async fn goes_on_for_a_while_without(take: impl Fn(&Stage), give_back: impl Fn(&Stage)) {
    let stage = stage().await;
    take(&stage);
    assert_eq!(stage.johns().await, "unconfirmed", "who was never seen");
    give_back(&stage);
    assert_eq!(stage.johns().await, "good");
    take(&stage);
    for at in [RECHECK, STALE / 2, STALE - Duration::from_secs(1)] {
        stage.at(at);
        assert_eq!(stage.johns().await, "good", "{at:?}");
        assert_eq!(stage.at_once(), Some("good"), "not each request waits");
    }
    stage.at(STALE);
    assert_eq!(stage.johns().await, "unconfirmed");
    assert!(!stage.revoked.contains(&ID), "nothing is over");
    give_back(&stage);
    assert_eq!(stage.johns().await, "good", "without a restart");
}

#[tokio::test]
async fn without_the_directory_callers_go_on_for_a_while() {
    goes_on_for_a_while_without(|stage| stage.directory.set(Mood::Down), |stage| stage.directory.set(Mood::Well)).await;
}

#[tokio::test]
async fn without_the_store_callers_go_on_for_a_while() {
    goes_on_for_a_while_without(|stage| stage.store.set_down(true), |stage| stage.store.set_down(false)).await;
}

#[tokio::test]
async fn a_token_of_the_backend_says_nothing_of_roles() {
    let stage = stage().await;
    let Verdict::Good(john) = stage.verdict(caller(None)).await else { panic!() };
    assert_eq!(john.roles, Some(["editors".to_owned()].into()));
    let Verdict::Good(john) = stage.verdict(caller(Some(ID))).await else { panic!() };
    assert_eq!(john.roles, Some(["what the token says".to_owned()].into()), "one of ours does");
    stage.directory.change(|user| user.as_mut().unwrap().is_active = false);
    stage.at(RECHECK);
    assert_eq!(name(&stage.verdict(caller(None)).await), "out");
}

#[tokio::test]
async fn a_token_of_the_backend_that_was_logged_out_elsewhere_is_over_here() {
    let stage = stage().await;
    assert_eq!(name(&stage.verdict(caller(None)).await), "good");
    let key = SessionKey::of(&UserId::new("1"), TOKEN);
    stage.store.spend(key, STALE * 10).await.unwrap();
    stage.at(RECHECK);
    assert_eq!(name(&stage.verdict(caller(None)).await), "out");
    crate::auth::fakes::sweep(&stage.revoked, NOW.after(STALE * 9));
    assert!(stage.revoked.contains(&TOKEN), "without a question from then on, until it runs out");
    let other = Principal { handle: SessionId::from_bytes([9; 16]), ..caller(None) };
    assert_eq!(name(&stage.verdict(other).await), "good", "another token of the same user");
    assert_eq!(stage.johns().await, "good");
}

#[tokio::test]
async fn after_a_gap_in_what_is_heard_everybody_is_checked_anew() {
    let stage = stage().await;
    assert_eq!((stage.johns().await, stage.cookies().await), ("good", "good"));
    assert!(stage.store.end(key()).await.unwrap());
    stage.followed.miss();
    assert_eq!((stage.johns().await, stage.cookies().await), ("out", "out"));
}

#[tokio::test]
async fn a_gap_while_nobody_can_be_asked_puts_nobody_out() {
    let stage = stage().await;
    assert_eq!(stage.johns().await, "good");
    stage.store.set_down(true);
    stage.followed.miss();
    assert_eq!(stage.johns().await, "good");
    assert_eq!(stage.at_once(), Some("good"), "not each request waits");
    stage.at(STALE);
    assert_eq!(stage.johns().await, "unconfirmed");
}

#[tokio::test]
async fn a_check_that_began_before_a_gap_is_not_shared_after_it() {
    let stage = stage().await;
    let ask = || match stage.standings.look(Shown::Token(caller(Some(ID)))) {
        Look::Later(verdict) => verdict,
        Look::Now(verdict) => panic!("{verdict:?}"),
    };
    let before = ask();
    stage.followed.miss();
    let after = [ask(), ask()];
    assert_eq!(name(&before.await), "good");
    for verdict in after {
        assert_eq!(name(&verdict.await), "good");
    }
    stage.asked(3).await;
    assert_eq!(stage.johns().await, "good");
}
