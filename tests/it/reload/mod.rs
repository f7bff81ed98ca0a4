//! A configuration that is changed under a running gateway.

use std::{io::Write as _, net::TcpStream, time::Duration};

use crate::support::client::{Answer, read_answer};

mod audit;
mod bound;
mod counted;
mod flight;
mod freed;
mod load;
mod logs;
mod rules;
mod state;
mod told;
mod traces;
mod watch;

/// A connection that is kept open.
struct Kept(TcpStream);

impl Kept {
    fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Self(stream)
    }

    /// Asks with these header lines, each ended by CR LF, and this body.
    fn ask(&mut self, target: &str, headers: &str, body: &str) -> Answer {
        self.send(target, headers, body);
        self.answer()
    }

    fn send(&mut self, target: &str, headers: &str, body: &str) {
        let length = body.len();
        let asked = format!("{target} HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        self.0.write_all(asked.as_bytes()).expect("sent");
    }

    fn answer(&mut self) -> Answer {
        read_answer(&mut self.0).expect("read").expect("an answer")
    }
}
