//! Whether clients may be sent to a gateway.

use std::{io::Write as _, net::TcpStream, sync::mpsc};

use serde_json::{Value, json};

use super::{ADMIN, PATIENCE, readiness};
use crate::support::{
    client::{Client, read_answer},
    django,
    document::block,
    gateway::{STUB_SECRET, Setup, admin_port},
    ports,
    process::Process,
    redis::{RedisServer, wait_until},
    stub::Stub,
};

/// What `/readyz` says of the gateway and of store, directory and backend.
fn words(admin: &Client) -> (u16, String, [String; 3]) {
    let (status, body) = readiness(admin);
    let word = |value: &Value| value["status"].as_str().unwrap().to_owned();
    let of = |name: &str| word(&body["dependencies"][name]);
    (status, word(&body), ["store", "directory", "upstream"].map(of))
}

/// What it calls things: itself, those whom it asks, and what it says of the first two of them.
fn names(body: &Value) -> [Vec<String>; 4] {
    let dependencies = &body["dependencies"];
    [body, dependencies, &dependencies["store"], &dependencies["directory"]]
        .map(|value| value.as_object().unwrap().keys().cloned().collect())
}

#[track_caller]
fn says(admin: &Client, status: u16, word: &str, dependencies: [&str; 3]) {
    let expected = (status, word.to_owned(), dependencies.map(str::to_owned));
    let mut last = None;
    wait_until(&format!("{expected:?}, not {last:?}"), || {
        let found = words(admin);
        let so = found == expected;
        last = Some(found);
        so
    });
}

#[test]
fn an_outage_of_those_whom_it_asks_takes_no_gateway_away_until_callers_are_refused() {
    let (mut redis, directory) = (RedisServer::start(), django::Backend::sqlite());
    let stub_port = ports::free();
    let mut gateway = Setup::bare(stub_port, directory.url(), STUB_SECRET)
        .admin()
        .store(&redis.url())
        .changed("#recheck = \"60s\"", "recheck = \"1s\"")
        .changed("#max_staleness = \"5m\"", "max_staleness = \"8s\"")
        .start();
    let admin = gateway.admin();
    says(&admin, 200, "ready", ["up", "up", "down"]);
    let listener = std::net::TcpListener::bind(("127.0.0.1", stub_port)).unwrap();
    says(&admin, 200, "ready", ["up", "up", "up"]);
    redis.stop();
    says(&admin, 200, "ready", ["down", "up", "up"]);
    let shown = block("README.md", "seconds_since_answer").replace("{…}", "{}");
    assert_eq!(names(&readiness(&admin).1), names(&serde_json::from_str(&shown).unwrap()));
    says(&admin, 503, "stale", ["down", "up", "up"]);
    let seconds = readiness(&admin).1["dependencies"]["store"]["seconds_since_answer"].as_f64().unwrap();
    assert!(seconds > 8.0, "{seconds}");
    assert_eq!(admin.get("/livez").unwrap().status, 200, "a restart would not help");
    redis.restart();
    says(&admin, 200, "ready", ["up", "up", "up"]);
    drop(listener);
    for line in [r#"it does not answer dependency="store""#, r#"it answers again dependency="store""#] {
        gateway.process.wait_for_line(line);
        let output = gateway.process.output();
        assert_eq!(output.matches(line).count(), 1, "{output}");
    }
}

#[test]
fn a_directory_that_cannot_be_asked_counts_as_a_store_does() {
    let (stub, folder) = (Stub::start(), tempfile::tempdir().unwrap());
    let url = format!("sqlite://{}/none.sqlite3", folder.path().display());
    let mut gateway = Setup::bare(stub.port, &url, STUB_SECRET)
        .admin()
        .changed("#recheck = \"60s\"", "recheck = \"1s\"")
        .changed("#max_staleness = \"5m\"", "max_staleness = \"8s\"")
        .start();
    let admin = gateway.admin();
    says(&admin, 200, "ready", ["up", "down", "up"]);
    says(&admin, 503, "stale", ["up", "down", "up"]);
}

#[test]
fn a_gateway_that_has_not_read_what_others_ended_takes_no_clients() {
    let (mut redis, directory, stub) = (RedisServer::start(), django::Backend::sqlite(), Stub::start());
    redis.stop();
    let setup = Setup::bare(stub.port, directory.url(), STUB_SECRET).admin().store(&redis.url());
    let mut gateway = setup.start();
    let admin = gateway.admin();
    says(&admin, 503, "starting", ["down", "up", "up"]);
    assert_eq!(admin.get("/livez").unwrap().status, 200);
    redis.restart();
    says(&admin, 200, "ready", ["up", "up", "up"]);
}

#[test]
fn it_answers_while_it_starts() {
    let (redis, directory, stub) = (RedisServer::start(), django::Backend::sqlite(), Stub::start());
    redis.freeze(true);
    let setup = Setup::bare(stub.port, directory.url(), STUB_SECRET).admin().store(&redis.url());
    let mut process = Process::spawn(setup.command(&["run"]), "railgate");
    let admin = Client::new(admin_port(&mut process));
    let (status, body) = readiness(&admin);
    assert_eq!((status, &body["status"]), (503, &json!("starting")));
    assert_eq!(body["dependencies"]["store"], json!({ "status": "unknown" }));
    assert!(!process.output().contains("listening"), "{}", process.output());
    redis.freeze(false);
    says(&admin, 200, "ready", ["up", "up", "up"]);
}

#[test]
fn who_sends_clients_hears_of_the_end_before_anybody_is_refused() {
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let stub = Stub::with(move |received, stream| {
        if received.request_line().contains("/slow") {
            let _ = may_go_on.lock().unwrap().recv_timeout(PATIENCE);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    let mut gateway = Setup::before(&stub, &format!("[server]\ndrain_delay = '10m'\n{ADMIN}")).start();
    let admin = gateway.admin();
    says(&admin, 200, "ready", ["up", "up", "up"]);
    let mut slow = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    wait_until("the backend has it", || !stub.requests().is_empty());

    gateway.process.signal(libc::SIGTERM);
    says(&admin, 503, "draining", ["up", "up", "up"]);
    assert_eq!(gateway.client().get("/").unwrap().status, 200, "clients are still taken");

    gateway.process.signal(libc::SIGTERM);
    wait_until("the listener is closed", || TcpStream::connect(("127.0.0.1", gateway.port)).is_err());
    says(&admin, 503, "draining", ["up", "up", "up"]);
    assert_eq!(admin.get("/livez").unwrap().status, 200, "it is not to be killed");
    go_on.send(()).unwrap();
    assert_eq!(read_answer(&mut slow).unwrap().unwrap().status, 200);
    assert!(gateway.process.wait(PATIENCE).success());
    assert!(admin.get("/livez").is_err(), "nobody answers any more");
}
