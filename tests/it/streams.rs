//! Answers that come bit by bit: each bit is the client's before the backend makes the next.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{Mutex, mpsc},
    time::Duration,
};

use crate::support::{
    gateway::{AUTH, Setup},
    stub::Stub,
};

/// Reads until this has come.
fn read_until(stream: &mut TcpStream, end: &str) {
    let (mut text, mut bytes) = (String::new(), [0; 1024]);
    while !text.contains(end) {
        let count = stream.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(count > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}

#[test]
fn events_and_deferred_parts_are_not_held_back() {
    let (heard, hears) = mpsc::channel::<()>();
    let hears = Mutex::new(hears);
    let stub = Stub::with(move |received, stream| {
        let kind = received.all("Accept").join("");
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for piece in ["first", "then", "last"] {
            write!(stream, "{:x}\r\n{piece}\r\n", piece.len())?;
            // Made only when the one before has been read by the client.
            hears.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
        }
        stream.write_all(b"0\r\n\r\n")
    });
    let gateway = Setup::before(&stub, "").start();
    // One goes on as it came, one as it was understood.
    let documents = [r#"{"query":"subscription { ticks }"}"#, r#"{"query":"subscription { t\u0069cks }"}"#];
    for kind in ["text/event-stream", "multipart/mixed;boundary=-"] {
        for (path, body) in [(AUTH, documents[0]), (AUTH, documents[1]), ("/events/", documents[0])] {
            let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let length = body.len();
            let head =
                format!("POST {path} HTTP/1.1\r\nHost: a\r\nAccept: {kind}\r\nContent-Type: application/json\r\n");
            stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
            for piece in ["first", "then", "last"] {
                read_until(&mut stream, piece);
                heard.send(()).unwrap();
            }
            read_until(&mut stream, "0\r\n\r\n");
        }
    }
}
