//! WebSockets through the gateway.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crate::support::stub::{Received, Stub};

mod clients;
mod ends;
mod framing;
mod graphql;
mod limits;
pub(crate) mod talk;
mod tunnel;

/// The key of RFC 6455 §1.3, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A request for a socket, with these further header lines, each ended by CR LF.
pub(crate) fn upgrade(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: good.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{headers}\r\n"
    )
}

/// A connection on which these bytes have been sent.
pub(crate) fn send(port: u16, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    stream.write_all(bytes).expect("sent");
    stream
}

/// Reads the head of an answer, and nothing behind it.
pub(crate) fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&head)));
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).expect("text")
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{head}"))
}

/// Whether the other side has closed, and said nothing before. One that only says nothing, for as long as is read, has not.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => !is_silence(&error),
    }
}

/// Whether nothing came in time, on a connection that is still there.
fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A connection on which nobody says anything is open.
#[test]
fn silence_is_no_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut stream = send(listener.local_addr().expect("an address").port(), b"");
    let (other, _) = listener.accept().expect("a connection");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
    assert!(!is_closed(&mut stream));
    drop(other);
    assert!(is_closed(&mut stream));
}

/// A backend that becomes an echo on every path, and says these further header lines with it.
pub(crate) fn echo(headers: &'static str) -> Stub {
    Stub::with(move |received: &Received, stream: &mut TcpStream| {
        if received.all("Upgrade").is_empty() {
            return stream.write_all(crate::support::stub::answer("", "{}").as_bytes());
        }
        let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
        stream.write_all(format!("{switch}Sec-WebSocket-Accept: {ACCEPT}\r\n{headers}\r\n").as_bytes())?;
        let mut replies = stream.try_clone()?;
        std::io::copy(stream, &mut replies)?;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    })
}
