//! Second factors: the backend's own, whose challenge is honoured, and the gateway's beside it.

use std::thread;

use serde_json::{Value, json};

use super::{before, cheap, refused, run, setup};
use crate::{
    second_factors::{self, SECRET},
    support::{
        backend::Backend,
        gateway::{Gateway, Tokens},
        phone::Phone,
    },
};

const LOGIN: &str = "mutation { login(username: \"mfa_a\", password: \"mfapass-a1\", deviceName: \"laptop\") \
     { ok mfaRequired mfaSetupRequired challengeToken token user { id } errorCode } }";
const COMPLETE: &str = "mutation($t: String!, $c: String!) { completeMfaLogin(challengeToken: $t, totpCode: $c) \
     { ok token refreshToken user { username } errorCode } }";
const VERIFY: &str = "mutation($t: String!, $c: String!) { verifyMfaLogin(ephemeralToken: $t, code: $c) \
     { ok token refreshToken user { username } errorCode } }";

fn with_factor() -> Backend {
    let backend = cheap(Backend::on_sqlite());
    second_factors::enrol(&backend, "totp", SECRET);
    backend
}

fn challenge(gateway: &Gateway) -> String {
    let half = run(&gateway.client(), LOGIN, json!({}));
    let told = ["ok", "mfaRequired", "mfaSetupRequired", "token", "user"].map(|key| &half[key]);
    assert_eq!(told, [&json!(true), &json!(true), &json!(false), &Value::Null, &Value::Null], "{half}");
    half["challengeToken"].as_str().expect("a challenge").to_owned()
}

#[test]
fn the_backends_code_opens_a_session_that_has_shown_a_factor() {
    let backend = with_factor();
    let gateway = before(&backend);
    for document in [COMPLETE, VERIFY] {
        let token = challenge(&gateway);
        assert!(!token.contains("eyJ"), "a token of the backend: {token}");
        refused(&run(&gateway.client(), document, json!({ "t": token, "c": "000000" })), "MFA_INVALID_CODE");
        let code = second_factors::code();
        let done = run(&gateway.client(), document, json!({ "t": token, "c": code }));
        assert_eq!((&done["ok"], &done["user"]["username"]), (&json!(true), &json!("mfa_a")), "{done}");
        let tokens = Tokens::of(&done);
        assert_eq!(gateway.whoami(&tokens.access), json!("mfa_a"));
        let client = gateway.client().bearer(&tokens.access);
        let sessions = run(&client, "{ authSessions { current mfa deviceName } }", json!({}));
        assert_eq!(sessions[0], json!({ "current": true, "mfa": true, "deviceName": "laptop" }));
        refused(&run(&gateway.client(), document, json!({ "t": token, "c": code })), "CHALLENGE_INVALID");
    }
}

#[test]
fn a_challenge_has_five_tries_and_no_other_use() {
    let backend = with_factor();
    let gateway = setup(backend.port, "max_failures = 100\n").start();
    let token = challenge(&gateway);
    let setup = "mutation($t: String) { setupTotp(deviceName: \"x\", challengeToken: $t) { ok errors } }";
    assert_eq!(run(&gateway.client(), setup, json!({ "t": token }))["ok"], json!(false), "it sets no factor up");
    for _ in 0..5 {
        refused(&run(&gateway.client(), COMPLETE, json!({ "t": token, "c": "000000" })), "MFA_INVALID_CODE");
    }
    let code = second_factors::code();
    refused(&run(&gateway.client(), COMPLETE, json!({ "t": token, "c": code })), "CHALLENGE_INVALID");
    for wrong in [token.replace('.', ".A"), token.replace('.', ""), format!("{token}A"), ".".to_owned()] {
        refused(&run(&gateway.client(), COMPLETE, json!({ "t": wrong, "c": code })), "CHALLENGE_INVALID");
    }
}

/// The demo backend takes a code as often as it comes.
#[test]
fn of_all_who_show_a_code_at_once_one_completes_the_login() {
    let backend = with_factor();
    let gateway = before(&backend);
    let token = challenge(&gateway);
    let code = second_factors::code();
    let done: Vec<Value> = thread::scope(|scope| {
        let show = |()| {
            let (client, variables) = (gateway.client(), json!({ "t": token, "c": code }));
            scope.spawn(move || run(&client, COMPLETE, variables))
        };
        let running: Vec<_> = [(); 5].map(show).into_iter().collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (opened, others): (Vec<&Value>, Vec<&Value>) = done.iter().partition(|payload| payload["ok"] == json!(true));
    assert_eq!(opened.len(), 1, "{done:?}");
    others.into_iter().for_each(|payload| refused(payload, "CHALLENGE_INVALID"));
}

#[test]
fn a_factor_that_the_backend_wants_set_up_is_set_up_there() {
    let backend = cheap(Backend::with(&[("MFA_REQUIRED", "1")]));
    let gateway = before(&backend);
    refused(&run(&gateway.client(), LOGIN, json!({})), "MFA_SETUP_AT_BACKEND");
    refused(&gateway.login("mfa_a", "wrong"), "INVALID_CREDENTIALS");
}

#[test]
fn the_gateways_own_factors_come_after_the_backends_password() {
    let backend = cheap(Backend::on_sqlite());
    let gateway = before(&backend);
    let access = Tokens::of(&gateway.login("mfa_a", "mfapass-a1")).access;
    let client = gateway.client().bearer(&access);
    let setup = run(&client, "mutation { setupMfa(method: \"totp\") { ok secret errors } }", json!({}));
    let [first, second, _] = Phone::told(setup["secret"].as_str().expect("a secret")).codes();
    let verify = "mutation($c: String!, $s: String!) { verifyMfaSetup(code: $c, secret: $s) { ok errors } }";
    let verified = run(&client, verify, json!({ "c": first, "s": setup["secret"] }));
    assert_eq!(verified["ok"], json!(true), "{verified}");

    let done = run(&gateway.client(), COMPLETE, json!({ "t": challenge(&gateway), "c": second }));
    assert_eq!(done["ok"], json!(true), "{done}");
    let client = gateway.client().bearer(&Tokens::of(&done).access);
    // The password that is asked for once more is the backend's to check, too.
    let disable = "mutation($p: String!) { disableMfa(password: $p) { ok errors } }";
    let wrong = run(&client, disable, json!({ "p": "wrong" }));
    assert_eq!(wrong, json!({ "ok": false, "errors": ["The password is wrong."] }));
    assert_eq!(run(&client, disable, json!({ "p": "mfapass-a1" })), json!({ "ok": true, "errors": [] }));
    assert_eq!(gateway.login("mfa_a", "mfapass-a1")["ok"], json!(true));
}
