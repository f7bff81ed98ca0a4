//! What a reload leaves alone: sessions, their ends, what was counted; and keys, which it changes as they say.

use std::{fs, os::unix::fs::OpenOptionsExt as _, process::Command};

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    gateway::{AUTH, Setup, Tokens},
    redis::RedisServer,
    template::run,
};

const LOGOUT: &str = "mutation { logout { ok } }";

#[test]
fn sessions_their_ends_and_failures_outlast_it() {
    let backend = Backend::on_sqlite();
    backend.cheap_password("john", "secret123");
    let setup = Setup::in_front_of(&backend)
        .changed("#client_attempts = 5", "client_attempts = 2")
        .changed("#first_delay = \"30s\"", "first_delay = \"10m\"");
    let mut gateway = setup.start();
    let [staying, ending] = [(); 2].map(|()| Tokens::of(&gateway.login("john", "secret123")));
    for tokens in [&staying, &ending] {
        assert_eq!(gateway.whoami(&tokens.access), json!("john"));
    }
    let out = gateway.client().bearer(&ending.access).graphql(AUTH, LOGOUT, json!({}));
    assert_eq!(out.json()["data"]["logout"]["ok"], json!(true));
    while gateway.login("admin", "wrong")["errorCode"] != json!("RATE_LIMITED") {}

    // What is remembered of callers is handed on, and must not speak for one who is gone.
    setup.change("#body_limit = \"10MiB\"", "body_limit = \"9MiB\"");
    gateway.reload();
    assert_eq!(gateway.whoami(&ending.access), Value::Null, "it was logged out");
    assert_eq!(gateway.whoami(&staying.access), json!("john"));
    assert_eq!(gateway.refresh(&staying.refresh)["ok"], json!(true));
    assert_eq!(gateway.login("admin", "wrong")["errorCode"], json!("RATE_LIMITED"), "what was counted counts");
}

#[test]
fn callers_who_are_known_go_on_though_nobody_can_be_asked_about_them() {
    let (backend, mut redis) = (Backend::on_sqlite(), RedisServer::start());
    backend.cheap_password("john", "secret123");
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let mut gateway = setup.start();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    redis.stop();
    assert_eq!(gateway.whoami(&tokens.access), json!("john"));
    gateway.reload();
    assert_eq!(gateway.whoami(&tokens.access), json!("john"));
}

#[test]
fn ends_are_remembered_as_long_as_the_longest_token_may_live() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    backend.cheap_password("john", "secret123");
    let setup = Setup::in_front_of(&backend)
        .store(&redis.url())
        .changed("#access_lifetime = \"15m\"", "access_lifetime = \"15m\"");
    let mut gateway = setup.start();
    let of_use = |gateway: &crate::support::gateway::Gateway| -> u64 {
        let tokens = Tokens::of(&gateway.login("john", "secret123"));
        gateway.client().bearer(&tokens.access).graphql(AUTH, LOGOUT, json!({}));
        let mut control = redis.connection();
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut control).unwrap();
        let kind = |key: &String| -> String { redis::cmd("TYPE").arg(key).query(&mut control).unwrap() };
        let stream = keys.iter().map(kind).position(|kind| kind == "stream").expect("a stream");
        redis::cmd("TTL").arg(&keys[stream]).query(&mut redis.connection()).unwrap()
    };
    assert!(of_use(&gateway) < 7200);
    setup.change("access_lifetime = \"15m\"", "access_lifetime = \"1d\"");
    gateway.reload();
    assert!(of_use(&gateway) > 86_000);
    setup.change("access_lifetime = \"1d\"", "access_lifetime = \"15m\"");
    gateway.reload();
    assert!(of_use(&gateway) > 86_000, "tokens of before are still about");
}

#[test]
fn keys_are_changed_without_a_restart_and_count_as_the_file_says() {
    let (backend, folder) = (Backend::on_sqlite(), tempfile::tempdir().unwrap());
    backend.cheap_password("john", "secret123");
    let keygen = |arguments: &[&str]| run(Command::new(env!("CARGO_BIN_EXE_railgate")).arg("keygen").args(arguments));
    let path = folder.path().join("railgate.key");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    std::io::Write::write_all(&mut file, keygen(&[]).as_bytes()).unwrap();
    let given = format!("keys = {{ file = '{}' }}", path.display());
    let setup =
        Setup::in_front_of(&backend).changed("#example: keys = { file = \"/run/secrets/railgate.key\" }", &given);
    let mut gateway = setup.start();
    let old = Tokens::of(&gateway.login("john", "secret123"));
    for _ in 0..2 {
        keygen(&["--rotate", path.to_str().unwrap()]);
        gateway.reload();
        assert_eq!(gateway.whoami(&old.access), json!("john"), "its key verifies");
    }
    let new = Tokens::of(&gateway.login("john", "secret123"));
    keygen(&["--drop-old", path.to_str().unwrap()]);
    gateway.reload();
    assert_eq!(gateway.whoami(&old.access), Value::Null, "its key is gone");
    assert_eq!(gateway.refresh(&old.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"));
    assert_eq!(gateway.whoami(&new.access), json!("john"));
    assert_eq!(gateway.refresh(&new.refresh)["ok"], json!(true));
}
