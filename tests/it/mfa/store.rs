//! Second factors that the gateway keeps itself, sealed.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::{
    COMPLETE, DEVICES, DISABLE, Enrolled, LOGIN, SETUP, USER, VERIFY, at_once, backend, by_code, challenge, count,
    enrol, fifty_at_once, let_in, login, refused, run, texts, tokens,
};
use crate::support::{
    backend::Backend,
    gateway::{Gateway, Setup},
    phone::Phone,
    redis::RedisServer,
    template,
};

fn setup(backend: &Backend) -> Setup {
    Setup::in_front_of(backend).changed("#storage = \"directory\"", "storage = \"store\"")
}

/// The whole of it, on the gateways of one store.
fn works(backend: &Backend, gateways: &[&Gateway]) {
    let [gateway, other] = [gateways[0], gateways[gateways.len() - 1]];
    let Enrolled { phone, access, codes, backup_codes } = enrol(gateway, &USER);
    for model in ["MFADevice", "MFABackupCode", "TrustedDevice"] {
        assert_eq!(count(backend, model, ""), "0", "{model}: the backend knows nothing of it");
    }
    super::refused(&by_code(other, &USER, &phone.code_at(0)), "MFA_INVALID_CODE");
    let trusting = json!({ "t": challenge(other, &USER), "c": codes[0], "d": true });
    let payload = run(&other.client(), COMPLETE, trusting);
    let_in(&payload);
    refused(&by_code(gateway, &USER, &codes[0]), "MFA_INVALID_CODE");
    let_in(&by_code(other, &USER, &backup_codes[0]));
    refused(&by_code(gateway, &USER, &backup_codes[0]), "MFA_INVALID_CODE");
    let device = json!({ "u": USER.name, "p": USER.password, "d": payload["trustedDeviceToken"] });
    assert!(run(&gateway.client(), LOGIN, device.clone())["token"].is_string());
    let devices = run(&other.client().bearer(&access), DEVICES, json!({}));
    let kinds: Vec<&Value> = devices.as_array().unwrap().iter().map(|device| &device["kind"]).collect();
    assert_eq!(kinds, [&json!("totp"), &json!("trusted")]);

    let removed = run(&gateway.client().bearer(&access), DISABLE, json!({ "p": USER.password }));
    assert_eq!(removed["ok"], json!(true), "{removed}");
    assert!(login(&other.client(), &USER)["token"].is_string());
}

#[test]
fn in_redis_for_two_gateways() {
    let (backend, redis) = (backend(), RedisServer::start());
    let setup = setup(&backend).store(&redis.url());
    works(&backend, &[&setup.start(), &setup.start()]);
}

#[test]
fn in_the_embedded_store() {
    let backend = backend();
    works(&backend, &[&setup(&backend).start()]);
}

/// A setup that many confirm at once, and then a code of it that many log in by at once: `code` chooses which.
fn races(code: impl Fn([String; 2], Vec<String>) -> String) {
    let (backend, redis) = (backend(), RedisServer::start());
    let setup = setup(&backend).store(&redis.url());
    let gateways = [setup.start(), setup.start()];
    let access = tokens(&gateways[0], &USER).access;
    let started = run(&gateways[0].client().bearer(&access), SETUP, json!({ "n": "phone" }));
    let [first, codes @ ..] = Phone::told(started["totpSecret"].as_str().unwrap()).codes();
    let ok = |answers: Vec<Value>| answers.into_iter().filter(|answer| answer["ok"] == json!(true)).collect::<Vec<_>>();
    let asking = (0..8)
        .map(|number| (gateways[number % 2].client().bearer(&access), json!({ "d": started["deviceId"], "c": first })));
    let confirmed = ok(at_once(VERIFY, asking.collect()));
    assert_eq!(confirmed.len(), 1, "{confirmed:?}");
    let code = code(codes, texts(&confirmed[0]["backupCodes"]));
    let opened = ok(fifty_at_once(&[&gateways[0], &gateways[1]], &code));
    assert_eq!(opened.len(), 1, "{opened:?}");
}

#[test]
fn one_setup_counts_once_and_one_code_gets_in_once() {
    races(|[next, _], _| next);
}

#[test]
fn one_backup_code_gets_in_once() {
    races(|_, backup_codes| backup_codes[0].clone());
}

/// `railgate keygen` with this option on the gateway's own key file.
fn keygen(option: &str, state: &Path) {
    let path = state.join("railgate.key");
    template::run(Command::new(env!("CARGO_BIN_EXE_railgate")).arg("keygen").arg(option).arg(path));
}

#[test]
fn factors_are_sealed_and_outlive_their_key_once_they_were_sealed_again() {
    let backend = backend();
    let setup = setup(&backend);
    let gateway = setup.start();
    let Enrolled { phone, backup_codes, .. } = enrol(&gateway, &USER);
    let state = String::from_utf8_lossy(&gateway.state()).into_owned();
    for secret in [phone.secret(), "My phone", backup_codes[0].as_str()] {
        assert!(!state.contains(secret), "in the clear on the disk: {secret}");
    }
    drop(gateway);

    keygen("--rotate", setup.state_dir());
    drop(setup.start());
    keygen("--rotate", setup.state_dir());
    let mut gateway = setup.start();
    gateway.process.wait_for_line("second factors are sealed with the first key");
    drop(gateway);
    keygen("--drop-old", setup.state_dir());
    let gateway = setup.start();
    let_in(&by_code(&gateway, &USER, &phone.codes()[2]));
    refused(&by_code(&gateway, &USER, &backup_codes[0]), "MFA_INVALID_CODE");
}

#[test]
fn a_key_that_is_missing_keeps_its_users_out_and_lets_nobody_in_without_a_factor() {
    let backend = backend();
    let setup = setup(&backend);
    let gateway = setup.start();
    enrol(&gateway, &USER);
    drop(gateway);
    std::fs::remove_file(setup.state_dir().join("railgate.key")).unwrap();
    let mut gateway = setup.start();
    refused(&login(&gateway.client(), &USER), "SERVICE_UNAVAILABLE");
    gateway.process.wait_for_line("under a key that is not in force");
}
