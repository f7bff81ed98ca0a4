//! TLS and HTTP/2 towards the backend.

use std::{io::Write as _, net::TcpStream, path::Path, process::Command, thread};

use serde_json::Value;

use super::python;
use crate::support::{
    backend::Backend,
    certificates::{Authority, Identity},
    client::{Client, exchange, read_answer},
    gateway::{Gateway, Setup},
    process::Process,
    redis::wait_until,
    stub::{ANSWER, Stub},
};

/// A script of tests/clients that listens.
pub(crate) struct Peer {
    pub(crate) port: u16,
    process: Process,
}

impl Peer {
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
        let mut command = Command::new(python());
        let mut process = Process::spawn(
            {
                command.arg(path).args(arguments);
                command
            },
            "a peer",
        );
        let line = process.wait_for_line("listening on ");
        Self { port: line.rsplit(' ').next().unwrap().parse().unwrap(), process }
    }

    /// Speaks TLS for this port; with an authority it wants to see a certificate, too.
    fn relay(to: u16, shows: &Identity, authority: Option<&Authority>) -> Self {
        let (port, wanted) = (to.to_string(), authority.map(Authority::certificate));
        let mut arguments = vec![port.as_str(), text(&shows.certificate), text(&shows.key)];
        arguments.extend(wanted.as_deref().map(text));
        Self::start("tls_relay.py", &arguments)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// In front of this port by TLS, with these lines of `[upstream]` and of `[upstream.tls]`.
fn by_tls(port: u16, upstream: &str, tls: &str) -> Gateway {
    let scheme = format!("url = \"https://127.0.0.1:{port}\"\n{upstream}\n[upstream.tls]\n{tls}\n");
    Setup::before_port(port, "").changed("url = { env = \"RAILGATE_UPSTREAM\" }\n", &scheme).start()
}

pub(crate) fn in_front_of(port: u16, upstream: &str) -> Gateway {
    let lines = format!("[upstream]\n{upstream}\n");
    Setup::before_port(port, "[server]\nthreads = 1\nbody_limit = '1KiB'\n").changed("[upstream]\n", &lines).start()
}

fn outcome(gateway: &Gateway) -> String {
    let answer = gateway.client().get("/x").unwrap();
    if answer.status == 200 { answer.body } else { answer.code() }
}

#[test]
fn the_backends_certificate_has_to_be_good_and_for_its_name() {
    let (authority, strangers) = (Authority::new("railgate tests"), Authority::new("strangers"));
    let stub = Stub::start();
    let peer = Peer::relay(stub.port, &authority.vouch("backend", "backend", "DNS:backend.example.com"), None);
    let ca = |authority: &Authority| format!("ca = '{}'\n", authority.certificate().display());
    let named = "server_name = 'backend.example.com'\n";
    assert_eq!(outcome(&by_tls(peer.port, "", &(ca(&authority) + named))), ANSWER);
    let received = stub.take_one();
    assert_eq!(received.request_line(), "GET /x HTTP/1.1");
    assert_eq!(received.all("X-Forwarded-Proto"), ["http"], "as the client came");

    for (lines, why) in [
        (ca(&authority), "for the address of the URL"),
        (ca(&authority) + "server_name = 'other.example.com'\n", "for another name"),
        (ca(&strangers) + named, "by others"),
        (named.to_owned(), "by nobody whom the system trusts"),
    ] {
        assert_eq!(outcome(&by_tls(peer.port, "", &lines)), "UPSTREAM_UNREACHABLE", "{why}");
    }
    assert!(stub.requests().is_empty());
}

#[test]
fn the_gateway_shows_a_certificate_where_it_has_one() {
    let authority = Authority::new("railgate tests");
    let stub = Stub::start();
    let backend = authority.vouch("backend", "backend", "IP:127.0.0.1");
    let peer = Peer::relay(stub.port, &backend, Some(&authority));
    let ca = format!("ca = '{}'\n", authority.certificate().display());
    let Identity { certificate, key } = authority.vouch("gateway", "gateway", "DNS:gateway");
    let lines = format!("{ca}certificate = '{}'\nkey = '{}'\n", certificate.display(), key.display());
    assert_eq!(outcome(&by_tls(peer.port, "", &lines)), ANSWER);
    stub.take_one();
    assert_ne!(outcome(&by_tls(peer.port, "", &ca)), ANSWER);
    assert!(stub.requests().is_empty());
}

#[test]
fn the_version_is_what_both_speak() {
    let authority = Authority::new("railgate tests");
    let backend = authority.vouch("backend", "backend", "IP:127.0.0.1");
    let (stub, ca) = (Stub::start(), authority.certificate());
    let gateway = authority.vouch("gateway", "gateway", "DNS:gateway");
    let lines = format!(
        "ca = '{}'\ncertificate = '{}'\nkey = '{}'\n",
        ca.display(),
        gateway.certificate.display(),
        gateway.key.display()
    );
    let http1 = Peer::relay(stub.port, &backend, None);
    assert_eq!(outcome(&by_tls(http1.port, "protocol = 'auto'", &lines)), ANSWER);
    assert_eq!(outcome(&by_tls(http1.port, "protocol = 'h2'", &lines)), "UPSTREAM_UNREACHABLE");

    let http2 = Peer::start("http2_backend.py", &[text(&backend.certificate), text(&backend.key), text(&ca)]);
    for protocol in ["auto", "h2"] {
        let told: Value = outcome(&by_tls(http2.port, &format!("protocol = '{protocol}'"), &lines)).parse().unwrap();
        assert_eq!(header(&told, ":scheme"), ["https"]);
    }
}

pub(crate) fn header(told: &Value, name: &str) -> Vec<String> {
    let pairs = told["headers"].as_array().unwrap().iter().filter(|pair| pair[0] == name);
    pairs.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_request_by_http_2_says_the_same() {
    let peer = Peer::start("http2_backend.py", &[]);
    let gateway = in_front_of(peer.port, "protocol = 'h2'");
    let client = gateway.client().with("X-Auth-User-Id", "1").with("Connection", "X-Named").with("X-Named", "1");
    let answer = client.with("Cookie", "a=1").send("POST", "/y?z=1", "body").unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.all("X-Auth-User-Id").is_empty(), "what the backend may not say ends here");
    let told = answer.json();
    for (name, values) in [
        (":method", vec!["POST"]),
        (":scheme", vec!["http"]),
        (":path", vec!["/y?z=1"]),
        ("content-length", vec!["4"]),
        ("cookie", vec!["a=1"]),
        ("x-forwarded-for", vec!["127.0.0.1"]),
        ("x-auth-user-id", vec![]),
        ("x-named", vec![]),
        ("connection", vec![]),
        ("host", vec![]),
    ] {
        assert_eq!(header(&told, name), values, "{name}: {told}");
    }
    assert_eq!(header(&told, ":authority"), header(&told, "x-forwarded-host"));
    assert_eq!(told["body"], "body");
}

#[test]
fn a_large_head_passes_as_it_does_by_http_1() {
    let peer = Peer::start("http2_backend.py", &[]);
    let gateway = in_front_of(peer.port, "protocol = 'h2'");
    let answer = gateway.client().get("/large").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.all("X-Large").iter().map(|value| value.len()).sum::<usize>(), 24_000);
}

