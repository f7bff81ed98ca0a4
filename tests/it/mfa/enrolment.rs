//! Setting authenticators up, several of them, and removing them.

use serde_json::{Value, json};

use super::{
    DEVICES, DISABLE, Enrolled, GONE, SETUP, SETUP_MFA, STEP_UP, USER, VERIFY, VERIFY_SETUP, at_once, backend, by_code,
    challenge, cheap, count, enrol, enrol_by, let_in, login, run, texts, tokens, told,
};
use crate::support::{
    backend::Backend,
    gateway::{GQL, Setup},
    jwt,
    phone::Phone,
    redis::RedisServer,
};

const WRONG_CODE: &str = "The code is wrong, too old or was used before. Enter the next one.";

#[test]
fn a_phone_is_enrolled_in_the_tutorials_words() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let client = gateway.client().bearer(&tokens(&gateway, &USER).access);
    let setup = run(&client, SETUP, json!({ "n": "My phone" }));
    assert_eq!((&setup["ok"], &setup["errors"]), (&json!(true), &json!([])), "{setup}");
    assert!(setup["message"].is_string(), "{setup}");
    let (scanned, phone) = Phone::scan(setup["qrCodeUrl"].as_str().unwrap());
    assert_eq!(json!(scanned), setup["otpauthUrl"], "the picture shows the URI");
    assert!(scanned.starts_with("otpauth://totp/railgate:mfa_a?secret="), "{scanned}");
    assert!(
        scanned.contains(setup["totpSecret"].as_str().unwrap()) && scanned.ends_with("&issuer=railgate"),
        "{scanned}"
    );
    assert_eq!(setup["totpSecret"].as_str().unwrap().len(), 32, "160 bits in base32");
    assert_eq!(login(&gateway.client(), &USER)["ok"], json!(true), "a factor counts once its code was shown");

    let verify = |code: &str| run(&client, VERIFY, json!({ "d": setup["deviceId"], "c": code }));
    let [first, second, third] = phone.codes();
    told(&verify("000000"), WRONG_CODE);
    let verified = verify(&first);
    assert_eq!((&verified["ok"], &verified["errors"]), (&json!(true), &json!([])), "{verified}");
    let codes = texts(&verified["backupCodes"]);
    assert_eq!(codes.len(), 10, "{codes:?}");
    assert!(verified["message"].is_string());
    told(&verify(&second), GONE);

    let half = login(&gateway.client(), &USER);
    assert_eq!(
        (&half["mfaRequired"], &half["mfaSetupRequired"], &half["token"]),
        (&json!(true), &json!(false), &Value::Null)
    );
    super::refused(&by_code(&gateway, &USER, &first), "MFA_INVALID_CODE");
    let_in(&by_code(&gateway, &USER, &second));
    let_in(&by_code(&gateway, &USER, &third));

    let lines = gateway.process.output();
    for secret in [setup["totpSecret"].as_str().unwrap(), &first, &codes[0]] {
        assert!(!lines.contains(secret), "in the log: {lines}");
    }
}

