//! GraphQL over WebSocket: who may say what, and what the backend hears of it.

use serde_json::{Value, json};

use super::{
    head, send, status,
    talk::{CURRENT, Listener, OLDER, Order, Talk, agreed},
    upgrade,
};
use crate::support::{
    client::exchange,
    gateway::{AUTH, GQL, Gateway, STUB_SECRET, Setup},
    jwt,
    stub::{Received, Stub},
};

const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol: graphql-transport-ws\r\n";

fn johns_token() -> String {
    jwt::sign(STUB_SECRET, &jwt::johns_claims())
}

fn token_with(key: &str, value: Value) -> String {
    let mut claims = jwt::johns_claims();
    claims[key] = value;
    jwt::sign(STUB_SECRET, &claims)
}

/// A gateway whose backend believes tokens by the secret that the tests' own are signed with.
fn minting(stub: &Stub) -> Gateway {
    let identity = format!("[upstream.identity]\nbearer = \"rail-jwt\"\nrail_jwt_secret = \"{STUB_SECRET}\"\n");
    Setup::before(stub, &identity).start()
}

#[test]
fn the_backend_hears_who_calls_and_never_the_clients_token() {
    let backend = Listener::start();
    let gateway = minting(&backend.stub);
    let token = johns_token();
    let bearer = format!("Bearer {token}");
    let header = format!("Authorization: {bearer}\r\n");
    let cookie = format!("Cookie: jwt={token}; sessionid=x; a=b\r\nOrigin: http://good.com\r\n");
    for (headers, payload) in [
        ("", json!({ "Authorization": bearer })),
        ("", json!({ "authToken": token, "tenant": "a" })),
        ("", json!({ "headers": { "authorization": bearer, "X-Auth-User-Id": "7" } })),
        (header.as_str(), json!({})),
        (header.as_str(), json!({ "token": token })),
        (cookie.as_str(), Value::Null),
    ] {
        for dialect in [CURRENT, OLDER] {
            let mut talk = Talk::open(gateway.port, &format!("{AUTH}?token={token}&x=1"), dialect, headers);
            talk.say(json!({ "type": "connection_init", "payload": payload }));
            assert_eq!(talk.hear(), json!({ "type": "connection_ack", "payload": { "stub": 1 } }), "{payload}");
            let (told, seen) = (backend.take_init(), backend.stub.take_one());
            let all = |name: &str| seen.all(name).join("|");
            assert_eq!(seen.request_line(), format!("GET {AUTH} HTTP/1.1"));
            assert_eq!(
                (all("X-Auth-Username"), all("X-Auth-Method")),
                ("john".into(), "rail-jwt".into()),
                "{}",
                seen.head
            );
            assert_eq!((username(&seen), all("Sec-WebSocket-Protocol")), (json!("john"), dialect.into()));
            assert!(
                seen.all("Sec-WebSocket-Extensions").is_empty() && !seen.head.contains("sessionid"),
                "{}",
                seen.head
            );
            let said = told.to_string();
            assert!(!said.contains(&token) && !seen.head.contains(&token) && !said.contains("X-Auth"), "{said}");
            let ours = seen.all("Authorization")[0].trim_start_matches("Bearer ").to_owned();
            assert!(said.contains(&ours), "{said}");
            assert_eq!(told.get("tenant"), payload.get("tenant"), "{said}");
        }
    }
    Talk::begun(gateway.port, AUTH, json!({ "x": 1 }));
    assert_eq!(backend.take_init(), json!({ "x": 1 }));
    let seen = backend.stub.take_one();
    assert!(seen.all("Authorization").is_empty() && !seen.head.to_lowercase().contains("x-auth"), "{}", seen.head);
}

fn username(seen: &Received) -> Value {
    let lines = seen.all("Authorization");
    let token = lines.first().and_then(|line| line.strip_prefix("Bearer ")).expect("a bearer");
    jwt::open(STUB_SECRET, token)["username"].clone()
}

