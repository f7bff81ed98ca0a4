//! What people read when they are refused, in the language of the deployment; what programs read is the same in each.

use serde_json::{Value, json};

use crate::support::{
    django::Backend,
    gateway::{AUTH, Gateway, Setup},
    stub::Stub,
};

/// A gateway that speaks this language; none is the default.
fn speaking(language: Option<&str>, stub: &Stub, directory: &Backend) -> Gateway {
    let setup = Setup::bare(stub.port, directory.url(), "a key for tests, 32 bytes or more");
    let chosen = |word| format!("language = \"{word}\"");
    match language {
        Some(word) => setup.changed("#language = \"en\"", &chosen(word)).start(),
        None => setup.start(),
    }
}

/// What the gateway says to a wrong password and to a refresh without a token and with one that nobody made. What
/// the client would like to read is not asked.
fn refusals(gateway: &Gateway) -> Value {
    let document = r#"mutation {
        login(username: "john", password: "wrong") { ok errors errorCode }
        none: refreshToken { errors errorCode }
        unknown: refreshToken(refreshToken: "x") { errors errorCode }
    }"#;
    let client = gateway.client().with("Accept-Language", "fr-CH, fr;q=0.9, en;q=0.1, de");
    client.graphql(AUTH, document, json!({})).json()["data"].clone()
}

#[test]
fn people_read_french_where_the_operator_says_so_and_programs_the_same_codes() {
    let (stub, directory) = (Stub::start(), Backend::sqlite());
    let english = json!({
        "login": { "ok": false, "errors": ["Invalid username or password."], "errorCode": "INVALID_CREDENTIALS" },
        "none": { "errors": ["A refresh token is required."], "errorCode": "REFRESH_TOKEN_MISSING" },
        "unknown": {
            "errors": ["The refresh token is invalid or has expired. Log in again."],
            "errorCode": "REFRESH_TOKEN_INVALID"
        },
    });
    let french = json!({
        "login": {
            "ok": false,
            "errors": ["Nom d'utilisateur ou mot de passe incorrect"],
            "errorCode": "INVALID_CREDENTIALS"
        },
        "none": { "errors": ["Token de rafraîchissement manquant"], "errorCode": "REFRESH_TOKEN_MISSING" },
        "unknown": {
            "errors": ["Token de rafraîchissement invalide ou expiré"],
            "errorCode": "REFRESH_TOKEN_INVALID"
        },
    });
    for (language, expected) in [(None, &english), (Some("en"), &english), (Some("fr"), &french)] {
        assert_eq!(refusals(&speaking(language, &stub, &directory)), *expected, "{language:?}");
    }
    assert!(stub.requests().is_empty());
}

#[test]
fn developers_read_english_everywhere() {
    let (stub, directory) = (Stub::start(), Backend::sqlite());
    let gateway = speaking(Some("fr"), &stub, &directory);
    let answer = gateway.client().graphql(AUTH, "mutation { login(username: \"u\") { ok } }", json!({}));
    let message = answer.json()["errors"][0]["message"].as_str().expect("a message").to_owned();
    assert_eq!(answer.status, 400);
    assert!(message.starts_with("Argument 'password' of type"), "{message}");
}
