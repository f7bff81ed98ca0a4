//! Files beside GraphQL: streamed, framed anew, and no way past the gateway for an auth operation.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use serde_json::json;

use crate::support::{
    backend::Backend,
    client::{Answer, exchange, read_answer},
    django,
    gateway::{GQL, Gateway, Setup, Tokens},
    stub::{ANSWER, Stub, answer},
};

const OPERATIONS: &str =
    r#"{"query":"mutation($f: Upload!){ attachFile(articleId: 1, file: $f){ id } }","variables":{"f":null}}"#;
const LOGIN: &str = r#"{"query":"mutation { login(username: \"john\", password: \"secret123\") { ok } }"}"#;
const MAP: &str = r#"{"0":["variables.f"]}"#;

/// A part with these header lines.
fn part(headers: &str, body: &str) -> String {
    format!("--x\r\n{headers}\r\n\r\n{body}\r\n")
}

fn field(name: &str, body: &str) -> String {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), body)
}

fn file(name: &str, body: &str) -> String {
    part(
        &format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"a.txt\"\r\nContent-Type: text/plain"),
        body,
    )
}

/// These parts and the end.
fn form(parts: &[String]) -> String {
    format!("{}--x--\r\n", parts.concat())
}

fn post(gateway: &Gateway, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "POST {GQL} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}\r\n\
         {headers}\r\n{body}"
    );
    exchange(gateway.port, request.as_bytes()).expect("an exchange").expect("an answer")
}

fn in_front_of(stub: &Stub, directory: &django::Backend) -> Gateway {
    Setup::bare(stub.port, directory.url(), "a key for tests, 32 bytes or more").start()
}

#[test]
fn a_file_reaches_the_real_backend_whole() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    let article = gateway.client().bearer(&tokens.access).graphql(
        GQL,
        "mutation { createArticle(title: \"t\", body: \"b\") { article { id } } }",
        json!({}),
    );
    let id = article.json()["data"]["createArticle"]["article"]["id"].as_str().expect("an id").to_owned();
    let content = "line\r\n--y-not-the-boundary--\r\n\0binary é".repeat(50_000);
    let operations = json!({
        "query": "mutation($id: ID!, $f: Upload!) { attachFile(articleId: $id, file: $f) { attachment { name size sha256 } } }",
        "variables": { "id": id, "f": null },
    });
    let body = form(&[field("operations", &operations.to_string()), field("map", MAP), file("0", &content)]);
    let answer = post(&gateway, &format!("Authorization: Bearer {}\r\n", tokens.access), &body);
    let digest = ring::digest::digest(&ring::digest::SHA256, content.as_bytes());
    let hex = digest.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let expected = json!({ "name": "a.txt", "size": content.len(), "sha256": hex });
    assert_eq!(answer.json()["data"]["attachFile"]["attachment"], expected, "{answer:?}");

    let anonymous = post(&gateway, "", &body);
    assert_eq!(anonymous.json()["data"], json!({ "attachFile": null }), "{anonymous:?}");
}

