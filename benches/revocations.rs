//! How soon one gateway refuses what ended on another: `cargo bench --bench revocations`.
//!
//! Two gateway processes share a Redis. A session is ended by `logout` on the first, while the second is asked with its
//! access token again and again on a kept connection. What is measured is the time from the answer to the logout to the
//! first refusal, both as a client sees them; zero where the refusal came first. Needs what the tests need (`tests/run`).
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark whose world does not stand has failed")]

use std::{
    io::Write as _,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use support::{
    client::{Answer, read_answer},
    django::Backend,
    gateway::{AUTH, Gateway, Setup, Tokens},
    redis::RedisServer,
    stub::Stub,
};

#[expect(dead_code, reason = "written for the tests, which need more of it")]
#[path = "../tests/it/support"]
mod support {
    pub(crate) mod backend;
    pub(crate) mod certificates;
    pub(crate) mod client;
    pub(crate) mod django;
    pub(crate) mod document;
    pub(crate) mod gateway;
    pub(crate) mod mariadb;
    pub(crate) mod ports;
    pub(crate) mod postgres;
    pub(crate) mod process;
    pub(crate) mod redis;
    pub(crate) mod shell;
    pub(crate) mod stub;
    pub(crate) mod template;
}

const SESSIONS: usize = 500;
/// What one logout is given to be heard of.
const LIMIT: Duration = Duration::from_secs(10);

fn main() {
    let (stub, redis, directory) = (Stub::start(), RedisServer::start(), Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let setup = Setup::bare(stub.port, directory.url(), "a secret of the benchmark, 32 bytes and more")
        .store(&redis.url())
        .changed("#auth = \"optional\"", "auth = \"required\"")
        .changed("#limit = 50", "limit = 1000");
    let (one, other) = (setup.start(), setup.start());
    let sessions: Vec<Tokens> = (0..SESSIONS).map(|_| Tokens::of(&one.login("john", "secret123"))).collect();
    let (mut ending, mut asking) = (connect(&one), connect(&other));
    let mut delays: Vec<Duration> = sessions.iter().map(|tokens| delay(&mut ending, &mut asking, tokens)).collect();
    delays.sort_unstable();
    let at = |part: f64| delays[((delays.len() - 1) as f64 * part).round() as usize];
    println!(
        "{} logouts: refused by the other gateway after {:.2?} (median), {:.2?} (p99), {:.2?} (max)",
        delays.len(),
        at(0.5),
        at(0.99),
        at(1.0),
    );
}

/// From the answer to a logout on the one connection to the first refusal on the other.
fn delay(ending: &mut TcpStream, asking: &mut TcpStream, tokens: &Tokens) -> Duration {
    let question = format!("GET / HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n\r\n", tokens.access);
    assert_eq!(exchange(asking, &question).status, 200, "a session that goes on");
    let (ended, refused) = thread::scope(|scope| {
        let refused = scope.spawn(|| {
            let begun = Instant::now();
            while exchange(asking, &question).status == 200 {
                assert!(begun.elapsed() < LIMIT, "not refused after {LIMIT:?}");
            }
            Instant::now()
        });
        // The asking is under way.
        thread::sleep(Duration::from_millis(5));
        let ended = log_out(ending, tokens);
        (ended, refused.join().expect("a refusal"))
    });
    refused.saturating_duration_since(ended)
}

fn log_out(connection: &mut TcpStream, tokens: &Tokens) -> Instant {
    let body = json!({ "query": "mutation { logout { ok } }" }).to_string();
    let (access, length) = (&tokens.access, body.len());
    let answer = exchange(
        connection,
        &format!(
            "POST {AUTH} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {access}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    );
    let ended = Instant::now();
    assert_eq!(answer.json(), json!({ "data": { "logout": { "ok": true } } }));
    ended
}

fn connect(gateway: &Gateway) -> TcpStream {
    let connection = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    connection.set_nodelay(true).unwrap();
    connection.set_read_timeout(Some(LIMIT)).unwrap();
    connection
}

fn exchange(connection: &mut TcpStream, request: &str) -> Answer {
    connection.write_all(request.as_bytes()).unwrap();
    read_answer(connection).unwrap().expect("an answer")
}
