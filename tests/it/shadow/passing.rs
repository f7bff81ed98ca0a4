//! What a client sees: the backend, and nothing of the gateway.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{Mutex, mpsc},
    time::Duration,
};

use serde_json::json;

use super::{Counts, copy_of, log_in, looking_on, looking_on_a_stub, reading, refresh};
use crate::{
    contract,
    sockets::{echo, head, send, upgrade},
    support::{
        backend::Backend,
        client::{Client, exchange},
        gateway::{AUTH, GQL, LOGIN, Setup, Tokens},
        stub::{ANSWER, Stub, answer},
    },
};

/// The contract as a client of a stock Rail Django has it. The gateway would keep it but for one cookie, which Django sends with
/// refused logins and refreshes, too; and for a factor that the backend has and the gateway's copy of its database has not.
#[test]
fn the_whole_contract_is_the_backends_and_the_gateway_would_keep_it() {
    let (backend, folder) = (Backend::on_sqlite(), tempfile::tempdir().expect("a folder"));
    let users =
        [("john", "secret123"), ("admin", "adminpass1"), ("amina", "motdepasse-é7-長い"), ("mfa_a", "mfapass-a1")];
    for (user, password) in users {
        backend.cheap_password(user, password);
    }
    let copy = copy_of(&backend, folder.path());
    let setup = looking_on(reading(&backend, &copy)).changed("#iterations = 1000000", "iterations = 100000");
    let mut gateway = setup.start();
    let counts = Counts::of(&mut gateway);
    contract::everything(gateway.port);
    let (told, differences) = (counts.outcomes(102), counts.differences(102));
    let label = |sample: &String| sample.rsplit_once(' ').expect("a count").0.to_owned();
    let place =
        |operation: &str, kind: &str, at: &str| format!("operation=\"{operation}\",difference=\"{kind}\",at=\"{at}\"");
    let opened = ["refreshToken", "token", "user"].map(|at| place("login", "added", at));
    let due = ["ephemeralToken", "mfaRequired", "mfaSetupRequired"].map(|at| place("login", "missing", at));
    let cookie = |operation: &str| vec![place(operation, "cookie", "csrftoken")];
    let expected = [opened.to_vec(), cookie("login"), due.to_vec(), cookie("refresh")].concat();
    assert_eq!(differences.iter().map(label).collect::<Vec<_>>(), expected, "{told:?}");
    let outcomes = ["same", "different"].map(|outcome| format!("outcome=\"{outcome}\""));
    assert_eq!(told.iter().map(label).collect::<Vec<_>>(), outcomes, "{told:?}");
}

#[test]
fn a_session_is_the_backends_own() {
    let backend = Backend::on_sqlite();
    let gateway = looking_on(Setup::in_front_of(&backend)).start();
    let tokens = Tokens::of(&log_in(&gateway.client(), "john", "secret123"));
    let at_the_backend = Client::new(backend.port).bearer(&tokens.access);
    let me = "{ viewer { username } }";
    for client in [at_the_backend, gateway.client().bearer(&tokens.access)] {
        assert_eq!(client.graphql(GQL, me, json!({})).field()["username"], json!("john"));
    }
    let next = refresh(&gateway.client(), &tokens.refresh);
    assert!(next.access.starts_with("eyJ"), "{next:?}");
}

/// Credentials, cookies and targets, as they came.
#[test]
fn a_request_arrives_with_all_that_a_gateway_would_keep_back() {
    let set = "Set-Cookie: jwt=theirs; Path=/\r\nSet-Cookie: a=b\r\n";
    let stub = Stub::with(move |_, stream| stream.write_all(answer(set, ANSWER).as_bytes()));
    let gateway = looking_on_a_stub(Setup::before(&stub, "")).start();
    let body = r#"{"query":"mutation { login(username:\"u\", password:\"p\") { ok } }"}"#;
    for path in ["/graphql/auth/?token=t", "/other?jwt=t"] {
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nAuthorization: Token y\r\n\
             Cookie: jwt=1; refresh_token=2; sessionid=3\r\nX-HTTP-Method-Override: PUT\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        let answer = exchange(gateway.port, text.as_bytes()).expect("an exchange").expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (200, ANSWER));
        assert_eq!(answer.all("Set-Cookie"), ["jwt=theirs; Path=/", "a=b"]);
        let received = stub.take_one();
        assert_eq!(received.request_line(), format!("POST {path} HTTP/1.1"));
        assert_eq!(received.all("Authorization"), ["Bearer x", "Token y"]);
        assert_eq!(received.all("Cookie"), ["jwt=1; refresh_token=2; sessionid=3"]);
        assert_eq!(received.all("X-HTTP-Method-Override"), ["PUT"]);
        assert_eq!(received.text(), body);
    }
}

