//! Bodies and query strings that can be read in more ways than one, or that are too much; a stub notes what arrives.

use std::{
    io::Write as _,
    net::TcpStream,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{
    client::read_answer,
    django,
    gateway::AUTH,
    stub::ANSWER,
    world::{JSON, RIGHT, World},
};

const MIB: usize = 1024 * 1024;

#[test]
fn bodies_that_can_be_read_in_two_ways_are_refused() {
    let world = World::new();
    let document = format!("mutation{{{RIGHT}}}");
    let query = json!(document);
    let plain = format!(r#"{{"query":{query}}}"#);
    let utf16: String = plain.chars().flat_map(|character| [character, '\0']).collect();
    for (content_type, body) in [
        (JSON, format!(r#"{{"query":"{{me{{id}}}}","query":{query}}}"#)),
        (JSON, format!(r#"{{"query":{query},"qu\u0065ry":"{{me{{id}}}}"}}"#)),
        (JSON, format!(r#"{{"query":{query},"operationName":"A","operationName":null}}"#)),
        (JSON, format!(r#"{{"query":{query},"variables":{{"a":{{"b":1,"b":2}}}}}}"#)),
        (JSON, format!(r#"{{"query":{query},"variables":{{"a":NaN}}}}"#)),
        (JSON, format!(r#"{{"query":{query},"variables":{{"a":"\ud800"}}}}"#)),
        (JSON, format!("[{plain}]")),
        (JSON, format!("[{plain},{plain}]")),
        (JSON, format!(r#"[{{"query":"{{me{{id}}}}"}},{plain}]"#)),
        (JSON, format!("[[{plain}]]")),
        (JSON, format!("\u{feff}{plain}")),
        (JSON, format!("{plain}{plain}")),
        (JSON, utf16),
        (JSON, plain.replace("login", "log\0in")),
        (JSON, format!(r#"{{"query":{query},"variables":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000))),
        (JSON, format!("{}{plain}", "[".repeat(100_000))),
        (JSON, format!(r#"{{"documentId":"login","query":{query}}}"#)),
        ("application/json; charset=utf-7", plain.clone()),
        ("application/jsonx", plain.clone()),
        ("text/plain", plain.clone()),
        ("application/x-www-form-urlencoded", format!("query={{me{{id}}}}&query={document}")),
        ("application/x-www-form-urlencoded", format!("query={document}&qu%65ry={{me{{id}}}}")),
        ("application/x-www-form-urlencoded", format!("query={document}%")),
    ] {
        let what = format!("{content_type} {}", &body[..body.len().min(200)]);
        world.refuses(&world.post(content_type, AUTH, &body), &what);
    }
    world.refuses(&world.gateway.client().send("POST", AUTH, &plain).expect("an answer"), "no content type");
    world.still_works();
}

/// A backend that finds a document in the query string does not look for one in the body.
#[test]
fn a_document_in_the_query_string_is_seen_beside_one_in_the_body() {
    let world = World::new();
    let (login, other) = (json!({ "query": format!("mutation{{{RIGHT}}}") }).to_string(), r#"{"query":"{me{id}}"}"#);
    let escaped = RIGHT.replace('"', "%22");
    for parameter in ["query={login}", "operationName=A", "variables={}", "%71uery=x"] {
        world.refuses(&world.post(JSON, &format!("{AUTH}?{parameter}"), &login), parameter);
    }
    for parameter in [
        format!("query=mutation{{{escaped}}}"),
        format!("query=mutation%7B{escaped}%7D"),
        format!("%71uery=mutation+%7B{}%7D", escaped.replace("login", "l%6Fgin")),
        format!("x=1&query=mutation{{{escaped}}}&query=x"),
    ] {
        for (content_type, body) in [(JSON, other), (JSON, "{}"), (JSON, "[]"), ("application/graphql", "{me{id}}")] {
            let answer = world.post(content_type, &format!("{AUTH}?{parameter}"), body);
            world.refuses(&answer, &format!("{parameter} {body}"));
        }
    }
    // Some servers of old take `;` for `&`. What goes on has no query string that they could read.
    let other_mark = world.post(JSON, &format!("{AUTH}?x=1;query=mutation{{{escaped}}}"), other);
    assert_eq!(other_mark.body, ANSWER);
    let arrived = world.stub.take_one();
    let line = format!("POST {AUTH} HTTP/1.1");
    assert_eq!((arrived.request_line(), arrived.text()), (line.as_str(), other));
    world.still_works();
}

/// No batch holds an auth operation; a batch that holds none is the backend's to run or to refuse.
#[test]
fn a_batch_without_auth_operations_is_the_backends() {
    let world = World::new();
    for batch in ["[]", " [ ] ", r#"[{"query":"{me{id}}"}, {"query":"{a}"}]"#] {
        assert_eq!(world.post(JSON, AUTH, batch).body, ANSWER, "{batch}");
        assert_eq!(world.stub.take_one().text(), batch);
    }
}

#[test]
fn a_body_in_another_alphabet_is_not_guessed_at() {
    let world = World::new();
    let plain = json!({ "query": format!("mutation{{{RIGHT}}}") }).to_string();
    let units: Vec<u16> = plain.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let wide: Vec<u8> = plain.chars().flat_map(|character| u32::from(character).to_be_bytes()).collect();
    let utf7 = plain.replace('{', "+AHs-").replace("login", "+AGw-ogin");
    let overlong = plain.replace('l', "\u{1}").into_bytes().into_iter();
    let overlong: Vec<u8> = overlong.flat_map(|byte| if byte == 1 { vec![0xc1, 0xac] } else { vec![byte] }).collect();
    for (what, body) in [
        ("UTF-16 LE", little.clone()),
        ("UTF-16 BE", big.clone()),
        ("UTF-16 LE with a mark", [b"\xff\xfe".as_slice(), &little].concat()),
        ("UTF-16 BE with a mark", [b"\xfe\xff".as_slice(), &big].concat()),
        ("UTF-32", wide),
        ("UTF-8 with a mark", [b"\xef\xbb\xbf", plain.as_bytes()].concat()),
        ("UTF-8 of two bytes where one is due", overlong),
        ("Latin-1", [plain.as_bytes(), b"\xe9"].concat()),
    ] {
        world.refuses(&world.post_bytes("Content-Type: application/json\r\n", &body), what);
    }
    for charset in ["utf-7", "utf-16", "utf-16le", "utf-32", "latin-1", "utf-8-sig", "utf-8, utf-7", ""] {
        for body in [&plain, &utf7] {
            let header = format!("Content-Type: application/json; charset={charset}\r\n");
            let answer = world.post_bytes(&header, body.as_bytes());
            world.refuses(&answer, charset);
            assert_eq!(answer.status, 415, "{charset}");
        }
    }
    world.still_works();
}

/// What is packed is not unpacked, so a bomb is never lit.
#[test]
fn a_packed_body_is_refused_unread() {
    let world = World::new();
    let plain = json!({ "query": format!("mutation{{{RIGHT}}}") }).to_string();
    let bomb = gzip_of_zeros();
    let before = world.gateway.process.peak_memory();
    for coding in ["gzip", "x-gzip", "GZIP", "deflate", "br", "zstd", "identity", "gzip, gzip", "none", ""] {
        for body in [plain.as_bytes(), &bomb] {
            let headers = format!("Content-Type: application/json\r\nContent-Encoding: {coding}\r\n");
            let answer = world.post_bytes(&headers, body);
            world.refuses(&answer, coding);
            assert_eq!((answer.status, answer.all("accept-encoding")), (415, vec!["identity"]), "{coding}");
        }
    }
    world.refuses(&world.post_bytes("Content-Type: application/json\r\n", &bomb), "without saying so");
    let held = world.gateway.process.peak_memory() - before;
    assert!(held < 8 * MIB, "the gateway held {} MiB more", held / MIB);
    world.still_works();
}

/// 100 MiB of zeros in 100 KiB.
fn gzip_of_zeros() -> Vec<u8> {
    let script = "import gzip, sys; sys.stdout.buffer.write(gzip.compress(bytes(100 << 20)))";
    let output = Command::new(django::python()).args(["-c", script]).output().expect("Python");
    assert!(output.status.success() && output.stdout.len() < 200 * 1024, "{output:?}");
    output.stdout
}

/// It is not parsed either: nothing in it could be an auth operation.
#[test]
fn a_deep_body_without_auth_operations_is_the_backends() {
    let world = World::new();
    for depth in [500, 2_000, 7_000, 100_000] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        for body in [
            format!(r#"{{"query":"{{a}}","variables":{{"a":{open}{close}}}}}"#),
            format!("{open}{close}"),
            format!(r#"{{"query":"{{a(b:{open}{close})}}"}}"#),
        ] {
            assert_eq!(world.post(JSON, AUTH, &body).body, ANSWER, "{depth}");
            assert_eq!(world.stub.take_one().text(), body);
        }
        for body in [
            format!(r#"{{"query":"mutation{{{}}}","variables":{{"a":{open}{close}}}}}"#, RIGHT.replace('"', "\\\"")),
            format!(r#"{open}"login("{close}"#),
        ] {
            world.refuses(&world.post(JSON, AUTH, &body), &format!("{depth} deep, with a login"));
        }
    }
    world.still_works();
}

/// A million are more than the limit of a body holds, unless an operator lifts it.
#[test]
fn as_many_keys_as_a_body_can_hold_do_no_harm() {
    let document = json!(format!("mutation{{{RIGHT}}}"));
    let body = |count: usize| {
        let keys = (0..count).map(|n| format!(r#""{n:x}":0"#)).collect::<Vec<_>>().join(",");
        format!(r#"{{"query":{document},"variables":{{{keys}}}}}"#)
    };
    let (world, lifted) = (World::new(), World::changed(&[("#body_limit = \"1MiB\"", "body_limit = \"10MiB\"")]));
    let million = body(1_000_000);
    let refused = world.post_bytes("Content-Type: application/json\r\n", million.as_bytes());
    world.refuses(&refused, "a million keys");
    assert_eq!(refused.status, 413);
    for (world, body) in [(&world, body(90_000)), (&lifted, million)] {
        let started = Instant::now();
        world.logs_in(&world.post(JSON, AUTH, &body), &format!("{} bytes", body.len()));
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    }
}

/// Ten gigabytes in chunks, of which the gateway says no word before: it stops reading at the limit.
#[test]
fn a_body_without_an_end_is_cut_off_at_the_limit() {
    const END: usize = 10_000 * MIB;
    let world = World::new();
    for (path, limit) in [(AUTH, MIB), ("/api/files", 10 * MIB)] {
        let mut stream = TcpStream::connect(("127.0.0.1", world.gateway.port)).expect("a connection");
        let mut upload = stream.try_clone().expect("a handle");
        let sender = thread::spawn(move || {
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                 Transfer-Encoding: chunked\r\n\r\n"
            );
            upload.write_all(head.as_bytes()).expect("sent");
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            let chunks = (0..END / 0x10000).take_while(|_| upload.write_all(chunk.as_bytes()).is_ok());
            chunks.count() * 0x10000
        });
        let answer = read_answer(&mut stream).expect("an exchange").expect("an answer");
        assert_eq!((answer.status, answer.code().as_str()), (413, "BODY_TOO_LARGE"), "{path}");
        drop(stream);
        let sent = sender.join().expect("no panic");
        // What is on its way in the buffers of the two sockets counts as sent, too.
        assert!(sent < limit + 32 * MIB, "{path}: {} MiB were taken", sent / MIB);
        assert!(world.stub.requests().is_empty(), "{path}: the backend got no whole request");
    }
    let peak = world.gateway.process.peak_memory();
    assert!(peak < 64 * MIB, "the gateway held {} MiB", peak / MIB);
    world.still_works();
}

#[test]
fn stored_documents_are_asked_for_in_full() {
    let world = World::new();
    let hash = r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"0"}},"query":""}"#;
    let answer = world.post(JSON, AUTH, hash);
    assert_eq!(
        (answer.status, &answer.json()["errors"][0]["extensions"]["code"]),
        (200, &json!("PERSISTED_QUERY_NOT_FOUND"))
    );
    world.refuses(&world.post(JSON, AUTH, r#"{"id":"login"}"#), "a stored document");
    let with_hash = hash.replace(r#""query":"""#, r#""query":"{me{id}}""#);
    assert_eq!(world.post(JSON, AUTH, &with_hash).body, ANSWER);
    assert_eq!(
        world.stub.take_one().text(),
        r#"{"query":"{me{id}}"}"#,
        "without the hash, which the backend could prefer"
    );
}

#[test]
fn other_encodings_run_here_and_go_on_as_json() {
    let world = World::new();
    let form = "application/x-www-form-urlencoded";
    let login = format!("mutation{{{RIGHT}}}");
    for (content_type, body) in [
        ("application/graphql", login.clone()),
        (form, format!("query={login}")),
        (form, format!("query={}&variables=%7B%7D", login.replace("login", "log%69n"))),
    ] {
        assert_eq!(world.post(content_type, AUTH, &body).json()["data"]["login"]["ok"], json!(true), "{body}");
    }
    world.nothing_arrived("logins");
    assert_eq!(world.post(form, AUTH, "query=%7Bme%7Bid%7D%7D&variables=%7B%22n%22%3A1.50%7D").body, ANSWER);
    let arrived = world.stub.take_one();
    assert_eq!(
        (arrived.text(), arrived.all("content-type")),
        (r#"{"query":"{me{id}}","variables":{"n":1.50}}"#, vec![JSON])
    );
}

#[test]
fn a_get_carries_queries_only() {
    let world = World::new();
    let get = |query: &str| world.gateway.client().get(&format!("{AUTH}?{query}")).expect("an answer");
    for query in
        ["query=mutation%7Blogin%7Bok%7D%7D", "query=mutation{login{ok}}", "query=mutation%7Bcreate%7Bid%7D%7D"]
    {
        let answer = get(query);
        assert_eq!((answer.status, answer.all("allow")), (405, vec!["POST"]), "{answer:?}");
        world.refuses(&answer, query);
    }
    assert_eq!(get("query=%7Bme%7Bid%7D%7D&x=%20").body, ANSWER);
    let line = format!("GET {AUTH}?query=%7Bme%7Bid%7D%7D HTTP/1.1");
    assert_eq!(world.stub.take_one().request_line(), line, "one reading is left");
}