#[test]
fn nothing_passes_before_connection_init() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, "[websocket]\ninit_timeout = \"1s\"\n").start();
    let first = |dialect: &str, message: Value| {
        let mut talk = Talk::open(gateway.port, AUTH, dialect, "");
        talk.say(message);
        talk.closed()
    };
    let payload = json!({ "query": "{ once }" });
    assert_eq!(first(CURRENT, json!({ "type": "subscribe", "id": "1", "payload": payload })), 4401);
    assert_eq!(first(OLDER, json!({ "type": "start", "id": "1", "payload": payload })), 4401);
    assert_eq!(first(CURRENT, json!({ "type": "complete", "id": "1" })), 4401);
    assert_eq!(first(CURRENT, json!({ "type": "hello" })), 4400);
    assert_eq!(first(OLDER, json!({ "type": "connection_terminate" })), 1000);
    assert_eq!(
        Talk::open(gateway.port, AUTH, CURRENT, "").closed_because(),
        (4408, "Connection initialisation timeout".into())
    );
    assert!(backend.stub.requests().is_empty(), "{:?}", backend.stub.requests());
    let mut twice = Talk::begun(gateway.port, AUTH, json!({}));
    twice.say(json!({ "type": "connection_init" }));
    assert_eq!(twice.closed(), 4429);
    // Clients of the older protocol don't wait for the answer.
    let mut eager = Talk::open(gateway.port, AUTH, OLDER, "");
    eager.say(json!({ "type": "connection_init" }));
    eager.say(json!({ "type": "start", "id": "1", "payload": payload }));
    assert_eq!([eager.hear(), eager.hear()].map(|message| message["type"].clone()), ["connection_ack", "next"]);
}

#[test]
fn one_credential_counts_and_it_has_to_be_good() {
    let backend = Listener::start();
    let gateway = minting(&backend.stub);
    let required = Setup::before(&backend.stub, "")
        .changed(
            "address = { env = \"RAILGATE_LISTEN\" }",
            "address = { env = \"RAILGATE_LISTEN\" }\nauth = \"required\"",
        )
        .start();
    let (good, expired) = (johns_token(), token_with("exp", json!(1_700_000_000)));
    let header = format!("Authorization: Bearer {good}\r\n");
    let foreign = "Authorization: Token abc\r\n";
    for (port, headers, payload, code) in [
        (gateway.port, "", json!({ "token": "garbage" }), 4403),
        (gateway.port, "", json!({ "token": expired }), 4401),
        (gateway.port, "", json!({ "token": good, "jwt": "another" }), 4400),
        (gateway.port, header.as_str(), json!({ "token": token_with("username", json!("j")) }), 4400),
        (gateway.port, "Authorization: Bearer garbage\r\n", json!({ "token": good }), 4400),
        (gateway.port, "", json!("token"), 4400),
        (gateway.port, "", json!({ "headers": [["authorization", good]] }), 4400),
        (required.port, "", json!({}), 4403),
        (required.port, "Authorization: Bearer garbage\r\n", json!({}), 4403),
        (required.port, foreign, json!({}), 4403),
    ] {
        let mut talk = Talk::open(port, AUTH, CURRENT, headers);
        talk.say(json!({ "type": "connection_init", "payload": payload }));
        assert_eq!(talk.closed(), code, "{headers}{payload}");
    }
    let mut older = Talk::open(gateway.port, AUTH, OLDER, "");
    older.say(json!({ "type": "connection_init", "payload": { "token": "garbage" } }));
    assert_eq!(older.hear(), json!({ "type": "connection_error", "payload": { "message": "Forbidden" } }));
    assert_eq!(older.closed(), 4403);
    assert!(backend.stub.requests().is_empty(), "{:?}", backend.stub.requests());
    Talk::begun(required.port, AUTH, json!({ "token": good })).is_alive();
    let cookie = format!("Cookie: jwt={expired}\r\nOrigin: http://good.com\r\n");
    Talk::open(gateway.port, GQL, CURRENT, &cookie).init(json!({ "token": good }));
    assert_eq!(backend.stub.requests().last().map(username), Some(json!("john")), "a token comes before a cookie");
}

