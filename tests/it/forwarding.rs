//! What is forwarded: byte for byte, unbuffered in both directions, over connections that are kept; and what happens when
//! the backend is not there.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use crate::support::{
    client::{Client, exchange, read_answer},
    gateway::{Gateway, Setup},
    ports,
    stub::{ANSWER, Stub, answer},
};

const PATIENCE: Duration = Duration::from_secs(30);

fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    while !String::from_utf8_lossy(&seen).contains(wanted) {
        let count = stream.read(&mut piece).unwrap_or_else(|error| panic!("{error}; so far {seen:?}"));
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&seen).into_owned()
}

#[test]
fn a_clean_request_arrives_byte_for_byte() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let body =
        "{ \"query\" : \"{ articles(first: 10) { title } }\",\n  \"variables\":{\"n\":12345678901234567890.10} }";
    let client = gateway.client().with("Content-Type", "application/json").with("X-Correlation-Id", "r-1");
    let answer = client.send("POST", "/graphql/gql/?trace=on", body).expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, ANSWER));
    let received = stub.take_one();
    assert_eq!(received.text(), body);
    assert_eq!(received.request_line(), "POST /graphql/gql/?trace=on HTTP/1.1");
    assert_eq!(received.all("Content-Type"), ["application/json"]);
    assert_eq!(received.all("X-Correlation-Id"), ["r-1"]);
    assert_eq!(received.all("Content-Length"), [body.len().to_string()]);
}

#[test]
fn the_first_chunk_of_an_answer_arrives_before_the_last_is_made() {
    let (seen, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let stub = Stub::with(move |_, stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        stream.write_all(b"7\r\nfirst\n\n\r\n")?;
        may_go_on.lock().expect("no panic").recv_timeout(PATIENCE).expect("the client has seen the first chunk");
        stream.write_all(b"6\r\nlast\n\n\r\n0\r\n\r\n")
    });
    let gateway = Setup::before(&stub, "").start();
    for path in ["/events", "/graphql/gql/?query=%7Ba%7D"] {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).expect("sent");
        let first = read_until(&mut stream, "first");
        assert!(!first.contains("last"));
        seen.send(()).expect("the backend waits");
        read_until(&mut stream, "0\r\n\r\n");
    }
}

