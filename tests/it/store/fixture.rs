//! A fresh store of each kind, and the sessions that the tests put into it.

use std::{
    num::NonZeroU32,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use railgate::{
    model::{
        ClientInfo, Clock, PasswordMark, PlainToken, Secret, Session, SessionExpiry, SessionId, Timestamp, TokenHash,
        UserId,
    },
    store::{
        ChallengeStore, Lifetimes, NewSession, Rotate, Rotation, SessionKey, SessionStore, ThrottleStore, TokenStore,
        VaultStore, embedded::EmbeddedStore, redis::RedisStore,
    },
};
use tempfile::TempDir;

use crate::support::{
    cluster::{self, Nodes},
    redis::RedisServer,
    sentinel::{self, Watched},
};

/// Lifetimes and grace of the tests: long enough for a busy machine, short enough to wait for.
pub(crate) const GRACE: Duration = Duration::from_millis(300);
pub(crate) const IDLE: Duration = Duration::from_millis(800);
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// A store of one kind, empty at the start.
#[async_trait]
pub(crate) trait Fixture: Sized + Send + Sync {
    async fn start() -> Self;

    /// All that it keeps.
    fn whole(&self) -> Arc<dyn Whole>;

    fn store(&self) -> Arc<dyn SessionStore> {
        self.whole()
    }

    /// The same, for logins half-way.
    fn challenges(&self) -> Arc<dyn ChallengeStore> {
        self.whole()
    }

    /// The same, for attempts that are counted.
    fn throttle(&self) -> Arc<dyn ThrottleStore> {
        self.whole()
    }

    /// The same, for sealed records.
    fn vault(&self) -> Arc<dyn VaultStore> {
        self.whole()
    }

    fn tokens(&self) -> Arc<dyn TokenStore> {
        self.whole()
    }

    /// Lets time pass, for the store. One with a clock of its own can only be waited for.
    async fn advance(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    /// Closes the store and opens it again on what it kept.
    async fn reopen(self) -> Self;
}

/// A store of all kinds of records.
pub(crate) trait Whole: SessionStore + ChallengeStore + ThrottleStore + TokenStore + VaultStore {}

impl<S: SessionStore + ChallengeStore + ThrottleStore + TokenStore + VaultStore> Whole for S {}

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
pub(crate) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) clock: Arc<TestClock>,
    folder: TempDir,
    store: Option<Arc<EmbeddedStore>>,
}

impl Embedded {
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data/sessions.db")
    }

    async fn open(folder: TempDir, clock: Arc<TestClock>) -> Self {
        let mut fixture = Self { clock, folder, store: None };
        let store = EmbeddedStore::open(&fixture.path(), fixture.clock.clone()).await.unwrap();
        fixture.store = Some(Arc::new(store));
        fixture
    }
}

#[async_trait]
impl Fixture for Embedded {
    async fn start() -> Self {
        let clock = TestClock(AtomicI64::new(1_795_000_000_000_000));
        Self::open(tempfile::tempdir().unwrap(), Arc::new(clock)).await
    }

    fn whole(&self) -> Arc<dyn Whole> {
        self.store.clone().unwrap()
    }

    async fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap();
        self.clock.0.fetch_add(micros, Ordering::SeqCst);
    }

    async fn reopen(mut self) -> Self {
        drop(self.store.take());
        Self::open(self.folder, self.clock).await
    }
}

#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) server: RedisServer,
    pub(crate) store: Arc<RedisStore>,
}

/// What a call to Redis may take in the tests.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(500);

/// How long the end of a session is told to others.
pub(crate) const END_MATTERS: Duration = Duration::from_secs(60);

impl Redis {
    pub(crate) fn connect(port: u16) -> Arc<RedisStore> {
        connect(&format!("redis://127.0.0.1:{port}"))
    }
}

pub(crate) fn connect(url: &str) -> Arc<RedisStore> {
    Arc::new(RedisStore::connect(&Secret::new(url), None, "railgate", TIMEOUT, END_MATTERS).unwrap())
}

