//! A backend that is slow, down, or answers what nobody can read: the client is told that the service is unavailable, and the
//! log what is wrong.

use std::{io::Write as _, net::TcpStream, thread, time::Duration};

use serde_json::{Value, json};

use super::{run, setup};
use crate::support::{
    client::Answer,
    gateway::{AUTH, Gateway, LOGIN, Tokens},
    ports,
    stub::{self, Received, Stub},
};

const PASSWORD: &str = "canary-password";
const USER: &str = r#"{"id":"7","username":"ada","email":"ada@example.com"}"#;

fn login(gateway: &Gateway) -> Answer {
    gateway.client().graphql(AUTH, LOGIN, json!({ "u": "ada", "p": PASSWORD }))
}

fn is_unavailable(gateway: &mut Gateway, log: &str) {
    let answer = login(gateway);
    let payload = &answer.json()["data"]["login"];
    assert_eq!((answer.status, &payload["errorCode"]), (503, &json!("SERVICE_UNAVAILABLE")), "{log}: {answer:?}");
    assert!(!answer.all("retry-after").is_empty() && answer.all("set-cookie").is_empty(), "{answer:?}");
    gateway.process.wait_for_line(log);
    let output = gateway.process.output();
    assert!(!output.contains(PASSWORD) && !output.contains("canary"), "{output}");
}

/// A stub whose whole answers these are.
fn answering(whole: String) -> Stub {
    Stub::with(move |_, stream| stream.write_all(whole.as_bytes()))
}