/// Incremental delivery: `multipart/mixed` over POST, also of a document that was parsed because it says `login`.
#[test]
fn the_first_part_of_an_incremental_answer_arrives_before_the_last_is_made() {
    const FIRST: &str = "\r\n---\r\nContent-Type: application/json\r\n\r\n{\"data\":{\"a\":1},\"hasNext\":true}\r\n---";
    const LAST: &str = "\r\nContent-Type: application/json\r\n\r\n{\"incremental\":[],\"hasNext\":false}\r\n-----\r\n";
    let (seen, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let stub = Stub::with(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=\"-\"; deferSpec=20220824\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        stream.write_all(format!("{head}{}", chunk(FIRST)).as_bytes())?;
        may_go_on.lock().expect("no panic").recv_timeout(PATIENCE).expect("the client has seen the first part");
        stream.write_all(format!("{}0\r\n\r\n", chunk(LAST)).as_bytes())
    });
    let gateway = Setup::before(&stub, "").start();
    for document in ["{ a ... @defer { b } }", "{ a(b: \\\"login\\\") ... @defer { b } }"] {
        let body = format!("{{\"query\": \"{document}\"}}");
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
        let length = body.len();
        let head = format!(
            "POST /graphql/gql/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Accept: multipart/mixed; deferSpec=20220824, application/json\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).expect("sent");
        let first = read_until(&mut stream, "\"hasNext\":true}\r\n---");
        assert!(
            first.contains("multipart/mixed; boundary=\"-\"; deferSpec=20220824") && !first.contains("incremental")
        );
        seen.send(()).expect("the backend waits");
        read_until(&mut stream, "\"hasNext\":false}\r\n-----\r\n\r\n0\r\n\r\n");
    }
    let received = stub.requests();
    assert!(received.iter().all(|one| one.all("Accept") == ["multipart/mixed; deferSpec=20220824, application/json"]));
    let parsed: Vec<bool> = received.iter().map(|one| !one.text().contains("\"query\": ")).collect();
    assert_eq!(parsed, [false, true], "the second was written anew");
}

#[test]
fn the_first_byte_of_an_upload_arrives_before_the_last_is_sent() {
    let backend = TcpListener::bind("127.0.0.1:0").expect("a port");
    let stub_port = backend.local_addr().expect("an address").port();
    let gateway = in_front_of_port(stub_port, "");
    let mut client = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
    client.write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst").expect("sent");
    let (mut upstream, _) = backend.accept().expect("the gateway connects");
    let begun = read_until(&mut upstream, "first");
    assert!(begun.starts_with("POST /upload HTTP/1.1\r\n") && begun.to_lowercase().contains("content-length: 10"));
    client.write_all(b"after").expect("sent");
    read_until(&mut upstream, "after");
    upstream.write_all(answer("", ANSWER).as_bytes()).expect("answered");
    assert_eq!(read_answer(&mut client).expect("an exchange").expect("an answer").status, 200);
}

#[test]
fn an_upload_has_the_time_that_it_needs_as_long_as_it_goes_on() {
    let stub = Stub::start();
    let gateway = in_front_of_port(stub.port, "response_timeout = '400ms'");
    let mut client = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
    client.write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n").expect("sent");
    for byte in b"0123456789" {
        thread::sleep(Duration::from_millis(100));
        client.write_all(&[*byte]).expect("sent");
    }
    assert_eq!(read_answer(&mut client).expect("an exchange").expect("an answer").status, 200);

    let mut stalled = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
    stalled.write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0").expect("sent");
    assert_eq!(read_answer(&mut stalled).expect("an exchange").expect("an answer").status, 504);
}

/// The backend answers without having read all of the request. Its connection is in use for as long as the client sends.
#[test]
fn an_upload_that_goes_on_after_its_answer_holds_nobody_up() {
    let backend = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = backend.local_addr().expect("an address").port();
    let (closed, was_closed) = mpsc::channel();
    thread::spawn(move || {
        for stream in backend.incoming() {
            let (mut stream, closed) = (stream.expect("a connection"), closed.clone());
            thread::spawn(move || {
                let head = read_until(&mut stream, "\r\n\r\n");
                let last = if head.starts_with("POST") { "" } else { "Connection: close\r\n" };
                stream.write_all(answer(last, ANSWER).as_bytes()).expect("answered");
                while last.is_empty() && stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
                if last.is_empty() {
                    closed.send(()).expect("the test waits");
                }
            });
        }
    });
    let gateway = in_front_of_port(port, "idle_timeout = '1s'\n[server]\nthreads = 1");
    let mut upload = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
    upload.write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx").expect("sent");
    assert_eq!(read_answer(&mut upload).expect("an exchange").expect("an answer").status, 200);
    for _ in 0..3 {
        let mut other = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
        other.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        other.write_all(b"GET /other HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        assert_eq!(read_answer(&mut other).expect("no wait").expect("an answer").status, 200);
    }
    was_closed.recv_timeout(Duration::from_secs(10)).expect("nor is it waited for for ever");
}

#[test]
fn an_answer_has_one_length_and_one_protocol() {
    let stub = Stub::with(|received, stream| {
        match received.request_line() {
        "GET /both HTTP/1.1" => stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n0\r\n\r\n",
        ),
        "GET /trailers HTTP/1.1" => stream.write_all(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Auth-User-Id\r\n\r\n2\r\nab\r\n0\r\nX-Auth-User-Id: 1\r\n\r\n",
        ),
        "GET /switch HTTP/1.1" => {
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx")
        }
        _ => stream.write_all(
            b"HTTP/1.1 204 No Content\r\nContent-Length: 40\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        ),
    }
    });
    let gateway = Setup::before(&stub, "[server]\nthreads = 1\n").start();
    let both = gateway.client().get("/both").expect("an answer");
    assert_eq!((both.body.as_str(), both.all("content-length").len()), ("12345678", 0));
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
    stream.write_all(b"GET /trailers HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n").expect("sent");
    let trailers = read_until(&mut stream, "0\r\n\r\n").to_lowercase();
    assert!(trailers.contains("ab") && !trailers.contains("x-auth-user-id"), "{trailers}");
    let switch = gateway.client().with("Upgrade", "websocket").get("/switch").expect("an answer");
    assert_eq!((switch.status, switch.code().as_str()), (502, "UPSTREAM_FAILED"));
    for _ in 0..2 {
        let empty = gateway.client().get("/empty").expect("an answer");
        assert_eq!((empty.status, empty.body.as_str()), (204, ""), "what follows is nobody's answer");
    }
}

fn in_front_of_port(port: u16, more: &str) -> Gateway {
    let stub = Stub::start();
    let text = format!(
        "state_dir = {{ env = \"RAILGATE_STATE_DIR\" }}\n[[listeners]]\naddress = {{ env = \"RAILGATE_LISTEN\" }}\n\
         [upstream]\nurl = \"http://127.0.0.1:{port}\"\n{more}\n[directory]\nurl = \"sqlite:///nowhere/db.sqlite3\"\n"
    );
    Setup::before(&stub, "").config(&text).start()
}

/// A quarter of a gigabyte, there and back, through a gateway that never holds it.
#[test]
fn large_bodies_pass_without_being_held() {
    const MIB: usize = 1024 * 1024;
    const SIZE: usize = 256 * MIB;
    let stub = Stub::with(|received, stream| {
        let size = received.body.len();
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").as_bytes())?;
        stream.write_all(&received.body)
    });
    let gateway = Setup::before(&stub, "[server]\nbody_limit = '1GiB'\n").start();
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
    let mut upload = stream.try_clone().expect("a handle");
    let sender = thread::spawn(move || {
        upload.write_all(format!("POST /files HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes())?;
        (0..SIZE / MIB).try_for_each(|_| upload.write_all(&vec![b'x'; MIB]))
    });
    let mut left = SIZE;
    let head = read_until(&mut stream, "\r\n\r\n");
    left -= head.split_once("\r\n\r\n").expect("a head").1.len();
    let mut piece = vec![0; MIB];
    while left > 0 {
        let count = stream.read(&mut piece).expect("more");
        assert!(count > 0, "{left} bytes are missing");
        left -= count;
    }
    sender.join().expect("no panic").expect("sent");
    let peak = gateway.process.peak_memory();
    assert!(peak < 128 * MIB, "the gateway held {} MiB", peak / MIB);
}

#[test]
fn a_client_that_does_not_read_is_not_read_for() {
    const CLIENTS: usize = 20;
    let stub = Stub::with(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")?;
        stream.write_all(&vec![b'x'; 100_000_000])
    });
    let gateway = Setup::before(&stub, "[server]\nthreads = 1\n").start();
    let before = gateway.process.peak_memory();
    let clients: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
            stream.write_all(b"GET /files HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
            stream
        })
        .collect();
    // Until nothing moves any more.
    let mut held = 0;
    while held < gateway.process.peak_memory() {
        held = gateway.process.peak_memory();
        thread::sleep(Duration::from_secs(1));
    }
    let each = (held - before) / CLIENTS;
    assert!(each < 512 * 1024, "the gateway holds {} KiB for each", each / 1024);
    drop(clients);
}

#[test]
fn connections_to_the_backend_are_kept() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "[server]\nthreads = 1\n").start();
    for _ in 0..5 {
        assert_eq!(gateway.client().get("/api").expect("an answer").status, 200);
    }
    assert!(stub.requests().iter().all(|received| received.connection == 0), "{:?}", stub.requests());
}

