//! What sessions cost in Redis and in the file: `cargo bench --bench sessions`, which starts a `redis-server` of its own.
//!
//! - bytes a session: the memory that Redis has more after 100,000 logins of as many users, each refreshed once, as
//!   sessions in use are; and the size of the embedded store's file
//! - a rotation: one exchange of a refresh token, one after the other on one connection, and 64 at a time
//!
//! `cargo bench --bench sessions -- 10000` makes fewer.
#![expect(clippy::unwrap_used, reason = "a measurement, read by a person")]

#[expect(dead_code, reason = "of the tests' server only a part is needed here")]
#[path = "../tests/it/support/redis.rs"]
mod redis_server;

use std::{
    num::NonZeroU32,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use railgate::{
    auth::tokens::{Key, KeyRing, RefreshTokens, refresh},
    model::{
        ClientInfo, Clock, Entropy, PasswordMark, PlainToken, Secret, Session, SessionExpiry, SessionId, SystemClock,
        SystemEntropy, UserId,
    },
    store::{
        Lifetimes, NewSession, Rotate, Rotation, SessionKey, SessionStore, embedded::EmbeddedStore, redis::RedisStore,
    },
};
use redis_server::RedisServer;
use tokio::task::JoinSet;

const DAY: Duration = Duration::from_secs(86_400);
const AT_ONCE: usize = 64;
const ROTATIONS: usize = 5_000;

/// A user of the benchmark with the refresh token in hand.
struct LoggedIn {
    key: SessionKey,
    token: PlainToken,
}

struct Users {
    tokens: RefreshTokens,
}

impl Users {
    fn new() -> Self {
        let key = Key::generate(&SystemEntropy).unwrap();
        Self { tokens: RefreshTokens::new(&KeyRing::parse([&key]).unwrap()) }
    }

    fn session(&self, number: usize) -> (NewSession, LoggedIn) {
        let (user, now) = (UserId::new(number.to_string()), SystemClock.now());
        let entropy: &dyn Entropy = &SystemEntropy;
        let id = SessionId::from_bytes(entropy.bytes().unwrap());
        let key = SessionKey::of(&user, id);
        let token = self.tokens.mint(key, &SystemEntropy).unwrap();
        let session = Session {
            id,
            user,
            created: now,
            last_used: now,
            expiry: SessionExpiry { idle: now.after(DAY * 7), absolute: now.after(DAY * 30) },
            auth_time: now,
            mfa: false,
            client: ClientInfo {
                ip: Some("203.0.113.77".parse().unwrap()),
                user_agent: Some(
                    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
                        .to_owned(),
                ),
                device_name: None,
            },
            password: Some(PasswordMark::from_bytes(entropy.bytes().unwrap())),
        };
        let lifetimes = Lifetimes { idle: DAY * 7, absolute: DAY * 30 };
        let new = NewSession { session, refresh: token.hash(), lifetimes, limit: NonZeroU32::new(50).unwrap() };
        (new, LoggedIn { key, token })
    }

    fn exchange(&self, user: &LoggedIn) -> (Rotate, PlainToken) {
        let successor = self.tokens.mint(user.key, &SystemEntropy).unwrap();
        let step = Rotate {
            key: user.key,
            presented: user.token.hash(),
            genuine: true,
            successor: successor.hash(),
            sealed_successor: refresh::seal(&user.token, &successor, &SystemEntropy).unwrap(),
            grace: Duration::from_secs(10),
            idle: DAY * 7,
            password: None,
        };
        (step, successor)
    }
}

/// A login and the first refresh.
async fn log_in(store: &dyn SessionStore, users: &Users, number: usize) -> LoggedIn {
    let (new, mut user) = users.session(number);
    assert!(store.create(new).await.unwrap().is_empty());
    rotate(store, users, &mut user).await;
    user
}

async fn rotate(store: &dyn SessionStore, users: &Users, user: &mut LoggedIn) {
    let (step, successor) = users.exchange(user);
    assert!(matches!(store.rotate(step).await.unwrap(), Rotation::Rotated(_)));
    user.token = successor;
}

/// So many users, logged in by some at a time.
async fn log_all_in(store: &Arc<dyn SessionStore>, users: &Arc<Users>, count: usize) -> Vec<LoggedIn> {
    let mut tasks = JoinSet::new();
    for lane in 0..AT_ONCE {
        let (store, users) = (Arc::clone(store), Arc::clone(users));
        tasks.spawn(async move {
            let mut logged_in = Vec::new();
            for number in (lane..count).step_by(AT_ONCE) {
                logged_in.push(log_in(&*store, &users, number).await);
            }
            logged_in
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// One rotation after the other.
async fn rotations_one_by_one(store: &dyn SessionStore, users: &Users, logged_in: &mut [LoggedIn]) -> Vec<Duration> {
    let mut spans = Vec::new();
    for user in logged_in.iter_mut().take(ROTATIONS) {
        let start = Instant::now();
        rotate(store, users, user).await;
        spans.push(start.elapsed());
    }
    spans
}

/// How many rotations a second there are when many are under way.
async fn rotations_at_once(store: &Arc<dyn SessionStore>, users: &Arc<Users>, logged_in: Vec<LoggedIn>) -> f64 {
    let count = logged_in.len();
    let mut lanes: Vec<Vec<LoggedIn>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
    for (number, user) in logged_in.into_iter().enumerate() {
        lanes[number % AT_ONCE].push(user);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut lane in lanes {
        let (store, users) = (Arc::clone(store), Arc::clone(users));
        tasks.spawn(async move {
            for user in &mut lane {
                rotate(&*store, &users, user).await;
            }
        });
    }
    tasks.join_all().await;
    count as f64 / start.elapsed().as_secs_f64()
}

fn show(name: &str, mut spans: Vec<Duration>) {
    spans.sort_unstable();
    let at = |share: usize| spans[(spans.len() * share / 100).min(spans.len() - 1)];
    println!("{name}: median {:?}, 99th percentile {:?}", at(50), at(99));
}

fn memory(server: &RedisServer) -> u64 {
    let info: redis::InfoDict = redis::cmd("INFO").arg("memory").query(&mut server.connection()).unwrap();
    info.get("used_memory").unwrap()
}

fn size(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

async fn in_redis(users: &Arc<Users>, count: usize) {
    let server = RedisServer::start();
    let url = Secret::new(server.url());
    let patience = Duration::from_secs(10);
    let store: Arc<dyn SessionStore> =
        Arc::new(RedisStore::connect(&url, None, "railgate", patience, Duration::from_secs(960)).unwrap());
    log_in(&*store, users, count).await;
    let before = memory(&server);
    let mut logged_in = log_all_in(&store, users, count).await;
    println!("Redis: {} bytes a session, {count} of them", (memory(&server) - before) / count as u64);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut server.connection()).unwrap();
    let mut pipe = redis::pipe();
    for key in &keys {
        pipe.cmd("PTTL").arg(key);
    }
    let lives: Vec<i64> = pipe.query(&mut server.connection()).unwrap();
    assert!(lives.iter().all(|life| *life > 0), "every key has a time to live");
    show("Redis: one rotation", rotations_one_by_one(&*store, users, &mut logged_in).await);
    let rate = rotations_at_once(&store, users, logged_in).await;
    println!("Redis: {rate:.0} rotations a second, {AT_ONCE} at a time");
}

async fn in_the_file(users: &Arc<Users>, count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store: Arc<dyn SessionStore> = Arc::new(EmbeddedStore::open(&path, Arc::new(SystemClock)).await.unwrap());
    let mut logged_in = log_all_in(&store, users, count).await;
    println!("file: {} bytes a session, {count} of them", size(folder.path()) / count as u64);
    show("file: one rotation", rotations_one_by_one(&*store, users, &mut logged_in).await);
}

fn main() {
    // `cargo test --benches` and nextest run a benchmark to see that it works, and the latter asks for its tests.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let users = Arc::new(Users::new());
    runtime.block_on(async {
        in_redis(&users, count).await;
        in_the_file(&users, count.min(10_000)).await;
    });
}
