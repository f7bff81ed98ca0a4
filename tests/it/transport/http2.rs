//! HTTP/2 with clients, as curl and python's `h2` see it, and what of it arrives at a backend of HTTP/1.1.

use std::process::{Command, Stdio};

use super::{curl, listening, python, tls::shows};
use crate::support::{
    certificates::Authority,
    client::exchange,
    gateway::{Gateway, Setup},
    stub::{ANSWER, Stub, answer},
};

fn in_clear(stub: &Stub) -> Gateway {
    Setup::before(stub, "[server]\nthreads = 1\nmax_concurrent_streams = 7\n").start()
}

/// What `tests/clients/http2.py` says of a connection on which it does this.
pub(crate) fn said(port: u16, what: &str) -> String {
    let mut command = Command::new(python());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/http2.py");
    let output = command.args([script, &port.to_string(), what]).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn it_is_agreed_on_by_tls_and_known_beforehand_in_clear() {
    let authority = Authority::new("railgate tests");
    let stub = Stub::start();
    let secure = listening(&stub, &shows(&authority.vouch("server", "localhost", "DNS:localhost")), "").start();
    let (trusted, url) = (authority.certificate(), format!("https://localhost:{}/x", secure.port));
    let plain = in_clear(&stub);
    let in_clear = format!("http://localhost:{}/x", plain.port);
    for (url, flag, version) in [
        (&url, "--http2", "HTTP/2 200"),
        (&url, "--http1.1", "HTTP/1.1 200"),
        (&in_clear, "--http2-prior-knowledge", "HTTP/2 200"),
        (&in_clear, "--http1.1", "HTTP/1.1 200"),
        // By `Upgrade: h2c`, which nobody has to take.
        (&in_clear, "--http2", "HTTP/1.1 200"),
    ] {
        let got = curl(url, &["--cacert", trusted.to_str().unwrap(), flag]);
        assert!(got.worked && got.text.starts_with(version) && got.text.ends_with(ANSWER), "{flag}: {}", got.text);
        let received = stub.take_one();
        assert_eq!(received.request_line(), "GET /x HTTP/1.1");
        assert_eq!(received.all("Host").len(), 1);
        assert!(received.all("Upgrade").is_empty() && received.all("Connection").is_empty(), "{}", received.head);
    }
}

#[test]
fn a_preface_may_come_in_pieces_and_other_methods_begin_alike() {
    let stub = Stub::start();
    let gateway = in_clear(&stub);
    assert_eq!(said(gateway.port, "preface-in-pieces"), "200");
    stub.take_one();
    let asked = format!("PROPFIND /x HTTP/1.1\r\nHost: a:{}\r\n\r\n", gateway.port);
    assert_eq!(exchange(gateway.port, asked.as_bytes()).unwrap().unwrap().status, 200);
    assert_eq!(stub.take_one().request_line(), "PROPFIND /x HTTP/1.1");
}

#[test]
fn a_request_has_one_reading_as_in_http_1() {
    let stub = Stub::start();
    let gateway = in_clear(&stub);
    assert_eq!(said(gateway.port, "managed"), "200");
    let received = stub.take_one();
    assert_eq!(received.request_line(), "POST /other/y HTTP/1.1");
    assert_eq!(received.all("Host"), ["good.example.com"]);
    assert_eq!(received.all("Cookie"), ["a=1; b=2; c=3"], "crumbs are joined");
    for gone in ["X-Auth-User-Id", "X_Auth_User_Id"] {
        assert!(received.all(gone).is_empty(), "{gone}: {}", received.head);
    }
    assert_eq!((received.all("TE"), received.all("Connection")), (vec!["trailers"], vec!["TE"]));
    assert_eq!(received.all("X-Forwarded-Proto"), ["http"], "whatever :scheme says");
    assert_eq!(received.all("X-Forwarded-Host"), ["good.example.com"]);
    assert_eq!(received.text(), "body");
    assert_eq!(received.all("Content-Length").len() + received.all("Transfer-Encoding").len(), 1);

    for (what, expected) in [
        ("host-repeats-authority", "200"),
        ("host-contradicts-authority", "400"),
        ("two-hosts", "400"),
        ("no-authority", "400"),
        ("authority-with-user", "400"),
        ("connection-header", "reset PROTOCOL_ERROR"),
        ("transfer-encoding", "reset PROTOCOL_ERROR"),
        ("upgrade", "reset PROTOCOL_ERROR"),
        ("te-gzip", "reset PROTOCOL_ERROR"),
        ("length-too-short", "reset PROTOCOL_ERROR"),
        ("connect", "405"),
        ("extended-connect", "reset PROTOCOL_ERROR"),
        ("dot-segments", "400"),
        ("large-head", "431"),
    ] {
        let arrived = stub.requests().len();
        assert_eq!(said(gateway.port, what), expected, "{what}");
        let expected = if expected == "200" { arrived + 1 } else { arrived };
        assert_eq!(stub.requests().len(), expected, "{what}: {:?}", stub.requests().last());
    }
}

#[test]
fn many_requests_share_a_connection_and_no_more_than_may() {
    let stub = Stub::with(|received, stream| {
        use std::io::Write as _;
        std::thread::sleep(std::time::Duration::from_millis(100));
        stream.write_all(answer("", received.request_line()).as_bytes())
    });
    let gateway = in_clear(&stub);
    assert_eq!(said(gateway.port, "settings"), "max_concurrent_streams=7 enable_connect_protocol=0");
    assert_eq!(said(gateway.port, "seven-at-once"), "200 200 200 200 200 200 200");
    assert_eq!(said(gateway.port, "eight-at-once"), "reset REFUSED_STREAM");
}

#[test]
fn floods_end_the_connection_and_nothing_else() {
    let stub = Stub::start();
    let mut gateway = in_clear(&stub);
    for flood in ["reset-flood", "continuation-flood", "empty-data-flood"] {
        let said = said(gateway.port, flood);
        assert!(said.starts_with("goaway") || said == "closed", "{flood}: {said}");
    }
    assert!(gateway.process.peak_memory() < 80 * 1024 * 1024, "{}", gateway.process.peak_memory());
    assert_eq!(gateway.client().get("/x").unwrap().status, 200);
    gateway.process.signal(libc::SIGTERM);
    assert!(gateway.process.wait(std::time::Duration::from_secs(20)).success());
}

#[test]
fn who_asks_and_takes_back_without_end_is_refused_and_cut_off() {
    let stub = Stub::with(|received, stream| {
        use std::io::Write as _;
        let pause = if received.request_line().contains("/late") { 5 } else { 0 };
        std::thread::sleep(std::time::Duration::from_secs(pause));
        stream.write_all(answer("", ANSWER).as_bytes())
    });
    let gateway = in_clear(&stub);
    assert_eq!(said(gateway.port, "fourteen-taken-back"), "200", "twice as many as may be under way");
    let before = stub.requests().len();
    assert_eq!(said(gateway.port, "many-taken-back"), "goaway NO_ERROR reset REFUSED_STREAM closed");
    // One that is taken back at once may not have come so far.
    let asked = stub.requests().len() - before;
    assert!((8..=20).contains(&asked), "{asked} of them came to the backend");
    assert_eq!(gateway.client().get("/x").unwrap().status, 200);
}

#[test]
fn an_idle_connection_is_told_to_go_and_one_that_goes_no_further_is_cut_off() {
    let gateway = Setup::before(&Stub::start(), "[server]\nheader_timeout = '500ms'\n").start();
    assert_eq!(said(gateway.port, "idle"), "goaway NO_ERROR closed");
    assert_eq!(said(gateway.port, "unfinished-head"), "closed");
    assert_eq!(said(gateway.port, "unfinished-preface"), "closed");
}

#[test]
fn an_idle_connection_is_told_before_it_is_cut_off() {
    // Longer than it is waited for after that.
    let gateway = Setup::before(&Stub::start(), "[server]\nthreads = 1\nheader_timeout = '4s'\n").start();
    let port = gateway.port;
    let asked: Vec<_> = (0..4).map(|_| std::thread::spawn(move || said(port, "idle"))).collect();
    for told in asked {
        assert_eq!(told.join().unwrap(), "goaway NO_ERROR closed");
    }
}

#[test]
fn a_client_that_has_gone_is_noticed_and_one_that_waits_is_not_disturbed() {
    let stub = Stub::with(|received, stream| {
        use std::io::Write as _;
        let pause = if received.request_line().contains("/late") { 3 } else { 0 };
        std::thread::sleep(std::time::Duration::from_secs(pause));
        stream.write_all(answer("", ANSWER).as_bytes())
    });
    let gateway = Setup::before(&stub, "[server]\nthreads = 1\nwrite_timeout = '1s'\n").start();
    assert_eq!(said(gateway.port, "silent"), "200");
    assert_eq!(said(gateway.port, "vanished"), "closed");
    assert_eq!(said(gateway.port, "shut"), "reset CANCEL 200", "one that takes nothing of an answer loses that");
}
