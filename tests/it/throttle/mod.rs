//! Guesses at passwords: how many are looked at, whose others are refused, and who comes in all the same.

use std::{sync::Barrier, thread};

use serde_json::{Value, json};

use crate::support::{
    client::{Answer, Client},
    gateway::{AUTH, Gateway, LOGIN, Setup},
    world::World,
};

mod clients;
mod guesses;
mod known;
mod unlock;

/// A budget of the shipped configuration, and a smaller one.
const FEW_BY_CLIENT: (&str, &str) = ("#client_attempts = 5", "client_attempts = 3");
const FEW_AT_ACCOUNT: (&str, &str) = ("#account_attempts = 20", "account_attempts = 4");
const FEW_BY_ADDRESS: (&str, &str) = ("#address_attempts = 50", "address_attempts = 6");
/// The tests' own address is a proxy's, so that they come from wherever they say.
const BEHIND_A_PROXY: (&str, &str) =
    ("#example: trusted_proxies = [\"10.0.3.7\", \"2001:db8:0:3::/64\"]", "trusted_proxies = [\"127.0.0.1\"]");

/// Nothing ends in the time that a test takes: no delay, no count, and no wait for a hash.
const SLOW: [(&str, &str); 3] = [
    ("#first_delay = \"30s\"", "first_delay = \"1h\""),
    ("#address_regain = \"1m\"", "address_regain = \"1d\""),
    ("#deadline = \"5s\"", "deadline = \"60s\""),
];

fn world(lines: &[(&str, &str)]) -> World {
    World::changed(&[lines, &SLOW].concat())
}

fn slow(setup: Setup) -> Setup {
    SLOW.iter().fold(setup, |setup, (from, to)| setup.changed(from, to))
}

fn login(client: &Client, name: &str, password: &str) -> Answer {
    client.graphql(AUTH, LOGIN, json!({ "u": name, "p": password }))
}

fn payload(answer: &Answer) -> Value {
    answer.json()["data"]["login"].clone()
}

/// What a login came to: its code, or `ok`.
fn outcome(answer: &Answer) -> String {
    let payload = payload(answer);
    if payload["ok"] == json!(true) { "ok".to_owned() } else { payload["errorCode"].as_str().unwrap().to_owned() }
}

/// What wrong passwords come to, one after another.
fn guess(client: &Client, name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| outcome(&login(client, name, &format!("wrong-{number}")))).collect()
}

/// How many of these were looked at; all others were refused.
#[track_caller]
fn looked_at(outcomes: &[String]) -> usize {
    let of = |code: &str| outcomes.iter().filter(|outcome| *outcome == code).count();
    let wrong = of("INVALID_CREDENTIALS");
    assert_eq!(wrong + of("RATE_LIMITED"), outcomes.len(), "{outcomes:?}");
    wrong
}

/// A client somewhere else, as the proxy says.
fn from(gateway: &Gateway, address: &str) -> Client {
    gateway.client().with("X-Forwarded-For", address)
}

/// So many logins at once, each by a client of its own.
fn at_once(count: usize, log_in: impl Fn(usize) -> String + Sync) -> Vec<String> {
    let barrier = Barrier::new(count);
    thread::scope(|scope| {
        let spawn = |number| {
            let (barrier, log_in) = (&barrier, &log_in);
            scope.spawn(move || {
                barrier.wait();
                log_in(number)
            })
        };
        let running: Vec<_> = (0..count).map(spawn).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
