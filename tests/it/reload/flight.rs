//! What is under way when the configuration is replaced.

use std::{
    io::{Read as _, Write as _},
    sync::{Mutex, mpsc},
    time::Duration,
};

use serde_json::json;

use super::Kept;
use crate::{
    sockets::talk::{Listener, Talk},
    support::{
        gateway::{AUTH, STUB_SECRET, Setup},
        jwt,
        stub::{ANSWER, Stub, answer},
    },
};

const SHUT: &str = "[[routes]]\npath = '/*'\nroles = ['nobody']\n";

/// Answers and goes on when it is told to.
fn hesitant() -> (mpsc::Sender<()>, Stub) {
    let (go, goes) = mpsc::channel::<()>();
    let goes = Mutex::new(goes);
    let stub = Stub::with(move |received, stream| {
        let wait = || goes.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
        if received.request_line().contains("/events") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 8\r\n\r\ntick")?;
            wait();
            return stream.write_all(b"tock");
        }
        wait();
        stream.write_all(answer("", ANSWER).as_bytes())
    });
    (go, stub)
}

fn bearer() -> String {
    format!("Authorization: Bearer {}\r\n", jwt::sign(STUB_SECRET, &jwt::johns_claims()))
}

#[test]
fn a_request_ends_by_the_rules_that_it_began_under() {
    let (go, stub) = hesitant();
    let setup = Setup::before(&stub, "claims = ['roles']\n# routes\n");
    let mut gateway = setup.start();
    let mut kept = Kept::open(gateway.port);
    kept.send("GET /slow", &bearer(), "");
    while stub.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    setup.change("# routes\n", SHUT);
    gateway.reload();
    assert_eq!(Kept::open(gateway.port).ask("GET /slow", &bearer(), "").status, 403);
    go.send(()).unwrap();
    assert_eq!(kept.answer().status, 200);
    assert_eq!(kept.ask("GET /slow", &bearer(), "").status, 403, "and the next one by the new");
}

#[test]
fn an_answer_that_goes_on_and_a_socket_go_on_for_the_grace() {
    let (go, stub) = hesitant();
    let backend = Listener::start();
    for (grace, goes_on) in [("10m", true), ("0s", false)] {
        let more = format!("claims = ['roles']\n[server]\nreload_grace = '{grace}'\n# routes\n");
        let events = Setup::before(&stub, &more);
        let mut gateway = events.start();
        let mut kept = Kept::open(gateway.port);
        kept.send("GET /events", &bearer(), "");
        let mut seen = String::new();
        while !seen.ends_with("tick") {
            let mut piece = [0; 1024];
            let count = kept.0.read(&mut piece).unwrap();
            seen.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        events.change("# routes\n", SHUT);
        gateway.reload();
        if goes_on {
            go.send(()).unwrap();
        }
        let mut rest = [0; 4];
        assert_eq!(kept.0.read_exact(&mut rest).is_ok(), goes_on, "{grace}");
        if !goes_on {
            go.send(()).unwrap();
        }

        let sockets = Setup::before(&backend.stub, &more);
        let mut gateway = sockets.start();
        let token = jwt::sign(STUB_SECRET, &jwt::johns_claims());
        let mut talk = Talk::begun(gateway.port, AUTH, json!({ "token": token }));
        talk.is_alive();
        sockets.change("# routes\n", SHUT);
        gateway.reload();
        match goes_on {
            true => talk.is_alive(),
            false => assert_eq!(talk.closed_because(), (1012, "Service restart".into())),
        }
    }
}

#[test]
fn a_socket_from_before_counts_among_those_that_there_may_be() {
    let backend = Listener::start();
    let setup = Setup::before(&backend.stub, "[websocket]\nmax_sockets = 1\n");
    let mut gateway = setup.start();
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    gateway.reload();
    talk.is_alive();
    let refused = || {
        let mut stream = crate::sockets::send(gateway.port, crate::sockets::upgrade("/chat", "").as_bytes());
        crate::sockets::head(&mut stream).starts_with("HTTP/1.1 503")
    };
    assert!(refused());
}