#[test]
fn a_handshake_is_in_order_and_of_no_other_sites_page() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, "[cookies]\ntrusted_origins = [\"https://app.good.com\"]\n").start();
    let asked = |request: &str| {
        let answer = exchange(gateway.port, request.as_bytes()).unwrap().unwrap();
        (answer.status, answer.code())
    };
    let sound = upgrade(AUTH, SUBPROTOCOL);
    for (request, expected) in [
        (upgrade(AUTH, ""), (400, "SUBPROTOCOL_UNSUPPORTED")),
        (upgrade(AUTH, "Sec-WebSocket-Protocol: soap, graphql-wsx\r\n"), (400, "SUBPROTOCOL_UNSUPPORTED")),
        (sound.replace("Version: 13", "Version: 8"), (426, "WEBSOCKET_VERSION")),
        (sound.replace("bXBsZSBub25j", ""), (400, "WEBSOCKET_KEY")),
        (sound.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), (400, "WEBSOCKET_KEY")),
    ] {
        assert_eq!(asked(&request), (expected.0, expected.1.to_owned()), "{request}");
    }
    assert_eq!(status(&head(&mut send(gateway.port, sound.as_bytes()))), 101);
    let cookie = format!("Cookie: jwt={}\r\n", johns_token());
    let refused = |headers: &str| {
        let answer = exchange(gateway.port, upgrade(AUTH, &format!("{SUBPROTOCOL}{headers}")).as_bytes());
        let answer = answer.unwrap().unwrap();
        assert_eq!((answer.status, &answer.json()["errors"][0]["code"]), (403, &json!("CSRF_FAILED")), "{headers}");
    };
    for origin in ["https://evil.com", "null", "https://good.com.evil", "https://sub.good.com"] {
        refused(&format!("Origin: {origin}\r\n"));
        refused(&format!("Origin: {origin}\r\n{cookie}"));
        refused(&format!("Origin: {origin}\r\nAuthorization: Bearer {}\r\n", johns_token()));
    }
    refused(&cookie);
    assert!(backend.stub.requests().is_empty());
    for headers in ["Origin: https://good.com\r\n", "Origin: https://app.good.com\r\n"] {
        Talk::open(gateway.port, AUTH, CURRENT, &format!("{headers}{cookie}")).init(json!({}));
        assert_eq!(backend.stub.take_one().all("X-Auth-Username"), ["john"]);
    }
    let off = Setup::before(&backend.stub, "[websocket]\nenabled = false\n").start();
    let answer = exchange(off.port, sound.as_bytes()).unwrap().unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (501, "WEBSOCKET_UNSUPPORTED"));
}

/// What is asked of who uses fields and paths, beside the listener.
const RULES: &str = r#"
[[fields]]
field = "post"
auth = "required"
[[fields]]
field = "ticks"
deny = true
[[fields]]
field = "once"
mfa = true
[[routes]]
path = "/graphql/closed"
auth = "required"
"#;

#[test]
fn rules_for_fields_and_paths_count_over_sockets() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, RULES).start();
    let code = |talk: &mut Talk, document: &str| {
        talk.subscribe("1", document);
        talk.hear()["payload"][0]["extensions"]["code"].clone()
    };
    let mut nobody = Talk::begun(gateway.port, AUTH, json!({}));
    assert_eq!(code(&mut nobody, "{ post }"), json!("UNAUTHENTICATED"));
    assert_eq!(code(&mut nobody, "subscription { x: ticks { at } }"), json!("FORBIDDEN"));
    let mut john = Talk::begun(gateway.port, AUTH, json!({ "token": johns_token() }));
    assert_eq!(code(&mut john, "{ ...f } fragment f on Query { once }"), json!("STEP_UP_REQUIRED"));
    let _inits = backend.take_init();
    assert!(backend.heard().is_empty(), "{:?}", backend.heard());
    john.subscribe("2", "{ post }");
    assert_eq!(john.hear()["id"], json!("2"));

    let closed = |payload: Value| {
        let mut talk = Talk::open(gateway.port, "/graphql/closed", CURRENT, "");
        talk.say(json!({ "type": "connection_init", "payload": payload }));
        talk
    };
    assert_eq!(closed(json!({})).closed(), 4403);
    assert_eq!(closed(json!({ "token": johns_token() })).hear()["type"], json!("connection_ack"));
}

