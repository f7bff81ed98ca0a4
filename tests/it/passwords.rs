//! Passwords: what Django hashed opens its account through the gateway, and nothing else does; hashes that are made anew; and
//! the queue before the threads that compute them.

use std::{
    io::Write as _,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    client::{Answer, read_answer},
    django::Backend,
    gateway::{AUTH, Gateway, LOGIN, STUB_SECRET, Setup},
    stub::Stub,
};

mod hashers;
mod upgrade;

/// A gateway with this `[hashing]`, in front of nothing that matters.
fn setup(backend: &Backend, stub: &Stub, hashing: &str) -> Setup {
    Setup::bare(stub.port, backend.url(), STUB_SECRET).changed("[hashing]", &format!("[hashing]\n{hashing}"))
}

/// A login that is under way, whose answer nobody has read yet.
fn begun(gateway: &Gateway, username: &str) -> TcpStream {
    let body = json!({ "query": LOGIN, "variables": { "u": username, "p": "wrong" } }).to_string();
    let mut connection = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    let head = format!("POST {AUTH} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n");
    connection.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
    connection
}

/// Tries until `done` says so, for so long.
fn within<T>(patience: Duration, what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(done) = done() {
            return done;
        }
        assert!(begun.elapsed() < patience, "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// So many, that those who wait would take ten times as long as anybody here does.
const PLACES: usize = 200;

#[test]
fn who_goes_away_leaves_the_place_in_the_queue_to_others() {
    let (backend, stub) = (Backend::sqlite(), Stub::start());
    backend.cheap_password("john", "secret123");
    let hashing = format!("threads = 1\nqueue = {PLACES}\ndeadline = \"60s\"");
    let gateway = setup(&backend, &stub, &hashing).start();
    let alone = Instant::now();
    assert_eq!(gateway.login("nobody", "secret123")["errorCode"], json!("INVALID_CREDENTIALS"));
    let patience = alone.elapsed() * 20;

    let waiting: Vec<TcpStream> = (0..PLACES + 20).map(|_| begun(&gateway, "nobody")).collect();
    let refused = within(patience, "a full queue", || waiting.iter().find_map(answered));
    let payload = &refused.json()["data"]["login"];
    let wait: u64 = refused.all("retry-after")[0].parse().unwrap();
    assert_eq!(
        (refused.status, &payload["ok"], &payload["errorCode"]),
        (503, &json!(false), &json!("BUSY")),
        "{payload}"
    );
    assert!(wait > 1, "{PLACES} hashes take longer than {wait} s");
    assert_eq!(payload["token"], Value::Null);

    drop(waiting);
    let logs_in = || (gateway.login("john", "secret123")["ok"] == json!(true)).then_some(());
    within(patience, "a place in the queue", logs_in);
}

/// The refusal on a connection, once it is there.
fn answered(connection: &TcpStream) -> Option<Answer> {
    connection.set_nonblocking(true).unwrap();
    let is_there = connection.peek(&mut [0]).is_ok();
    connection.set_nonblocking(false).unwrap();
    let answer = is_there.then(|| read_answer(&mut connection.try_clone().unwrap()).unwrap().unwrap());
    answer.filter(|answer| answer.status == 503)
}
