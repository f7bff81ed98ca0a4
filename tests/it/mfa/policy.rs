//! Who has to have a second factor, and how one is enrolled during the login.

use serde_json::{Value, json};

use super::{
    COMPLETE, SETUP, SETUP_MFA, USER, User, VERIFY, VERIFY_SETUP, by_code, challenge, cheap, let_in, login, refused,
    run, tokens, told,
};
use crate::support::{
    backend::Backend,
    gateway::{Gateway, Setup, Tokens},
    phone::Phone,
};

const POLICY: &str = "#policy = \"optional\"";
const EXISTS: &str = "A second factor is set up already. Complete the login with its code.";

fn with_policy(backend: &Backend, policy: &str) -> Gateway {
    Setup::in_front_of(backend).changed(POLICY, &format!("policy = \"{policy}\"")).start()
}

#[test]
fn a_login_enrols_the_first_factor_in_the_tutorials_words() {
    let backend = super::backend();
    let gateway = with_policy(&backend, "all");
    let half = login(&gateway.client(), &USER);
    assert_eq!(
        (&half["ok"], &half["mfaRequired"], &half["mfaSetupRequired"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert!(
        half["token"].is_null() && half["user"].is_null() && half["challengeToken"] == half["ephemeralToken"],
        "{half}"
    );
    let (client, challenge) = (gateway.client(), &half["challengeToken"]);
    refused(&run(&client, COMPLETE, json!({ "t": challenge, "c": "123456" })), "MFA_INVALID_CODE");

    let setup = run(&client, SETUP, json!({ "n": "phone", "t": challenge }));
    let phone = Phone::told(setup["totpSecret"].as_str().unwrap());
    let [_, code, next] = phone.codes();
    refused(&run(&client, COMPLETE, json!({ "t": challenge, "c": code })), "MFA_INVALID_CODE");
    let verified = run(&client, VERIFY, json!({ "d": setup["deviceId"], "c": code, "t": challenge }));
    assert_eq!(verified["ok"], json!(true), "{verified}");

    let whole = run(&client, COMPLETE, json!({ "t": challenge, "c": code }));
    let_in(&whole);
    assert_eq!(gateway.whoami(&Tokens::of(&whole).access), json!(USER.name));
    refused(&run(&client, COMPLETE, json!({ "t": challenge, "c": next })), "CHALLENGE_INVALID");
    refused(&by_code(&gateway, &USER, &code), "MFA_INVALID_CODE");
    let_in(&by_code(&gateway, &USER, &next));
}

#[test]
fn a_login_enrols_the_first_factor_in_rail_djangos_words() {
    let backend = cheap(Backend::on_postgresql());
    let gateway = with_policy(&backend, "all");
    let (client, ephemeral) = (gateway.client(), challenge(&gateway, &USER));
    let setup = run(&client, SETUP_MFA, json!({ "m": "totp", "t": ephemeral }));
    let secret = setup["secret"].as_str().unwrap();
    let code = Phone::told(secret).codes()[1].clone();
    let verified = run(&client, VERIFY_SETUP, json!({ "c": code, "s": secret, "t": ephemeral }));
    assert_eq!(verified, json!({ "ok": true, "errors": [] }));
    let verify = "mutation($c: String!, $t: String!) { verifyMfaLogin(code: $c, ephemeralToken: $t) { ok token user { username } errors } }";
    let_in(&run(&client, verify, json!({ "c": code, "t": ephemeral })));
    let_in(&by_code(&gateway, &USER, setup["backupCodes"][0].as_str().unwrap()));
}

#[test]
fn only_staff_have_to_where_staff_have_to() {
    let backend = super::backend();
    backend.cheap_password("admin", "adminpass1");
    let gateway = with_policy(&backend, "staff");
    assert!(login(&gateway.client(), &USER)["token"].is_string());
    let admin = User { name: "admin", password: "adminpass1" };
    assert_eq!(login(&gateway.client(), &admin)["mfaSetupRequired"], json!(true));
    backend.python("User.objects.filter(username='admin').update(is_superuser=False)");
    assert_eq!(login(&gateway.client(), &admin)["mfaSetupRequired"], json!(true));
    backend.python("User.objects.filter(username='admin').update(is_staff=False)");
    assert!(login(&gateway.client(), &admin)["token"].is_string());
}

#[test]
fn nobody_is_asked_where_factors_are_off() {
    let backend = super::backend();
    let gateway = with_policy(&backend, "off");
    backend.python("from rail_django.models import MFADevice as D; D.objects.create(user_id=5, is_active=True, secret_key='GEZDGNBVGY3TQOJQ')");
    let access = tokens(&gateway, &USER).access;
    told(&run(&gateway.client().bearer(&access), SETUP, json!({ "n": "x" })), "Second factors are switched off here.");
}

/// Whoever knows the password must not add a factor to an account that has one.
#[test]
fn a_challenge_enrols_nothing_where_a_factor_exists() {
    let backend = super::backend();
    let gateway = with_policy(&backend, "all");
    let client = gateway.client();
    let [ours, theirs] = [(); 2].map(|()| challenge(&gateway, &USER));
    let begin = |challenge: &str| run(&client, SETUP, json!({ "n": "phone", "t": challenge }));
    let setup = begin(&ours);
    let phone = Phone::told(setup["totpSecret"].as_str().unwrap());
    let [first, second, _] = phone.codes();
    let verified = run(&client, VERIFY, json!({ "d": setup["deviceId"], "c": first, "t": ours }));
    assert_eq!(verified["ok"], json!(true));

    for challenge in [&theirs, &ours, &challenge(&gateway, &USER)] {
        told(&begin(challenge), EXISTS);
        told(&run(&client, SETUP_MFA, json!({ "m": "totp", "t": challenge })), EXISTS);
        told(&run(&client, VERIFY, json!({ "d": setup["deviceId"], "c": second, "t": challenge })), EXISTS);
    }
    // The code that confirmed the factor is good once more for the challenge that it was enrolled by, and for no other.
    refused(&run(&client, COMPLETE, json!({ "t": theirs, "c": first })), "MFA_INVALID_CODE");
    let_in(&run(&client, COMPLETE, json!({ "t": ours, "c": first })));
}

/// A setup that was begun before another factor came.
#[test]
fn a_factor_that_came_meanwhile_stops_an_enrolment_by_challenge() {
    let backend = super::backend();
    let gateway = with_policy(&backend, "all");
    let challenge = challenge(&gateway, &USER);
    let setup = run(&gateway.client(), SETUP, json!({ "n": "phone", "t": challenge }));
    backend.python(
        "from rail_django.models import MFADevice as D; D.objects.create(user_id=5, device_type='sms', is_active=True)",
    );
    let code = Phone::told(setup["totpSecret"].as_str().unwrap()).codes()[0].clone();
    let verified = run(&gateway.client(), VERIFY, json!({ "d": setup["deviceId"], "c": code, "t": challenge }));
    told(&verified, EXISTS);
}

#[test]
fn a_backend_without_a_place_for_factors_keeps_those_out_who_have_to_have_one() {
    let backend = super::backend();
    let run_sql =
        |sql: &str| backend.python(&format!("from django.db import connection; connection.cursor().execute('{sql}')"));
    for table in ["mfabackupcode", "mfadevice", "trusteddevice"] {
        run_sql(&format!("DROP TABLE rail_django_{table}"));
    }
    let mut gateway = with_policy(&backend, "all");
    refused(&login(&gateway.client(), &USER), "MFA_UNAVAILABLE");
    gateway.process.wait_for_line("the backend has no tables for second factors");
    let gateway = with_policy(&backend, "optional");
    let client = gateway.client().bearer(&tokens(&gateway, &USER).access);
    told(&run(&client, SETUP, json!({ "n": "x" })), "Second factors can't be set up here.");
    assert_eq!(run(&client, super::DEVICES, json!({})), json!([]));
    let _no_more: Value = json!(null);
}