#[test]
fn auth_operations_are_refused_and_the_socket_goes_on() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, "[websocket]\nmax_operations = 2\n").start();
    let mut talk = Talk::begun(gateway.port, AUTH, json!({ "token": johns_token() }));
    let _ = backend.take_init();
    let login = r#"mutation { login(username: \"john\", password: \"secret123\") { ok token } }"#;
    for payload in [
        format!(r#"{{"query":"{login}"}}"#),
        format!(r#"{{"query":"{}"}}"#, login.replace("login", r"l\u006fgin")),
        format!(r#"{{"query":"{}"}}"#, login.replace("login", "x: login")),
        r#"{"query":"mutation M { ...f } fragment f on Mutation { ... { logout { ok } } }","operationName":"M"}"#
            .into(),
        r#"{"query":"{ __schema { types { name } } }"}"#.into(),
    ] {
        talk.say_text(&format!(r#"{{"type":"subscribe","id":"1","payload":{payload}}}"#));
        let refusal = talk.hear();
        assert_eq!((&refusal["id"], &refusal["type"]), (&json!("1"), &json!("error")), "{payload}");
        assert_eq!(refusal["payload"][0]["extensions"]["code"], json!("HTTP_ONLY"), "{refusal}");
    }
    assert!(backend.heard().is_empty(), "{:?}", backend.heard());
    let clean = r#"{ "query" : "subscription { ticks { at } }", "variables": { "n": 1.50 } }"#;
    talk.say_text(&format!(r#"{{ "payload":{clean}, "x": 1, "type":"subscribe", "id":"a" }}"#));
    assert_eq!(talk.hear()["id"], json!("a"));
    talk.say_text(r#"{"type":"subscribe","id":"b","payload":{"query":"{ p\u006fst }","variables":null,"y":0}}"#);
    assert_eq!(talk.hear()["id"], json!("b"));
    let forwarded = backend.heard();
    assert_eq!(forwarded[0], format!(r#"{{"id":"a","type":"subscribe","payload":{clean}}}"#), "to the letter");
    assert_eq!(forwarded[1], r#"{"id":"b","type":"subscribe","payload":{"query":"{ post }"}}"#, "as it was understood");
    talk.subscribe("c", "{ once }");
    assert_eq!(talk.hear()["payload"][0]["extensions"]["code"], json!("TOO_MANY_OPERATIONS"));
    talk.say(json!({ "type": "complete", "id": "b" }));
    talk.say(json!({ "type": "complete", "id": "nobodys" }));
    talk.is_alive();
    talk.say(json!({ "type": "ping", "payload": { "n": 1 } }));
    assert_eq!(talk.hear(), json!({ "type": "pong" }));
    talk.subscribe("a", "{ again }");
    assert_eq!(talk.closed(), 4409);
    let last = backend.heard().last().cloned();
    assert_eq!(last.as_deref(), Some(r#"{"type":"ping","payload":{"n":1}}"#));
    assert_eq!(backend.heard().iter().filter(|text| text.contains("complete")).count(), 1, "{:?}", backend.heard());
}

/// The backend may say late that an operation is over which the client has stopped: another one has its id by then.
#[test]
fn what_is_said_of_a_stopped_operation_is_not_said_of_the_next_with_its_id() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, "").start();
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    talk.subscribe("1", "{ one }");
    assert_eq!(talk.hear()["type"], json!("next"));
    talk.say(json!({ "type": "complete", "id": "1" }));
    backend.order(Order::Say(json!({ "type": "complete", "id": "1" })));
    backend.order(Order::Say(json!({ "x": [1.50, "\u{e9}"], "type": "next", "id": "1~1", "payload": { "n": 7 } })));
    talk.subscribe("1", "{ order }");
    talk.subscribe("2", "{ order }");
    assert_eq!(talk.hear(), json!({ "x": [1.50, "\u{e9}"], "type": "next", "id": "1", "payload": { "n": 7 } }));
    assert!(backend.heard().iter().any(|text| text.starts_with(r#"{"id":"1~1","type":"subscribe""#)));
    talk.say(json!({ "type": "complete", "id": "1" }));
    talk.is_alive();
    assert!(backend.heard().contains(&r#"{"id":"1~1","type":"complete"}"#.to_owned()), "{:?}", backend.heard());
}

#[test]
fn the_backends_own_end_is_passed_on_behind_all_that_it_said() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, "").start();
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    backend.order(Order::Say(json!({ "type": "next", "id": "1", "payload": {} })));
    backend.order(Order::Close(4418, "a reason"));
    talk.subscribe("1", "{ order }");
    talk.subscribe("2", "{ order }");
    assert_eq!(talk.hear()["type"], json!("next"));
    assert_eq!(talk.closed_because(), (4418, "a reason".into()));
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    backend.order(Order::Vanish);
    talk.subscribe("1", "{ order }");
    assert_eq!(talk.closed(), 1013, "it broke off");
}

#[test]
fn a_backend_that_does_not_agree_is_told_by_the_code() {
    let refusals: [(&str, u16); 5] = [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 4403),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 4500),
        ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", 1013),
        ("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", 1013),
        ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 4500),
    ];
    let asked = |port: u16| {
        let mut talk = Talk::open(port, AUTH, CURRENT, "");
        talk.say(json!({ "type": "connection_init" }));
        talk.closed()
    };
    for (answer, code) in refusals {
        let stub = Stub::with(move |_, stream| std::io::Write::write_all(stream, answer.as_bytes()));
        assert_eq!(asked(Setup::before(&stub, "").start().port), code, "{answer}");
    }
    for (from, to) in [
        ("Accept: ", "Accept: x"),
        ("transport-ws\r\n", "ws\r\n"),
        ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: x\r\n\r\n"),
    ] {
        let stub = Stub::with(move |received, stream| {
            std::io::Write::write_all(stream, agreed(received).replace(from, to).as_bytes())
        });
        assert_eq!(asked(Setup::before(&stub, "").start().port), 4500, "{to}");
    }
    let nobody = crate::support::ports::free();
    assert_eq!(asked(Setup::before_port(nobody, "").start().port), 1013);
}
