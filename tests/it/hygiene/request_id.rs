//! What a request is called: by the gateway, or by a proxy that may say so; everywhere the same.

use super::{get, token};
use crate::support::{
    client::{Answer, exchange},
    gateway::{Gateway, Setup},
    ports,
    stub::Stub,
};

const BEHIND: &str = "[server]\ntrusted_proxies = ['127.0.0.1']\n";

/// The id in an answer, of which there is one.
fn id(answer: &Answer) -> &str {
    let ids = answer.all("X-Request-Id");
    assert_eq!(ids.len(), 1, "{answer:?}");
    ids[0]
}

fn is_made(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The id that the client, and the backend, get for a request with these lines.
fn called(gateway: &Gateway, stub: &Stub, lines: &str) -> String {
    let answer = get(gateway, "/api", lines);
    let received = stub.take_one();
    assert_eq!(received.all("X-Request-Id"), [id(&answer)], "{}", received.head);
    assert!(received.all("X_Request_Id").is_empty(), "{}", received.head);
    id(&answer).to_owned()
}

#[test]
fn a_stranger_gives_no_name() {
    let stub = Stub::start();
    for more in ["", "[server]\ntrusted_proxies = ['10.0.0.1']\n"] {
        let gateway = Setup::before(&stub, more).start();
        let mut ids: Vec<String> = ["", "X-Request-Id: r-1\r\n", "X_Request_Id: r-1\r\n", "x.request.id: r-1\r\n"]
            .map(|lines| called(&gateway, &stub, lines))
            .into();
        assert!(ids.iter().all(|id| is_made(id)), "{ids:?}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4, "one for each");
    }
}

#[test]
fn a_trusted_proxy_gives_a_plain_one() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, BEHIND).start();
    for name in ["r-1", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "Root=1-67891233-abcdef", &"x".repeat(128)] {
        assert_eq!(called(&gateway, &stub, &format!("X-Request-Id: {name}\r\n")), name);
    }
    let long = "x".repeat(129);
    for odd in ["a b", "a\tb", "<b>", "a\"b", "a,b", "a;b", "\\", "\u{e9}", "", &long] {
        assert!(is_made(&called(&gateway, &stub, &format!("X-Request-Id: {odd}\r\n"))), "{odd}");
    }
    assert!(is_made(&called(&gateway, &stub, "X-Request-Id: r-1\r\nX-Request-Id: r-1\r\n")));
    assert!(is_made(&called(&gateway, &stub, "X_Request_Id: r-1\r\n")));
}

#[test]
fn the_gateways_own_answers_have_it_and_the_backends_is_not_believed() {
    let stub = Stub::with(|_, stream| {
        use std::io::Write as _;
        stream.write_all(
            crate::support::stub::answer("X-Request-Id: forged\r\nX_Request_Id: forged\r\n", "{}").as_bytes(),
        )
    });
    let gateway = Setup::before(&stub, BEHIND).start();
    let named = "X-Request-Id: r-1\r\n";
    let passed = get(&gateway, "/api", named);
    assert_eq!((id(&passed), passed.all("X_Request_Id").len()), ("r-1", 0));
    for (path, lines, expected) in [
        ("/x/../graphql/", "", 400),
        ("/graphql/?query=mutation%7Blogin%7Bok%7D%7D", "", 405),
        ("/api", "Content-Length: 99999999999\r\n", 413),
    ] {
        let refused = get(&gateway, path, &format!("{named}{lines}"));
        assert_eq!((refused.status, id(&refused)), (expected, "r-1"), "{path}");
    }
    let two_hosts = exchange(gateway.port, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Request-Id: r-2\r\n\r\n");
    assert_eq!(id(&two_hosts.unwrap().unwrap()), "r-2");
}

#[test]
fn log_lines_carry_it() {
    let mut nobody = Setup::before_port(ports::free(), BEHIND).start();
    let bearer = format!("X-Request-Id: r-1\r\nAuthorization: Bearer {}\r\n", token());
    assert_eq!(get(&nobody, "/api", &bearer).status, 502);
    let refresh = "mutation { refreshToken(refreshToken: \"made up\") { ok } }";
    let audited = nobody.client().with("X-Request-Id", "r-2").graphql("/graphql/auth/", refresh, serde_json::json!({}));
    assert_eq!(id(&audited), "r-2");
    for (what, id) in [("no answer from the backend", "r-1"), (" audit: refresh ", "r-2")] {
        let line = nobody.process.wait_for_line(what);
        assert!(line.contains(&format!(" request_id={id} ")) && line.matches("request_id=").count() == 1, "{line}");
    }
}

/// A proxy that asks whether a request may pass has it named in the answer, too.
#[test]
fn a_question_keeps_its_name() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, &format!("{BEHIND}[forward_auth]\nenabled = true\nauth = 'optional'\n")).start();
    let asked = "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /api\r\nX-Request-Id: r-1\r\n";
    let answer = get(&gateway, "/_railgate/auth", asked);
    assert_eq!((answer.status, id(&answer)), (200, "r-1"));
}
