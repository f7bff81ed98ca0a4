//! What clients can't hold up: places for connections, answers that nobody reads, bodies that nobody wants.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use super::listening;
use crate::support::{
    client::read_answer,
    stub::{ANSWER, Stub},
};

const PATIENCE: Duration = Duration::from_secs(30);

fn connected(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ask(stream: &mut TcpStream) {
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
}

#[test]
fn a_connection_beyond_the_limit_waits_for_a_place() {
    let stub = Stub::start();
    let gateway = listening(&stub, "max_connections = 2\n", "[server]\nthreads = 2\n").start();
    let mut inside = [connected(gateway.port), connected(gateway.port)];
    for stream in &mut inside {
        ask(stream);
        assert_eq!(read_answer(stream).unwrap().unwrap().body, ANSWER);
    }
    let mut outside = connected(gateway.port);
    ask(&mut outside);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(stub.requests().len(), 2);
    drop(inside);
    assert_eq!(read_answer(&mut outside).unwrap().unwrap().body, ANSWER);
}

#[test]
fn an_answer_that_nobody_reads_ends_and_one_that_is_read_slowly_does_not() {
    const SIZE: usize = 64 * 1024 * 1024;
    let (ended, has_ended) = mpsc::channel();
    let ended = Mutex::new(ended);
    let stub = Stub::with(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&vec![b'x'; SIZE]));
        ended.lock().unwrap().send(sent.is_ok()).unwrap();
        sent
    });
    let gateway = listening(&stub, "", "[server]\nwrite_timeout = '1s'\n").start();
    let mut unread = connected(gateway.port);
    ask(&mut unread);
    assert!(!has_ended.recv_timeout(PATIENCE).unwrap(), "cut off");
    drop(unread);

    let mut slow = connected(gateway.port);
    ask(&mut slow);
    let (mut piece, mut seen) = (vec![0; 1024 * 1024], 0);
    while seen < SIZE {
        let count = slow.read(&mut piece).unwrap();
        assert!(count > 0, "cut off after {seen}");
        seen += count;
        thread::sleep(Duration::from_millis(10));
    }
    assert!(has_ended.recv_timeout(PATIENCE).unwrap());
}

/// All that comes back for this head, until nothing more does; the body follows what looks like an invitation.
fn invited(port: u16, head: &str) -> String {
    let mut stream = connected(port);
    stream.write_all(format!("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{head}\r\n").as_bytes()).unwrap();
    let mut first = [0; 4096];
    let count = stream.read(&mut first).unwrap();
    let mut seen = String::from_utf8_lossy(&first[..count]).into_owned();
    if seen.starts_with("HTTP/1.1 100 ") {
        stream.write_all(b"body").unwrap();
        let answer = read_answer(&mut stream).unwrap().unwrap();
        seen = format!("100 {}", answer.status);
    }
    seen
}

#[test]
fn a_body_is_asked_for_only_when_it_is_wanted() {
    let stub = Stub::start();
    let open = listening(&stub, "", "[server]\nbody_limit = '1KiB'\n").start();
    assert_eq!(invited(open.port, "Content-Length: 4\r\n"), "100 200");
    let received = stub.take_one();
    assert_eq!(received.text(), "body");
    assert!(received.all("Expect").is_empty(), "answered here");
    assert!(invited(open.port, "Content-Length: 4096\r\n").starts_with("HTTP/1.1 413 "));
    let closed = listening(&stub, "auth = \"required\"\n", "").start();
    assert!(invited(closed.port, "Content-Length: 4\r\n").starts_with("HTTP/1.1 401 "));
    assert!(stub.requests().is_empty());
}
