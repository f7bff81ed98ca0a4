//! What a client may not say, in whatever spelling: the gateway's own headers, a second reading of framing, host or path.
//! Asserted on the bytes that arrive at the backend.

use std::io::Write as _;

use crate::support::{
    client::{Answer, exchange},
    gateway::{Gateway, STUB_SECRET, Setup},
    jwt,
    stub::{Received, Stub, answer},
};

mod forwarded;
mod framing;
mod limits;
mod request_id;
mod trailers;

const IDENTITY: [&str; 10] = [
    "X-Auth-User-Id",
    "X-Auth-Username",
    "X-Auth-Email",
    "X-Auth-Roles",
    "X-Auth-Permissions",
    "X-Auth-Session-Id",
    "X-Auth-Method",
    "X-Auth-Mfa",
    "X-Auth-Time",
    "X-Auth-Assertion",
];

fn spellings(name: &str) -> [String; 6] {
    [
        name.to_owned(),
        name.to_uppercase(),
        name.to_lowercase(),
        name.replace('-', "_"),
        name.replace('-', "."),
        name.replacen('-', "_", 1),
    ]
}

fn token() -> String {
    jwt::sign(STUB_SECRET, &jwt::johns_claims())
}

fn get(gateway: &Gateway, path: &str, headers: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: api.example.com\r\n{headers}\r\n");
    exchange(gateway.port, request.as_bytes()).expect("an exchange").expect("an answer")
}

fn status(gateway: &Gateway, request: &str) -> u16 {
    exchange(gateway.port, request.as_bytes()).expect("an exchange").map_or(0, |answer| answer.status)
}

#[test]
fn no_spelling_of_an_identity_header_comes_through() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let bearer = format!("Authorization: Bearer {}\r\n", token());
    for path in ["/graphql/", "/graphql/gql/?query=%7Bme%7D", "/api/articles", "/admin/"] {
        for credential in ["", &bearer] {
            for spelling in IDENTITY.iter().flat_map(|name| spellings(name)) {
                let forged = format!("{spelling}: forged\r\n{spelling}: forged too\r\n{credential}");
                assert_eq!(get(&gateway, path, &forged).status, 200, "{path} {spelling}");
                let received = stub.take_one();
                assert!(!received.head.contains("forged"), "{}", received.head);
                let expected = if credential.is_empty() { vec![] } else { vec!["1"] };
                assert_eq!(received.all("X-Auth-User-Id"), expected, "{}", received.head);
            }
        }
    }
}

#[test]
fn connection_can_not_take_identity_away() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let headers = format!(
        "Authorization: Bearer {}\r\nConnection: X-Auth-User-Id, X-Forwarded-For, X-Own\r\nConnection: Host\r\nX-Own: 1\r\n",
        token()
    );
    assert_eq!(get(&gateway, "/", &headers).status, 200);
    let received = stub.take_one();
    assert_eq!(received.all("X-Auth-User-Id"), ["1"]);
    assert_eq!(received.all("X-Forwarded-For"), ["127.0.0.1"]);
    assert_eq!(received.all("Host"), ["api.example.com"]);
    assert!(received.all("X-Own").is_empty() && received.all("Connection").is_empty(), "{}", received.head);
}

#[test]
fn where_a_request_came_from_is_the_gateways_word() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let forged = "X-Forwarded-For: 6.6.6.6\r\nx_forwarded_for: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example.com\r\n";
    get(&gateway, "/", forged);
    let received = stub.take_one();
    assert!(!received.head.contains("6.6.6.6") && !received.head.contains("evil"), "{}", received.head);
    assert_eq!(received.all("X-Forwarded-For"), ["127.0.0.1"]);
    assert_eq!(received.all("X-Forwarded-Host"), ["api.example.com"]);
    assert_eq!(received.all("X-Forwarded-Proto"), ["http"]);
}

#[test]
fn ambiguous_framing_is_refused() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    for headers in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity\r\nContent-Length: 3",
        "Transfer-Encoding : chunked",
        "Content-Length: 3,3",
        "Content-Length: +3",
        "Content-Length: 0x3",
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length : 3",
        "X-Folded: a\r\n b\r\nContent-Length: 3",
        "Host: b",
    ] {
        for path in ["/graphql/", "/api"] {
            let request = format!("POST {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
            assert_eq!(status(&gateway, &request), 400, "{headers}");
        }
    }
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
        "GET http://other.example.com/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        assert_eq!(status(&gateway, request), 400, "{request}");
    }
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());
}

/// What is not refused is framed anew, so that the backend has one reading.
#[test]
fn lenient_framing_is_forwarded_in_one_reading() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let framing = |received: &Received| (received.all("content-length").len(), received.all("transfer-encoding").len());
    for request in [
        "POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "POST /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 100\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "POST /api HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc",
        "POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent_Length: 100\r\n\r\nabc",
        "POST /api HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    ] {
        assert_eq!(status(&gateway, request), 200, "{request}");
        let received = stub.take_one();
        assert_eq!(received.text(), "abc");
        let (lengths, codings) = framing(&received);
        assert_eq!(lengths + codings, 1, "{}", received.head);
        assert_eq!(received.request_line(), "POST /api HTTP/1.1");
    }
}

