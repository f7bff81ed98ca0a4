//! Pages of other sites read what the gateway answers itself as they read what the backend answers.

use std::io::Write as _;

use serde_json::json;

use crate::support::{
    client::Answer,
    gateway::{AUTH, Setup},
    stub::{self, ANSWER, Stub},
};

const PAGE: &str = "https://app.example.com";
const ALLOW: &str = "access-control-allow-origin";

fn describes(answer: &Answer) -> [Vec<&str>; 4] {
    [ALLOW, "access-control-allow-credentials", "access-control-expose-headers", "vary"].map(|name| answer.all(name))
}

#[test]
fn answers_of_the_gateways_own_say_who_may_read_them() {
    let stub = Stub::start();
    let cors = format!("[cors]\nallowed_origins = ['{PAGE}']\ncredentials = true\nexposed_headers = ['X-A', 'x-b']");
    let gateway = Setup::before(&stub, &cors).start();
    let client = gateway.client().with("Content-Type", "application/json");
    let logout = json!({ "query": "mutation { logout { ok } }" }).to_string();
    for (what, path, body) in [
        ("an auth operation", AUTH, logout.as_str()),
        ("an invalid one", AUTH, r#"{"query":"mutation{login}"}"#),
        ("a damaged one", AUTH, "login("),
        ("a path that is refused", "/a/../%2e%2e/b", "{}"),
    ] {
        let answer = client.with("Origin", PAGE).send("POST", path, body).expect("an answer");
        assert_eq!(
            describes(&answer),
            [vec![PAGE], vec!["true"], vec!["x-a, x-b"], vec!["Origin"]],
            "{what}: {answer:?}"
        );
        for origin in ["https://evil.example", "null", "https://app.example.com.evil", "https://app.example.com:444"] {
            let answer = client.with("Origin", origin).send("POST", path, body).expect("an answer");
            assert_eq!(describes(&answer), [vec![], vec![], vec![], vec!["Origin"]], "{what}: {origin}");
        }
        let twice = client.with("Origin", PAGE).with("Origin", PAGE).send("POST", path, body).expect("an answer");
        assert!(twice.all(ALLOW).is_empty(), "{what}");
    }
    assert!(stub.requests().is_empty());
}

#[test]
fn the_backend_speaks_for_its_own() {
    let stub = Stub::with(|received, stream| {
        let says = if received.request_line().contains("open") { "Access-Control-Allow-Origin: *\r\n" } else { "" };
        stream.write_all(stub::answer(says, ANSWER).as_bytes())
    });
    let gateway = Setup::before(&stub, &format!("[cors]\nallowed_origins = ['{PAGE}']")).start();
    let client = gateway.client().with("Origin", PAGE);
    assert_eq!(client.get("/open").expect("an answer").all(ALLOW), ["*"]);
    assert_eq!(describes(&client.get("/closed").expect("an answer")), [const { Vec::<&str>::new() }; 4]);
    let preflight = client.with("Access-Control-Request-Method", "POST");
    let answer = preflight.send("OPTIONS", AUTH, "").expect("an answer");
    assert_eq!((answer.body.as_str(), stub.requests().len()), (ANSWER, 3), "preflights are the backend's");
}

#[test]
fn nobody_is_named_unless_the_operator_does() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let answer = gateway.client().with("Origin", PAGE).graphql(AUTH, "mutation { logout { ok } }", json!({}));
    assert_eq!(describes(&answer), [const { Vec::<&str>::new() }; 4]);
}
