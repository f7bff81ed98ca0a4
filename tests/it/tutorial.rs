//! The authentication tutorial of Rail Django, as it stands: its documents, read from its text, sent to the gateway.

use std::path::Path;

use serde_json::json;

use crate::{
    second_factors,
    support::{
        backend::Backend,
        gateway::{AUTH, GQL, Setup},
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
fn the_documents_on_enrolment_do_nothing_for_nobody() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let documents = documents();
    assert_eq!(documents.len(), 5);
    let nothing = [
        json!({ "setupTotp": { "ok": false, "totpSecret": null, "qrCodeUrl": null, "deviceId": null } }),
        json!({ "verifyTotp": { "ok": false, "message": null } }),
    ];
    for (document, nothing) in documents[2..4].iter().zip(nothing) {
        let answer = gateway.client().graphql(AUTH, document, json!({})).json();
        assert_eq!(answer, json!({ "data": nothing }));
    }
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