#[async_trait]
impl Fixture for Redis {
    async fn start() -> Self {
        let server = RedisServer::start();
        let store = Self::connect(server.port);
        Self { server, store }
    }

    fn whole(&self) -> Arc<dyn Whole> {
        self.store.clone()
    }

    async fn reopen(mut self) -> Self {
        self.server.restart();
        Self { store: Self::connect(self.server.port), server: self.server }
    }
}

/// Redis behind sentinels.
#[derive(Debug)]
pub(crate) struct Sentinel {
    pub(crate) watched: Watched,
    pub(crate) store: Arc<RedisStore>,
}

impl Sentinel {
    pub(crate) fn of(watched: Watched) -> Self {
        let store = connect(&watched.url());
        Self { watched, store }
    }
}

#[async_trait]
impl Fixture for Sentinel {
    async fn start() -> Self {
        Self::of(Watched::start(sentinel::LATE_MS))
    }

    fn whole(&self) -> Arc<dyn Whole> {
        self.store.clone()
    }

    async fn reopen(mut self) -> Self {
        self.watched.servers[0].restart();
        Self::of(self.watched)
    }
}

/// A Redis Cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: Nodes,
    pub(crate) store: Arc<RedisStore>,
}

impl Cluster {
    pub(crate) fn of(nodes: Nodes) -> Self {
        let store = connect(&nodes.url());
        Self { nodes, store }
    }
}

#[async_trait]
impl Fixture for Cluster {
    async fn start() -> Self {
        Self::of(Nodes::start(cluster::LATE_MS))
    }

    fn whole(&self) -> Arc<dyn Whole> {
        self.store.clone()
    }

    async fn reopen(self) -> Self {
        Self::of(self.nodes)
    }
}

/// The hash of the token with this text.
pub(crate) fn token(text: &str) -> TokenHash {
    PlainToken::new(text).hash()
}

/// A session of `user`, numbered `id`, whose refresh token is `refresh`.
pub(crate) fn login(user: &str, id: u8, refresh: &str) -> NewSession {
    let start = Timestamp::from_micros(1_795_000_000_000_001);
    NewSession {
        session: Session {
            id: SessionId::from_bytes([id; 16]),
            user: UserId::new(user),
            created: start,
            last_used: start,
            expiry: SessionExpiry { idle: start.after(LONG), absolute: start.after(LONG) },
            auth_time: start,
            mfa: true,
            client: ClientInfo {
                ip: Some("2001:db8::7".parse().unwrap()),
                user_agent: Some("Mozilla/5.0 «x»".to_owned()),
                device_name: None,
            },
            password: Some(PasswordMark::from_bytes([id; 20])),
        },
        refresh: token(refresh),
        lifetimes: Lifetimes { idle: LONG, absolute: LONG },
        limit: NonZeroU32::MAX,
    }
}

pub(crate) fn key_of(new: &NewSession) -> SessionKey {
    new.key()
}

/// The use of a genuine token; its successor is sealed as `sealed <successor>`.
pub(crate) fn exchange(key: SessionKey, presented: &str, successor: &str) -> Rotate {
    Rotate {
        key,
        presented: token(presented),
        genuine: true,
        successor: token(successor),
        sealed_successor: format!("sealed {successor}").into_bytes(),
        grace: GRACE,
        idle: LONG,
        password: None,
    }
}

/// The session of a first use.
#[track_caller]
pub(crate) fn rotated(rotation: Rotation) -> Session {
    match rotation {
        Rotation::Rotated(session) => session,
        other => panic!("not rotated but {other:?}"),
    }
}

/// The sealed successor that a repeated use got, as text.
#[track_caller]
pub(crate) fn repeated(rotation: Rotation) -> String {
    match rotation {
        Rotation::Repeated { sealed_successor, .. } => String::from_utf8(sealed_successor).unwrap(),
        other => panic!("not repeated but {other:?}"),
    }
}
