//! How requests end that don't end well.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{Mutex, mpsc},
    time::Duration,
};

use serde_json::{Value, json};

use super::{fields, gateway, last, lines, told};
use crate::support::{client::Client, ports, stub::Stub};

const PATIENCE: Duration = Duration::from_secs(60);

/// A backend that begins an answer to `/begun`, says so, and goes on when it is let; to anything else it says nothing.
fn slow() -> (Stub, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (begun, has_begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (begun, may_go_on) = (Mutex::new(begun), Mutex::new(may_go_on));
    let stub = Stub::with(move |received, stream| {
        if received.request_line().contains("/begun") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")?;
        }
        begun.lock().unwrap().send(()).unwrap();
        let _ = may_go_on.lock().unwrap().recv_timeout(PATIENCE);
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    (stub, has_begun, go_on)
}

fn asked(port: u16, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
    stream
}

fn read_until(stream: &mut TcpStream, wanted: &str) {
    let (mut seen, mut piece) = (String::new(), [0; 1024]);
    while !seen.contains(wanted) {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
}

#[test]
fn a_client_that_goes_away_is_told_of_with_what_it_got() {
    let (stub, begun, _go_on) = slow();
    let mut gateway = gateway(&stub, "");
    let stream = asked(gateway.port, "/silent");
    begun.recv_timeout(PATIENCE).unwrap();
    drop(stream);
    let line = last(&mut gateway.process, 1);
    let names = ["outcome", "status", "path", "bytes_out"];
    assert_eq!(fields(&line, names), [json!("client_gone"), json!(499), json!("/silent"), json!(0)]);
    let mut stream = asked(gateway.port, "/begun");
    read_until(&mut stream, "hello");
    drop(stream);
    let line = last(&mut gateway.process, 2);
    assert_eq!(fields(&line, names), [json!("client_gone"), json!(200), json!("/begun"), json!(5)]);
}

#[test]
fn a_backend_that_breaks_off_is_told_of() {
    let (stub, begun, go_on) = slow();
    let mut gateway = gateway(&stub, "");
    let mut stream = asked(gateway.port, "/begun");
    read_until(&mut stream, "hello");
    begun.recv_timeout(PATIENCE).unwrap();
    go_on.send(()).unwrap();
    let line = last(&mut gateway.process, 1);
    assert_eq!(fields(&line, ["outcome", "status", "bytes_out"]), [json!("backend_gone"), json!(200), json!(5)]);
    go_on.send(()).unwrap();
    assert_eq!(gateway.client().get("/silent").unwrap().status, 502);
    let line = last(&mut gateway.process, 2);
    assert_eq!(fields(&line, ["outcome", "status", "code"]), [json!("ok"), json!(502), json!("UPSTREAM_FAILED")]);
}

#[test]
fn a_backend_that_is_not_there_or_says_nothing_is_told_of() {
    let (stub, _begun, _go_on) = slow();
    let mut silent = crate::support::gateway::Setup::before(&stub, super::JSON)
        .changed("[directory]\n", "response_timeout = \"1s\"\n[directory]\n")
        .start();
    assert_eq!(silent.client().get("/silent").unwrap().status, 504);
    let line = last(&mut silent.process, 1);
    assert_eq!(fields(&line, ["status", "code"]), [json!(504), json!("UPSTREAM_TIMEOUT")]);
    assert!(line["upstream_ms"].as_f64().is_some_and(|upstream| upstream >= 1_000.0), "{line}");
    let port = ports::free();
    let mut alone = crate::support::gateway::Setup::before_port(port, super::JSON).start();
    assert_eq!(Client::new(alone.port).get("/a").unwrap().status, 502);
    assert_eq!(last(&mut alone.process, 1)["code"], json!("UPSTREAM_UNREACHABLE"));
}

#[test]
fn the_end_of_the_gateway_leaves_no_request_untold() {
    let (stub, begun, _go_on) = slow();
    let mut gateway = gateway(&stub, "[server]\nshutdown_grace = \"1s\"\n");
    let mut stream = asked(gateway.port, "/begun");
    read_until(&mut stream, "hello");
    let _silent = asked(gateway.port, "/silent");
    begun.recv_timeout(PATIENCE).unwrap();
    begun.recv_timeout(PATIENCE).unwrap();
    gateway.process.signal(libc::SIGTERM);
    assert!(gateway.process.wait(PATIENCE).success());
    let mut ends: Vec<Value> = lines(&mut gateway.process, 2);
    ends.sort_by_key(|line| line["path"].to_string());
    let ends = ends.iter().map(|line| fields(line, ["path", "outcome", "status"])).collect::<Vec<_>>();
    let expected = [[json!("/begun"), json!("cut_off"), json!(200)], [json!("/silent"), json!("cut_off"), json!(499)]];
    assert_eq!(ends, expected);
    assert_eq!(told(&gateway.process.output()).len(), 2);
}