/// A client can't write what only a gateway may say, here either: the backend may believe it from the next level on.
#[test]
fn a_clients_identity_headers_are_dropped() {
    let stub = Stub::start();
    let gateway = looking_on_a_stub(Setup::before(&stub, "")).start();
    gateway.client().with("X-Auth-User-Id", "1").with("X_Auth_Roles", "admin").get("/other").expect("an answer");
    let received = stub.take_one();
    assert!(!received.head.to_lowercase().contains("auth"), "{}", received.head);
}

/// On a GraphQL path, where answers are listened to.
#[test]
fn the_first_piece_of_an_answer_arrives_before_the_last_is_made() {
    let (seen, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let stub = Stub::with(move |_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nfirst\n\n\r\n")?;
        may_go_on.lock().expect("no panic").recv_timeout(Duration::from_secs(30)).expect("the first has come");
        stream.write_all(b"6\r\nlast\n\n\r\n0\r\n\r\n")
    });
    let gateway = looking_on_a_stub(Setup::before(&stub, "")).start();
    let mut stream = send(gateway.port, format!("GET {AUTH}?query=%7Ba%7D HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    let first = read_until(&mut stream, "first");
    assert!(!first.contains("last"));
    seen.send(()).expect("the backend waits");
    read_until(&mut stream, "0\r\n\r\n");
}

fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&seen).contains(wanted) {
        let count = stream.read(&mut piece).expect("more");
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&seen).into_owned()
}

#[test]
fn a_socket_on_a_graphql_path_is_a_tunnel() {
    let stub = echo("");
    let gateway = looking_on_a_stub(Setup::before(&stub, "")).start();
    let mut stream = send(gateway.port, upgrade(AUTH, "Sec-WebSocket-Protocol: whatever\r\n").as_bytes());
    assert!(head(&mut stream).starts_with("HTTP/1.1 101 "));
    stream.write_all(b"no frame at all").expect("sent");
    assert_eq!(read_until(&mut stream, "at all"), "no frame at all");
}

/// The one because nobody looks at it, the other because the gateway would not take it.
#[test]
fn a_large_body_passes() {
    let stub = Stub::start();
    let mut gateway = looking_on_a_stub(Setup::before(&stub, "")).start();
    let counts = Counts::of(&mut gateway);
    let client = gateway.client().with("Content-Type", "application/json");
    for size in [300 << 10, 2 << 20] {
        let large = format!("{{\"query\":\"{{ a }}\",\"x\":\"{}\"}}", "x".repeat(size));
        let answer = client.send("POST", GQL, &large).expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (200, ANSWER));
        assert_eq!(stub.take_one().text().len(), large.len());
    }
    assert_eq!(counts.differences(2), ["operation=\"request\",difference=\"refused\",at=\"BODY_TOO_LARGE\" 1"]);
    assert_eq!(counts.outcomes(2), ["outcome=\"different\" 1", "outcome=\"unread\" 1"]);
}

/// The backend is out of reach: its clients are told, and nobody can tell what they would have been told otherwise.
#[test]
fn without_a_backend_there_is_nothing_to_hold_against() {
    let mut gateway = looking_on_a_stub(Setup::before_port(crate::support::redis::free_port(), "")).start();
    let counts = Counts::of(&mut gateway);
    let answer = gateway.client().graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }));
    assert_eq!((answer.status, answer.code().as_str()), (502, "UPSTREAM_UNREACHABLE"));
    assert_eq!(counts.outcomes(1), ["outcome=\"unanswered\" 1"]);
}
