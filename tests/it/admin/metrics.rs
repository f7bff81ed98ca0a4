//! What is counted, as Prometheus reads it.

use std::{
    io::Write as _,
    net::TcpStream,
    process::{Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
};

use serde_json::json;

use super::{ADMIN, PATIENCE};
use crate::{
    sockets::{echo, head, send, upgrade},
    support::{
        client::{Client, exchange, read_answer},
        django,
        gateway::{AUTH, GQL, Gateway, REFRESH, STUB_SECRET, Setup, Tokens},
        ports,
        redis::{RedisServer, wait_until},
        stub::Stub,
    },
};

/// The page.
fn metrics(admin: &Client) -> String {
    let answer = admin.get("/metrics").unwrap();
    assert_eq!(answer.all("content-type"), ["text/plain; version=0.0.4; charset=utf-8"]);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// The value of a sample, by its name and labels as they are written.
fn value(page: &str, sample: &str) -> f64 {
    let found = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().unwrap_or_else(|error| panic!("{error}: {sample} {value}")))
}

/// Waits until the page says so: an answer is counted when it has ended, which its client may see before.
#[track_caller]
fn says(admin: &Client, samples: &[(&str, f64)]) {
    let so = || {
        let page = metrics(admin);
        samples.iter().all(|(sample, expected)| (value(&page, sample) - expected).abs() < 0.5)
    };
    let begun = std::time::Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "not {samples:?}:\n{}", metrics(admin));
        thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Of several at once, all 200.
fn get(gateway: &Gateway, path: &str, times: usize) {
    thread::scope(|scope| {
        for _ in 0..8 {
            let client = gateway.client();
            scope.spawn(move || {
                for _ in 0..times / 8 {
                    assert_eq!(client.get(path).unwrap().status, 200);
                }
            });
        }
    });
}

#[test]
fn each_request_is_counted_once_whichever_core_it_came_to() {
    let stub = Stub::start();
    let routes =
        "[[routes]]\npath = '/reports*'\nmethods = ['GET', 'POST']\nauth = 'required'\n[log]\naccess = 'off'\n";
    let mut gateway = Setup::before(&stub, &format!("[server]\nthreads = 4\n{routes}{ADMIN}")).start();
    let admin = gateway.admin();
    get(&gateway, "/x", 200);
    for _ in 0..3 {
        assert_eq!(gateway.client().get("/reports/a").unwrap().status, 401);
    }
    for _ in 0..5 {
        gateway.client().graphql(GQL, "{ a }", json!({}));
    }
    let two_hosts = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    assert_eq!(exchange(gateway.port, two_hosts).unwrap().unwrap().status, 400);
    assert_eq!(exchange(gateway.port, b"nonsense\r\n\r\n").unwrap().unwrap().status, 400);
    says(
        &admin,
        &[
            (r#"railgate_requests_total{route="other",code="2xx",outcome="ok"}"#, 200.0),
            (r#"railgate_requests_total{route="GET,POST /reports*",code="4xx",outcome="ok"}"#, 3.0),
            (r#"railgate_requests_total{route="graphql",code="2xx",outcome="ok"}"#, 5.0),
            (r#"railgate_requests_total{route="unread",code="4xx",outcome="ok"}"#, 1.0),
            ("railgate_requests_malformed_total", 1.0),
            (r#"railgate_request_duration_seconds_count{route="other"}"#, 200.0),
            (r#"railgate_request_duration_seconds_bucket{route="other",le="+Inf"}"#, 200.0),
            ("railgate_upstream_response_seconds_count", 205.0),
            ("railgate_requests_in_flight", 0.0),
            ("railgate_connections_opened_total", 210.0),
            ("railgate_connections_open", 0.0),
            ("railgate_threads", 4.0),
            ("railgate_ready", 1.0),
        ],
    );
    let page = metrics(&admin);
    assert!(value(&page, "railgate_upstream_connections_opened_total") >= 1.0, "{page}");
    let (open, idle) = ("railgate_upstream_connections_open", "railgate_upstream_connections_idle");
    assert!(value(&page, idle) >= 1.0 && value(&page, open) >= value(&page, idle), "{page}");
}

#[test]
fn what_goes_on_is_counted_as_long_as_it_does() {
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let stub = Stub::with(move |_, stream| {
        let _ = may_go_on.lock().unwrap().recv_timeout(PATIENCE);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    let mut gateway = Setup::before(&stub, ADMIN).start();
    let admin = gateway.admin();
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let names = ["railgate_requests_in_flight", "railgate_connections_open", "railgate_upstream_connections_open"];
    let idle = "railgate_upstream_connections_idle";
    says(&admin, &[(names[0], 1.0), (names[1], 1.0), (names[2], 1.0), (idle, 0.0)]);
    go_on.send(()).unwrap();
    assert_eq!(read_answer(&mut stream).unwrap().unwrap().status, 200);
    says(&admin, &[(names[0], 0.0), (names[1], 1.0), (names[2], 1.0), (idle, 1.0)]);
    drop(stream);
    says(&admin, &[(names[0], 0.0), (names[1], 0.0), (names[2], 1.0), (idle, 1.0)]);
}

#[test]
fn a_socket_is_counted_until_it_is_closed() {
    let stub = echo("");
    let mut gateway = Setup::before(&stub, ADMIN).start();
    let admin = gateway.admin();
    let mut socket = send(gateway.port, upgrade("/ws/", "").as_bytes());
    assert!(head(&mut socket).contains(" 101 "));
    let upgraded = r#"railgate_requests_total{route="other",code="1xx",outcome="upgraded"}"#;
    says(&admin, &[("railgate_sockets_open", 1.0), ("railgate_requests_in_flight", 0.0), (upgraded, 1.0)]);
    drop(socket);
    says(&admin, &[("railgate_sockets_open", 0.0), ("railgate_sockets_opened_total", 1.0), (upgraded, 1.0)]);
}

#[test]
fn operations_are_counted_by_what_came_of_them() {
    let (redis, stub, directory) = (RedisServer::start(), Stub::start(), django::Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let setup = Setup::bare(stub.port, directory.url(), STUB_SECRET).admin().store(&redis.url());
    let mut gateway = setup.changed("#iterations = 1000000", "iterations = 1000").start();
    let admin = gateway.admin();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    assert_eq!(gateway.refresh(&tokens.refresh)["ok"], json!(true));
    gateway.client().graphql(AUTH, REFRESH, json!({ "r": "made up" }));
    // Five are looked at.
    for _ in 0..7 {
        gateway.login("john", "wrong");
    }
    let page = metrics(&admin);
    for (labels, count) in [
        (r#"operation="login",outcome="ok",code="""#, 1.0),
        (r#"operation="login",outcome="refused",code="INVALID_CREDENTIALS""#, 5.0),
        (r#"operation="login",outcome="refused",code="RATE_LIMITED""#, 2.0),
        (r#"operation="refresh",outcome="ok",code="""#, 1.0),
        (r#"operation="refresh",outcome="refused",code="REFRESH_TOKEN_INVALID""#, 1.0),
    ] {
        let found = value(&page, &format!("railgate_auth_operations_total{{{labels}}}"));
        assert!((found - count).abs() < 0.5, "{labels}: {page}");
    }
    assert!((value(&page, "railgate_hashing_wait_seconds_count") - 6.0).abs() < 0.5, "{page}");
    for sample in [
        r#"railgate_dependency_duration_seconds_count{dependency="store"}"#,
        r#"railgate_dependency_duration_seconds_count{dependency="directory"}"#,
        "railgate_hashing_threads",
        "process_resident_memory_bytes",
    ] {
        assert!(value(&page, sample) >= 1.0, "{sample}: {page}");
    }
    for kept in ["secret123", "john", "made up", &tokens.access, &tokens.refresh] {
        assert!(!page.contains(kept), "{kept}: {page}");
    }
}

#[test]
fn those_who_are_away_are_seen() {
    let (mut redis, directory) = (RedisServer::start(), django::Backend::sqlite());
    let setup = Setup::bare(ports::free(), directory.url(), STUB_SECRET).admin().store(&redis.url());
    let mut gateway = setup.start();
    let admin = gateway.admin();
    assert_eq!(gateway.client().get("/").unwrap().status, 502);
    says(
        &admin,
        &[
            (r#"railgate_upstream_failures_total{reason="connect_failed"}"#, 1.0),
            (r#"railgate_dependency_up{dependency="upstream"}"#, 0.0),
            (r#"railgate_dependency_up{dependency="store"}"#, 1.0),
        ],
    );
    assert!(value(&metrics(&admin), "railgate_revocations_lag_seconds") < 30.0);
    redis.stop();
    wait_until("the store is missed", || {
        let page = metrics(&admin);
        let failures = value(&page, r#"railgate_dependency_failures_total{dependency="store"}"#);
        failures >= 1.0 && page.contains("railgate_dependency_up{dependency=\"store\"} 0\n")
    });
    let lag = || value(&metrics(&admin), "railgate_revocations_lag_seconds");
    let before = lag();
    wait_until("the lag grows", || lag() > before + 2.0);
}

/// Names, units and help are by Prometheus' conventions, and what it reads is what was written.
#[test]
fn promtool_finds_nothing_to_complain_of() {
    let (stub, directory) = (Stub::start(), django::Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let mut gateway = Setup::bare(stub.port, directory.url(), STUB_SECRET).admin().start();
    gateway.login("john", "secret123");
    get(&gateway, "/x", 8);
    let page = metrics(&gateway.admin());
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs `promtool`, e.g. of Debian's package `prometheus`");
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let done = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.is_empty(), "{said}\n{page}");
}