#[test]
fn the_form_is_made_anew() {
    let (stub, directory) = (Stub::start(), django::Backend::sqlite());
    let gateway = in_front_of(&stub, &directory);
    let spaced = r#" { "variables" : {"f": null, "n": 12345678901234567890.5}, "query" : "{ a }", "other": 1 } "#;
    let odd = part(
        "X-Other: 1\r\ncontent-type: text/html; charset=utf-7\r\nContent-disposition: Form-Data; filename=\"é.txt\"; name=\"0\"",
        "content",
    );
    let body = format!("preamble\r\n{}", form(&[field("operations", spaced), field("map", MAP), odd]));
    assert_eq!(post(&gateway, "", &format!("{body}epilogue")).body, ANSWER);
    let received = stub.take_one();
    let kind = received.all("Content-Type")[0].to_owned();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").expect("a boundary");
    assert!(boundary.len() > 30 && boundary != "x");
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n\
         {{\"query\":\"{{ a }}\",\"variables\":{{\"f\":null,\"n\":12345678901234567890.5}}}}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"map\"\r\n\r\n{{\"0\":[\"variables.f\"]}}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"0\"; filename=\"é.txt\"\r\n\
         Content-Type: application/octet-stream\r\n\r\ncontent\r\n--{boundary}--\r\n"
    );
    let behind = received.text().strip_prefix(&expected).unwrap_or_else(|| panic!("{}", received.text()));
    assert!(
        behind.chars().all(|character| "\r\n".contains(character)),
        "filled up to the length that had to be said first"
    );
    assert_eq!(received.all("Content-Length"), [received.body.len().to_string()]);
}

#[test]
fn an_auth_operation_in_a_form_is_the_gateways() {
    let (stub, directory) = (Stub::start(), django::Backend::sqlite());
    let setup = Setup::bare(stub.port, directory.url(), "a key for tests, 32 bytes or more");
    let gateway = setup.changed("#closed_paths = [\"/graphql/gql\"]", "closed_paths = []").start();
    let answer = post(&gateway, "", &form(&[field("operations", LOGIN), field("map", "{}")]));
    assert_eq!(answer.json(), json!({ "data": { "login": { "ok": true } } }));
    let with_file = form(&[field("operations", LOGIN), field("map", MAP), file("0", "x")]);
    assert_eq!(post(&gateway, "", &with_file).code(), "FORM_MALFORMED");
    assert!(stub.requests().is_empty());
}

#[test]
fn what_two_parsers_read_differently_is_refused() {
    let (stub, directory) = (Stub::start(), django::Backend::sqlite());
    let gateway = in_front_of(&stub, &directory);
    let (operations, map) = (field("operations", OPERATIONS), field("map", MAP));
    let encoded = |encoding: &str| {
        part(
            &format!("Content-Disposition: form-data; name=\"operations\"\r\nContent-Transfer-Encoding: {encoding}"),
            "e30=",
        )
    };
    for (what, parts) in [
        ("a plain query", vec![field("query", "mutation { login(username: \"u\") { ok } }")]),
        ("a query behind", vec![operations.clone(), map.clone(), file("0", "x"), field("query", "{ a }")]),
        ("other order", vec![map.clone(), operations.clone(), file("0", "x")]),
        ("file first", vec![file("0", "x"), operations.clone(), map.clone()]),
        ("no map", vec![operations.clone()]),
        ("operations twice", vec![operations.clone(), operations.clone(), map.clone()]),
        ("operations behind", vec![operations.clone(), map.clone(), file("0", "x"), field("operations", LOGIN)]),
        ("operations as a file", vec![file("operations", OPERATIONS), map.clone(), file("0", "x")]),
        ("a file that is none", vec![operations.clone(), map.clone(), field("0", "x")]),
        ("a file twice", vec![operations.clone(), map.clone(), file("0", "x"), file("0", "y")]),
        ("a file that is not named", vec![operations.clone(), map.clone(), file("0", "x"), file("1", "y")]),
        ("a file that does not come", vec![operations.clone(), map.clone()]),
        ("base64", vec![encoded("base64"), map.clone(), file("0", "x")]),
        ("quoted-printable", vec![encoded("quoted-printable"), map.clone(), file("0", "x")]),
        (
            "an extended parameter",
            vec![
                part("Content-Disposition: form-data; name*=utf-8''operations", OPERATIONS),
                map.clone(),
                file("0", "x"),
            ],
        ),
        (
            "two names",
            vec![
                part("Content-Disposition: form-data; name=\"operations\"; name=\"query\"", OPERATIONS),
                map.clone(),
                file("0", "x"),
            ],
        ),
        ("a batch", vec![field("operations", &format!("[{OPERATIONS}]")), map.clone(), file("0", "x")]),
        ("a damaged map", vec![operations.clone(), field("map", "{\"0\":"), file("0", "x")]),
        ("a map to the document", vec![operations.clone(), field("map", "{\"0\":[\"query\"]}"), file("0", "x")]),
        ("nothing", vec![]),
    ] {
        let answer = post(&gateway, "", &form(&parts));
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        assert!(answer.json()["errors"][0]["message"].is_string(), "{what}");
    }
    let unfinished = format!("{}{}{}", operations, map, file("0", "x"));
    assert_eq!(post(&gateway, "", &unfinished).status, 400, "no end");
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());
    assert_eq!(post(&gateway, "", &form(&[operations, map, file("0", "x")])).status, 200, "and the gateway goes on");
}

#[test]
fn files_are_streamed_and_not_held() {
    const MIB: usize = 1024 * 1024;
    const SIZE: usize = 128 * MIB;
    let backend = TcpListener::bind("127.0.0.1:0").expect("a port");
    let directory = django::Backend::sqlite();
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/proxy.toml")).expect("the sample");
    let config = sample.replace("#body_limit = \"10MiB\"", "body_limit = \"1GiB\"");
    assert_ne!(config, sample);
    let port = backend.local_addr().expect("an address").port();
    let gateway = Setup::bare(port, directory.url(), "a key for tests, 32 bytes or more").config(&config).start();
    let mut client = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
    let head = format!("{}{}", field("operations", OPERATIONS), field("map", MAP));
    let file_head = "--x\r\nContent-Disposition: form-data; name=\"0\"; filename=\"big\"\r\n\r\n";
    let (begin, end) = (format!("{head}{file_head}"), "\r\n--x--\r\n");
    let length = begin.len() + SIZE + end.len();
    let request = format!(
        "POST {GQL} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}\r\n\r\n"
    );
    client.write_all(format!("{request}{begin}first").as_bytes()).expect("sent");
    let (mut upstream, _) = backend.accept().expect("the gateway connects");
    upstream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let mut seen = Vec::new();
    let mut piece = vec![0; MIB];
    while !seen.windows(5).any(|window| window == b"first") {
        let count = upstream.read(&mut piece).expect("the file's beginning, before its end is sent");
        assert!(count > 0);
        seen.extend_from_slice(&piece[..count]);
    }
    let sender = std::thread::spawn(move || {
        let block = vec![b'x'; MIB];
        let mut left = SIZE - "first".len();
        while left > 0 {
            let count = left.min(MIB);
            client.write_all(&block[..count]).expect("sent");
            left -= count;
        }
        client.write_all(end.as_bytes()).expect("sent");
        read_answer(&mut client).expect("an exchange").expect("an answer")
    });
    let head = seen.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let length = String::from_utf8_lossy(&seen[..head]).to_lowercase();
    let length = length.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse::<usize>().ok());
    let mut left = length.expect("a length, which Django insists on") + head - seen.len();
    while left > 0 {
        let count = upstream.read(&mut piece).expect("the rest");
        assert!(count > 0);
        left -= count;
    }
    upstream.write_all(answer("", ANSWER).as_bytes()).expect("answered");
    assert_eq!(sender.join().expect("no panic").status, 200);
    let peak = gateway.process.peak_memory();
    assert!(peak < 96 * MIB, "the gateway held {} MiB", peak / MIB);
}
