//! Backup codes: given out by the gateway, or left in the clear by the backend.

use serde_json::{Value, json};

use super::{
    COMPLETE, Enrolled, REGENERATE, STEP_UP, USER, backend, by_code, challenge, cheap, enrol, fifty_at_once, let_in,
    refused, run, texts, tokens, told,
};
use crate::support::{
    backend::Backend,
    gateway::{AUTH, Gateway, Setup},
    redis::RedisServer,
};

/// One code on fifty logins at once. How many got in.
fn won(gateways: &[&Gateway], code: &str) -> usize {
    let payloads = fifty_at_once(gateways, code);
    let (won, lost): (Vec<_>, Vec<_>) = payloads.iter().partition(|payload| payload["ok"] == json!(true));
    for payload in lost {
        let code = payload["errorCode"].as_str().unwrap();
        assert!(["MFA_INVALID_CODE", "RATE_LIMITED"].contains(&code), "{payload}");
    }
    won.len()
}

#[test]
fn a_code_gets_in_once_on_all_gateways() {
    let (backend, redis) = (cheap(Backend::on_postgresql()), RedisServer::start());
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let (one, other) = (setup.start(), setup.start());
    let Enrolled { backup_codes, .. } = enrol(&one, &USER);
    let_in(&by_code(&other, &USER, &backup_codes[1].replace('-', " ").to_lowercase()));
    // The last to be shown: those that lose after the winner has cleared the count may bring it to its limit again.
    assert_eq!(won(&[&one, &other], &backup_codes[0]), 1);
}

#[test]
fn a_code_gets_in_once_with_the_embedded_store() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let Enrolled { backup_codes, .. } = enrol(&gateway, &USER);
    assert_eq!(won(&[&gateway], &backup_codes[0]), 1);
}

#[test]
fn who_has_few_left_is_told() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let Enrolled { backup_codes, .. } = enrol(&gateway, &USER);
    let told: Vec<Value> = backup_codes
        .iter()
        .map(|code| {
            let challenge = challenge(&gateway, &USER);
            let answer = gateway.client().graphql(AUTH, COMPLETE, json!({ "t": challenge, "c": code })).json();
            assert_eq!(answer["data"]["completeMfaLogin"]["errors"], json!([]), "{answer}");
            answer["extensions"]["mfa"].clone()
        })
        .collect();
    let left: Vec<_> = told.iter().map(|told| told["backupCodesLeft"].as_u64().unwrap()).collect();
    assert_eq!(left, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert!(
        told[..6].iter().all(|told| told["message"].is_null())
            && told[6..].iter().all(|told| told["message"].is_string())
    );
}

#[test]
fn new_codes_take_the_password_and_void_the_old_ones() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    let earlier = tokens(&gateway, &USER).access;
    let regenerate =
        |access: &str, password: &str| run(&gateway.client().bearer(access), REGENERATE, json!({ "p": password }));
    told(&regenerate(&earlier, USER.password), "Set an authenticator up first.");
    let Enrolled { access, backup_codes, .. } = enrol(&gateway, &USER);
    told(&regenerate(&earlier, USER.password), STEP_UP);
    told(&regenerate(&access, "wrong"), "The password is wrong.");
    let new = regenerate(&access, USER.password);
    assert_eq!((&new["ok"], &new["errors"]), (&json!(true), &json!([])), "{new}");
    let new = texts(&new["backupCodes"]);
    assert!(new.len() == 10 && new.iter().all(|code| !backup_codes.contains(code)));
    refused(&by_code(&gateway, &USER, &backup_codes[0]), "MFA_INVALID_CODE");
    let_in(&by_code(&gateway, &USER, &new[0]));
}

#[test]
fn what_the_backend_left_in_the_clear_is_hashed_when_it_is_met() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).start();
    backend.python(
        "from rail_django.models import MFABackupCode, MFADevice\n\
         device = MFADevice.objects.create(user_id=5, device_name='phone', is_active=True, secret_key='GEZDGNBVGY3TQOJQ')\n\
         for code in ('01234567', '11111111', '22222222', 'weird'): MFABackupCode.objects.create(device=device, code=code)",
    );
    let kept = || {
        backend.python(
            "from rail_django.models import MFABackupCode as C\n\
             print(*(f'{c.code}/{c.is_used}' for c in C.objects.order_by('pk')))",
        )
    };
    refused(&by_code(&gateway, &USER, "weird"), "MFA_INVALID_CODE");
    let met = kept();
    let met: Vec<&str> = met.split(' ').collect();
    assert!(met[..3].iter().all(|code| code.len() == "/False".len() + 20) && met[3] == "weird/False", "{met:?}");
    let hash = met[1].split('/').next().unwrap();
    refused(&by_code(&gateway, &USER, hash), "MFA_INVALID_CODE");
    for code in ["01234567", "1111 1111"] {
        let_in(&by_code(&gateway, &USER, code));
        refused(&by_code(&gateway, &USER, code), "MFA_INVALID_CODE");
    }
    let left = kept();
    let used: Vec<bool> = left.split(' ').map(|code| code.ends_with("/True")).collect();
    assert_eq!(used, [true, true, false, false], "{left}");
}
