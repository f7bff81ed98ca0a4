//! How long a head may be and take, and what crowds of slow clients can't do.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::get;
use crate::{
    support::{
        certificates::Authority,
        client::{exchange, read_answer},
        gateway::Setup,
        stub::{ANSWER, Stub},
    },
    transport::tls::shows,
};

const PATIENCE: Duration = Duration::from_secs(30);

fn connected(port: u16, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    stream
}

/// All that comes until the connection is closed.
fn rest(mut stream: TcpStream) -> String {
    let mut seen = Vec::new();
    stream.read_to_end(&mut seen).expect("closed in time");
    String::from_utf8(seen).unwrap()
}

fn is_late(seen: &str) -> bool {
    let seen = seen.to_lowercase();
    seen.starts_with("http/1.1 408 ") && seen.contains("\r\nconnection: close\r\n") && seen.contains("\"head_timeout\"")
}

#[test]
fn a_head_that_does_not_end_in_time_is_told_so() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "[server]\nheader_timeout = '300ms'\n").start();
    for begun in ["GET / HTTP/1.1\r\nHost: a\r\nX-Sl", "GET /slo", "G", "GET / HTTP/1.1\r\n"] {
        let seen = rest(connected(gateway.port, begun));
        assert!(is_late(&seen), "{begun:?}: {seen}");
    }
    let mut dripping = connected(gateway.port, "GET / HTTP/1.1\r\nHost: a\r\n");
    for _ in 0..20 {
        // Until it is closed.
        let _sent = dripping.write_all(b"X-A: b\r\n");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(is_late(&rest_of_a_reset(dripping)), "each byte gives no more time");
    assert!(stub.requests().is_empty());
}

/// What was sent behind the answer may have the connection reset.
fn rest_of_a_reset(mut stream: TcpStream) -> String {
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        seen.extend_from_slice(&piece[..count]);
    }
    String::from_utf8(seen).unwrap()
}

#[test]
fn who_is_only_idle_is_told_nothing() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "[server]\nheader_timeout = '300ms'\n").start();
    assert_eq!(rest(connected(gateway.port, "")), "");
    let mut kept = connected(gateway.port, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(read_answer(&mut kept).unwrap().unwrap().body, ANSWER);
    assert_eq!(rest(kept), "");
    let mut kept = connected(gateway.port, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(read_answer(&mut kept).unwrap().unwrap().body, ANSWER);
    kept.write_all(b"GET /y HTTP/1.1\r\n").unwrap();
    let seen = rest(kept);
    assert!(is_late(&seen), "a second one: {seen}");
}

#[test]
fn by_tls_it_is_told_so_too() {
    let (stub, authority) = (Stub::start(), Authority::new("railgate tests"));
    let shown = shows(&authority.vouch("server", "localhost", "DNS:localhost"));
    let lines = "[server]\nheader_timeout = '300ms'\n";
    let gateway = Setup::before(&stub, lines).changed("[upstream]\n", &format!("{shown}\n[upstream]\n")).start();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-ign_eof", "-connect", &format!("127.0.0.1:{}", gateway.port)]);
    let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    client.stdin.as_mut().unwrap().write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-Sl").unwrap();
    let seen = String::from_utf8(client.wait_with_output().unwrap().stdout).unwrap();
    assert!(is_late(&seen), "{seen}");
}

#[test]
fn a_head_has_so_many_lines_and_a_target_so_many_bytes() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    // `get` adds `Host`.
    for (lines, expected) in [(99, 200), (100, 431)] {
        assert_eq!(get(&gateway, "/", &"X-A: b\r\n".repeat(lines)).status, expected, "{lines}");
    }
    stub.take_one();
    let target = |length: usize| format!("/?{}", "x".repeat(length - 2));
    assert_eq!(get(&gateway, &target(16 * 1024), "").status, 200);
    assert_eq!(stub.take_one().request_line().len(), 16 * 1024 + "GET  HTTP/1.1".len());
    let refused = get(&gateway, &target(16 * 1024 + 1), "");
    assert_eq!((refused.status, refused.code().as_str()), (414, "TARGET_TOO_LONG"));
    // With it, the whole head is too long.
    assert_eq!(get(&gateway, &target(40 * 1024), "").status, 431);
    assert!(stub.requests().is_empty());
}

/// As slowhttptest does it: heads, bodies and readers that are slow, two hundred of each.
#[test]
fn crowds_of_slow_clients_hold_nobody_up() {
    const CROWD: usize = 200;
    let stub = Stub::with(|received, stream| {
        let size = if received.request_line().contains("/large") { 4 * 1024 * 1024 } else { 2 };
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").as_bytes())?;
        stream.write_all(&vec![b'x'; size])
    });
    // The stub takes the crowd's connections one after the other.
    let patient = "[upstream]\nconnect_timeout = \"30s\"\n";
    let gateway = Setup::before(&stub, "[server]\nthreads = 2\n").changed("[upstream]\n", patient).start();
    let slow = [
        "GET / HTTP/1.1\r\nHost: a\r\nX-Sl",
        "POST /graphql/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
        "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        "GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    let crowd: Vec<TcpStream> = (0..CROWD).flat_map(|_| slow).map(|sent| connected(gateway.port, sent)).collect();
    let served: Vec<_> = (0..8).map(|_| gateway.port).map(|port| thread::spawn(move || patiently(port))).collect();
    assert!(served.into_iter().all(|served| served.join().unwrap()), "{}", gateway.process.output());
    let each = gateway.process.peak_memory() / crowd.len();
    assert!(each < 512 * 1024, "the gateway holds {} KiB for each", each / 1024);
}

/// Twenty requests one after the other, none of which takes long.
fn patiently(port: u16) -> bool {
    (0..20).all(|_| {
        let begun = Instant::now();
        let answer = exchange(port, b"GET /quick HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        answer.unwrap().is_some_and(|answer| answer.status == 200) && begun.elapsed() < PATIENCE
    })
}

/// Who comes with half a head again and again has nothing kept for it.
#[test]
fn half_heads_are_not_kept() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "[server]\nheader_timeout = '500ms'\nheader_limit = '1MiB'\n").start();
    let half = format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: {}", "x".repeat(512 * 1024));
    let peak_of_a_round = || {
        let crowd: Vec<TcpStream> = (0..20)
            .map(|_| {
                let mut stream = connected(gateway.port, "");
                // One that comes late is closed on the way.
                let _sent = stream.write_all(half.as_bytes());
                stream
            })
            .collect();
        for stream in crowd {
            rest_of_a_reset(stream);
        }
        gateway.process.peak_memory()
    };
    let once = peak_of_a_round();
    let often = (0..4).map(|_| peak_of_a_round()).max().unwrap();
    assert!(often < once * 3 / 2 + 16 * 1024 * 1024, "{} MiB, then {} MiB", once >> 20, often >> 20);
}
