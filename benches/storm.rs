//! What a storm of logins does to those who are logged in: `cargo bench --bench storm`.
//!
//! A gateway with its defaults stands before a stub. Authenticated requests are forwarded at a steady rate on kept connections,
//! first alone, then while logins arrive at twice the rate at which the hashing threads can check them, each on a connection of
//! its own; both in turn, three times. A forward's time runs from when it was due, so one that keeps others waiting counts for
//! them, too. Everything shares this machine: the load, the stub and the gateway. Needs what the tests need (`tests/run`).
//!
//! `HASHING='threads = 2'` and the like change the gateway's `[hashing]`.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark whose world does not stand has failed")]

use std::{
    io::Write as _,
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use support::{
    client::{Answer, Client, read_answer},
    django::Backend,
    gateway::{AUTH, LOGIN, Setup, Tokens},
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
    pub(crate) mod shell;
    pub(crate) mod stub;
    pub(crate) mod template;
}

/// Connections that forwards come on, and the time between two of one.
const CONNECTIONS: usize = 8;
const EVERY: Duration = Duration::from_millis(20);
const PHASE: Duration = Duration::from_secs(10);
const ROUNDS: usize = 3;

#[expect(clippy::disallowed_methods, reason = "a benchmark is told by its environment")]
fn main() {
    let hashing = std::env::var("HASHING").unwrap_or_default();
    let (stub, directory) = (Stub::start(), Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let gateway = Setup::bare(stub.port, directory.url(), "a secret of the benchmark, 32 bytes and more")
        .changed("[hashing]", &format!("[hashing]\n{hashing}"))
        .unthrottled()
        .start();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    let (client, question) = (gateway.client(), question(&tokens));
    let capacity = capacity(&client);
    println!("the hashing threads check {capacity:.1} passwords a second");
    for _ in 0..ROUNDS {
        let idle = forwards(gateway.port, &question);
        let (port, client) = (gateway.port, &client);
        let (storm, logins) = thread::scope(|scope| {
            let logins = scope.spawn(|| storm(client, 2.0 * capacity));
            (forwards(port, &question), logins.join().expect("a storm"))
        });
        let ratio = at(&storm, 0.99).as_secs_f64() / at(&idle, 0.99).as_secs_f64();
        println!("{} forwards alone:      p50 {:.2?}, p99 {:.2?}", idle.len(), at(&idle, 0.5), at(&idle, 0.99));
        println!("{} forwards in a storm: p50 {:.2?}, p99 {:.2?}", storm.len(), at(&storm, 0.5), at(&storm, 0.99));
        println!("p99 in the storm is {ratio:.2} times that alone; {logins}");
    }
}

/// Passwords a second, found by as many clients as keep the threads busy.
fn capacity(client: &Client) -> f64 {
    const CLIENTS: usize = 8;
    let (begun, done) = (Instant::now(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while begun.elapsed() < Duration::from_secs(5) {
                    let is_checked = try_one(client) == "INVALID_CREDENTIALS";
                    done.fetch_add(usize::from(is_checked), Ordering::Relaxed);
                }
            });
        }
    });
    done.into_inner() as f64 / begun.elapsed().as_secs_f64()
}

/// Logins at this rate, and what became of them.
fn storm(client: &Client, rate: f64) -> String {
    let (begun, checked, busy) = (Instant::now(), AtomicUsize::new(0), AtomicUsize::new(0));
    let arrived = (PHASE.as_secs_f64() * rate) as u32;
    thread::scope(|scope| {
        for number in 0..arrived {
            let due = begun + Duration::from_secs_f64(f64::from(number) / rate);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            scope.spawn(|| {
                let outcome = match try_one(client).as_str() {
                    "BUSY" => &busy,
                    "INVALID_CREDENTIALS" => &checked,
                    other => panic!("{other}"),
                };
                // Those that were still waiting at the end don't count.
                if begun.elapsed() < PHASE {
                    outcome.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let (checked, busy) = (checked.into_inner(), busy.into_inner());
    let each_second = checked as f64 / PHASE.as_secs_f64();
    format!("of {arrived} logins {checked} were checked, {each_second:.1} a second, and {busy} told BUSY")
}

/// A login of nobody's; its `errorCode`.
fn try_one(client: &Client) -> String {
    let answer = client.graphql(AUTH, LOGIN, json!({ "u": "nobody", "p": "secret123" }));
    answer.json()["data"]["login"]["errorCode"].as_str().unwrap_or_default().to_owned()
}

/// A request that is forwarded for who has these tokens.
fn question(tokens: &Tokens) -> String {
    format!("GET / HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n\r\n", tokens.access)
}

/// The times of forwards, the shortest first.
fn forwards(port: u16, question: &str) -> Vec<Duration> {
    let begun = Instant::now();
    let mut times = thread::scope(|scope| {
        let each: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let mut connection = connect(port);
                let first = begun + EVERY.mul_f64(number as f64 / CONNECTIONS as f64);
                scope.spawn(move || {
                    let due = (0..).map(|round| first + EVERY * round).take_while(|due| *due < begun + PHASE);
                    due.map(|due| forward(&mut connection, question, due)).collect::<Vec<_>>()
                })
            })
            .collect();
        each.into_iter().flat_map(|times| times.join().expect("forwards")).collect::<Vec<_>>()
    });
    times.sort_unstable();
    times
}

fn forward(connection: &mut TcpStream, question: &str, due: Instant) -> Duration {
    thread::sleep(due.saturating_duration_since(Instant::now()));
    let answer: Answer = {
        connection.write_all(question.as_bytes()).unwrap();
        read_answer(connection).unwrap().expect("an answer")
    };
    assert_eq!(answer.status, 200);
    due.elapsed()
}

fn connect(port: u16) -> TcpStream {
    let connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    connection.set_nodelay(true).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    connection
}

fn at(times: &[Duration], part: f64) -> Duration {
    times[((times.len() - 1) as f64 * part).round() as usize]
}