#[test]
fn the_path_that_decides_is_the_path_that_is_sent() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    for (target, sent) in [
        ("/%67raphql/", "/graphql/"),
        ("//graphql//", "/graphql/"),
        ("http://api.example.com/graphql/", "/graphql/"),
        ("/Graphql/", "/Graphql/"),
        ("/api/a%20b?x=%2e%2e//", "/api/a%20b?x=%2e%2e//"),
        ("/api/a%2fb", "/api/a%2Fb"),
    ] {
        assert_eq!(get(&gateway, target, "").status, 200, "{target}");
        assert_eq!(stub.take_one().request_line(), format!("GET {sent} HTTP/1.1"));
    }
    for target in [
        "/x/../graphql/",
        "/x/%2e%2e/graphql/",
        "/..;a/graphql/",
        "/%2567raphql/",
        "/%2fgraphql/",
        "/x%2f..%2fgraphql/",
        "/x\\..\\graphql/",
        "/x%5c..%5cgraphql/",
        "/graphql%00",
        "/%zz",
    ] {
        assert_eq!(get(&gateway, target, "").status, 400, "{target}");
    }
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());
}

/// gunicorn cuts `SCRIPT_NAME` off the path, and other servers take a whole path from a header: what is no GraphQL path
/// here would be one there.
#[test]
fn no_header_says_that_the_path_is_another() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    for name in ["SCRIPT_NAME", "Script-Name", "PATH_INFO", "X-Original-URL", "X-Rewrite-URL", "X-Script-Name"] {
        assert_eq!(get(&gateway, "/x/graphql/auth/", &format!("{name}: /elsewhere\r\n")).status, 200);
        let received = stub.take_one();
        assert!(!received.head.contains("/elsewhere"), "{}", received.head);
    }
}

/// What a body is has one answer, also for a server that reads `Content_Type` as `Content-Type`.
#[test]
fn no_header_says_that_the_body_is_another() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let body = "query=mutation{%6cogin{ok}}";
    let client = gateway.client().with("Content-Type", "application/json");
    for name in ["Content_Type", "Content.Type", "Content_Encoding"] {
        client.with(name, "application/x-www-form-urlencoded").send("POST", "/graphql/", body).expect("an answer");
        let received = stub.take_one();
        assert!(!received.head.contains("urlencoded"), "{}", received.head);
    }
}

/// Whatever way a GraphQL path is spelt, a login in it is not forwarded.
#[test]
fn no_spelling_of_the_path_lets_a_login_past_the_gateway() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let body = r#"{"query":"mutation { login(username: \"u\") { ok } }"}"#;
    for path in [
        "/graphql",
        "/graphql/",
        "//graphql/",
        "/Graphql/",
        "/GRAPHQL",
        "/graphql//",
        "/%67raphql/",
        "/graphql%2f",
        "/graphql;x",
        "/graphql/gql/",
        "/graphql-test/",
        "/x/../graphql/",
        "/..;a/graphql/",
        "/x\\graphql/",
        "/x/..\\graphql/",
        "/%2567raphql/",
        "/graphql%252f",
        "/graphql/%2e/",
        "/graphql/#x",
        "http://a/graphql/",
    ] {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        assert_eq!(status(&gateway, &request), 400, "{path}");
    }
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());
}