fn said(payload: &str) -> String {
    stub::answer("", &format!(r#"{{"data":{{"railgate":{payload}}}}}"#))
}

#[test]
fn what_can_not_be_read_is_named_in_the_log_and_nowhere_else() {
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<h1>Hello!</h1>".to_owned();
    let status = |line: &str| stub::answer("", "{}").replace("200 OK", line);
    let cases = [
        (html, "is not JSON"),
        (stub::answer("", r#"{"detail":"what?"}"#), "none of GraphQL's"),
        (stub::answer("", r#"{"data":7}"#), "none of GraphQL's"),
        (stub::answer("", r#"{"data":{}}"#), "lacks `data`"),
        (stub::answer("", r#"{"data":{"railgate":"yes"}}"#), "lacks `data`"),
        (
            stub::answer("", r#"{"errors":[{"message":"Cannot query field 'login' on type 'Mutation'."}]}"#),
            "Cannot query field 'login'",
        ),
        (
            stub::answer("", r#"{"errors":[{"message":"got canary-password"}],"data":{"railgate":null}}"#),
            "in words that repeat a secret",
        ),
        (stub::answer("", r#"{"errors":[{"message":"no database","path":["railgate"]}],"data":null}"#), "no database"),
        (said(r#"{"ok":"yes"}"#), "lacks `ok`"),
        (said(r#"{"ok":true,"errors":[]}"#), "lacks `token`"),
        (said(r#"{"ok":true,"token":"canary token"}"#), "lacks `token`"),
        (said(r#"{"ok":true,"token":"canary"}"#), "lacks `user`"),
        (said(r#"{"ok":true,"token":"canary","user":{"username":"ada"}}"#), "lacks `user { id }`"),
        (said(r#"{"ok":true,"mfaRequired":true,"mfaSetupRequired":false}"#), "lacks `challenge`"),
        (status("500 Internal Server Error"), "answers 500"),
        (status("301 Moved Permanently"), "redirects (301"),
        (stub::answer("", &format!(r#"{{"data":"{}"}}"#, "x".repeat(2 << 20))), "is larger than"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}".to_owned(), "could not be read to its end"),
        ("nonsense\r\n\r\n".to_owned(), "broke off"),
    ];
    for (whole, log) in cases {
        let closes = whole.contains("Content-Length: 99");
        let stub = Stub::with(move |_, stream| {
            stream.write_all(whole.as_bytes())?;
            if closes { Err(std::io::ErrorKind::Other.into()) } else { Ok(()) }
        });
        is_unavailable(&mut setup(stub.port, "").start(), log);
    }
}

#[test]
fn one_that_is_slow_or_down_is_not_waited_for() {
    let slow = Stub::with(|_, _| {
        thread::sleep(Duration::from_secs(30));
        Ok(())
    });
    is_unavailable(&mut setup(slow.port, "timeout = \"200ms\"\n").start(), "gave no answer within 200ms");
    let trickling = Stub::with(|_, stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
        for _ in 0..1000 {
            thread::sleep(Duration::from_millis(50));
            stream.write_all(b" ")?;
        }
        Ok(())
    });
    is_unavailable(&mut setup(trickling.port, "timeout = \"300ms\"\n").start(), "gave no answer within 300ms");
    let mut down = setup(ports::free(), "").start();
    for _ in 0..12 {
        is_unavailable(&mut down, "no connection to the backend");
    }
}

#[test]
fn the_backend_is_told_of_the_client_by_its_address_alone() {
    let stub = answering(said(&format!(r#"{{"ok":true,"token":"t","refreshToken":"r","user":{USER}}}"#)));
    let gateway = setup(stub.port, "graphql_path = \"/api/\"\nhost = \"api.example.com\"\n").start();
    let client = gateway.client().with("Cookie", "sessionid=x").with("X-Forwarded-For", "9.9.9.9").with("X-Own", "1");
    let payload = run(&client, LOGIN, json!({ "u": "ada", "p": PASSWORD }));
    assert_eq!((&payload["ok"], &payload["user"]["id"]), (&json!(true), &json!("7")), "{payload}");
    let asked = stub.take_one();
    assert!(asked.head.starts_with("POST /api/ HTTP/1.1\r\n"), "{asked:?}");
    assert_eq!((asked.all("X-Forwarded-For"), asked.all("Host")), (vec!["127.0.0.1"], vec!["api.example.com"]));
    assert!(asked.all("User-Agent")[0].starts_with("railgate/"), "{asked:?}");
    for name in ["Cookie", "Authorization", "X-Own"] {
        assert!(asked.all(name).is_empty(), "{asked:?}");
    }
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body["variables"], json!({ "username": "ada", "password": PASSWORD }));
    assert!(!body["query"].as_str().unwrap().contains(PASSWORD));
}

/// A backend in the words of django-graphql-jwt, whose refusals are errors.
fn token_auth(received: &Received, stream: &mut TcpStream) -> std::io::Result<()> {
    let body = String::from_utf8_lossy(&received.body).into_owned();
    let answer = if body.contains("tokenAuth(email: $username") && body.contains(PASSWORD) {
        said(&format!(r#"{{"token":"t","refreshToken":"r","user":{USER}}}"#))
    } else if body.contains("tokenAuth") {
        stub::answer(
            "",
            r#"{"errors":[{"message":"Please enter valid credentials","path":["railgate"]}],"data":{"railgate":null}}"#,
        )
    } else if received.all("Authorization") == ["Bearer t"] {
        said(USER)
    } else {
        said("null")
    };
    stream.write_all(answer.as_bytes())
}

#[test]
fn a_backend_may_call_things_otherwise_and_refuse_by_an_error() {
    let stub = Stub::with(token_auth);
    let more = "second_factor = \"none\"\n[directory.fields]\nlogin = \"tokenAuth\"\nusername = \"email\"\n\
         payload = \"token refreshToken\"\nuser = \"id username: email email\"\ngrants = \"\"\nrefresh_has_user = false\n\
         [graphql.owned_aliases]\ntokenAuth = \"login\"\n";
    let gateway = setup(stub.port, more).start();
    let tokens = Tokens::of(&login(&gateway).json()["data"]["login"]);
    assert_eq!(gateway.refresh(&tokens.refresh)["ok"], json!(true));
    super::refused(&gateway.login("ada", "wrong"), "INVALID_CREDENTIALS");
}
