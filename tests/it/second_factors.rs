//! Users who enrolled a second factor in the backend, logging in through the gateway: `oathtool` is their authenticator.

use std::thread;

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    gateway::{AUTH, GQL, Gateway, Setup, Tokens},
    phone::{Phone, STEP, now},
    postgres,
    redis::RedisServer,
    stub::Stub,
};

pub(crate) const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const LOGIN: &str = "mutation($u: String!, $p: String!) { login(username: $u, password: $p, deviceName: \"phone\") \
     { ok mfaRequired mfaSetupRequired challengeToken ephemeralToken token refreshToken user { id } errors errorCode } }";
const COMPLETE: &str = "mutation($t: String!, $c: String!) { completeMfaLogin(challengeToken: $t, totpCode: $c) \
     { ok token refreshToken mfaRequired challengeToken user { username } errors errorCode } }";
const VERIFY: &str = "mutation($t: String!, $c: String!) { verifyMfaLogin(code: $c, ephemeralToken: $t) \
     { ok token refreshToken mfaRequired challengeToken user { username } errors errorCode } }";

/// What the authenticator shows then.
fn code_at(then: u64) -> String {
    Phone::told(SECRET).code_at(then)
}

/// What it shows now.
pub(crate) fn code() -> String {
    let [_, code, _] = Phone::told(SECRET).codes();
    code
}

/// Enrols a device of mfa_a's in the backend. Its id.
pub(crate) fn enrol(backend: &Backend, kind: &str, secret: &str) -> String {
    backend.cheap_password("mfa_a", "mfapass-a1");
    backend.python(&format!(
        "from rail_django.models import MFADevice; \
         print(MFADevice.objects.create(user=User.objects.get(username='mfa_a'), device_name='phone', \
         device_type='{kind}', secret_key='{secret}', is_active=True, is_primary=True).pk)"
    ))
}

fn with_factor() -> Backend {
    let backend = Backend::on_sqlite();
    enrol(&backend, "totp", SECRET);
    backend
}

/// The first half of a login.
fn password(gateway: &Gateway) -> Value {
    let variables = json!({ "u": "mfa_a", "p": "mfapass-a1" });
    gateway.client().graphql(AUTH, LOGIN, variables).json()["data"]["login"].clone()
}

pub(crate) fn challenge(gateway: &Gateway) -> String {
    password(gateway)["challengeToken"].as_str().expect("a challenge").to_owned()
}

/// The second half.
fn complete(gateway: &Gateway, challenge: &str, code: &str) -> Value {
    let answer = gateway.client().graphql(AUTH, COMPLETE, json!({ "t": challenge, "c": code }));
    answer.json()["data"]["completeMfaLogin"].clone()
}