#[test]
fn methods_that_are_not_for_graphql_are_refused_there() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let body = r#"{"query":"{ login }"}"#;
    let length = body.len();
    let json = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "QUERY"] {
        for (target, headers, body) in
            [("/graphql/", "", ""), ("/graphql/?query=%7Blogin%7D", "", ""), ("/graphql/", json.as_str(), body)]
        {
            let request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n{body}");
            let answer = exchange(gateway.port, request.as_bytes()).expect("an exchange").expect("an answer");
            assert_eq!((answer.status, answer.all("Allow")), (405, vec!["GET, POST, OPTIONS"]), "{method} {target}");
        }
    }
    // Whatever the path: some backends read them as if they were large.
    for method in ["post", "get", "Post"] {
        let request = format!("{method} /graphql/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{json}\r\n{body}");
        let answer = exchange(gateway.port, request.as_bytes()).expect("an exchange").expect("an answer");
        assert_eq!(answer.status, 405, "{method}");
    }
    for method in ["TRACE", "CONNECT"] {
        let refused = status(&gateway, &format!("{method} /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        assert!(matches!(refused, 400 | 405), "{method}: {refused}");
    }
    assert!(stub.requests().is_empty());
    let overrides = "X-HTTP-Method-Override: POST\r\nX-Method-Override: POST\r\nX_HTTP_Method_Override: POST\r\n";
    get(&gateway, "/graphql/?query=%7Ba%7D", overrides);
    assert!(!stub.take_one().head.to_lowercase().contains("override"));
    assert_eq!(status(&gateway, "OPTIONS /graphql/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 200);
    assert_eq!(stub.take_one().request_line(), "OPTIONS /graphql/ HTTP/1.1");
}

#[test]
fn heads_have_limits() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "[server]\nheader_limit = '16KiB'").start();
    assert_eq!(get(&gateway, "/", &"X-A: b\r\n".repeat(101)).status, 431);
    assert_eq!(get(&gateway, "/", &format!("X-A: {}\r\n", "b".repeat(17 * 1024))).status, 431);
    assert_eq!(get(&gateway, "/", &format!("X-A: {}\r\n", "b".repeat(500 * 1024))).status, 431);
    assert!(stub.requests().is_empty());
    assert_eq!(get(&gateway, "/", &format!("X-A: {}\r\n", "b".repeat(8 * 1024))).status, 200);
}

#[test]
fn bodies_have_limits() {
    let stub = Stub::start();
    let more = "[server]\nbody_limit = '64KiB'\nbody_timeout = '300ms'\n[graphql]\nbody_limit = '8KiB'";
    let gateway = Setup::before(&stub, more).start();
    let post = |path: &str, headers: &str, body: &str| {
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{headers}\r\n{body}");
        exchange(gateway.port, request.as_bytes()).expect("an exchange").expect("an answer")
    };
    let chunks = |count: usize| format!("{}0\r\n\r\n", format!("1000\r\n{}\r\n", "x".repeat(0x1000)).repeat(count));

    for path in ["/api", "/graphql/"] {
        assert_eq!(post(path, "Content-Length: 10000000000\r\n", "").status, 413, "{path}, as it says");
    }
    assert_eq!(post("/graphql/", "Content-Length: 9000\r\n", &"x".repeat(9000)).status, 413);
    assert_eq!(post("/graphql/", "Transfer-Encoding: chunked\r\n", &chunks(3)).status, 413);
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());
    let slow = post("/graphql/", "Content-Length: 100\r\n", "{");
    assert_eq!((slow.status, slow.code().as_str()), (408, "BODY_TIMEOUT"));
    assert_eq!(post("/api", "Transfer-Encoding: chunked\r\n", &chunks(15)).status, 200);
    assert_eq!(stub.take_one().body.len(), 15 * 0x1000);
    assert_eq!(post("/api", "Transfer-Encoding: chunked\r\n", &chunks(20)).status, 413, "counted on the way");
    assert!(stub.requests().is_empty(), "the backend got no whole request");
}

#[test]
fn what_can_be_encoded_in_other_ways_is_not_read_as_graphql() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let body = r#"{"query":"{ me { id } }"}"#;
    for headers in [
        "Content-Type: text/plain\r\n",
        "Content-Type: application/jsonx\r\n",
        "Content-Type: application/json; charset=utf-7\r\n",
        "Content-Type: application/json; charset*=utf-8''utf-7\r\n",
        "Content-Type: application/json\r\nContent-Type: application/json\r\n",
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
        "",
    ] {
        let length = body.len();
        let request = format!("POST /graphql/ HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        let answer = exchange(gateway.port, request.as_bytes()).expect("an exchange").expect("an answer");
        let (header, readable) = if headers.contains("gzip") {
            ("Accept-Encoding", "identity")
        } else {
            ("Accept", "application/json, application/graphql, application/x-www-form-urlencoded, multipart/form-data")
        };
        assert_eq!((answer.status, answer.all(header)), (415, vec![readable]), "{headers}");
    }
    assert!(stub.requests().is_empty());
}

#[test]
fn the_backend_sets_neither_the_gateways_headers_nor_its_cookies() {
    let stub = Stub::with(|_, stream| {
        let headers = "X-Auth-User-Id: 1\r\nX_Auth_Roles: admin\r\nSet-Cookie: jwt=planted; Path=/\r\nSet-Cookie: csrftoken=abc\r\n\
             Set-Cookie: refresh_token=planted\r\nSet-Cookie: trusted_device=planted\r\nSet-Cookie: =jwt=planted\r\nSet-Cookie:  jwt =planted\r\nConnection: X-Private\r\nX-Private: 1\r\nX-Public: 1\r\n";
        stream.write_all(answer(headers, "{}").as_bytes())
    });
    let gateway = Setup::before(&stub, "").start();
    for path in ["/graphql/?query=%7Ba%7D", "/api"] {
        let answer = get(&gateway, path, "");
        assert_eq!(answer.all("Set-Cookie"), ["csrftoken=abc"]);
        assert_eq!(answer.all("X-Public"), ["1"]);
        for name in ["X-Auth-User-Id", "X_Auth_Roles", "X-Private", "Connection"] {
            assert!(answer.all(name).is_empty(), "{name}: {answer:?}");
        }
    }
}
