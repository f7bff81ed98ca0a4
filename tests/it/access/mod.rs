//! The access log: one line for every request, whatever became of it, and no credential in any.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{
    client::exchange,
    django,
    gateway::{AUTH, GQL, Gateway, LOGIN, STUB_SECRET, Setup},
    jwt,
    process::Process,
    stub::{ANSWER, Stub},
};

pub(crate) mod canary;
mod ends;
mod sockets;
mod writing;

const JSON: &str = "[log]\nformat = \"json\"\n";

fn gateway(stub: &Stub, more: &str) -> Gateway {
    Setup::before(stub, &format!("{JSON}{more}")).start()
}

/// The lines of the access log so far.
fn told(output: &str) -> Vec<Value> {
    let lines = output.lines().filter(|line| line.contains("\"target\":\"access\""));
    lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// So many lines, when they are there; without what differs each time.
fn lines(process: &mut Process, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    for _ in 0..500 {
        found = told(&process.output());
        if found.len() >= count {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(found.len(), count, "{found:#?}\n{}", process.output());
    for line in &mut found {
        let line = line.as_object_mut().unwrap();
        assert_eq!((&line["level"], &line["client"]), (&json!("INFO"), &json!("127.0.0.1")), "{line:?}");
        for key in ["timestamp", "level", "target", "client", "duration_ms", "request_id", "trace_id", "span_id"] {
            line.shift_remove(key);
        }
    }
    found
}

/// The last of so many.
fn last(process: &mut Process, count: usize) -> Value {
    lines(process, count).pop().unwrap()
}

/// These of its fields, in this order.
fn fields<const N: usize>(line: &Value, names: [&str; N]) -> [Value; N] {
    names.map(|name| line[name].clone())
}

fn bearer() -> String {
    jwt::sign(STUB_SECRET, &jwt::johns_claims())
}

#[test]
fn a_forwarded_request_is_told_of_with_its_caller_and_without_its_query() {
    let stub = Stub::start();
    let mut gateway = gateway(&stub, "");
    gateway.client().bearer(&bearer()).send("PUT", "/api/a%62/?token=secret", "12345").unwrap();
    let mut line = last(&mut gateway.process, 1);
    let upstream = line.as_object_mut().unwrap().shift_remove("upstream_ms").expect("it was asked");
    assert!(upstream.as_f64().is_some_and(|upstream| upstream > 0.0), "{upstream}");
    assert_eq!(
        line,
        json!({
            "message": "request", "outcome": "ok", "status": 200, "method": "PUT", "path": "/api/ab/",
            "protocol": "HTTP/1.1", "bytes_in": 5, "bytes_out": ANSWER.len(), "auth": "rail-jwt", "user": "1",
        })
    );
}

#[test]
fn an_auth_operation_is_told_of_by_its_name_and_the_id_in_its_answer() {
    let (stub, directory) = (Stub::start(), django::Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let mut gateway =
        Setup::bare(stub.port, directory.url(), STUB_SECRET).changed("#format = \"text\"", "format = \"json\"").start();
    let answer = gateway.client().graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }));
    let line = last(&mut gateway.process, 1);
    assert_eq!(
        fields(&line, ["status", "path", "auth", "operations", "upstream_ms"]),
        [json!(200), json!(AUTH), json!("none"), json!("login"), Value::Null]
    );
    let token = answer.field()["token"].as_str().unwrap().to_owned();
    let id = told(&gateway.process.output())[0]["request_id"].clone();
    assert_eq!(json!(answer.all("X-Request-Id")), json!([id]));
    let twice = "mutation { a: logout { ok } b: refreshToken { ok } c: logout { ok } }";
    gateway.client().bearer(&token).graphql(AUTH, twice, json!({}));
    let line = last(&mut gateway.process, 2);
    assert_eq!(fields(&line, ["auth", "user", "operations"]), [json!("bearer"), json!("1"), json!("logout,refresh")]);
    assert_eq!(line["session"].as_str().map(str::len), Some(22), "{line}");
    gateway.client().bearer(&token).get("/x").unwrap();
    let line = last(&mut gateway.process, 3);
    assert_eq!(fields(&line, ["auth", "user", "session"]), [json!("invalid"), Value::Null, Value::Null]);
}

#[test]
fn what_is_refused_is_told_of_with_the_code() {
    let stub = Stub::start();
    let more = "[[routes]]\npath = \"/closed\"\nauth = \"required\"\n[[routes]]\npath = \"/staff\"\nroles = [\"staff\"]\n\
                [cookies]\ntrusted_origins = []\n";
    let mut gateway = gateway(&stub, more);
    let expired = {
        let mut claims = jwt::johns_claims();
        claims["exp"] = json!(claims["iat"].as_u64().unwrap() - 10);
        jwt::sign(STUB_SECRET, &claims)
    };
    let client = gateway.client();
    let cookie = client.with("Cookie", &format!("jwt={}", bearer()));
    let mut count = 0;
    for (client, method, path, body, expected) in [
        (&client, "GET", "/closed", "", json!(["/closed", 401, "UNAUTHENTICATED", "none"])),
        (&client.bearer("canary"), "GET", "/closed", "", json!(["/closed", 401, "UNAUTHENTICATED", "invalid"])),
        (&client.bearer(&expired), "GET", "/closed", "", json!(["/closed", 401, "UNAUTHENTICATED", "invalid"])),
        (&client.bearer(&bearer()), "GET", "/staff", "", json!(["/staff", 403, "FORBIDDEN", "rail-jwt"])),
        (&client, "GET", "/a/../b", "", json!(["/a/../b", 400, "BAD_PATH", "none"])),
        (&client, "TRACE", "/a", "", json!(["/a", 405, "METHOD_NOT_ALLOWED", "none"])),
        (&client.bearer("a").bearer("b"), "GET", "/a", "", json!(["/a", 400, "SEVERAL_CREDENTIALS", "none"])),
        (&cookie, "POST", "/a", "x=1", json!(["/a", 403, "CSRF_FAILED", "rail-jwt"])),
        (&client, "POST", GQL, "{}", json!([GQL, 415, "CONTENT_TYPE_UNSUPPORTED", "none"])),
    ] {
        count += 1;
        client.send(method, path, body).unwrap();
        let line = last(&mut gateway.process, count);
        assert_eq!(json!(fields(&line, ["path", "status", "code", "auth"])), expected, "{line}");
        assert_eq!(fields(&line, ["outcome", "upstream_ms"]), [json!("ok"), Value::Null], "{line}");
    }
}

#[test]
fn what_is_no_request_is_counted() {
    let stub = Stub::start();
    let mut gateway = gateway(&stub, "");
    let filler = "a".repeat(64 * 1024);
    for (count, (sent, status, code)) in [
        ("GET  canary HTTP/1.1\r\n\r\n".to_owned(), 400, "HEAD_MALFORMED"),
        ("\u{16}\u{3}\u{1}canary\r\n\r\n".to_owned(), 400, "HEAD_MALFORMED"),
        (format!("GET / HTTP/1.1\r\nX: {filler}\r\n\r\n"), 431, "HEAD_TOO_LARGE"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = exchange(gateway.port, sent.as_bytes()).unwrap().expect("an answer");
        assert_eq!(answer.status, status);
        let line = last(&mut gateway.process, count + 1);
        let expected = [json!("rejected"), json!("malformed"), json!(status), json!(code), Value::Null];
        assert_eq!(fields(&line, ["message", "outcome", "status", "code", "path"]), expected);
    }
    assert!(!gateway.process.output().contains("canary"));
}

#[test]
fn what_another_proxy_asks_about_is_told_of_as_that() {
    let stub = Stub::start();
    let more = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n[forward_auth]\nenabled = true\n";
    let mut gateway = gateway(&stub, more);
    let about = gateway.client().with("X-Forwarded-Method", "DELETE").with("X-Forwarded-Uri", "/api/7?token=canary");
    for (count, (question, status)) in [(about.bearer(&bearer()), 200), (about, 401)].into_iter().enumerate() {
        assert_eq!(question.get("/_railgate/auth").unwrap().status, status);
        let line = last(&mut gateway.process, count + 1);
        let expected = [json!("verdict"), json!(status), json!("DELETE"), json!("/api/7")];
        assert_eq!(fields(&line, ["message", "status", "method", "path"]), expected);
    }
    assert!(!gateway.process.output().contains("canary"));
}

#[test]
fn the_client_is_the_one_that_a_trusted_proxy_names() {
    let stub = Stub::start();
    let mut gateway = gateway(&stub, "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    gateway.client().with("X-Forwarded-For", "6.6.6.6, 2001:db8::7").get("/a").unwrap();
    gateway.process.wait_for_line("\"client\":\"2001:db8::7\"");
}

#[test]
fn bytes_are_those_of_bodies_however_they_come() {
    let stub = Stub::start();
    let mut gateway = gateway(&stub, "");
    let json = r#"{"query":"{ a }"}"#;
    let unclear = r#"{"query":"{ login }"}"#;
    let form = "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{\"query\":\"mutation($f: Upload!){ a(f: $f) }\",\"variables\":\
                {\"f\":null}}\r\n--x\r\nContent-Disposition: form-data; name=\"map\"\r\n\r\n{\"0\":[\"variables.f\"]}\r\n--x\r\n\
                Content-Disposition: form-data; name=\"0\"; filename=\"a.txt\"\r\n\r\nhello\r\n--x--\r\n";
    let of = |kind: &str, body: &str| {
        format!(
            "POST {GQL} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let chunked = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    for (count, (request, received, sent)) in [
        (of("application/json", json), json.len(), None),
        (of("application/json", unclear), unclear.len(), None),
        (of("multipart/form-data; boundary=x", form), form.len(), None),
        (chunked.to_owned(), 5, Some(ANSWER.len())),
        ("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 0, Some(0)),
        ("HEAD /x/../y HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 0, Some(0)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        assert!(stream.read(&mut [0; 64]).unwrap() > 0);
        let line = last(&mut gateway.process, count + 1);
        assert_eq!(fields(&line, ["outcome", "bytes_in"]), [json!("ok"), json!(received)], "{line}");
        if let Some(sent) = sent {
            assert_eq!(line["bytes_out"], json!(sent), "{line}");
        }
    }
}
