//! The backend's tokens of a user over time: renewed once, by whoever is first.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use railgate::{
    auth::{
        backend::SealedTokens,
        tokens::{Key, KeyRing},
    },
    directory::{
        BackendEntry, BackendLogin as _, BackendTokens as _, Credentials, Directory as _, DirectoryErrorKind,
        upstream::{SecondFactor, UpstreamDirectory, UpstreamSettings, Wording},
    },
    model::{Clock, Secret, SystemClock, SystemEntropy, Timestamp, UserId},
};
use tokio::{sync::Barrier, task::JoinSet};

use super::cheap;
use crate::{
    store::fixture::{Embedded, Fixture as _},
    support::{backend::Backend, ports},
};

/// The machine's clock, and so many seconds more.
#[derive(Debug, Default)]
pub(super) struct Later(AtomicI64);

impl Later {
    pub(super) fn is(&self, later: Duration) {
        self.0.store(i64::try_from(later.as_secs()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now().after(Duration::from_secs(self.0.load(Ordering::SeqCst).unsigned_abs()))
    }
}

/// Gateways that share a store.
struct World {
    backend: Backend,
    store: Embedded,
    key: Secret,
    clock: Arc<Later>,
}

/// The demo backend's access tokens live for an hour. So long after a login they are about to run out; what is renewed then
/// by this clock is good for most of a minute.
const ALMOST: Duration = Duration::from_secs(3545);
/// So long after it, all that the backend makes now has run out.
const BEYOND: Duration = Duration::from_secs(3700);

impl World {
    async fn new() -> Self {
        let backend = cheap(Backend::on_sqlite());
        let key = Key::generate(&SystemEntropy).unwrap();
        Self { backend, store: Embedded::start().await, key, clock: Arc::default() }
    }

    fn directory(&self) -> Arc<UpstreamDirectory> {
        self.directory_at(self.backend.port)
    }

    fn directory_at(&self, port: u16) -> Arc<UpstreamDirectory> {
        let keys = KeyRing::parse([&self.key]).unwrap();
        let vault = SealedTokens::new(self.store.tokens(), &keys, Arc::new(SystemEntropy));
        let settings = UpstreamSettings {
            url: format!("http://127.0.0.1:{port}").parse().unwrap(),
            tls: None,
            path: "/graphql/auth/".to_owned(),
            host: None,
            timeout: Duration::from_secs(20),
            max_connections: 16,
            wording: wording(),
            blocked: String::new(),
            unauthenticated: vec!["authentication required".to_owned()],
        };
        Arc::new(UpstreamDirectory::new(settings, Arc::new(vault), self.clock.clone()))
    }

    /// Logs john in.
    async fn john(&self) -> UserId {
        let credentials = Credentials { username: "john".to_owned(), password: Secret::new("secret123"), client: None };
        let BackendEntry::In(account) = self.directory().log_in(credentials).await.unwrap() else { panic!("refused") };
        account.user.id.clone()
    }
}

pub(super) fn wording() -> Wording {
    Wording {
        login: "login".to_owned(),
        username: "username".to_owned(),
        password: "password".to_owned(),
        payload: "ok errors token refreshToken expiresAt".to_owned(),
        user: "id username isActive".to_owned(),
        grants: "permissions".to_owned(),
        me: "me".to_owned(),
        refresh: "refreshToken".to_owned(),
        refresh_token: "refreshToken".to_owned(),
        refresh_has_user: true,
        second_factor: Some(SecondFactor::Framework),
    }
}

/// What thirty requests at three gateways get at once.
async fn thirty_at_once(world: &World, john: &UserId) -> Vec<String> {
    let (gateways, barrier) = ([(); 3].map(|()| world.directory()), Arc::new(Barrier::new(30)));
    let mut tasks = JoinSet::new();
    for number in 0..30 {
        let (directory, barrier, john) = (Arc::clone(&gateways[number % 3]), Arc::clone(&barrier), john.clone());
        tasks.spawn(async move {
            barrier.wait().await;
            directory.token_of(&john).await.unwrap().expect("tokens").token.expose().to_owned()
        });
    }
    let mut shown = tasks.join_all().await;
    shown.sort();
    shown.dedup();
    shown
}

/// A refresh token that comes twice ends its family in the demo backend: then there would be no tokens in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_gateways_and_requests_at_once_one_renews_the_tokens() {
    let world = World::new().await;
    let john = world.john().await;
    let before = world.directory().token_of(&john).await.unwrap().unwrap();
    assert!(before.renew > world.clock.now());
    world.clock.is(ALMOST);
    // One that is still good may be shown while the new one is got.
    assert!(thirty_at_once(&world, &john).await.len() <= 2);
    assert!(world.directory().token_of(&john).await.unwrap().unwrap().renew > before.renew);
    // Nothing is good any more: each waits for the one that renews, or is that one.
    world.clock.is(BEYOND);
    thirty_at_once(&world, &john).await;
    world.clock.is(Duration::ZERO);
    let account = world.directory().account_of(&john).await.unwrap().expect("john");
    assert!(account.user.username == "john" && !account.user.permissions.is_empty());
}

#[tokio::test]
async fn a_user_whom_the_backend_turns_away_is_nobody_until_the_next_login() {
    let world = World::new().await;
    let john = world.john().await;
    let active = |is_active: &str| {
        world.backend.python(&format!("User.objects.filter(username='john').update(is_active={is_active})"));
    };
    assert!(world.directory().state_of(&john).await.unwrap().is_some_and(|state| state.is_active));
    active("False");
    assert!(world.directory().account_of(&john).await.unwrap().is_none());
    active("True");
    assert!(world.directory().account_of(&john).await.unwrap().is_none(), "its tokens are gone");
    assert!(world.directory().token_of(&john).await.unwrap().is_none());
    world.john().await;
    assert!(world.directory().account_of(&john).await.unwrap().is_some());
    assert!(world.directory().account_of(&UserId::new("999")).await.unwrap().is_none());
    assert!(world.directory().candidate("john").await.unwrap().is_none(), "nobody is found by name");
}

#[tokio::test]
async fn without_the_backend_tokens_go_on_as_long_as_they_are_good() {
    let world = World::new().await;
    let john = world.john().await;
    let before = world.directory().token_of(&john).await.unwrap().unwrap().token;
    let cut_off = world.directory_at(ports::free());
    world.clock.is(ALMOST);
    assert_eq!(cut_off.token_of(&john).await.unwrap().unwrap().token.expose(), before.expose());
    assert_eq!(cut_off.account_of(&john).await.unwrap_err().kind, DirectoryErrorKind::Unavailable);
    world.clock.is(BEYOND);
    assert_eq!(cut_off.token_of(&john).await.unwrap_err().kind, DirectoryErrorKind::Unavailable);
    assert!(world.directory().token_of(&john).await.unwrap().is_some(), "the refresh token was not used up");
}
