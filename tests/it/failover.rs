//! A gateway whose Redis loses a primary under traffic: what it acknowledges is so, what it can't do it says, and it
//! needs no restart.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use railgate::{model::UserId, store::UserTag};
use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::Client,
    cluster::{self, Nodes},
    gateway::{AUTH, Gateway, LOGIN, REFRESH, Setup, Tokens},
    redis_tls::Certificates,
    sentinel::{self, Watched},
};

const LOGOUT: &str = "mutation { logout { ok errors } }";

#[test]
fn a_gateway_outlives_the_primary_behind_sentinels() {
    let mut watched = Watched::start(sentinel::SOON_MS);
    watched.settle();
    let backend = Backend::on_sqlite();
    let setup = Setup::in_front_of(&backend).store(&watched.url());
    outlives(&backend, setup, || watched.kill_primary());
}

#[test]
fn a_gateway_outlives_a_primary_that_it_speaks_to_by_tls() {
    let certificates = Certificates::new();
    let mut watched = Watched::start_by(sentinel::SOON_MS, || certificates.arguments());
    watched.settle();
    let backend = Backend::on_sqlite();
    let table = format!("[store.tls]\n{}", certificates.lines());
    let setup = Setup::in_front_of(&backend).store(&watched.url()).changed("[store.tls]\n", &table);
    outlives(&backend, setup, || watched.kill_primary());
}

#[test]
fn a_gateway_outlives_a_primary_of_a_cluster() {
    let mut nodes = Nodes::start(cluster::SOON_MS);
    nodes.settle();
    let backend = Backend::on_sqlite();
    let setup = Setup::in_front_of(&backend).store(&nodes.url());
    let john = backend.python("print(User.objects.get(username='john').pk)");
    // Where all of the user's keys are.
    let tag = UserTag::of(&UserId::new(john.trim()));
    outlives(&backend, setup, || nodes.kill_primary_of(&format!("{{{tag}}}")));
}

fn outlives(backend: &Backend, setup: Setup, kill_primary: impl FnOnce()) {
    backend.cheap_password("john", "secret123");
    // More than the traffic could leave behind, so that no session has to make room.
    // An attempt stays counted whose end the store could not be told.
    let gateway = setup.changed("#limit = 50", "limit = 1000").unthrottled().start();
    let log_in = || Tokens::of(&gateway.login("john", "secret123"));
    let (kept, ended) = (log_in(), log_in());
    assert!(log_out(gateway.port, &ended));

    let (stop, dead) = (AtomicBool::new(false), AtomicBool::new(false));
    let logged_out = Mutex::new(Vec::new());
    let port = gateway.port;
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let begun_after = dead.load(Ordering::SeqCst);
                    let tokens = one_session(port);
                    logged_out.lock().expect("a list").extend(tokens.filter(|_| begun_after));
                }
            });
        }
        // Whatever fails, the threads end.
        let story = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            thread::sleep(Duration::from_millis(500));
            kill_primary();
            dead.store(true, Ordering::SeqCst);
            until_all_is_well(&gateway, &kept);
            thread::sleep(Duration::from_millis(500));
        }));
        stop.store(true, Ordering::SeqCst);
        story.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });

    let logged_out = logged_out.into_inner().expect("a list");
    assert!(!logged_out.is_empty(), "nobody logged out after the failover");
    for tokens in logged_out.iter().chain([&ended]) {
        assert_eq!(gateway.refresh(&tokens.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"), "falsely logged out");
    }
    assert_eq!(gateway.refresh(&kept.refresh)["ok"], json!(true), "a session that was replicated is lost");
}

/// Logs in, refreshes and logs out. What the client holds if it was told that it is logged out.
fn one_session(port: u16) -> Option<Tokens> {
    let client = Client::new(port);
    let login = client.graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" })).json();
    let tokens = granted(&login["data"]["login"])?;
    let refresh = Client::new(port).graphql(AUTH, REFRESH, json!({ "r": tokens.refresh })).json();
    let renewed = granted(&refresh["data"]["refreshToken"])?;
    log_out(port, &renewed).then_some(renewed)
}

/// The tokens of a payload; nothing where it says that the store is out of reach, or that the session was lost with a
/// primary that had no time to pass it on.
fn granted(payload: &Value) -> Option<Tokens> {
    if payload["ok"] == json!(true) {
        return Some(Tokens::of(payload));
    }
    let code = payload["errorCode"].as_str().unwrap_or_else(|| panic!("no code: {payload}"));
    assert!(["SERVICE_UNAVAILABLE", "REFRESH_TOKEN_INVALID"].contains(&code), "{payload}");
    None
}

fn log_out(port: u16, tokens: &Tokens) -> bool {
    let answer = Client::new(port).bearer(&tokens.access).graphql(AUTH, LOGOUT, json!({})).json();
    let payload = &answer["data"]["logout"];
    let ok = payload["ok"].as_bool().unwrap_or_else(|| panic!("{answer}"));
    assert!(ok || payload["errors"][0].is_string(), "it says why: {answer}");
    ok
}

fn until_all_is_well(gateway: &Gateway, kept: &Tokens) {
    let begun = Instant::now();
    loop {
        assert_eq!(gateway.whoami(&kept.access), json!("john"), "what is forwarded needs no store");
        if granted(&gateway.login("john", "secret123")).is_some() {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the gateway does not recover:\n{}",
            gateway.process.output()
        );
    }
    println!("no login for {:?}", begun.elapsed());
}
