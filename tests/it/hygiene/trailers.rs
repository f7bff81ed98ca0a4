//! What comes behind a body, in either direction and either version of HTTP.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::{get, status};
use crate::{
    support::{
        gateway::{Gateway, Setup},
        stub::{Stub, answer},
    },
    transport::{
        http2::said,
        upstream::{Peer, header, in_front_of},
    },
};

const HEAD: &str = "POST /trailers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close";
const ANNOUNCED: &str = "Trailer: X-Checksum, X-Auth-User-Id, Content-Length\r\nTrailer: Grpc-Status";
const BEHIND: &str = "5\r\nhello\r\n0\r\nX-Checksum: 1\r\nX-Auth-User-Id: forged\r\nx_auth_user_id: forged\r\n\
    Content-Length: 3\r\nGrpc-Status: 0\r\nX-Unannounced: 1\r\n\r\n";

/// All that comes back, to the end of the connection.
fn whole(gateway: &Gateway, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut seen = Vec::new();
    stream.read_to_end(&mut seen).unwrap();
    String::from_utf8(seen).unwrap()
}

/// A backend with trailers behind its answers, some of which are none of its business.
fn trailing() -> Stub {
    Stub::with(|_, stream| {
        stream.write_all(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status, X-Auth-User-Id, Set-Cookie\r\n\r\n\
              2\r\nab\r\n0\r\nGrpc-Status: 0\r\nX-Auth-User-Id: 1\r\nx_auth_roles: admin\r\nSet-Cookie: jwt=planted\r\n\r\n",
        )
    })
}

#[test]
fn a_clients_go_along_but_for_what_belongs_in_front() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "[server]\nthreads = 1\n").start();
    assert_eq!(status(&gateway, &format!("{HEAD}\r\n{ANNOUNCED}\r\n\r\n{BEHIND}")), 200);
    let received = stub.take_one();
    assert_eq!(received.text(), "hello");
    assert_eq!(received.all("Trailer"), ["x-checksum", "grpc-status"]);
    assert_eq!(received.trailers, "x-checksum: 1\r\ngrpc-status: 0\r\n");
    assert!(received.all("TE").is_empty(), "nobody said that answers may have some");
    assert_eq!(get(&gateway, "/", "").status, 200, "the connection to the backend is not out of step");
    let next = stub.take_one();
    assert_eq!((next.request_line(), next.connection), ("GET / HTTP/1.1", received.connection));

    assert_eq!(status(&gateway, &format!("{HEAD}\r\n\r\n{BEHIND}")), 200);
    assert_eq!(stub.take_one().trailers, "", "not announced");
}

/// What is read here is written anew, without.
#[test]
fn none_come_behind_a_document() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let body = "{\"query\":\"{a}\"}";
    let head = "POST /graphql/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked";
    let chunk = format!("{:x}\r\n{body}\r\n0\r\nX-Checksum: 1\r\n\r\n", body.len());
    assert_eq!(status(&gateway, &format!("{head}\r\nTrailer: X-Checksum\r\n\r\n{chunk}")), 200);
    let received = stub.take_one();
    assert_eq!((received.text(), received.trailers.as_str()), (body, ""));
    assert!(received.all("Trailer").is_empty(), "{}", received.head);
}

#[test]
fn the_backends_go_along_where_they_are_welcome() {
    let stub = trailing();
    let gateway = Setup::before(&stub, "[server]\nthreads = 1\n").start();
    for (lines, behind) in [("TE: trailers\r\n", "grpc-status: 0\r\n"), ("TE: gzip\r\n", ""), ("", "")] {
        let seen = whole(&gateway, &format!("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n"));
        assert!(seen.ends_with(&format!("\r\n2\r\nab\r\n0\r\n{behind}\r\n")), "{lines}{seen}");
        let seen = seen.to_lowercase();
        assert!(
            seen.contains("trailer: grpc-status\r\n") && !seen.contains("auth") && !seen.contains("planted"),
            "{seen}"
        );
        let received = stub.take_one();
        let told: &[&str] = if behind.is_empty() { &[] } else { &["trailers"] };
        assert_eq!(received.all("TE"), told);
        assert_eq!(received.connection, 0, "which serves again");
    }
}

#[test]
fn between_http_2_and_http_1_they_go_along() {
    let stub = trailing();
    let kept = "[upstream]\nidle_timeout = '10m'\n";
    let gateway = Setup::before(&stub, "[server]\nthreads = 1\n").changed("[upstream]\n", kept).start();
    for _ in 0..2 {
        assert_eq!(said(gateway.port, "trailers"), ":status=200 grpc-status=0");
        let received = stub.take_one();
        assert_eq!((received.text(), received.trailers.as_str()), ("body", "x-checksum: 1\r\n"));
        assert_eq!((received.all("TE"), received.all("Connection")), (vec!["trailers"], vec!["TE"]));
        assert_eq!(received.connection, 0, "which serves again");
    }
}

#[test]
fn to_a_backend_of_http_2_they_need_no_announcement() {
    let peer = Peer::start("http2_backend.py", &[]);
    let gateway = in_front_of(peer.port, "protocol = 'h2'");
    assert_eq!(said(gateway.port, "trailers"), ":status=200 grpc-status=0");
    let seen = whole(&gateway, &format!("{HEAD}\r\nTE: trailers\r\n\r\n{BEHIND}"));
    assert!(seen.ends_with("\r\n0\r\ngrpc-status: 0\r\n\r\n"), "{seen}");
    let told: serde_json::Value = seen[seen.find('{').unwrap()..=seen.rfind('}').unwrap()].parse().unwrap();
    assert_eq!((header(&told, "te"), header(&told, "connection")), (vec!["trailers".to_owned()], vec![]));
    assert_eq!(header(&told, "trailer"), Vec::<String>::new());
    let mut behind = told["trailers"].as_array().unwrap().iter().map(|pair| pair.to_string()).collect::<Vec<_>>();
    behind.sort_unstable();
    assert_eq!(behind, [r#"["grpc-status","0"]"#, r#"["x-checksum","1"]"#, r#"["x-unannounced","1"]"#]);
}

#[test]
fn more_than_a_head_may_hold_is_too_much() {
    let stub = Stub::with(|_, stream| stream.write_all(answer("", "{}").as_bytes()));
    let gateway = Setup::before(&stub, "").start();
    for lines in ["X-A: b\r\n".repeat(200), format!("X-A: {}\r\n", "b".repeat(64 * 1024))] {
        let request = format!("{HEAD}\r\nTrailer: X-A\r\n\r\n1\r\nx\r\n0\r\n{lines}\r\n");
        assert_eq!(status(&gateway, &request), 400, "{}", lines.len());
        assert!(stub.requests().is_empty());
    }
}
