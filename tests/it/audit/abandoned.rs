//! Whoever goes away before the answer is told of all the same.

use std::{
    io::Write as _,
    net::{Shutdown, TcpStream},
};

use serde_json::{Value, json};

use crate::support::{
    django,
    gateway::{AUTH, STUB_SECRET, Setup},
    stub::Stub,
};

#[test]
fn a_login_that_its_client_gives_up_is_told_of() {
    let (stub, directory) = (Stub::start(), django::Backend::sqlite());
    let setup = Setup::bare(stub.port, directory.url(), STUB_SECRET);
    let mut gateway = setup.changed("#format = \"text\"", "format = \"json\"").start();
    // Nobody's name costs what the preferred hasher costs, which leaves time to go away.
    let body = r#"{"query":"mutation { login(username: \"nobody\", password: \"wrong\") { ok } }"}"#;
    let length = body.len();
    let head = format!(
        "POST {AUTH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
    let event = gateway.process.wait_for_line("\"target\":\"audit\"");
    let event: Value = serde_json::from_str(&event).unwrap();
    let told = ["level", "message", "outcome", "code", "reason", "user"].map(|key| event[key].clone());
    let nothing = Value::Null;
    assert_eq!(told, [json!("WARN"), json!("login"), json!("abandoned"), nothing.clone(), nothing.clone(), nothing]);
    assert_eq!(event["address"], json!("127.0.0.1"));
    assert!(event["request_id"].is_string(), "{event}");
}
