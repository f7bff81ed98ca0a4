//! Answers that come bit by bit: each bit is the client's before the backend makes the next.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{Mutex, mpsc},
    time::Duration,
};

use crate::support::{
    django::Backend,
    gateway::{AUTH, STUB_SECRET, Setup, Tokens},
    jwt,
    stub::Stub,
};

/// Reads until this has come.
fn read_until(stream: &mut TcpStream, end: &str) {
    let (mut text, mut bytes) = (String::new(), [0; 1024]);
    while !text.contains(end) {
        let count = stream.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(count > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}

#[test]
fn events_and_deferred_parts_are_not_held_back() {
    let (heard, hears) = mpsc::channel::<()>();
    let hears = Mutex::new(hears);
    let stub = Stub::with(move |received, stream| {
        let kind = received.all("Accept").join("");
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for piece in ["first", "then", "last"] {
            write!(stream, "{:x}\r\n{piece}\r\n", piece.len())?;
            // Made only when the one before has been read by the client.
            hears.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
        }
        stream.write_all(b"0\r\n\r\n")
    });
    let gateway = Setup::before(&stub, "").start();
    // One goes on as it came, one as it was understood.
    let documents = [r#"{"query":"subscription { ticks }"}"#, r#"{"query":"subscription { t\u0069cks }"}"#];
    for kind in ["text/event-stream", "multipart/mixed;boundary=-"] {
        for (path, body) in [(AUTH, documents[0]), (AUTH, documents[1]), ("/events/", documents[0])] {
            let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let length = body.len();
            let head =
                format!("POST {path} HTTP/1.1\r\nHost: a\r\nAccept: {kind}\r\nContent-Type: application/json\r\n");
            stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
            for piece in ["first", "then", "last"] {
                read_until(&mut stream, piece);
                heard.send(()).unwrap();
            }
            read_until(&mut stream, "0\r\n\r\n");
        }
    }
}

/// A backend whose answers go on until nobody takes them.
fn endless() -> Stub {
    Stub::with(|received, stream| {
        let kind = received.all("Accept").join("");
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            stream.write_all(b"4\r\ntick\r\n")?;
            std::thread::sleep(Duration::from_millis(50));
        }
    })
}

/// One that has begun, asked for with this token.
fn begun(port: u16, kind: &str, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let asked = format!("GET /events HTTP/1.1\r\nHost: a\r\nAccept: {kind}\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(asked.as_bytes()).unwrap();
    read_until(&mut stream, "tick");
    stream
}

#[test]
fn an_answer_that_goes_on_ends_with_its_session_and_no_other_does() {
    let (stub, directory) = (endless(), Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let mut gateway = Setup::bare(stub.port, directory.url(), STUB_SECRET)
        .changed("#recheck = \"60s\"", "recheck = \"10m\"")
        .changed("#max_staleness = \"5m\"", "max_staleness = \"10m\"")
        .changed("#shutdown_grace = \"30s\"", "shutdown_grace = \"2s\"")
        .start();
    let log_in = || Tokens::of(&gateway.login("john", "secret123")).access;
    let (ending, staying) = (log_in(), log_in());
    let events = ["text/event-stream", "multipart/mixed"].map(|kind| begun(gateway.port, kind, &ending));
    let mut download = begun(gateway.port, "application/octet-stream", &ending);
    let mut others = begun(gateway.port, "text/event-stream", &staying);
    let out = gateway.client().bearer(&ending).graphql(AUTH, "mutation { logout { ok } }", serde_json::json!({}));
    assert_eq!(out.json()["data"]["logout"]["ok"], serde_json::json!(true));
    for mut stream in events {
        read_until(&mut stream, "0\r\n\r\n");
    }
    for stream in [&mut download, &mut others] {
        let mut text = String::new();
        while text.matches("tick").count() < 50 {
            let mut bytes = [0; 1024];
            let count = stream.read(&mut bytes).unwrap();
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
            assert!(count > 0 && !text.contains("\r\n0\r\n"), "{text}");
        }
    }
    gateway.process.signal(libc::SIGTERM);
    read_until(&mut others, "0\r\n\r\n");
    assert!(gateway.process.wait(Duration::from_secs(30)).success());
}

#[test]
fn one_by_a_token_without_a_session_ends_with_that() {
    let gateway = Setup::before(&endless(), "").start();
    let mut claims = jwt::johns_claims();
    claims["exp"] = (claims["iat"].as_u64().unwrap() + 4).into();
    let mut stream = begun(gateway.port, "text/event-stream", &jwt::sign(STUB_SECRET, &claims));
    read_until(&mut stream, "0\r\n\r\n");
}
