//! Where a message ends: what two parsers could see differently is refused, or leaves no second request behind.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::status;
use crate::support::{
    client::exchange,
    gateway::{Gateway, Setup},
    stub::Stub,
};

/// Every status that comes back for these bytes on one connection, which the client leaves open to the end.
fn statuses(gateway: &Gateway, bytes: &str) -> Vec<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut seen = Vec::new();
    // One that is refused before it was read to its end may be reset.
    let _end = stream.read_to_end(&mut seen);
    let seen = String::from_utf8_lossy(&seen);
    seen.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}

const CHUNKED: &str = "POST /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn chunks_that_could_be_cut_in_two_ways_are_refused() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    for body in [
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3 3\r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\rabc\r\n0\r\n\r\n",
        "3;a\nb\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "three\r\nabc\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "10000000000000003\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabc\r\n0\r\nno colon\r\n\r\n",
        "3\r\nabc\r\n0\r\na b: c\r\n\r\n",
        "3\r\nabc\r\n0\r\nX-A: b\0\r\n\r\n",
    ] {
        assert_eq!(status(&gateway, &format!("{CHUNKED}{body}")), 400, "{body:?}");
        let graphql = CHUNKED.replace("/api", "/graphql/").replace("Host", "Content-Type: application/json\r\nHost");
        assert_eq!(status(&gateway, &format!("{graphql}{body}")), 400, "{body:?}");
    }
    let extension = format!("{CHUNKED}3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(64 * 1024));
    assert_eq!(status(&gateway, &extension), 400);
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());
}

/// What is written in another way and can mean one thing only, the backend gets in the plain one.
#[test]
fn chunks_are_cut_anew() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    for body in ["003\r\nabc\r\n000\r\n\r\n", "1;a=b\r\na\r\n2;\"c\"\r\nbc\r\n0;d\r\n\r\n", "3 \r\nabc\r\n0\r\n\r\n"] {
        assert_eq!(status(&gateway, &format!("{CHUNKED}{body}")), 200, "{body:?}");
        let received = stub.take_one();
        assert_eq!((received.text(), received.all("Transfer-Encoding")), ("abc", vec!["chunked"]), "{body:?}");
        assert!(received.all("Content-Length").is_empty(), "{}", received.head);
    }
    let twice =
        "POST /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(status(&gateway, twice), 200);
    assert_eq!(stub.take_one().all("Content-Length"), ["3"]);
}

/// Somebody before the gateway may have taken the length for the end (RFC 9112 §6.1): nothing more is read.
#[test]
fn behind_a_length_beside_a_coding_nothing_is_read() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for headers in
        ["Content-Length: 100\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 100"]
    {
        let request = format!("POST /api HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n3\r\nabc\r\n0\r\n\r\n{smuggled}");
        assert_eq!(statuses(&gateway, &request), [200], "{headers}");
        assert_eq!(stub.take_one().text(), "abc");
    }
}

#[test]
fn what_follows_a_request_is_looked_at_like_any_other() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let first = "POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let second = "GET //%67raphql/ HTTP/1.1\r\nHost: b\r\nX-Auth-User-Id: 1\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&gateway, &format!("{first}{second}")), [200, 200]);
    let received = stub.requests();
    let lines: Vec<&str> = received.iter().map(|one| one.request_line()).collect();
    assert_eq!(lines, ["POST /api HTTP/1.1", "GET /graphql/ HTTP/1.1"]);
    assert!(received[1].all("X-Auth-User-Id").is_empty(), "{}", received[1].head);
    // A body where there is none is the next request, and not one.
    let get = "GET /api HTTP/1.1\r\nHost: a\r\n\r\n{\"query\":\"mutation{login}\"}\r\n\r\n";
    assert_eq!(statuses(&gateway, get), [200, 400]);
}

#[test]
fn a_head_that_is_none_is_refused() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    for head in [
        "GET  / HTTP/1.1\r\nHost: a",
        "GET\t/ HTTP/1.1\r\nHost: a",
        "GET / HTTP/1.1 \r\nHost: a",
        "GET / HTTP/1.2\r\nHost: a",
        "GET / HTTP/2.0\r\nHost: a",
        "GET / http/1.1\r\nHost: a",
        "GET /\r\nHost: a",
        "GET /a b HTTP/1.1\r\nHost: a",
        "GET api HTTP/1.1\r\nHost: a",
        "GET ?x HTTP/1.1\r\nHost: a",
        "GET http://user@a/ HTTP/1.1\r\nHost: a",
        "GET http:///x HTTP/1.1\r\nHost: a",
        "G=T@ / HTTP/1.1\r\nHost: a",
        "G(T / HTTP/1.1\r\nHost: a",
        "GET / HTTP/1.1\r\n Host: a\r\nHost: a",
        "GET / HTTP/1.1\r\nHost: a\r\n: x",
        "GET / HTTP/1.1\r\nHost: a\r\nX A: b",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rX-B: c",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0c",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\u{7f}c",
        "GET / HTTP/1.1\r\nHost: a\r\nX\u{e9}: b",
    ] {
        let request = format!("{head}\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&gateway, &request), 400, "{head:?}");
    }
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());
}

/// A fragment is no part of a target (RFC 9112 §3.2.1): one that comes anyway neither decides nor is sent.
#[test]
fn a_fragment_is_cut_off_before_anything_is_decided() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    for (target, sent) in
        [("/api#/../graphql/", "/api"), ("/graphql/#x", "/graphql/"), ("/api?a=b#?query={login}", "/api?a=b")]
    {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = exchange(gateway.port, request.as_bytes()).unwrap().unwrap();
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(stub.take_one().request_line(), format!("GET {sent} HTTP/1.1"));
    }
}