#[test]
fn what_was_looked_at_is_what_is_sent() {
    let peer = Peer::start("http2_backend.py", &[]);
    let gateway = in_front_of(peer.port, "protocol = 'h2'");
    for host in ["a:1:2", "[::1", "a[b"] {
        let asked = format!("POST /x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
        let answer = exchange(gateway.port, asked.as_bytes()).unwrap().unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (400, "BAD_HOST"), "{host}");
    }
}

#[test]
fn a_websocket_is_refused_and_the_connection_stays_of_use() {
    let peer = Peer::start("http2_backend.py", &[]);
    let gateway = in_front_of(peer.port, "protocol = 'h2'");
    let asked = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // On a connection that is opened for it, and on one that is there.
    for _ in 0..2 {
        let answer = exchange(gateway.port, asked).unwrap().unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (501, "WEBSOCKET_UNSUPPORTED"));
    }
    assert_eq!(gateway.client().get("/x").unwrap().json()["connection"], 0, "{}", peer.process.output());
}

#[test]
fn one_connection_serves_many_and_another_is_opened_when_it_ends() {
    let peer = Peer::start("http2_backend.py", &[]);
    let gateway = in_front_of(peer.port, "protocol = 'h2'");
    let connection = |client: &Client, path: &str| client.get(path).unwrap().json()["connection"].clone();
    let asked: Vec<_> =
        (0..8).map(|_| gateway.client()).map(|client| thread::spawn(move || connection(&client, "/late"))).collect();
    assert!(asked.into_iter().all(|asked| asked.join().unwrap() == 0));
    assert_eq!(connection(&gateway.client(), "/last"), 0);
    for _ in 0..3 {
        assert_eq!(connection(&gateway.client(), "/x"), 1, "{}", peer.process.output());
    }
}

