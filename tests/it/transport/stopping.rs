//! A gateway that stops while clients of HTTP/2 still have something to take.

use std::{process::Command, time::Duration};

use super::{listening, python};
use crate::support::{process::Process, stub::Stub};

const PATIENCE: Duration = Duration::from_secs(30);

/// What `tests/clients/http2.py` says of a connection whose answer has begun when the gateway is told to stop. The gateway ends
/// in order.
fn told(what: &str) -> String {
    let stub = Stub::start();
    let mut gateway = listening(&stub, "", "[server]\nthreads = 1\nshutdown_grace = '2s'\n").start();
    let mut command = Command::new(python());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/http2.py");
    command.args([script, &gateway.port.to_string(), what]);
    let mut client = Process::spawn(command, "a client");
    client.wait_for_line("begun");
    gateway.process.signal(libc::SIGTERM);
    assert!(gateway.process.wait(PATIENCE).success());
    assert!(client.wait(PATIENCE).success(), "{}", client.output());
    let said = client.output();
    said.lines().find_map(|line| line.strip_prefix("ended: ")).unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
fn who_takes_nothing_is_told_first_and_then_not_waited_for_any_longer() {
    assert_eq!(told("stuck-at-stop"), "200, goaway NO_ERROR, closed");
}

#[test]
fn who_takes_the_rest_gets_it() {
    assert_eq!(told("takes-at-stop"), "200, goaway NO_ERROR, all of it, closed");
}