/// Second halves with one code at once, on each gateway in turn.
fn complete_at_once(gateways: &[Gateway], challenges: &[String], code: &str) -> Vec<Value> {
    thread::scope(|scope| {
        let spawn = |(number, challenge): (usize, &String)| {
            let client = gateways[number % gateways.len()].client();
            let variables = json!({ "t": challenge, "c": code });
            scope.spawn(move || client.graphql(AUTH, COMPLETE, variables).json()["data"]["completeMfaLogin"].clone())
        };
        let running: Vec<_> = challenges.iter().enumerate().map(spawn).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn give_backup_code(backend: &Backend, device: &str, code: &str) {
    backend.python(&format!(
        "from rail_django.models import MFABackupCode; MFABackupCode.objects.create(device_id={device}, code='{code}')"
    ));
}

/// Nothing was given, and this is why.
#[track_caller]
pub(crate) fn refused(payload: &Value, code: &str) {
    assert_eq!(payload["errorCode"], json!(code), "{payload}");
    let nothing = [&payload["token"], &payload["refreshToken"], &payload["user"]];
    assert!(payload["ok"] == json!(false) && nothing.iter().all(|value| value.is_null()), "{payload}");
    assert_eq!(payload["errors"].as_array().map(Vec::len), Some(1), "{payload}");
}

/// One of many that came at once with the same code: it was used, or tried too often.
#[track_caller]
fn too_late(payload: &Value) {
    let code = payload["errorCode"].as_str().unwrap_or_default();
    assert!(["MFA_INVALID_CODE", "RATE_LIMITED"].contains(&code), "{payload}");
    refused(payload, code);
}

#[test]
fn a_login_takes_the_password_and_then_the_code() {
    let backend = with_factor();
    let gateway = Setup::in_front_of(&backend).start();
    let answer = gateway.client().graphql(AUTH, LOGIN, json!({ "u": "mfa_a", "p": "mfapass-a1" }));
    let half = answer.json()["data"]["login"].clone();
    assert_eq!(
        (&half["ok"], &half["mfaRequired"], &half["mfaSetupRequired"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert!(half["challengeToken"].is_string() && half["challengeToken"] == half["ephemeralToken"], "{half}");
    let nothing = [&half["token"], &half["refreshToken"], &half["user"], &half["errorCode"]];
    assert!(nothing.iter().all(|value| value.is_null()) && half["errors"] == json!([]), "{half}");
    assert!(answer.all("set-cookie").iter().all(|line| line.starts_with("csrftoken=")), "{answer:?}");

    let challenge = half["challengeToken"].as_str().unwrap();
    let code = code();
    refused(&complete(&gateway, challenge, &code_at(now() - 600)), "MFA_INVALID_CODE");
    let answer = gateway.client().graphql(AUTH, COMPLETE, json!({ "t": challenge, "c": code }));
    let payload = answer.json()["data"]["completeMfaLogin"].clone();
    assert_eq!((&payload["ok"], &payload["user"]["username"]), (&json!(true), &json!("mfa_a")), "{payload}");
    assert_eq!((&payload["mfaRequired"], &payload["challengeToken"]), (&Value::Null, &Value::Null));
    assert!(answer.all("set-cookie").iter().any(|line| line.starts_with("jwt=")), "{answer:?}");

    let tokens = Tokens::of(&payload);
    assert_eq!(gateway.whoami(&tokens.access), json!("mfa_a"));
    let sessions = "{ authSessions { mfa deviceName current } }";
    let sessions = gateway.client().bearer(&tokens.access).graphql(AUTH, sessions, json!({})).json();
    let expected = json!([{ "mfa": true, "deviceName": "phone", "current": true }]);
    assert_eq!(sessions["data"]["authSessions"], expected);
    assert_eq!(gateway.refresh(&tokens.refresh)["ok"], json!(true));

    let state = String::from_utf8_lossy(&gateway.state()).into_owned();
    assert!(!state.contains(challenge) && !state.contains(SECRET), "in the clear on the disk");
}

#[test]
fn only_who_knows_the_password_learns_of_the_factor() {
    let backend = with_factor();
    let gateway = Setup::in_front_of(&backend).start();
    refused(&gateway.login("mfa_a", "wrong"), "INVALID_CREDENTIALS");
    backend.python("User.objects.filter(username='mfa_a').update(is_active=False)");
    refused(&gateway.login("mfa_a", "mfapass-a1"), "INVALID_CREDENTIALS");
}

#[test]
fn the_other_vocabulary_does_the_same_and_the_backend_goes_on_with_its_factor() {
    let backend = Backend::on_postgresql();
    let device = enrol(&backend, "totp", SECRET);
    let gateway = Setup::in_front_of(&backend).start();
    let ephemeral = password(&gateway)["ephemeralToken"].as_str().unwrap().to_owned();
    let code = code();
    let answer = gateway.client().graphql(AUTH, VERIFY, json!({ "t": ephemeral, "c": code })).json();
    assert_eq!(answer["data"]["verifyMfaLogin"]["ok"], json!(true), "{answer}");
    let noted = backend.python(&format!(
        "from rail_django.models import MFADevice; print(int(MFADevice.objects.get(pk={device}).last_used.timestamp()))"
    ));
    assert_eq!(noted.parse::<u64>().unwrap(), now() - now() % STEP, "the step, not the instant");
    let accepted = format!("from rail_django import factors; print(factors.accepts(User.objects.get(pk=5), '{code}'))");
    assert_eq!(backend.python(&accepted), "True", "what the gateway notes is nothing to the backend");
}

#[test]
fn a_code_is_used_up_on_every_gateway() {
    let (backend, redis) = (with_factor(), RedisServer::start());
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let gateways = [setup.start(), setup.start()];
    let challenges: Vec<String> = (0..50).map(|number| challenge(&gateways[number % 2])).collect();
    let code = code();
    let opened = complete_at_once(&gateways, &challenges, &code);
    let (won, lost): (Vec<_>, Vec<_>) = opened.iter().partition(|payload| payload["ok"] == json!(true));
    assert_eq!(won.len(), 1, "{won:?}");
    lost.iter().for_each(|payload| too_late(payload));
    assert_eq!(gateways[1].whoami(&Tokens::of(won[0]).access), json!("mfa_a"));
}

#[test]
fn a_challenge_of_one_gateway_is_completed_on_the_other_by_the_next_code() {
    let (backend, redis) = (with_factor(), RedisServer::start());
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let gateways = [setup.start(), setup.start()];
    let [_, code, next] = Phone::told(SECRET).codes();
    assert_eq!(complete(&gateways[0], &challenge(&gateways[0]), &code)["ok"], json!(true));
    refused(&complete(&gateways[1], &challenge(&gateways[0]), &code), "MFA_INVALID_CODE");
    let next = complete(&gateways[1], &challenge(&gateways[0]), &next);
    assert_eq!(next["ok"], json!(true), "{next}");
}

#[test]
fn a_challenge_is_used_once_by_whoever_is_first() {
    let (backend, redis) = (with_factor(), RedisServer::start());
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let gateways = [setup.start(), setup.start()];
    let challenge = challenge(&gateways[0]);
    assert_eq!(complete(&gateways[1], &challenge, &code())["ok"], json!(true));
    for gateway in &gateways {
        refused(&complete(gateway, &challenge, &code_at(now() + STEP)), "CHALLENGE_INVALID");
    }
}

#[test]
fn five_codes_may_be_tried() {
    let backend = with_factor();
    let gateway = Setup::in_front_of(&backend).start();
    let challenge = challenge(&gateway);
    for wrong in ["000000", "", "12345678", "abcdef", "1"] {
        refused(&complete(&gateway, &challenge, wrong), "MFA_INVALID_CODE");
    }
    refused(&complete(&gateway, &challenge, &code()), "CHALLENGE_INVALID");
    let lines = gateway.whole_output();
    assert!(
        lines.contains("a wrong or used code") && !lines.contains(SECRET) && !lines.contains("12345678"),
        "{lines}"
    );
}

#[test]
fn a_clock_may_be_off_by_thirty_seconds_and_not_by_sixty() {
    let backend = with_factor();
    let gateway = Setup::in_front_of(&backend).start();
    let _there_is_time_left = code();
    let now = now();
    for off in [now - 2 * STEP, now + 2 * STEP] {
        refused(&complete(&gateway, &challenge(&gateway), &code_at(off)), "MFA_INVALID_CODE");
    }
    for off in [now - STEP, now + STEP] {
        assert_eq!(complete(&gateway, &challenge(&gateway), &code_at(off))["ok"], json!(true));
    }
}

#[test]
fn no_token_passes_for_another() {
    let backend = with_factor();
    let gateway = Setup::in_front_of(&backend).start();
    let half = challenge(&gateway);
    assert_eq!(gateway.whoami(&half), Value::Null);
    let closed = gateway.client().bearer(&half).graphql(GQL, "{ viewer { username } }", json!({})).json();
    assert!(closed["data"]["viewer"].is_null() && closed["errors"].is_array(), "{closed}");
    assert_eq!(gateway.refresh(&half)["errorCode"], json!("REFRESH_TOKEN_INVALID"));
    let page = gateway.client().with("Sec-Fetch-Site", "same-origin");
    let as_cookie = page.with("Cookie", &format!("jwt={half}; refresh_token={half}"));
    let answer = as_cookie.graphql(AUTH, "mutation { refreshToken { ok errorCode } }", json!({})).json();
    assert_eq!(answer["data"]["refreshToken"]["errorCode"], json!("REFRESH_TOKEN_INVALID"), "{answer}");

    let tokens = Tokens::of(&complete(&gateway, &half, &code()));
    let next = code_at(now() + STEP);
    for token in [&tokens.access, &tokens.refresh, &"A".repeat(96), &String::new()] {
        refused(&complete(&gateway, token, &next), "CHALLENGE_INVALID");
    }
    assert_eq!(gateway.refresh(&tokens.refresh)["ok"], json!(true), "nothing of it was a use of the token");
}

#[test]
fn a_page_with_one_cookie_gets_in_and_the_backend_is_told_of_the_factor() {
    let (backend, stub) = (with_factor(), Stub::start());
    let setup = Setup::bare(stub.port, backend.database_url(), &backend.secret);
    let gateway = setup.changed("#mode = \"tokens\"", "mode = \"session\"").start();
    let page = gateway.client().with("Sec-Fetch-Site", "same-origin");
    let half = page.graphql(AUTH, LOGIN, json!({ "u": "mfa_a", "p": "mfapass-a1" }));
    let challenge = half.json()["data"]["login"]["challengeToken"].clone();
    assert!(
        challenge.is_string() && half.all("set-cookie").iter().all(|line| line.starts_with("csrftoken=")),
        "{half:?}"
    );

    let whole = page.graphql(AUTH, COMPLETE, json!({ "t": challenge, "c": code() }));
    let payload = whole.json()["data"]["completeMfaLogin"].clone();
    assert_eq!(
        (&payload["ok"], &payload["token"], &payload["refreshToken"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    let lines = whole.all("set-cookie");
    let session = lines.iter().find(|line| line.starts_with("railgate_session=")).expect("a session");
    page.with("Cookie", session.split(';').next().unwrap()).graphql(AUTH, "{ widgets { id } }", json!({}));
    let told = stub.take_one();
    assert_eq!((told.all("X-Auth-Username"), told.all("X-Auth-Mfa")), (vec!["mfa_a"], vec!["true"]));
    let since: u64 = told.all("X-Auth-Time")[0].parse().unwrap();
    assert!(now() - since < 60, "{since}");
}

#[test]
fn a_password_that_is_changed_meanwhile_ends_the_login() {
    let backend = with_factor();
    let gateway = Setup::in_front_of(&backend).start();
    let challenge = challenge(&gateway);
    backend.cheap_password("mfa_a", "another one");
    refused(&complete(&gateway, &challenge, &code()), "CHALLENGE_INVALID");
}

#[test]
fn a_factor_of_a_kind_that_is_not_checked_keeps_its_user_out() {
    let backend = Backend::on_sqlite();
    enrol(&backend, "sms", "");
    let gateway = Setup::in_front_of(&backend).start();
    refused(&password(&gateway), "MFA_METHOD_UNSUPPORTED");
    enrol(&backend, "totp", SECRET);
    assert_eq!(complete(&gateway, &challenge(&gateway), &code())["ok"], json!(true), "the other one gets in");
}

#[test]
fn the_rights_of_the_readme_are_enough_and_no_code_counts_that_can_not_be_used_up() {
    let backend = Backend::on_postgresql();
    let device = enrol(&backend, "totp", SECRET);
    let run =
        |sql: &str| backend.python(&format!("from django.db import connection; connection.cursor().execute('{sql}')"));
    run("CREATE ROLE gateway LOGIN");
    postgres::grants("gateway").iter().for_each(|grant| drop(run(grant)));
    run("REVOKE UPDATE ON rail_django_mfadevice, rail_django_mfabackupcode FROM gateway");
    let (_, server) = backend.database_url().split_once('@').unwrap();
    let gateway = Setup::bare(backend.port, &format!("postgres://gateway@{server}"), &backend.secret).start();
    refused(&complete(&gateway, &challenge(&gateway), &code()), "SERVICE_UNAVAILABLE");
    run("GRANT UPDATE ON rail_django_mfadevice TO gateway");
    assert_eq!(complete(&gateway, &challenge(&gateway), &code())["ok"], json!(true));
    give_backup_code(&backend, &device, "01234567");
    refused(&complete(&gateway, &challenge(&gateway), "01234567"), "SERVICE_UNAVAILABLE");
    run("GRANT UPDATE ON rail_django_mfabackupcode TO gateway");
    assert_eq!(complete(&gateway, &challenge(&gateway), "01234567")["ok"], json!(true));
}

#[test]
fn a_backup_code_of_the_backends_gets_in_once() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    give_backup_code(&backend, &enrol(&backend, "totp", SECRET), "01234567");
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let gateways = [setup.start(), setup.start()];
    let challenges: Vec<String> = (0..50).map(|number| challenge(&gateways[number % 2])).collect();
    let payloads = complete_at_once(&gateways, &challenges, "01234567");
    let (won, lost): (Vec<_>, Vec<_>) = payloads.iter().partition(|payload| payload["ok"] == json!(true));
    assert_eq!(won.len(), 1, "{won:?}");
    lost.iter().for_each(|payload| too_late(payload));
    too_late(&complete(&gateways[1], &challenge(&gateways[0]), "01234567"));
    let lines = gateways.map(Gateway::whole_output).concat();
    assert!(lines.contains("a backup code was used") && !lines.contains("01234567"), "{lines}");
}
