//! A client by TLS that reads slowly, and one that doesn't read: by what its socket takes, not by what TLS does.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::{listening, python, tls::shows};
use crate::support::{certificates::Authority, stub::Stub};

const SIZE: usize = 200_000;
/// How long a client reads slowly.
const SECONDS: usize = 10;

/// How much a client gets that reads the last half of an answer at this rate, in bytes a second, from a gateway that waits for
/// two seconds.
fn got(rate: usize) -> usize {
    let authority = Authority::new("railgate tests");
    let stub = Stub::with(|_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&vec![b'x'; SIZE]))
    });
    let certificate = shows(&authority.vouch("server", "localhost", "DNS:localhost"));
    let gateway = listening(&stub, &certificate, "[server]\nwrite_timeout = '2s'\n").start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/slow_tls.py");
    let numbers = [SIZE, SIZE / 2, rate, SECONDS].map(|number| number.to_string());
    let mut command = Command::new(python());
    command.args([script, &gateway.port.to_string()]).arg(authority.certificate()).args(numbers);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    said.parse().unwrap_or_else(|_| panic!("{said}\n{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn who_takes_something_all_along_gets_all_of_it() {
    // What TLS holds at the end, up to 64 KiB, takes about twice the time that the client has for taking anything.
    assert!(got(16_000) >= SIZE);
    assert!(got(200) < SIZE, "which takes next to nothing");
}
