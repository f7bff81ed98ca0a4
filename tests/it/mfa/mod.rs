//! Second factors that are enrolled through the gateway.

use std::thread;

use serde_json::{Value, json};

use crate::{
    second_factors::refused,
    support::{
        backend::Backend,
        client::Client,
        gateway::{AUTH, Gateway, Tokens},
        phone::Phone,
    },
};

mod backup_codes;
mod enrolment;
mod import;
mod leaving;
mod policy;
mod store;
mod throttle;
mod trusted;

const LOGIN: &str = "mutation($u: String!, $p: String!, $d: String) { login(username: $u, password: $p, deviceId: $d, deviceName: \"laptop\") \
     { ok mfaRequired mfaSetupRequired challengeToken ephemeralToken token refreshToken user { id } errors errorCode } }";
const COMPLETE: &str = "mutation($t: String!, $c: String!, $d: Boolean) { completeMfaLogin(challengeToken: $t, totpCode: $c, trustDevice: $d) \
     { ok token refreshToken trustedDeviceToken user { username } errors errorCode } }";
const SETUP: &str = "mutation($n: String!, $t: String) { setupTotp(deviceName: $n, challengeToken: $t) \
     { ok totpSecret qrCodeUrl otpauthUrl deviceId message errors } }";
const VERIFY: &str = "mutation($d: ID!, $c: String!, $t: String) { verifyTotp(deviceId: $d, token: $c, challengeToken: $t) \
     { ok message backupCodes errors } }";
const SETUP_MFA: &str = "mutation($m: String!, $t: String) { setupMfa(method: $m, ephemeralToken: $t) \
     { ok secret qrCodeUrl backupCodes errors } }";
const VERIFY_SETUP: &str = "mutation($c: String!, $s: String!, $t: String) { verifyMfaSetup(code: $c, secret: $s, ephemeralToken: $t) { ok errors } }";
const DISABLE: &str = "mutation($p: String!) { disableMfa(password: $p) { ok errors } }";
const REGENERATE: &str = "mutation($p: String!) { regenerateBackupCodes(password: $p) { ok backupCodes errors } }";
const DEVICES: &str = "{ authDevices { id name kind createdAt lastUsedAt expiresAt } }";

const STEP_UP: &str = "Log in with your second factor first.";
const GONE: &str = "This device is not one of yours. List your devices, or begin the setup again.";

/// A user whose password costs nothing to check.
struct User {
    name: &'static str,
    password: &'static str,
}

const USER: User = User { name: "mfa_a", password: "mfapass-a1" };

fn backend() -> Backend {
    cheap(Backend::on_sqlite())
}

fn cheap(backend: Backend) -> Backend {
    backend.cheap_password(USER.name, USER.password);
    backend
}

fn run(client: &Client, document: &str, variables: Value) -> Value {
    client.graphql(AUTH, document, variables).field()
}

/// The same document by all of these at once, each with variables of its own.
fn at_once(document: &str, asking: Vec<(Client, Value)>) -> Vec<Value> {
    thread::scope(|scope| {
        let spawn = |(client, variables)| scope.spawn(move || run(&client, document, variables));
        let running: Vec<_> = asking.into_iter().map(spawn).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Fifty logins whose passwords were right are completed at once by one code, on each gateway in turn.
fn fifty_at_once(gateways: &[&Gateway], code: &str) -> Vec<Value> {
    let asking = (0..50).map(|number| {
        let gateway = gateways[number % gateways.len()];
        (gateway.client(), json!({ "t": challenge(gateway, &USER), "c": code }))
    });
    at_once(COMPLETE, asking.collect())
}

/// The password: tokens, or a challenge.
fn login(client: &Client, user: &User) -> Value {
    run(client, LOGIN, json!({ "u": user.name, "p": user.password }))
}

fn tokens(gateway: &Gateway, user: &User) -> Tokens {
    Tokens::of(&login(&gateway.client(), user))
}

fn challenge(gateway: &Gateway, user: &User) -> String {
    let half = login(&gateway.client(), user);
    half["challengeToken"].as_str().unwrap_or_else(|| panic!("no challenge: {half}")).to_owned()
}

/// A whole login by a code.
fn by_code(gateway: &Gateway, user: &User, code: &str) -> Value {
    run(&gateway.client(), COMPLETE, json!({ "t": challenge(gateway, user), "c": code }))
}

/// What an enrolment gives.
struct Enrolled {
    phone: Phone,
    backup_codes: Vec<String>,
    /// A session that has shown the factor.
    access: String,
    /// Those that count now, after the one that confirmed it.
    codes: [String; 2],
}

/// Enrols an authenticator of a user who has none, in the tutorial's words.
fn enrol(gateway: &Gateway, user: &User) -> Enrolled {
    let access = tokens(gateway, user).access;
    let (phone, backup_codes, codes) = enrol_by(&gateway.client().bearer(&access));
    Enrolled { phone, backup_codes, access, codes }
}

fn enrol_by(client: &Client) -> (Phone, Vec<String>, [String; 2]) {
    let setup = run(client, SETUP, json!({ "n": "My phone" }));
    assert_eq!(setup["ok"], json!(true), "{setup}");
    let phone = Phone::told(setup["totpSecret"].as_str().unwrap());
    let [first, codes @ ..] = phone.codes();
    let verified = run(client, VERIFY, json!({ "d": setup["deviceId"], "c": first }));
    assert_eq!(verified["ok"], json!(true), "{verified}");
    (phone, texts(&verified["backupCodes"]), codes)
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap_or_else(|| panic!("no list: {list}"))
        .iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

/// A payload that has no code, only words.
#[track_caller]
fn told(payload: &Value, message: &str) {
    assert_eq!((&payload["ok"], &payload["errors"]), (&json!(false), &json!([message])), "{payload}");
}

#[track_caller]
fn let_in(payload: &Value) {
    assert_eq!((&payload["ok"], &payload["user"]["username"]), (&json!(true), &json!(USER.name)), "{payload}");
}

/// Rows of the backend's tables, as its own ORM counts them.
fn count(backend: &Backend, model: &str, filter: &str) -> String {
    backend.python(&format!("from rail_django.models import {model} as M; print(M.objects.filter({filter}).count())"))
}
