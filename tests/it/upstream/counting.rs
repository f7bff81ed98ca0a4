//! What is shown to the backend counts as a try, whatever the backend makes of it.

use std::io::Write as _;

use serde_json::json;

use super::{cheap, run, setup};
use crate::support::{
    backend::Backend,
    client::Client,
    gateway::{AUTH, Gateway, LOGIN},
    stub::{self, Stub},
};

/// The guard is off, so that the throttle is all that counts.
const TWICE: &str = "max_failures = 0\n[throttle]\nclient_attempts = 2\n";
const COMPLETE: &str =
    "mutation($t: String!) { completeMfaLogin(challengeToken: $t, totpCode: \"000000\") { ok errorCode } }";

fn answering(whole: String) -> Stub {
    Stub::with(move |_, stream| stream.write_all(whole.as_bytes()))
}

fn said(payload: &str) -> String {
    stub::answer("", &format!(r#"{{"data":{{"railgate":{payload}}}}}"#))
}

fn code(client: &Client, username: &str, password: &str) -> String {
    let answer = client.graphql(AUTH, LOGIN, json!({ "u": username, "p": password }));
    let payload = answer.json()["data"]["login"].clone();
    if payload["ok"] == json!(true) { "ok".to_owned() } else { payload["errorCode"].as_str().unwrap().to_owned() }
}

fn codes(gateway: &Gateway, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| code(&gateway.client(), name, "x")).collect()
}

/// Answers in which nobody can read a yes or a no, and which whoever logs in may bring about.
fn unreadable() -> [String; 6] {
    let page = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<h1>Locked</h1>";
    let redirect = stub::answer("", "{}").replace("200 OK", "302 Found");
    let without_path = stub::answer("", r#"{"errors":[{"message":"locked"}],"data":null}"#);
    let failed = r#"{"errors":[{"message":"a NUL","path":["railgate"]}],"data":{"railgate":null}}"#;
    let [no_ok, no_token] = [r#"{"ok":null,"token":null}"#, r#"{"ok":true,"token":null}"#].map(said);
    [page.to_owned(), redirect, without_path, stub::answer("", failed), no_ok, no_token]
}

#[test]
fn a_try_without_an_answer_counts_at_the_account() {
    for whole in unreadable() {
        let stub = answering(whole.clone());
        let gateway = setup(stub.port, TWICE).start();
        let told = codes(&gateway, &["ada"; 3]);
        assert_eq!(told, ["SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE", "RATE_LIMITED"], "{whole}");
        assert_eq!(stub.requests().len(), 2, "{whole}");
    }
}

#[test]
fn a_try_without_an_answer_keeps_its_place() {
    for whole in unreadable() {
        let stub = answering(whole.clone());
        let gateway = setup(stub.port, "max_failures = 2\n").start();
        let told = codes(&gateway, &["ada", "bob", "carol"]);
        assert_eq!(told, ["SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE", "RATE_LIMITED"], "{whole}");
    }
}

#[test]
fn without_a_payload_of_its_own_a_refusal_is_that_there_is_no_token() {
    let stub = answering(said(r#"{"token":null,"user":null}"#));
    let more = format!("second_factor = \"none\"\nfields.payload = \"token\"\n{TWICE}");
    let told = codes(&setup(stub.port, &more).start(), &["ada"; 3]);
    assert_eq!(told, ["INVALID_CREDENTIALS", "INVALID_CREDENTIALS", "RATE_LIMITED"]);
}

#[test]
fn the_backend_is_not_asked_for_names_that_nobody_has() {
    let stub = Stub::start();
    let gateway = setup(stub.port, "[throttle]\nclient_attempts = 1\n").start();
    for name in ["ada\0", "a\u{85}da", &"é".repeat(255)] {
        assert_eq!(codes(&gateway, &[name; 2]), ["INVALID_CREDENTIALS", "RATE_LIMITED"], "{name:?}");
    }
    assert!(stub.requests().is_empty());
    assert_eq!(codes(&gateway, &[&"é".repeat(254)]), ["SERVICE_UNAVAILABLE"], "that could be one");
}

#[test]
fn codes_count_at_a_name_however_it_is_spelt() {
    let stub = Stub::with(|received, stream| {
        let due = r#"{"ok":true,"mfaRequired":true,"mfaSetupRequired":false,"challenge":"theirs"}"#;
        let payload = if received.document().contains("login(") { due } else { r#"{"ok":false,"errors":[]}"# };
        stream.write_all(said(payload).as_bytes())
    });
    let gateway = setup(stub.port, "max_failures = 0\n").start();
    let mut told = Vec::new();
    for spelling in ["ada", "Ada ", "áda"] {
        let half = "mutation($u: String!) { login(username: $u, password: \"x\") { challengeToken } }";
        let token = run(&gateway.client(), half, json!({ "u": spelling }))["challengeToken"].clone();
        for _ in 0..4 {
            told.push(run(&gateway.client(), COMPLETE, json!({ "t": token }))["errorCode"].clone());
        }
    }
    let limited = told.iter().filter(|code| **code == json!("RATE_LIMITED")).count();
    assert_eq!((limited, &told[9], &told[10]), (2, &json!("MFA_INVALID_CODE"), &json!("RATE_LIMITED")), "{told:?}");
}

/// The cookie by which a device is known that has just logged in.
fn known(gateway: &Gateway, username: &str, password: &str) -> Client {
    let answer = gateway.client().graphql(AUTH, LOGIN, json!({ "u": username, "p": password }));
    let lines = answer.all("set-cookie");
    let line = lines.iter().find(|line| line.starts_with("known_device=")).unwrap_or_else(|| panic!("{answer:?}"));
    gateway.client().with("Cookie", line.split(';').next().unwrap())
}

#[test]
fn a_device_that_has_logged_in_comes_in_by_that_name_whatever_others_tried() {
    let backend = cheap(Backend::on_sqlite());
    let gateway = setup(backend.port, "[throttle]\nclient_attempts = 2\n").start();
    let [johns, others] = [("john", "secret123"), ("mfa_a", "mfapass-a1")].map(|(u, p)| known(&gateway, u, p));
    assert_eq!(codes(&gateway, &["john"; 3]), ["INVALID_CREDENTIALS", "INVALID_CREDENTIALS", "RATE_LIMITED"]);
    for unknown in [&gateway.client(), &others] {
        assert_eq!(code(unknown, "john", "secret123"), "RATE_LIMITED");
    }
    assert_eq!(code(&johns, "john", "secret123"), "ok");
    assert_eq!(code(&johns, "JOHN", "secret123"), "RATE_LIMITED", "that may be somebody else's name");
    assert_eq!(code(&gateway.client(), "john", "secret123"), "RATE_LIMITED", "it unlocks nobody else");
}

#[test]
fn where_users_log_in_by_their_mail_a_name_makes_no_device_known() {
    let stub = Stub::with(|received, stream| {
        let user = r#"{"id":"7","username":"ada"}"#;
        let right = format!(r#"{{"ok":true,"token":"t","refreshToken":"r","user":{user}}}"#);
        let is_right = received.text().contains("secret123");
        stream.write_all(said(if is_right { &right } else { r#"{"ok":false}"# }).as_bytes())
    });
    let more = format!("fields.username = \"email\"\n{TWICE}");
    let gateway = setup(stub.port, &more).start();
    let adas = known(&gateway, "ada", "secret123");
    assert_eq!(codes(&gateway, &["ada"; 3]), ["INVALID_CREDENTIALS", "INVALID_CREDENTIALS", "RATE_LIMITED"]);
    assert_eq!(code(&adas, "ada", "secret123"), "RATE_LIMITED", "somebody's name may be another one's address");
}