#[test]
fn a_phone_is_enrolled_in_rail_djangos_words() {
    let backend = cheap(Backend::on_postgresql());
    let gateway = Setup::in_front_of(&backend).start();
    let client = gateway.client().bearer(&tokens(&gateway, &USER).access);
    told(&run(&client, SETUP_MFA, json!({ "m": "sms" })), "This method can't be set up. Use \"totp\".");
    let setup = run(&client, SETUP_MFA, json!({ "m": "totp" }));
    let (uri, phone) = Phone::scan(setup["qrCodeUrl"].as_str().unwrap());
    let secret = setup["secret"].as_str().unwrap();
    assert!(uri.contains(secret), "{uri}");
    let backup = texts(&setup["backupCodes"]);
    assert_eq!(backup.len(), 10);

    let verify = |code: &str, secret: &str| run(&client, VERIFY_SETUP, json!({ "c": code, "s": secret }));
    let [first, second, _] = phone.codes();
    told(&verify(&first, "AAAAAAAAAAAAAAAA"), GONE);
    told(&verify("000000", secret), WRONG_CODE);
    let verified = verify(&first, &secret.to_lowercase());
    assert_eq!(verified, json!({ "ok": true, "errors": [] }));
    let_in(&by_code(&gateway, &USER, &second));
    let_in(&by_code(&gateway, &USER, &backup[3]));
    assert_eq!(count(&backend, "MFABackupCode", "is_used=False"), "9");
    let stored =
        backend.python("from rail_django.models import MFABackupCode as C; print(*(c.code for c in C.objects.all()))");
    assert!(stored.split(' ').all(|stored| stored.len() == 20), "{stored}");
    assert!(backup.iter().all(|code| !stored.contains(code) && !stored.contains(&code.replace('-', ""))), "{stored}");
}

#[test]
fn nobody_enrols_without_a_login() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let first = "Log in first.";
    let client = gateway.client();
    for (document, variables) in [
        (SETUP, json!({ "n": "x" })),
        (VERIFY, json!({ "d": "1", "c": "123456" })),
        (SETUP_MFA, json!({ "m": "totp" })),
        (SETUP_MFA, json!({ "m": "sms" })),
        (VERIFY_SETUP, json!({ "c": "123456", "s": "A" })),
        (DISABLE, json!({ "p": "x" })),
        (super::REGENERATE, json!({ "p": "x" })),
    ] {
        told(&run(&client, document, variables.clone()), first);
        let closed = client.graphql(GQL, document, variables).json();
        assert!(closed["errors"][0]["path"].is_array(), "{closed}");
    }
    let gone = "This login can't be completed any more. Log in again.";
    told(&run(&client, SETUP, json!({ "n": "x", "t": "garbage" })), gone);
    told(&run(&client, VERIFY, json!({ "d": "1", "c": "123456", "t": "garbage" })), gone);
    assert_eq!(run(&client, DEVICES, json!({})), Value::Null);

    let access = tokens(&gateway, &USER).access;
    let logout = run(&client.bearer(&access), "mutation { logout { ok } }", json!({}));
    assert_eq!(logout["ok"], json!(true));
    told(&run(&client.bearer(&access), SETUP, json!({ "n": "x" })), first);
}

#[test]
fn a_new_setup_drops_the_one_that_waits() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let client = gateway.client().bearer(&tokens(&gateway, &USER).access);
    let [dropped, stands] = [(); 2].map(|()| run(&client, SETUP, json!({ "n": "phone" })));
    let [old, new] = [&dropped, &stands].map(|setup| Phone::told(setup["totpSecret"].as_str().unwrap()));
    let verify = |device: &Value, phone: &Phone| run(&client, VERIFY, json!({ "d": device, "c": phone.codes()[0] }));
    told(&verify(&dropped["deviceId"], &old), GONE);
    told(&verify(&stands["deviceId"], &old), WRONG_CODE);
    assert_eq!(verify(&stands["deviceId"], &new)["ok"], json!(true));
    assert_eq!(count(&backend, "MFADevice", ""), "1");
}

#[test]
fn one_setup_is_confirmed_once_however_many_ask() {
    let (backend, redis) = (backend(), RedisServer::start());
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let gateways = [setup.start(), setup.start()];
    let access = tokens(&gateways[0], &USER).access;
    let started = run(&gateways[0].client().bearer(&access), SETUP, json!({ "n": "phone" }));
    let code = Phone::told(started["totpSecret"].as_str().unwrap()).codes()[0].clone();
    let asking = (0..8)
        .map(|number| (gateways[number % 2].client().bearer(&access), json!({ "d": started["deviceId"], "c": code })));
    let answers = at_once(VERIFY, asking.collect());
    let confirmed: Vec<_> = answers.iter().filter(|answer| answer["ok"] == json!(true)).collect();
    assert_eq!(confirmed.len(), 1, "{answers:?}");
    let backup = texts(&confirmed[0]["backupCodes"]);
    let_in(&by_code(&gateways[1], &USER, &backup[0]));
}

