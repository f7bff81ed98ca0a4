//! Devices that need no code for a while.

use serde_json::{Value, json};

use super::{
    COMPLETE, DEVICES, DISABLE, Enrolled, LOGIN, SETUP, STEP_UP, USER, User, backend, challenge, cheap, count, enrol,
    enrol_by, let_in, login, run, told,
};
use crate::support::{
    backend::Backend,
    client::Client,
    gateway::{AUTH, Gateway, Setup},
    redis::RedisServer,
};

const REVOKE: &str = "mutation($d: ID!) { revokeTrustedDevice(deviceId: $d) { ok errors } }";

fn with_device(client: &Client, user: &User, device: &str) -> Value {
    run(client, LOGIN, json!({ "u": user.name, "p": user.password, "d": device }))
}

/// A login that is to be trusted. Its payload and the cookie, as a client sends it back.
fn trusting(gateway: &Gateway, code: &str) -> (Value, String) {
    let variables = json!({ "t": challenge(gateway, &USER), "c": code, "d": true });
    let answer = gateway.client().graphql(AUTH, COMPLETE, variables);
    let cookies = answer.all("set-cookie");
    let cookie = cookies.iter().find(|line| line.starts_with("trusted_device=")).expect("a cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{attribute}: {cookie}");
    }
    let payload = answer.field();
    let_in(&payload);
    (payload, cookie.split(';').next().unwrap().to_owned())
}

#[track_caller]
fn skips(payload: &Value) {
    assert!(
        payload["ok"] == json!(true) && payload["token"].is_string() && payload["mfaRequired"].is_null(),
        "{payload}"
    );
}

#[track_caller]
fn asks(payload: &Value) {
    assert!(payload["mfaRequired"] == json!(true) && payload["token"].is_null(), "{payload}");
}

#[test]
fn a_trusted_device_skips_the_code_by_token_or_cookie() {
    let (backend, redis) = (cheap(Backend::on_postgresql()), RedisServer::start());
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let (gateway, other) = (setup.start(), setup.start());
    let Enrolled { codes, .. } = enrol(&gateway, &USER);
    let (payload, cookie) = trusting(&gateway, &codes[0]);
    let token = payload["trustedDeviceToken"].as_str().expect("a token");
    assert_eq!(cookie, format!("trusted_device={token}"));
    skips(&with_device(&other.client(), &USER, token));
    skips(&login(&other.client().with("Cookie", &cookie), &USER));
    asks(&login(&other.client(), &USER));

    // It is no credential of any other kind, nor of anybody else.
    assert_eq!(gateway.whoami(token), Value::Null);
    assert_eq!(gateway.refresh(token)["errorCode"], json!("REFRESH_TOKEN_INVALID"));
    super::refused(&run(&gateway.client(), COMPLETE, json!({ "t": token, "c": codes[1] })), "CHALLENGE_INVALID");
    super::refused(&with_device(&gateway.client(), &User { password: "wrong", ..USER }, token), "INVALID_CREDENTIALS");
    let stored =
        backend.python("from rail_django.models import TrustedDevice as T; print(T.objects.get().device_fingerprint)");
    assert!(!stored.contains(token), "in the clear");
    asks(&with_device(&gateway.client(), &USER, &stored));
    asks(&with_device(&gateway.client(), &USER, &"A".repeat(96)));
    asks(&with_device(&gateway.client(), &USER, "my-laptop"));
    assert!(!gateway.process.output().contains(token));
}

#[test]
fn a_session_of_a_trusted_device_has_shown_no_factor_and_changes_none() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let Enrolled { codes, .. } = enrol(&gateway, &USER);
    let (_, cookie) = trusting(&gateway, &codes[0]);
    let payload = login(&gateway.client().with("Cookie", &cookie), &USER);
    let client = gateway.client().bearer(payload["token"].as_str().unwrap());
    let listed = run(&client, "{ authSessions { mfa current } }", json!({}));
    assert!(listed.as_array().unwrap().contains(&json!({ "mfa": false, "current": true })), "{listed}");
    told(&run(&client, SETUP, json!({ "n": "x" })), STEP_UP);
    told(&run(&client, DISABLE, json!({ "p": USER.password })), STEP_UP);
}

