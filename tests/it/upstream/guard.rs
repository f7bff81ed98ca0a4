//! The backend counts failures at the gateway's address, and must not come to block it.

use std::thread;

use serde_json::{Value, json};

use super::{cheap, refused, run, setup};
use crate::support::{
    backend::Backend,
    client::Client,
    gateway::{AUTH, Gateway, LOGIN},
    redis::RedisServer,
};

fn limited() -> Backend {
    cheap(Backend::with(&[("LOGIN_RATE_LIMIT", "1")]))
}

/// An unknown name costs the demo backend a whole hash.
const PATIENT: &str = "timeout = \"60s\"\n";

fn code(payload: &Value) -> &str {
    payload["errorCode"].as_str().unwrap_or_default()
}

/// Many wrong passwords at once, each of another name, on each gateway in turn. Their codes.
fn guesses(gateways: &[&Gateway], count: usize) -> Vec<String> {
    thread::scope(|scope| {
        let guess = |number: usize| {
            let client = gateways[number % gateways.len()].client();
            let variables = json!({ "u": format!("nobody{number}"), "p": "wrong" });
            scope.spawn(move || code(&run(&client, LOGIN, variables)).to_owned())
        };
        let running: Vec<_> = (0..count).map(guess).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Whether the backend itself still lets john in who asks from where the gateway does.
fn is_blocked(backend: &Backend) -> bool {
    let variables = json!({ "u": "john", "p": "secret123" });
    let document = LOGIN.replace(" errorCode", "");
    run(&Client::new(backend.port), &document, variables)["ok"] != json!(true)
}

#[test]
fn fewer_failures_reach_the_backend_than_would_block_the_gateway() {
    let (backend, redis) = (limited(), RedisServer::start());
    let setup = setup(backend.port, PATIENT).store(&redis.url());
    let [mut one, other] = [(); 2].map(|()| setup.start());
    let told = guesses(&[&one, &other], 24);
    let reached = told.iter().filter(|code| *code == "INVALID_CREDENTIALS").count();
    let limited = told.iter().filter(|code| *code == "RATE_LIMITED").count();
    assert_eq!((reached, limited), (8, 16), "{told:?}");
    let answer = one.client().graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }));
    refused(&answer.json()["data"]["login"], "RATE_LIMITED");
    let wait: u64 = answer.all("retry-after")[0].parse().unwrap();
    assert!((1..=360).contains(&wait), "{answer:?}");
    assert!(!is_blocked(&backend), "the gateway got itself blocked");
    one.process.wait_for_line("without asking the backend");
}

#[test]
fn right_passwords_use_nothing_up() {
    let backend = limited();
    let gateway = setup(backend.port, &format!("{PATIENT}max_failures = 2\n")).start();
    for _ in 0..6 {
        assert_eq!(gateway.login("john", "secret123")["ok"], json!(true));
    }
    assert_eq!(guesses(&[&gateway], 1), ["INVALID_CREDENTIALS"]);
    for _ in 0..3 {
        assert_eq!(gateway.login("john", "secret123")["ok"], json!(true), "one place is left for who is right");
    }
}

#[test]
fn a_backend_that_blocks_all_the_same_is_said_to_do_so() {
    let backend = limited();
    let mut gateway = setup(backend.port, &format!("{PATIENT}max_failures = 0\n")).start();
    assert_eq!(guesses(&[&gateway], 10), ["INVALID_CREDENTIALS"; 10]);
    assert!(is_blocked(&backend), "the demo backend counts no more than that");
    let answer = gateway.client().graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }));
    refused(&answer.json()["data"]["login"], "RATE_LIMITED");
    assert_eq!(answer.all("retry-after"), ["300"]);
    gateway.process.wait_for_line("the backend blocks logins that come from the gateway");
}
