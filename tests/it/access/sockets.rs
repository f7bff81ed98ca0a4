//! Sockets have two lines: when they begin, and when they end.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use super::{bearer, fields, gateway, last, lines};
use crate::{
    sockets::{echo, head, send, talk, upgrade},
    support::gateway::GQL,
};

const NAMES: [&str; 5] = ["message", "outcome", "status", "auth", "user"];

#[test]
fn a_tunnel_is_told_of_with_all_that_went_through_it() {
    let stub = echo("");
    let mut gateway = gateway(&stub, "");
    let header = format!("Authorization: Bearer {}\r\n", bearer());
    let mut stream = send(gateway.port, upgrade("/ws/?token=canary", &header).as_bytes());
    head(&mut stream);
    let line = last(&mut gateway.process, 1);
    assert_eq!(fields(&line, NAMES), [json!("request"), json!("upgraded"), json!(101), json!("rail-jwt"), json!("1")]);
    let mut heard = [0; 5];
    stream.write_all(b"hello").unwrap();
    stream.read_exact(&mut heard).unwrap();
    drop(stream);
    let line = last(&mut gateway.process, 2);
    assert_eq!(fields(&line, NAMES), [json!("socket"), json!("ok"), Value::Null, json!("rail-jwt"), json!("1")]);
    assert_eq!(fields(&line, ["path", "bytes_in", "bytes_out"]), [json!("/ws/"), json!(5), json!(5)]);
    assert!(!gateway.process.output().contains("canary"));
}

#[test]
fn a_conversation_is_told_of_with_whom_it_was() {
    let backend = talk::Listener::start();
    let mut gateway = gateway(&backend.stub, "");
    let mut talk = talk::Talk::begun(gateway.port, GQL, json!({ "token": bearer() }));
    let line = last(&mut gateway.process, 1);
    assert_eq!(fields(&line, NAMES), [json!("request"), json!("upgraded"), json!(101), json!("none"), Value::Null]);
    talk.is_alive();
    drop(talk);
    let line = last(&mut gateway.process, 2);
    assert_eq!(fields(&line, NAMES), [json!("socket"), json!("ok"), Value::Null, json!("rail-jwt"), json!("1")]);
    assert!(line["bytes_in"].as_u64() > Some(100) && line["bytes_out"].as_u64() > Some(20), "{line}");
    let mut talk = talk::Talk::open(gateway.port, GQL, talk::CURRENT, "");
    talk.say(json!({ "type": "connection_init", "payload": { "token": "canary" } }));
    assert_eq!(talk.closed(), 4403);
    assert_eq!(lines(&mut gateway.process, 4)[3]["message"], json!("socket"));
    assert!(!gateway.process.output().contains("canary"));
}