#[test]
fn trust_ends_with_the_password_the_factors_or_by_its_owner() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let Enrolled { access, codes, backup_codes, .. } = enrol(&gateway, &USER);
    let client = gateway.client().bearer(&access);
    let [(_, one), (_, other)] = [&codes[0], &codes[1]].map(|code| trusting(&gateway, code));
    let by = |cookie: &str, user: &User| login(&gateway.client().with("Cookie", cookie), user);
    [&one, &other].into_iter().for_each(|cookie| skips(&by(cookie, &USER)));

    let devices = run(&client, DEVICES, json!({}));
    let trusted: Vec<&Value> =
        devices.as_array().unwrap().iter().filter(|device| device["kind"] == json!("trusted")).collect();
    assert!(
        trusted.len() == 2
            && trusted.iter().all(|device| device["name"] == json!("laptop") && device["expiresAt"].is_string()),
        "{devices}"
    );
    let unknown = "This device is not one of yours. List your devices, or begin the setup again.";
    backend.cheap_password("mfa_b", "mfapass-b1");
    let stranger = super::tokens(&gateway, &User { name: "mfa_b", password: "mfapass-b1" }).access;
    told(&run(&gateway.client().bearer(&stranger), REVOKE, json!({ "d": trusted[0]["id"] })), unknown);
    told(&run(&gateway.client(), REVOKE, json!({ "d": trusted[0]["id"] })), "Log in first.");
    told(&run(&client, REVOKE, json!({ "d": devices[0]["id"] })), unknown);
    let revoked = run(&client, REVOKE, json!({ "d": trusted[0]["id"] }));
    assert_eq!(revoked, json!({ "ok": true, "errors": [] }));
    asks(&by(&other, &USER)); // the newest is listed first
    skips(&by(&one, &USER));

    let (_, more, _) = enrol_by(&client);
    asks(&by(&one, &USER));
    assert_eq!(run(&client, DEVICES, json!({})).as_array().unwrap().len(), 2, "what doesn't count is not listed");
    drop(backup_codes);
    let (_, again) = trusting(&gateway, &more[0]);
    skips(&by(&again, &USER));
    backend.cheap_password(USER.name, "another one");
    asks(&by(&again, &User { password: "another one", ..USER }));
}

#[test]
fn only_a_row_of_the_gateways_own_is_trusted() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let Enrolled { codes, .. } = enrol(&gateway, &USER);
    let (_, cookie) = trusting(&gateway, &codes[0]);
    let token = cookie.strip_prefix("trusted_device=").unwrap();
    let edit = |change: &str| backend.python(&format!("from rail_django.models import TrustedDevice as T; {change}"));
    edit(
        "row = T.objects.get(); row.pk = None; row.user_id = 6; row.save(); \
         T.objects.create(user_id=5, device_fingerprint='made-up', device_name='x', ip_address='::1', user_agent='', expires_at='2100-01-01T00:00Z')",
    );
    asks(&with_device(&gateway.client(), &USER, "made-up"));
    skips(&with_device(&gateway.client(), &USER, token));
    edit("T.objects.update(expires_at='2100-01-01T00:00Z')");
    asks(&with_device(&gateway.client(), &USER, token));
    assert_eq!(count(&backend, "TrustedDevice", ""), "3", "and none is lost");
}

#[test]
fn nothing_is_trusted_where_that_is_off() {
    let backend = backend();
    let setup = Setup::in_front_of(&backend);
    let gateway = setup.start();
    let Enrolled { codes, backup_codes, .. } = enrol(&gateway, &USER);
    let (payload, cookie) = trusting(&gateway, &codes[0]);
    drop(gateway);
    let gateway = setup.changed("#trusted_devices = true", "trusted_devices = false").start();
    asks(&login(&gateway.client().with("Cookie", &cookie), &USER));
    asks(&with_device(&gateway.client(), &USER, payload["trustedDeviceToken"].as_str().unwrap()));
    let variables = json!({ "t": challenge(&gateway, &USER), "c": backup_codes[0], "d": true });
    let answer = gateway.client().graphql(AUTH, COMPLETE, variables);
    assert!(answer.field()["trustedDeviceToken"].is_null());
    assert!(answer.all("set-cookie").iter().all(|line| !line.starts_with("trusted_device=")), "{answer:?}");
}
