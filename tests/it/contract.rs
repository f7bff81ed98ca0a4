//! The wire contract: what a client of a stock Rail Django sees, held against the demo backend itself and against the
//! gateway in front of it. Cases and recordings are in `tests/contract/`; its runner knows nothing of either.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::support::{backend::Backend, django::python, gateway::Setup, mariadb::MariaDb, redis::RedisServer};

/// What belongs to features that the gateway refuses as yet.
const NOT_YET: [&str; 1] = ["mfa-"];
/// Of these, what needs none of them: no factor is enrolled or removed through the gateway.
const ALREADY: [&str; 2] = ["mfa-login-bad-ephemeral", "mfa-setup-anonymous"];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract")
}

fn through_the_gateway(name: &str) -> bool {
    ALREADY.contains(&name) || !NOT_YET.iter().any(|not_yet| name.starts_with(not_yet))
}

/// Runs the chosen cases against a port; fails unless every one is met, and unless there were as many as said.
fn holds(port: u16, expected: usize, chosen: impl Fn(&str) -> bool) {
    let text = std::fs::read_to_string(folder().join("cases.json")).expect("cases.json");
    let mut cases: Value = serde_json::from_str(&text).expect("JSON");
    let list = cases["cases"].as_array_mut().expect("a list");
    list.retain(|case| chosen(case["name"].as_str().expect("a name")));
    assert_eq!(list.len(), expected, "cases chosen");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), cases.to_string()).expect("a file");
    let run = Command::new(python())
        .arg(folder().join("contract.py"))
        .arg("compare")
        .arg(file.path())
        .arg(format!("http://127.0.0.1:{port}"))
        .arg(folder().join("recorded.json"))
        .arg("-v")
        .output()
        .expect("contract.py");
    let output = String::from_utf8_lossy(&run.stdout);
    let summary = format!("{expected} passed, 0 failed");
    let failures: Vec<&str> = output.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert!(
        run.status.success() && output.contains(&summary),
        "{}\n{}",
        failures.join("\n"),
        String::from_utf8_lossy(&run.stderr)
    );
}

fn everything(port: u16) {
    holds(port, 72, |_| true);
}

fn what_the_gateway_owns(port: u16) {
    holds(port, 67, through_the_gateway);
}

#[test]
fn the_backend_itself_on_sqlite() {
    everything(Backend::on_sqlite().port);
}

#[test]
fn the_backend_itself_on_postgresql() {
    everything(Backend::on_postgresql().port);
}

#[test]
fn the_backend_itself_on_mariadb() {
    let database = MariaDb::start();
    everything(Backend::on(&database.url()).port);
}

#[test]
fn the_gateway_on_sqlite_with_the_embedded_store() {
    let backend = Backend::on_sqlite();
    what_the_gateway_owns(Setup::in_front_of(&backend).start().port);
}

#[test]
fn the_gateway_on_sqlite_with_redis() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    what_the_gateway_owns(Setup::in_front_of(&backend).store(&redis.url()).start().port);
}

#[test]
fn the_gateway_on_postgresql_with_the_embedded_store() {
    let backend = Backend::on_postgresql();
    what_the_gateway_owns(Setup::in_front_of(&backend).start().port);
}

#[test]
fn the_gateway_on_postgresql_with_redis() {
    let (backend, redis) = (Backend::on_postgresql(), RedisServer::start());
    what_the_gateway_owns(Setup::in_front_of(&backend).store(&redis.url()).start().port);
}

#[test]
fn the_gateway_on_mariadb_with_redis() {
    let (backend, redis) = (Backend::on_mariadb(), RedisServer::start());
    what_the_gateway_owns(Setup::in_front_of(&backend).store(&redis.url()).start().port);
}
