use std::sync::Arc;

use serde_json::{Value, json};

use super::{BackendMessage, ClientMessage, Dialect, Settled, heard, readdressed};
use crate::{
    graphql::{Limits, Planner, Scanner, schema::Schema},
    model::{Asker, OwnedAlias},
};

/// `tokenAuth` is another name of `login`.
fn settled(dialect: Dialect, payload: &str) -> Settled {
    let aliases = [OwnedAlias { name: "tokenAuth".to_owned(), field: "login" }];
    let schema = Arc::new(Schema::deployed(&[], &aliases).unwrap());
    let scanner = Scanner::new(&schema);
    let limits = Limits { bytes: 65_536, tokens: 8_000, depth: 64, operations: 5, fields: 1_000, batch: 10 };
    let kind = if dialect == Dialect::Current { "subscribe" } else { "start" };
    let text = format!(r#"{{"type":"{kind}","id":"a\"b","payload":{payload}}}"#);
    let Some(ClientMessage::Start(operation)) = dialect.read(&text) else { panic!("{text}") };
    dialect.settle(operation, "own", &scanner, &Planner::new(schema, limits), Asker::Nobody)
}

fn forwarded(payload: &str) -> String {
    match settled(Dialect::Current, payload) {
        Settled::Forward(text) => text,
        Settled::Refuse(why) => panic!("{why}"),
    }
}

fn refused(dialect: Dialect, payload: &str) -> Value {
    match settled(dialect, payload) {
        Settled::Refuse(text) => serde_json::from_str(&text).unwrap(),
        Settled::Forward(text) => panic!("{text}"),
    }
}

#[test]
fn each_subprotocol_has_words_of_its_own() {
    let read = |dialect: Dialect, kind: &str| {
        let text = json!({ "type": kind, "id": "1", "payload": { "query": "{a}" } }).to_string();
        dialect.read(&text).is_some()
    };
    for (kind, current, older) in [
        ("connection_init", true, true),
        ("subscribe", true, false),
        ("complete", true, false),
        ("ping", true, false),
        ("pong", true, false),
        ("start", false, true),
        ("stop", false, true),
        ("connection_terminate", false, true),
        ("next", false, false),
        ("error", false, false),
        ("", false, false),
    ] {
        assert_eq!((read(Dialect::Current, kind), read(Dialect::Older, kind)), (current, older), "{kind}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_no_message() {
    let long = "x".repeat(257);
    for bad in [
        "",
        "{",
        "[]",
        "\"subscribe\"",
        r#"{"id":"1","payload":{"query":"{a}"}}"#,
        r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
        r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"1","payload":[{"query":"{a}"}]}"#,
        r#"{"type":"subscribe","type":"ping","id":"1","payload":{"query":"{a}"}}"#,
        r#"{"type":"ping","t\u0079pe":"subscribe","id":"1","payload":{"query":"{a}"}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{a}"},"payload":{"query":"{b}"}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","qu\u0065ry":"{login}"}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{a}"}} x"#,
        r#"{"type":"connection_init","payload":"token"}"#,
        &format!(r#"{{"type":"subscribe","id":"{long}","payload":{{"query":"{{a}}"}}}}"#),
    ] {
        assert!(Dialect::Current.read(bad).is_none(), "{bad}");
    }
}

#[test]
fn what_is_clean_goes_on_as_it_was_written_in_a_message_made_anew() {
    let payload = r#"{ "query":"subscription{ a }", "extensions": {"x":1.50} }"#;
    assert_eq!(forwarded(payload), format!(r#"{{"id":"own","type":"subscribe","payload":{payload}}}"#));
}

#[test]
fn what_is_not_clean_goes_on_as_it_was_understood() {
    let canonical = r#"{"id":"own","type":"subscribe","payload":{"query":"{me{id}}"}}"#;
    assert_eq!(forwarded(r#"{"query":"{m\u0065{id}}","extensions":{},"operationName":null}"#), canonical);
    let lookalike = forwarded(r#"{"query":"{ profile { login } }"}"#);
    assert!(lookalike.contains("profile"), "{lookalike}");
}

#[test]
fn auth_operations_and_introspection_are_for_http() {
    for document in [
        "mutation{login(username:\\\"u\\\",password:\\\"p\\\"){ok}}",
        "mutation{l\\u006fgin(username:\\\"u\\\",password:\\\"p\\\"){ok}}",
        "mutation{x:logout{ok} createPost{id}}",
        "mutation{tokenAuth(username:\\\"u\\\",password:\\\"p\\\"){ok}}",
        "mutation{token\\u0041uth(username:\\\"u\\\",password:\\\"p\\\"){ok}}",
        "mutation M{...f} fragment f on Mutation{logout{ok}}",
        "{__schema{types{name}}}",
    ] {
        let refusal = refused(Dialect::Current, &format!(r#"{{"query":"{document}"}}"#));
        assert_eq!((&refusal["id"], &refusal["type"]), (&json!("a\"b"), &json!("error")), "{document}");
        assert_eq!(refusal["payload"][0]["extensions"]["code"], json!("HTTP_ONLY"), "{document}: {refusal}");
    }
    let older = refused(Dialect::Older, r#"{"query":"mutation{logout{ok}}"}"#);
    assert_eq!(older["payload"]["extensions"]["code"], json!("HTTP_ONLY"), "{older}");
}

#[test]
fn what_is_no_request_is_refused_with_the_reason() {
    for payload in [
        r#"{"query":"mutation{login"}"#,
        r#"{"extensions":{"persistedQuery":{"sha256Hash":"x"}}}"#,
        r#"{"query":"{a}","documentId":"x"}"#,
        r#"{"query":"{a b:login}","operationName":7}"#,
    ] {
        let refusal = refused(Dialect::Current, payload);
        assert!(refusal["payload"][0]["message"].is_string(), "{payload}: {refusal}");
    }
}

#[test]
fn a_message_gets_another_id_and_is_the_same_otherwise() {
    let text = r#"{ "x":[1.50, "\u00e9"],"id" : "a~1", "type":"next","payload":{ "id": 1e400 } }"#;
    let expected = r#"{"x":[1.50, "\u00e9"],"id":"a\"b","type":"next","payload":{ "id": 1e400 }}"#;
    assert_eq!(readdressed(text, "a\"b").as_deref(), Some(expected));
    assert!(readdressed(r#"{"type":"ping"}"#, "a").is_none() && readdressed("garbage", "a").is_none());
}

#[test]
fn of_a_backend_only_what_ends_something_matters() {
    let ended = |id: &str| BackendMessage::Ended(id.to_owned());
    for (text, expected) in [
        (r#"{"type":"connection_ack","payload":{"x":[1e400]}}"#, BackendMessage::Ack),
        (r#"{"type":"connection_error"}"#, BackendMessage::ConnectionError),
        (r#"{"type":"ping"}"#, BackendMessage::Ping),
        (r#"{"id":"1","type":"complete"}"#, ended("1")),
        (r#"{"payload":[],"type":"error","id":"2"}"#, ended("2")),
        (r#"{"type":"next","id":"1","payload":{"type":"complete"}}"#, BackendMessage::Said("1".to_owned())),
        (r#"{"type":"complete"}"#, BackendMessage::Other),
        ("garbage", BackendMessage::Other),
    ] {
        assert_eq!(heard(text), expected, "{text}");
    }
}