/// Waits until the backend has said so often that it was asked for this path, and no more often.
fn was_asked(peer: &Peer, path: &str, times: usize) {
    let said = format!("asked {path}");
    wait_until(&format!("{said}, {times} times"), || {
        peer.process.output().lines().filter(|line| line.ends_with(&said)).count() == times
    });
}

#[test]
fn what_the_backend_has_not_looked_at_is_asked_once_more() {
    let peer = Peer::start("http2_backend.py", &[]);
    let gateway = in_front_of(peer.port, "protocol = 'h2'");
    for path in ["/refused-once", "/away-once"] {
        let answer = gateway.client().get(path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        was_asked(&peer, path, 2);
        let answer = gateway.client().graphql(&format!("/graphql{path}"), "{ a }", Value::Null);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.json()["body"].as_str().unwrap().contains("{ a }"), "{path}: {}", answer.body);
    }
    for path in ["/refused", "/away"] {
        let answer = gateway.client().get(path).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (502, "UPSTREAM_FAILED"), "{path}");
        was_asked(&peer, path, 2);
        let path = format!("/streamed{path}");
        let answer = gateway.client().send("POST", &path, "body").unwrap();
        assert_eq!(answer.status, 502, "its body is gone");
        was_asked(&peer, &path, 1);
    }
    assert_eq!(gateway.client().get("/x").unwrap().status, 200);
}

#[test]
fn another_connection_is_opened_where_one_carries_fewer() {
    let peer = Peer::start("http2_backend.py", &["2"]);
    let gateway = in_front_of(peer.port, "protocol = 'h2'");
    let asked: Vec<_> = (0..6)
        .map(|_| gateway.client())
        .map(|client| thread::spawn(move || client.get("/six").unwrap().json()["connection"].as_u64().unwrap()))
        .collect();
    let mut connections: Vec<u64> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
    connections.sort_unstable();
    assert_eq!(connections, [0, 0, 1, 1, 2, 2]);
}

#[test]
fn a_body_that_is_too_large_is_told_of_as_such() {
    let peer = Peer::start("http2_backend.py", &[]);
    let gateway = in_front_of(peer.port, "protocol = 'h2'");
    let mut client = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 600, "x".repeat(600));
    let head = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.write_all(format!("{head}{chunk}{chunk}0\r\n\r\n").as_bytes()).unwrap();
    let answer = read_answer(&mut client).unwrap().unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (413, "BODY_TOO_LARGE"));
    assert_eq!(gateway.client().get("/x").unwrap().json()["connection"], 0, "the connection goes on");
}

#[test]
fn a_directory_that_asks_the_backend_asks_by_tls_too() {
    let backend = Backend::on_sqlite();
    let (authority, strangers) = (Authority::new("railgate tests"), Authority::new("strangers"));
    let peer = Peer::relay(backend.port, &authority.vouch("backend", "backend", "IP:127.0.0.1"), None);
    let before = |authority: &Authority| {
        let tls = format!("[upstream.tls]\nca = '{}'\n[store]", authority.certificate().display());
        let setup = crate::upstream::setup(peer.port, "").changed("[store]", &tls);
        setup.changed("{ env = \"RAILGATE_UPSTREAM\" }", &format!("\"https://127.0.0.1:{}\"", peer.port)).start()
    };
    assert_eq!(before(&authority).login("john", "secret123")["ok"], true);
    assert_eq!(before(&strangers).login("john", "secret123")["errorCode"], "SERVICE_UNAVAILABLE");
}
