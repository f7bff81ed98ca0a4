//! What operators and their machines ask about the gateway itself.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

use crate::support::{
    client::{Client, exchange},
    gateway::Setup,
    stub::Stub,
};

mod metrics;
mod readiness;

const PATIENCE: Duration = Duration::from_secs(60);
/// Further lines for a gateway in front of a stub.
pub(crate) const ADMIN: &str = "\n[admin]\naddress = '127.0.0.1:0'\n";

/// The status of `/readyz`, and what it says.
pub(crate) fn readiness(admin: &Client) -> (u16, Value) {
    let answer = admin.get("/readyz").unwrap();
    assert_eq!(answer.all("content-type"), ["application/json"]);
    (answer.status, answer.json())
}

#[test]
fn the_gateway_answers_for_itself_at_an_address_of_its_own() {
    let stub = Stub::start();
    let mut gateway = Setup::before(&stub, ADMIN).start();
    let admin = gateway.admin();
    let answer = admin.get("/livez").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert_eq!(answer.all("cache-control"), ["no-store"]);
    for path in ["/livez", "/livez?verbose", "/readyz", "/metrics"] {
        assert_eq!(admin.get(path).unwrap().status, 200, "{path}");
        assert_eq!(admin.send("HEAD", path, "").unwrap().status, 200, "{path}");
        for method in ["POST", "DELETE", "OPTIONS"] {
            let answer = admin.send(method, path, "").unwrap();
            assert_eq!((answer.status, answer.all("allow")), (405, vec!["GET, HEAD"]), "{method} {path}");
        }
    }
    for path in ["/", "/livez/", "/Livez", "//livez", "/livez/../readyz", "/graphql/auth/", "/%6civez"] {
        assert_eq!(admin.get(path).unwrap().status, 404, "{path}");
        assert_eq!(admin.send("POST", path, "").unwrap().status, 404, "{path}");
    }
    assert!(stub.requests().is_empty(), "a connection at most has reached the backend: {:?}", stub.requests());
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(gateway.client().get(path).unwrap().status, 200, "{path} of clients is the backend's");
    }
    assert_eq!(stub.requests().len(), 3);
}

#[test]
fn there_is_none_unless_it_is_said_where() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    assert!(!gateway.process.output().contains("admin listener"), "{}", gateway.process.output());
}

#[test]
fn the_keys_of_assertions_are_told_here_too() {
    let stub = Stub::start();
    let assertion = "[upstream.identity]\nassertion = true\naudience = 'api'\n";
    let mut gateway = Setup::before(&stub, &format!("{assertion}{ADMIN}")).start();
    let path = "/.well-known/jwks.json";
    let (public, own) = (gateway.client().get(path).unwrap(), gateway.admin().get(path).unwrap());
    assert_eq!((own.status, own.all("content-type")), (200, vec!["application/jwk-set+json"]));
    assert!(own.json()["keys"][0]["x"].is_string(), "{own:?}");
    assert_eq!(own.json(), public.json());
}

#[test]
fn nobody_holds_a_place_for_long() {
    let stub = Stub::start();
    let mut gateway = Setup::before(&stub, ADMIN).start();
    let admin = gateway.admin();
    let port = crate::support::gateway::admin_port(&mut gateway.process);
    let long = "a".repeat(9000);
    // Asked for or not: a connection is for one request.
    let answer = exchange(port, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().unwrap();
    assert_eq!((answer.status, answer.all("connection")), (200, vec!["close"]));
    let answer = exchange(port, format!("GET /livez HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\n\r\n").as_bytes());
    assert_eq!(answer.unwrap().unwrap().status, 431);
    // More than there are places: they all end without a word of theirs, and then it answers.
    let silent: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"GET /livez HTTP/1.1\r\nHost").unwrap();
            stream
        })
        .collect();
    assert_eq!(admin.get("/livez").unwrap().status, 200);
    let mut first = silent.into_iter().next().unwrap();
    assert_eq!(first.read(&mut [0; 64]).unwrap(), 0);
}
