//! Upgrades on paths that are not GraphQL's.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{ACCEPT, KEY, echo, head, is_closed, send, status, upgrade};
use crate::support::{
    client::{exchange, read_answer},
    django::Backend,
    gateway::{AUTH, Gateway, STUB_SECRET, Setup, Tokens},
    jwt,
    redis::RedisServer,
    stub::{Stub, answer},
};

const PATH: &str = "/ws/chat/";

fn johns() -> String {
    format!("Authorization: Bearer {}\r\n", jwt::sign(STUB_SECRET, &jwt::johns_claims()))
}

/// An open socket.
fn open(port: u16, headers: &str) -> TcpStream {
    let mut stream = send(port, upgrade(PATH, headers).as_bytes());
    let head = head(&mut stream);
    assert_eq!(status(&head), 101, "{head}");
    stream
}

/// What is said comes back.
fn is_alive(stream: &mut TcpStream) -> bool {
    let mut heard = [0; 5];
    stream.write_all(b"hello").is_ok() && stream.read_exact(&mut heard).is_ok() && heard == *b"hello"
}

#[test]
fn an_upgrade_tells_the_backend_who_asks_and_its_answer_is_cleaned() {
    let stub = echo(
        "X-Auth-User-Id: 7\r\nx_auth_roles: admin\r\nSet-Cookie: jwt=planted\r\nSet-Cookie: theme=dark\r\n\
         Sec-WebSocket-Protocol: chat\r\n",
    );
    let gateway = Setup::before(&stub, "").start();
    let spoofs =
        "X-Auth-User-Id: 7\r\nx_auth.username: root\r\nConnection: X-Auth-Username\r\nForwarded: for=6.6.6.6\r\n";
    let rest = "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\nCookie: jwt=x; a=b\r\n";
    let mut stream = send(gateway.port, upgrade(PATH, &format!("{}{spoofs}{rest}", johns())).as_bytes());
    let head = head(&mut stream).to_lowercase();
    for line in ["connection: upgrade", "upgrade: websocket", "sec-websocket-protocol: chat", "set-cookie: theme=dark"]
    {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert!(head.contains(&ACCEPT.to_lowercase()), "{head}");
    assert!(!head.contains("x-auth") && !head.contains("x_auth") && !head.contains("planted"), "{head}");
    let seen = stub.take_one();
    let all = |name: &str| seen.all(name).join("|");
    assert_eq!((all("Upgrade"), all("Connection")), ("websocket".into(), "Upgrade".into()), "{}", seen.head);
    assert_eq!((all("X-Auth-Username"), all("X-Auth-User-Id")), ("john".into(), "1".into()), "{}", seen.head);
    assert_eq!((all("Authorization"), all("Cookie"), all("Forwarded")), (String::new(), "a=b".into(), String::new()));
    assert_eq!((all("Sec-WebSocket-Key"), all("Sec-WebSocket-Version")), (KEY.into(), "13".into()));
    assert_eq!(
        (all("Sec-WebSocket-Extensions"), all("X-Forwarded-For")),
        ("permessage-deflate".into(), "127.0.0.1".into())
    );
    assert!(is_alive(&mut stream));
}

#[test]
fn bytes_go_both_ways_at_once_and_an_end_is_passed_on() {
    let stub = echo("");
    let gateway = Setup::before(&stub, "").start();
    let mut stream = open(gateway.port, "");
    let sent: Vec<u8> = (0..4_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (mut writer, whole) = (stream.try_clone().unwrap(), sent.clone());
    let writing = thread::spawn(move || {
        writer.write_all(&whole).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    writing.join().unwrap();
    assert!(heard == sent, "{} of {} bytes", heard.len(), sent.len());
}

/// A pipelined request is none until the backend has refused; behind a 101 it is what is said on the socket.
#[test]
fn nothing_behind_an_upgrade_is_sent_before_the_backend_agrees() {
    let (go, may_go) = mpsc::channel::<()>();
    let (may_go, early) = (Mutex::new(may_go), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&early);
    let stub = Stub::with(move |received, stream| {
        match received.request_line() {
            "GET /refused/ HTTP/1.1" => {}
            "GET /agreed/ HTTP/1.1" => {
                may_go.lock().unwrap().recv().unwrap();
                stream.set_nonblocking(true)?;
                let mut bytes = [0; 64];
                if let Ok(count) = stream.read(&mut bytes) {
                    noted.lock().unwrap().extend_from_slice(&bytes[..count]);
                }
                stream.set_nonblocking(false)?;
                stream.write_all(
                    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                )?;
                let mut heard = [0; 18];
                stream.read_exact(&mut heard)?;
                stream.write_all(&heard)?;
            }
            _ => return stream.write_all(answer("", "\"next\"").as_bytes()),
        }
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    });
    let gateway = Setup::before(&stub, "").start();
    let behind = "GET /x HTTP/1.1\r\n\r\n";
    let refused = format!("{}GET /next HTTP/1.1\r\nHost: a\r\n\r\n", upgrade("/refused/", ""));
    let mut stream = send(gateway.port, refused.as_bytes());
    let mut both = String::new();
    while !both.ends_with("\"next\"") {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "{both}");
        both.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    assert!(both.starts_with("HTTP/1.1 403 ") && both.contains("\r\n\r\nnoHTTP/1.1 200 "), "{both}");
    let mut stream = send(gateway.port, format!("{}{}", upgrade("/agreed/", ""), &behind[..18]).as_bytes());
    go.send(()).unwrap();
    assert_eq!(status(&head(&mut stream)), 101);
    let mut heard = [0; 18];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(std::str::from_utf8(&heard).unwrap(), &behind[..18]);
    assert!(early.lock().unwrap().is_empty(), "{early:?}");
    let lines: Vec<String> = stub.requests().iter().map(|seen| seen.request_line().to_owned()).collect();
    assert_eq!(lines, ["GET /refused/ HTTP/1.1", "GET /next HTTP/1.1", "GET /agreed/ HTTP/1.1"]);
}

#[test]
fn what_is_no_request_for_a_socket_goes_on_as_any_other() {
    let stub = echo("");
    let gateway = Setup::before(&stub, "").start();
    let off = Setup::before(&stub, "[websocket]\nenabled = false\n").start();
    for (gateway, request) in [
        (&gateway, upgrade(PATH, "").replace("Upgrade: websocket", "Upgrade: h2c")),
        (&gateway, upgrade(PATH, "").replace("keep-alive, Upgrade", "keep-alive")),
        (&gateway, upgrade(PATH, "").replace("GET ", "POST ")),
        (&gateway, upgrade(PATH, "Content-Length: 1\r\n").replace("\r\n\r\n", "\r\n\r\nx")),
        (&off, upgrade(PATH, "")),
    ] {
        let answer = exchange(gateway.port, request.as_bytes()).unwrap().unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "{request}");
        let seen = stub.take_one();
        assert!(seen.all("Upgrade").is_empty() && seen.all("Connection").is_empty(), "{}", seen.head);
    }
    let both = upgrade(PATH, "").replace("Upgrade: websocket", "Upgrade: h2c, WebSocket");
    assert_eq!(status(&head(&mut send(gateway.port, both.as_bytes()))), 101);
    assert_eq!(stub.take_one().all("Upgrade"), ["websocket"]);
}

#[test]
fn a_backend_that_switches_to_something_else_is_out_of_order() {
    let stub = Stub::with(|_, stream| {
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx")
    });
    let gateway = Setup::before(&stub, "").start();
    let answer = exchange(gateway.port, upgrade(PATH, "").as_bytes()).unwrap().unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (502, "UPSTREAM_FAILED"));
}

/// A page of another site may open a socket, too, and its browser adds the cookies.
#[test]
fn another_sites_page_opens_no_socket_by_cookie() {
    let stub = echo("");
    let gateway = Setup::before(&stub, "[cookies]\ntrusted_origins = [\"https://app.good.com\"]\n").start();
    let cookie = format!("Cookie: jwt={}\r\n", jwt::sign(STUB_SECRET, &jwt::johns_claims()));
    for origin in ["https://evil.com", "null", "https://good.com.evil", "https://sub.good.com"] {
        let request = upgrade(PATH, &format!("{cookie}Origin: {origin}\r\n"));
        let answer = exchange(gateway.port, request.as_bytes()).unwrap().unwrap();
        assert_eq!((answer.status, &answer.json()["errors"][0]["code"]), (403, &json!("CSRF_FAILED")), "{origin}");
    }
    assert!(stub.requests().is_empty());
    for origin in ["https://good.com", "https://app.good.com"] {
        open(gateway.port, &format!("{cookie}Origin: {origin}\r\n"));
        assert_eq!(stub.take_one().all("X-Auth-Method"), ["rail-jwt"], "{origin}");
    }
    open(gateway.port, "Origin: https://evil.com\r\n");
    assert!(stub.take_one().all("X-Auth-Username").is_empty(), "nobody's: whether it may is for the backend to say");
}

/// Django's session is the backend's, which would let the page in by it.
#[test]
fn another_sites_page_opens_no_socket_by_djangos_session() {
    let stub = echo("");
    let gateway = Setup::before(&stub, "").start();
    let cookie = "Cookie: sessionid=x\r\n";
    for page in ["Origin: https://evil.com\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        let request = upgrade(PATH, &format!("{cookie}{page}"));
        let answer = exchange(gateway.port, request.as_bytes()).unwrap().unwrap();
        assert_eq!((answer.status, &answer.json()["errors"][0]["code"]), (403, &json!("CSRF_FAILED")), "{page}");
    }
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());
    assert!(is_alive(&mut open(gateway.port, &format!("{cookie}Origin: http://good.com\r\n"))));
    assert!(is_alive(&mut open(gateway.port, cookie)), "no page's");
}

#[test]
fn a_listener_that_requires_a_caller_requires_one_of_a_socket() {
    let stub = echo("");
    let gateway = Setup::before(&stub, "")
        .changed(
            "address = { env = \"RAILGATE_LISTEN\" }",
            "address = { env = \"RAILGATE_LISTEN\" }\nauth = \"required\"",
        )
        .start();
    let answer = exchange(gateway.port, upgrade(PATH, "").as_bytes()).unwrap().unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHENTICATED"));
    assert!(stub.requests().is_empty());
    assert!(is_alive(&mut open(gateway.port, &johns())));
}

/// Gateways on one Redis, in front of one stub.
struct Pair {
    one: Gateway,
    other: Gateway,
    /// The same, which soon asks again whether a user may still come in; the others leave that to the feed.
    asking: Gateway,
    directory: Backend,
    _redis: RedisServer,
    _stub: Stub,
}

impl Pair {
    fn start() -> Self {
        let (stub, directory, redis) = (echo(""), Backend::sqlite(), RedisServer::start());
        directory.cheap_password("john", "secret123");
        let setup = Setup::bare(stub.port, directory.url(), STUB_SECRET)
            .store(&redis.url())
            .changed("#recheck = \"60s\"", "recheck = \"10m\"")
            .changed("#max_staleness = \"5m\"", "max_staleness = \"10m\"");
        let (one, other) = (setup.start(), setup.start());
        let asking = setup.changed("recheck = \"10m\"", "recheck = \"2s\"").start();
        Self { one, other, asking, directory, _redis: redis, _stub: stub }
    }

    fn log_in(&self) -> Tokens {
        Tokens::of(&self.one.login("john", "secret123"))
    }
}

#[test]
fn a_socket_ends_with_the_session_that_opened_it_wherever_that_ends() {
    let pair = Pair::start();
    let (ending, staying) = (pair.log_in(), pair.log_in());
    let opened = |gateway: &Gateway, tokens: &Tokens| {
        open(gateway.port, &format!("Authorization: Bearer {}\r\n", tokens.access))
    };
    let (mut ending_here, mut by_cookie) = (
        opened(&pair.one, &ending),
        open(pair.one.port, &format!("Cookie: jwt={}\r\nOrigin: http://good.com\r\n", ending.access)),
    );
    let (mut staying_here, mut nobodys) = (opened(&pair.asking, &staying), open(pair.one.port, ""));
    let out = pair.other.client().bearer(&ending.access).graphql(AUTH, "mutation { logout { ok } }", json!({}));
    assert_eq!(out.json()["data"]["logout"]["ok"], json!(true));
    assert!(is_closed(&mut ending_here) && is_closed(&mut by_cookie));
    assert!(is_alive(&mut staying_here) && is_alive(&mut nobodys));
    pair.directory.python("User.objects.filter(username='john').update(is_active=False)");
    assert!(is_closed(&mut staying_here), "its user may not come in any more");
    assert!(is_alive(&mut nobodys));
}

#[test]
fn a_socket_by_a_token_without_a_session_lasts_no_longer_than_the_token() {
    let stub = echo("");
    let gateway = Setup::before(&stub, "").start();
    let open_for = |seconds: u64| {
        let mut claims = jwt::johns_claims();
        claims["exp"] = json!(claims["iat"].as_u64().unwrap() + seconds);
        open(gateway.port, &format!("Authorization: Bearer {}\r\n", jwt::sign(STUB_SECRET, &claims)))
    };
    let (mut lasting, mut ending) = (open_for(600), open_for(4));
    assert!(is_alive(&mut ending));
    assert!(is_closed(&mut ending));
    assert!(is_alive(&mut lasting));
}

#[test]
fn a_socket_goes_on_for_the_grace_of_a_stop_and_no_longer() {
    let stub = echo("");
    let mut gateway = Setup::before(&stub, "[server]\nshutdown_grace = \"4s\"\n").start();
    let mut stream = open(gateway.port, &johns());
    gateway.process.signal(libc::SIGTERM);
    gateway.process.wait_for_line("stopping");
    assert!(is_alive(&mut stream), "while others finish");
    assert!(is_closed(&mut stream));
    assert!(gateway.process.wait(Duration::from_secs(30)).success());
    assert!(!gateway.process.output().contains("still in flight"), "{}", gateway.process.output());
}

#[test]
fn who_is_gone_is_gone_on_both_sides() {
    let (told, tells) = mpsc::channel();
    let told = Mutex::new(told);
    let stub = Stub::with(move |_, stream| {
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")?;
        let ended = stream.read(&mut [0]);
        told.lock().unwrap().send(matches!(ended, Ok(0) | Err(_))).unwrap();
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let gateway = Setup::before(&stub, "").start();
    drop(open(gateway.port, ""));
    assert_eq!(tells.recv_timeout(Duration::from_secs(60)), Ok(true));
    let mut stream = send(gateway.port, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(read_answer(&mut stream).unwrap().unwrap().status, 502, "it was not asked to switch");
}