#[test]
fn a_connection_that_the_backend_closed_is_not_used() {
    let stub = Stub::with(|_, stream| {
        stream.write_all(answer("", ANSWER).as_bytes())?;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let gateway = Setup::before(&stub, "[server]\nthreads = 1\n").start();
    for _ in 0..20 {
        assert_eq!(gateway.client().get("/api").expect("an answer").status, 200);
        // The end of the connection is on its way; a request that crossed it would be lost.
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(stub.requests().len(), 20);
}

#[test]
fn a_client_that_goes_away_costs_the_others_nothing() {
    let stub = Stub::with(|received, stream| {
        if received.request_line().contains("/slow") {
            thread::sleep(Duration::from_millis(300));
        }
        stream.write_all(answer("", &"x".repeat(100_000)).as_bytes())
    });
    let gateway = Setup::before(&stub, "[server]\nthreads = 1\n").start();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        drop(stream);
    }
    for _ in 0..5 {
        let answer = gateway.client().get("/quick").expect("an answer");
        assert_eq!((answer.status, answer.body.len()), (200, 100_000), "nobody gets another's answer");
    }
}

#[test]
fn a_backend_that_is_not_there_is_named() {
    let nobody = in_front_of_port(ports::free(), "");
    let answer = nobody.client().get("/api").expect("an answer");
    assert_eq!((answer.status, answer.code().as_str()), (502, "UPSTREAM_UNREACHABLE"));

    let silent = Stub::with(|_, _| {
        thread::sleep(Duration::from_secs(5));
        Ok(())
    });
    let gateway = in_front_of_port(silent.port, "response_timeout = '200ms'");
    let answer = gateway.client().get("/api").expect("an answer");
    assert_eq!((answer.status, answer.code().as_str()), (504, "UPSTREAM_TIMEOUT"));

    let broken = Stub::with(|_, _| Err(std::io::ErrorKind::Other.into()));
    let answer = in_front_of_port(broken.port, "").client().get("/api").expect("an answer");
    assert_eq!((answer.status, answer.code().as_str()), (502, "UPSTREAM_FAILED"));

    let odd = Stub::with(|_, stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"));
    let answer = in_front_of_port(odd.port, "").client().get("/api").expect("an answer");
    assert_eq!((answer.status, answer.code().as_str()), (502, "UPSTREAM_FAILED"));
}

#[test]
fn a_request_in_flight_is_finished_after_sigterm() {
    let (arrived, has_arrived) = mpsc::channel();
    let arrived = Mutex::new(arrived);
    let stub = Stub::with(move |_, stream| {
        arrived.lock().expect("no panic").send(()).expect("the test waits");
        thread::sleep(Duration::from_millis(500));
        stream.write_all(answer("", ANSWER).as_bytes())
    });
    let mut gateway = Setup::before(&stub, "").start();
    let idle = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
    let port = gateway.port;
    let request = thread::spawn(move || Client::new(port).get("/api"));
    has_arrived.recv_timeout(PATIENCE).expect("the request arrives");
    gateway.process.signal(libc::SIGTERM);
    let answer = request.join().expect("no panic").expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, ANSWER));
    assert!(gateway.process.wait(PATIENCE).success(), "{}", gateway.process.output());
    assert!(exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_err(), "nobody listens any more");
    drop(idle);
}

#[test]
fn the_grace_after_sigterm_has_an_end() {
    let stub = Stub::with(|_, _| {
        thread::sleep(PATIENCE);
        Ok(())
    });
    let mut gateway = Setup::before(&stub, "[server]\nshutdown_grace = '300ms'\n").start();
    let port = gateway.port;
    let _request = thread::spawn(move || Client::new(port).get("/api"));
    while stub.requests().is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    gateway.process.signal(libc::SIGINT);
    assert!(gateway.process.wait(Duration::from_secs(10)).success());
    assert!(gateway.process.output().contains("still in flight"), "{}", gateway.process.output());
}