#[test]
fn a_second_phone_takes_the_first_one() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let earlier = tokens(&gateway, &USER).access;
    let Enrolled { access, codes, backup_codes, .. } = enrol(&gateway, &USER);
    told(&run(&gateway.client().bearer(&earlier), SETUP, json!({ "n": "thief's" })), STEP_UP);

    let (second, more_codes, [next, _]) = enrol_by(&gateway.client().bearer(&access));
    let_in(&by_code(&gateway, &USER, &codes[0]));
    let_in(&by_code(&gateway, &USER, &next));
    let_in(&by_code(&gateway, &USER, &more_codes[0]));
    super::refused(&by_code(&gateway, &USER, &backup_codes[0]), "MFA_INVALID_CODE");
    drop(second);

    let devices = run(&gateway.client().bearer(&access), DEVICES, json!({}));
    let listed: Vec<_> = devices.as_array().unwrap().iter().map(|device| (&device["name"], &device["kind"])).collect();
    assert_eq!(listed, [(&json!("My phone"), &json!("totp")), (&json!("My phone"), &json!("totp"))]);
    assert!(devices.as_array().unwrap().iter().all(|device| device["createdAt"].is_string()
        && device["lastUsedAt"].is_string()
        && device["expiresAt"].is_null()));
    assert_ne!(devices[0]["id"], devices[1]["id"]);
}

#[test]
fn the_session_that_enrols_has_shown_the_factor() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let enrolled = enrol(&gateway, &USER);
    let sessions = "{ authSessions { mfa current } }";
    let listed = run(&gateway.client().bearer(&enrolled.access), sessions, json!({}));
    assert_eq!(listed, json!([{ "mfa": true, "current": true }]));
}

#[test]
fn factors_are_removed_by_the_password_and_the_factor() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let earlier = tokens(&gateway, &USER).access;
    let Enrolled { access, codes, .. } = enrol(&gateway, &USER);
    let disable =
        |access: &str, password: &str| run(&gateway.client().bearer(access), DISABLE, json!({ "p": password }));
    told(&disable(&earlier, USER.password), STEP_UP);
    told(&disable(&access, "wrong"), "The password is wrong.");
    let half = challenge(&gateway, &USER);
    assert_eq!(disable(&access, USER.password), json!({ "ok": true, "errors": [] }));
    for model in ["MFADevice", "MFABackupCode", "TrustedDevice"] {
        assert_eq!(count(&backend, model, ""), "0", "{model}");
    }
    assert!(login(&gateway.client(), &USER)["token"].is_string());
    let late = run(&gateway.client(), super::COMPLETE, json!({ "t": half, "c": codes[0] }));
    super::refused(&late, "MFA_INVALID_CODE");
    assert_eq!(disable(&access, USER.password)["ok"], json!(true), "there is nothing to remove");
}

#[test]
fn a_caller_whom_the_backend_let_in_logs_in_first() {
    let backend = backend();
    let (shipped, accepted) = (
        "#example: accept_rail_jwt = { secret = { env = \"RAILGATE_RAIL_JWT_SECRET\" }, cut_over = 2026-03-01T00:00:00Z }",
        "accept_rail_jwt = { secret = { env = \"RAILGATE_RAIL_JWT_SECRET\" }, cut_over = 2100-01-01T00:00:00Z }",
    );
    let gateway = Setup::in_front_of(&backend).changed(shipped, accepted).start();
    let client = gateway.client().bearer(&jwt::sign(&backend.secret, &jwt::johns_claims()));
    let first = "Log in again first: second factors are changed only shortly after a login.";
    told(&run(&client, SETUP, json!({ "n": "phone" })), first);
}
