//! The wire contract: what a client of a stock Rail Django sees, held against the demo backend itself and against the
//! gateway in front of it. Cases and recordings are in `tests/contract/`; its runner knows nothing of either.

use std::{path::Path, process::Command};

use crate::{
    support::{backend::Backend, django::python, gateway::Setup, mariadb::MariaDb, redis::RedisServer},
    upstream,
};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract")
}

/// Runs the cases against a port; fails unless every one is met.
pub(crate) fn everything(port: u16) {
    let run = Command::new(python())
        .arg(folder().join("contract.py"))
        .arg("compare")
        .arg(folder().join("cases.json"))
        .arg(format!("http://127.0.0.1:{port}"))
        .arg(folder().join("recorded.json"))
        .arg("-v")
        .output()
        .expect("contract.py");
    let output = String::from_utf8_lossy(&run.stdout);
    let failures: Vec<&str> = output.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert!(
        run.status.success() && output.contains("72 passed, 0 failed"),
        "{}\n{}",
        failures.join("\n"),
        String::from_utf8_lossy(&run.stderr)
    );
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
    everything(Setup::in_front_of(&backend).start().port);
}

#[test]
fn the_gateway_on_sqlite_with_redis() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    everything(Setup::in_front_of(&backend).store(&redis.url()).start().port);
}

#[test]
fn the_gateway_on_postgresql_with_the_embedded_store() {
    let backend = Backend::on_postgresql();
    everything(Setup::in_front_of(&backend).start().port);
}

#[test]
fn the_gateway_on_postgresql_with_redis() {
    let (backend, redis) = (Backend::on_postgresql(), RedisServer::start());
    everything(Setup::in_front_of(&backend).store(&redis.url()).start().port);
}

#[test]
fn the_gateway_with_factors_in_its_own_store() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    everything(setup.changed("#storage = \"directory\"", "storage = \"store\"").start().port);
}

#[test]
fn the_gateway_on_mariadb_with_redis() {
    let (backend, redis) = (Backend::on_mariadb(), RedisServer::start());
    everything(Setup::in_front_of(&backend).store(&redis.url()).start().port);
}

#[test]
fn the_gateway_asking_the_backends_own_login() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    everything(upstream::setup(backend.port, "").store(&redis.url()).start().port);
}
