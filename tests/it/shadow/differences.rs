//! What is counted, and where.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{Counts, looking_on_a_stub};
use crate::support::{
    client::Client,
    gateway::{AUTH, GQL, Gateway, STUB_SECRET, Setup},
    jwt,
    stub::{Stub, answer},
};

/// A stub that answers every GraphQL request with this.
fn saying(body: &Value, headers: &'static str) -> Stub {
    let body = body.to_string();
    Stub::with(move |_, stream| stream.write_all(answer(headers, &body).as_bytes()))
}

/// In front of such a stub, with these further lines of configuration.
fn in_front_of(stub: &Stub, more: &str) -> (Gateway, Counts) {
    let setup = Setup::before(stub, more);
    setup.directory().cheap_password("john", "secret123");
    let mut gateway = looking_on_a_stub(setup).start();
    let counts = Counts::of(&mut gateway);
    (gateway, counts)
}

fn log_in(selection: &str, password: &str) -> String {
    format!(r#"mutation {{ l: login(username: "john", password: "{password}") {selection} }}"#)
}

/// What is found when the backend answers a login of john's so.
fn found(selection: &str, password: &str, payload: &Value, cookies: &'static str) -> Vec<String> {
    let (gateway, counts) = in_front_of(&saying(&json!({ "data": { "l": payload } }), cookies), "");
    gateway.client().graphql(AUTH, &log_in(selection, password), json!({}));
    counts.differences(1)
}

/// By the demo's data.
const JOHNS_ROLE: &str = "editors";
const COOKIES: &str = "Set-Cookie: jwt=a\r\nSet-Cookie: refresh_token=b\r\n";

#[test]
fn a_login_that_comes_to_the_same_is_the_same() {
    let selection = "{ ok token refreshToken errors mfaRequired user { id username email roles { name } } }";
    let user = json!({ "id": "1", "username": "john", "email": "john@example.com", "roles": [{ "name": JOHNS_ROLE }] });
    let payload =
        json!({ "ok": true, "token": "a", "refreshToken": "b", "errors": [], "mfaRequired": null, "user": user });
    assert_eq!(found(selection, "secret123", &payload, COOKIES), [""; 0]);
    let refused = json!({ "ok": false, "token": null, "refreshToken": null, "errors": ["No."], "user": null });
    assert_eq!(found("{ ok token refreshToken errors user { id } }", "wrong", &refused, ""), [""; 0]);
}

#[test]
fn a_login_that_comes_to_something_else_is_told_by_its_places() {
    let let_in = json!({ "ok": true, "token": "a", "user": { "username": "john", "roles": [{ "name": JOHNS_ROLE }, { "name": "admin" }] } });
    assert_eq!(
        found("{ ok token user { username roles { name } } }", "secret123", &let_in, COOKIES),
        ["operation=\"login\",difference=\"length\",at=\"user.roles\" 1"]
    );
    assert_eq!(
        found("{ ok token }", "wrong", &json!({ "ok": true, "token": "a" }), COOKIES),
        [
            "operation=\"login\",difference=\"cookie\",at=\"jwt\" 1",
            "operation=\"login\",difference=\"cookie\",at=\"refresh_token\" 1",
            "operation=\"login\",difference=\"missing\",at=\"token\" 1",
            "operation=\"login\",difference=\"value\",at=\"ok\" 1",
        ]
    );
    assert_eq!(
        found("{ ok }", "secret123", &json!({ "ok": false }), ""),
        ["operation=\"login\",difference=\"value\",at=\"ok\" 1"]
    );
}

/// What a client would be refused for, by everything that can refuse it.
#[test]
fn what_the_gateway_would_refuse_is_told_by_its_code() {
    const RULES: &str =
        "[[routes]]\npath = '/reports/*'\nauth = 'required'\n[[fields]]\nfield = 'secrets'\ndeny = true\n";
    let stub = saying(&json!({ "data": { "secrets": [1] } }), "");
    let (gateway, counts) = in_front_of(&stub, RULES);
    let client = gateway.client();
    let json_body = client.with("Content-Type", "application/json");
    json_body.send("POST", GQL, r#"{"query":"{ secrets }"}"#).expect("an answer");
    client.get("/reports/1").expect("an answer");
    let token = jwt::sign(STUB_SECRET, &jwt::johns_claims());
    client.bearer(&token).get("/reports/1").expect("an answer");
    let by_cookie = json_body.with("Cookie", &format!("jwt={token}")).with("Origin", "https://elsewhere.example");
    by_cookie.send("POST", GQL, r#"{"query":"{ articles { id } }"}"#).expect("an answer");
    json_body.send("POST", GQL, r#"{"query":"mutation { login(username: 1) { ok } }"}"#).expect("an answer");
    client.with("Content-Type", "text/plain").send("POST", GQL, "{}").expect("an answer");
    json_body.send("POST", GQL, r#"{"query":"{ articles { id } }"}"#).expect("an answer");
    assert_eq!(
        counts.differences(7),
        [
            "operation=\"request\",difference=\"refused\",at=\"400\" 1",
            "operation=\"request\",difference=\"refused\",at=\"CONTENT_TYPE_UNSUPPORTED\" 1",
            "operation=\"request\",difference=\"refused\",at=\"CSRF_FAILED\" 1",
            "operation=\"request\",difference=\"refused\",at=\"FORBIDDEN\" 1",
            "operation=\"request\",difference=\"refused\",at=\"UNAUTHENTICATED\" 1",
        ]
    );
    assert_eq!(counts.outcomes(7), ["outcome=\"same\" 2", "outcome=\"different\" 5"]);
}

/// Passed on all the same, but as nobody's: a caller whom the backend may know and the gateway does not. Whoever shows nothing is
/// nobody there, too.
#[test]
fn a_credential_of_which_nobody_is_known_is_told() {
    let stub = saying(&json!({ "data": { "articles": [1] } }), "");
    let (gateway, counts) = in_front_of(&stub, "");
    let client = gateway.client().with("Content-Type", "application/json").with("Sec-Fetch-Site", "same-origin");
    let ask = |client: &Client| client.send("POST", GQL, r#"{"query":"{ articles { id } }"}"#).expect("an answer");
    ask(&client);
    ask(&client.bearer(&jwt::sign(STUB_SECRET, &jwt::johns_claims())));
    ask(&client.bearer(&jwt::sign("another secret", &jwt::johns_claims())));
    ask(&client.with("Authorization", "Token abc"));
    ask(&client.with("Cookie", "sessionid=abc"));
    let told = ["authorization", "bearer", "cookie"];
    let told = told.map(|at| format!("operation=\"request\",difference=\"anonymous\",at=\"{at}\" 1"));
    assert_eq!(counts.differences(5), told);
    assert_eq!(counts.outcomes(5), ["outcome=\"same\" 2", "outcome=\"different\" 3"]);
}

/// The day on which the gateway comes is still to be chosen.
#[test]
fn the_cut_over_counts_for_nothing_yet() {
    let stub = saying(&json!({ "data": {} }), "");
    let setup = Setup::before(&stub, "[[routes]]\npath = '/reports/*'\nauth = 'required'\n");
    let mut gateway = looking_on_a_stub(setup.changed("2100-01-01", "2020-01-01")).start();
    let counts = Counts::of(&mut gateway);
    gateway.client().bearer(&jwt::sign(STUB_SECRET, &jwt::johns_claims())).get("/reports/1").expect("an answer");
    assert_eq!(counts.outcomes(1), ["outcome=\"same\" 1"]);
}

/// Nothing is tried beside a backend that has not looked at what it was asked.
#[test]
fn what_the_backend_did_not_look_at_is_not_tried() {
    for (status, body) in [("429 Too Many Requests", "{}"), ("502 Bad Gateway", "{}"), ("200 OK", "<html>")] {
        let text = answer("", body).replacen("200 OK", status, 1);
        let stub = Stub::with(move |_, stream| stream.write_all(text.as_bytes()));
        let (gateway, counts) = in_front_of(&stub, "");
        gateway.client().graphql(AUTH, &log_in("{ ok }", "secret123"), json!({}));
        assert_eq!(counts.outcomes(1), ["outcome=\"unanswered\" 1"], "{status}");
    }
}

/// The log tells of each difference once.
#[test]
fn the_same_difference_is_counted_often_and_logged_once() {
    let (gateway, counts) = in_front_of(&saying(&json!({ "data": { "l": { "ok": false } } }), ""), "");
    for _ in 0..3 {
        gateway.client().graphql(AUTH, &log_in("{ ok }", "secret123"), json!({}));
    }
    assert_eq!(counts.differences(3), ["operation=\"login\",difference=\"value\",at=\"ok\" 3"]);
    let output = gateway.whole_output();
    assert_eq!(output.matches("would answer otherwise").count(), 1, "{output}");
}

/// A document with fields of both sides: the backend's are not asked for again.
#[test]
fn a_mixed_document_is_asked_of_the_backend_once() {
    let said =
        json!({ "data": { "a": { "id": "7" }, "l": { "ok": true, "user": { "username": "john", "bio": "b" } } } });
    let stub = saying(&said, COOKIES);
    let (gateway, counts) = in_front_of(&stub, "");
    let document =
        format!("mutation {{ a: createArticle {{ id }} {}", &log_in("{ ok user { username bio } }", "secret123")[10..]);
    let answer = gateway.client().graphql(AUTH, &document, json!({}));
    assert_eq!(answer.json(), said);
    assert_eq!(counts.differences(1), [""; 0]);
    assert_eq!(stub.requests().len(), 1);
}

/// What takes questions of its own, or a step of the gateway's before it, is not worked out.
#[test]
fn what_can_not_be_told_is_counted_as_such() {
    let stub = saying(&json!([{ "data": { "__schema": { "types": [] } } }]), "");
    let (gateway, counts) = in_front_of(&stub, "[graphql]\nbatching = true\n");
    let client = gateway.client();
    let json_body = client.with("Content-Type", "application/json");
    json_body.send("POST", GQL, &format!("[{}]", json!({ "query": log_in("{ ok }", "x") }))).expect("an answer");
    json_body.send("POST", GQL, r#"{"query":"{ __schema { types { name } } }"}"#).expect("an answer");
    client.with("Content-Type", "multipart/form-data; boundary=x").send("POST", GQL, "--x--").expect("an answer");
    let zipped = Stub::with(|_, stream| stream.write_all(answer("Content-Encoding: gzip\r\n", "zip").as_bytes()));
    assert_eq!(counts.outcomes(3), ["batch", "form", "schema"].map(|outcome| format!("outcome=\"{outcome}\" 1")));
    let (gateway, counts) = in_front_of(&zipped, "");
    let client = gateway.client().with("Accept-Encoding", "gzip").with("Content-Type", "application/json");
    client.send("POST", GQL, r#"{"query":"{ a }"}"#).expect("an answer");
    assert_eq!(counts.outcomes(1), ["outcome=\"unread\" 1"]);
    assert_eq!(zipped.take_one().all("Accept-Encoding"), [""; 0], "it is asked for what can be read");
}

/// A backend's answer to a step that can't be tried is held against what clients are promised.
#[test]
fn a_step_that_goes_by_an_earlier_one_is_held_against_its_types() {
    let document = "mutation { verifyMfaLogin(code: \"123456\", ephemeralToken: \"e\") { ok token } }";
    for (payload, expected) in [
        (json!({ "ok": true, "token": "t" }), vec![]),
        (json!({ "ok": 1, "token": "t" }), vec!["operation=\"complete_mfa_login\",difference=\"type\",at=\"ok\" 1"]),
    ] {
        let (gateway, counts) = in_front_of(&saying(&json!({ "data": { "verifyMfaLogin": payload } }), ""), "");
        gateway.client().graphql(AUTH, document, json!({}));
        assert_eq!(counts.differences(1), expected);
    }
}

/// One that checks passwords itself would count a second attempt: it is not asked.
#[test]
fn a_backend_that_checks_passwords_is_asked_once() {
    let stub = saying(&json!({ "data": { "l": { "ok": true } } }), "");
    let config = "mode = 'shadow'\nstate_dir = { env = 'RAILGATE_STATE_DIR' }\n[[listeners]]\n\
                  address = { env = 'RAILGATE_LISTEN' }\n[upstream]\nurl = { env = 'RAILGATE_UPSTREAM' }\n\
                  [directory]\nkind = 'upstream'\n";
    let mut gateway =
        Setup::bare(stub.port, "", "").config(&format!("{config}[admin]\naddress = '127.0.0.1:0'\n")).start();
    let counts = Counts::of(&mut gateway);
    let client: Client = gateway.client();
    client.graphql(AUTH, &log_in("{ ok }", "secret123"), json!({}));
    assert_eq!(counts.outcomes(1), ["outcome=\"same\" 1"]);
    assert_eq!(stub.requests().len(), 1);
}
