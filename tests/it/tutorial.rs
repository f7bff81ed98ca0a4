//! The authentication tutorial of Rail Django, as it stands: its documents, read from its text, sent to the gateway.

use std::path::Path;

use serde_json::json;

use crate::{
    second_factors,
    support::{
        backend::Backend,
        gateway::{AUTH, GQL, Setup, Tokens},
        phone::Phone,
    },
};

/// The GraphQL blocks of the tutorial, in order.
fn documents() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tutorial/authentication-tutorial.md");
    let text = std::fs::read_to_string(path).expect("the tutorial");
    text.split("```graphql\n").skip(1).map(|rest| rest.split("```").next().expect("a block").to_owned()).collect()
}

#[test]
fn login_call_refresh_as_the_tutorial_says() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let documents = documents();
    let [login, refresh, ..] = documents.as_slice() else { panic!("the tutorial has lost its documents") };

    let answer = gateway.client().graphql(AUTH, login, json!({})).json();
    let payload = &answer["data"]["login"];
    assert_eq!(payload["user"], json!({ "id": "1", "username": "john", "email": "john@example.com" }));
    let token = payload["token"].as_str().expect("a token");

    let viewer = gateway.client().bearer(token).graphql(GQL, "{ viewer { username } }", json!({})).json();
    assert_eq!(viewer, json!({ "data": { "viewer": { "username": "john" } } }));

    let refresh_token = payload["refreshToken"].as_str().expect("a refresh token");
    let document = refresh.replace("<your_refresh_token>", refresh_token);
    assert_ne!(&document, refresh, "the placeholder is where it was");
    let answer = gateway.client().graphql(AUTH, &document, json!({})).json();
    let renewed = answer["data"]["refreshToken"]["token"].as_str().expect("a new token");
    assert_ne!(renewed, token);
    assert_ne!(answer["data"]["refreshToken"]["refreshToken"], payload["refreshToken"]);
    assert_eq!(gateway.whoami(renewed), json!("john"));
}

#[test]
fn an_authenticator_is_enrolled_as_the_tutorial_says() {
    let backend = Backend::on_sqlite();
    backend.cheap_password("mfa_a", "mfapass-a1");
    let gateway = Setup::in_front_of(&backend).start();
    let documents = documents();
    assert_eq!(documents.len(), 5);
    let tokens = Tokens::of(&gateway.login("mfa_a", "mfapass-a1"));
    let client = gateway.client().bearer(&tokens.access);
    let setup = client.graphql(AUTH, &documents[2], json!({})).json()["data"]["setupTotp"].clone();
    let phone = Phone::told(setup["totpSecret"].as_str().expect("a secret"));
    let [first, second, _] = phone.codes();
    let device = format!("deviceId: {}", setup["deviceId"]);
    let verify = documents[3].replace("deviceId: \"1\"", &device).replace("123456", &first);
    let verified = client.graphql(AUTH, &verify, json!({})).json()["data"]["verifyTotp"].clone();
    assert_eq!(verified["ok"], json!(true), "{verified}");
    let half = second_factors::challenge(&gateway);
    let complete = documents[4].replace("<challenge_token>", &half).replace("123456", &second);
    let whole = gateway.client().graphql(AUTH, &complete, json!({})).json()["data"]["completeMfaLogin"].clone();
    assert_eq!(gateway.whoami(whole["token"].as_str().expect("a token")), json!("mfa_a"));
}

#[test]
fn a_login_with_a_code_as_the_tutorial_says() {
    let backend = Backend::on_sqlite();
    second_factors::enrol(&backend, "totp", second_factors::SECRET);
    let gateway = Setup::in_front_of(&backend).start();
    let documents = documents();
    let complete = |challenge: &str, code: &str| {
        let document = documents[4].replace("<challenge_token>", challenge).replace("123456", code);
        gateway.client().graphql(AUTH, &document, json!({})).json()["data"]["completeMfaLogin"].clone()
    };
    assert_eq!(complete("<challenge_token>", "123456"), json!({ "token": null, "user": null }));
    let payload = complete(&second_factors::challenge(&gateway), &second_factors::code());
    assert_eq!(payload["user"], json!({ "username": "mfa_a" }));
    assert_eq!(gateway.whoami(payload["token"].as_str().expect("a token")), json!("mfa_a"));
}
