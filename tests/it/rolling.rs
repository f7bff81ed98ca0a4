//! Two gateways behind HAProxy, each stopped and started anew in turn: nobody loses a request, whatever is under way ([`long`]).

use std::{
    fs,
    io::Write as _,
    net::TcpStream,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    sockets::talk::{Listener, Talk},
    support::{
        client::{Answer, Client, read_answer},
        django::Backend,
        gateway::{AUTH, GQL, Gateway, LOGIN, REFRESH, STUB_SECRET, Setup, Tokens},
        ports,
        process::Process,
        redis::RedisServer,
    },
};

mod long;

const LOGOUT: &str = "mutation { logout { ok } }";
const PATIENCE: Duration = Duration::from_secs(60);

/// A real HAProxy, which asks `/readyz` whom to send clients to.
struct Front {
    port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Front {
    /// Before these gateways, by their ports and those of their admin listeners.
    fn before(gateways: &[(u16, u16)]) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), ports::free());
        let server = |(at, (port, admin)): (usize, &(u16, u16))| {
            // As long as it is up, who wants it has it.
            format!(
                "  use-server g{at} if {{ req.hdr(X-Prefer) g{at} }}\n  \
                 server g{at} 127.0.0.1:{port} check port {admin} inter 200ms fall 1 rise 1\n"
            )
        };
        let servers: String = gateways.iter().enumerate().map(server).collect();
        let text = format!(
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  \
             timeout tunnel 60s\n  timeout check 10s\n  option redispatch\nlisten all\n  bind 127.0.0.1:{port}\n  balance roundrobin\n  \
             option httpchk GET /readyz\n{servers}"
        );
        let path = folder.path().join("haproxy.cfg");
        fs::write(&path, text).unwrap();
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f"]).arg(path);
        let mut process = Process::spawn(command, "haproxy");
        process.wait_until(PATIENCE, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, _process: process, _folder: folder }
    }
}

/// What became of those who kept asking.
#[derive(Default)]
struct Watched {
    stop: AtomicBool,
    lost: Mutex<Vec<String>>,
    forwards: AtomicUsize,
    sessions: AtomicUsize,
    sockets: AtomicUsize,
}

impl Watched {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    fn lose(&self, what: String) {
        self.lost.lock().unwrap().push(what);
    }

    fn expect(&self, answer: &Answer) {
        if answer.status == 200 {
            self.forwards.fetch_add(1, Ordering::SeqCst);
        } else {
            self.lose(format!("{answer:?}"));
        }
    }

    /// Forwards on one connection.
    fn forward_on_one(&self, port: u16, token: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let asked = format!("GET /any HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
        while self.goes_on() {
            let sent = stream.write_all(asked.as_bytes());
            match sent.and_then(|()| read_answer(&mut stream)) {
                Ok(Some(answer)) => self.expect(&answer),
                other => return self.lose(format!("a kept connection ended: {other:?}")),
            }
        }
    }

    /// A connection for each forward.
    fn forward_on_many(&self, port: u16, token: &str) {
        while self.goes_on() {
            match Client::new(port).bearer(token).get("/any") {
                Ok(answer) => self.expect(&answer),
                Err(error) => self.lose(error.to_string()),
            }
        }
    }

    /// Logs in, refreshes, and logs out.
    fn log_in_and_out(&self, port: u16) {
        while self.goes_on() {
            let login = Client::new(port).graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" })).field();
            if login["ok"] != json!(true) {
                return self.lose(login.to_string());
            }
            let refresh = json!({ "r": Tokens::of(&login).refresh });
            let renewed = Client::new(port).graphql(AUTH, REFRESH, refresh).field();
            if renewed["ok"] != json!(true) {
                return self.lose(renewed.to_string());
            }
            let out = Client::new(port).bearer(&Tokens::of(&renewed).access).graphql(AUTH, LOGOUT, json!({})).field();
            if out["ok"] != json!(true) {
                return self.lose(out.to_string());
            }
            self.sessions.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Runs operations on a socket, and opens another one when it is told to.
    fn converse(&self, port: u16, token: &str) {
        while self.goes_on() {
            let mut talk = Talk::begun(port, GQL, json!({ "token": token }));
            self.sockets.fetch_add(1, Ordering::SeqCst);
            while self.goes_on() {
                match talk.operation() {
                    Ok(()) => thread::sleep(Duration::from_millis(20)),
                    Err(Some(1012) | None) => break,
                    Err(Some(code)) => return self.lose(format!("a socket was closed: {code}")),
                }
            }
        }
    }
}

/// Two gateways that share a store, behind the proxy.
struct World {
    setups: [Setup; 2],
    gateways: Vec<Gateway>,
    front: Front,
    token: String,
    _directory: Backend,
    _redis: RedisServer,
}

impl World {
    fn before(backend: &Listener) -> Self {
        let (directory, redis) = (Backend::sqlite(), RedisServer::start());
        directory.cheap_password("john", "secret123");
        let shared = Setup::bare(backend.stub.port, directory.url(), STUB_SECRET)
            .store(&redis.url())
            .changed("#drain_delay = \"0s\"", "drain_delay = \"3s\"")
            .changed("#shutdown_grace = \"30s\"", "shutdown_grace = \"60s\"")
            .unthrottled();
        let places = [(); 2].map(|()| (ports::free(), ports::free()));
        let setups = places.map(|(port, admin)| shared.clone().at(port, admin));
        let gateways: Vec<Gateway> = setups.iter().map(Setup::start).collect();
        let token = Tokens::of(&gateways[0].login("john", "secret123")).access;
        Self { setups, gateways, front: Front::before(&places), token, _directory: directory, _redis: redis }
    }

    /// Has this happen to the gateways while clients keep asking, none of whom may notice.
    fn with_steady_clients(mut self, story: impl FnOnce(&mut [Gateway], &[Setup])) {
        let (port, token, watched) = (self.front.port, &self.token, Watched::default());
        thread::scope(|scope| {
            scope.spawn(|| watched.forward_on_one(port, token));
            scope.spawn(|| watched.forward_on_one(port, token));
            scope.spawn(|| watched.forward_on_many(port, token));
            scope.spawn(|| watched.log_in_and_out(port));
            scope.spawn(|| watched.converse(port, token));
            // Whatever fails, the threads end.
            let story = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                story(&mut self.gateways, &self.setups);
            }));
            watched.stop.store(true, Ordering::SeqCst);
            story.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
        let lost = watched.lost.into_inner().unwrap();
        assert!(lost.is_empty(), "{} lost: {lost:#?}", lost.len());
        let [forwards, sessions, sockets] =
            [watched.forwards, watched.sessions, watched.sockets].map(AtomicUsize::into_inner);
        assert!(
            forwards > 100 && sessions > 2 && sockets > 1,
            "{forwards} forwards, {sessions} sessions, {sockets} sockets"
        );
    }
}

#[test]
fn each_gateway_is_restarted_in_turn_and_no_request_is_lost() {
    let backend = Listener::start();
    World::before(&backend).with_steady_clients(|gateways, setups| {
        for _ in 0..2 {
            for (gateway, setup) in gateways.iter_mut().zip(setups) {
                is_used(gateway);
                gateway.process.signal(libc::SIGTERM);
                let status = gateway.process.wait(PATIENCE);
                assert!(status.success(), "{status}: {}", gateway.process.output());
                *gateway = setup.start();
                is_used(gateway);
            }
        }
    });
}

/// Waits until clients are sent to it.
fn is_used(gateway: &mut Gateway) {
    gateway.process.wait_for_line("path=\"/any\"");
}
