//! A real `redis-server` of a test's own.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test without its server has failed")]

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use tempfile::TempDir;

/// A server on a free port of the loopback, with its data in a folder that goes away with it.
///
/// It writes an append-only file, so what it holds is there again after [`restart`](Self::restart).
#[derive(Debug)]
pub(crate) struct RedisServer {
    /// Where it listens.
    pub(crate) port: u16,
    folder: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    pub(crate) fn start() -> Self {
        // Another test may take the free port before the server does, hence more than one try.
        for _ in 0..5 {
            let mut server = Self { port: free_port(), folder: tempfile::tempdir().unwrap(), process: None };
            if server.launch() {
                return server;
            }
        }
        panic!("redis-server did not start on five ports");
    }

    /// `redis://…` of this server.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills the server, as a power cut would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again on the same port and data.
    pub(crate) fn restart(&mut self) {
        self.stop();
        assert!(self.launch(), "redis-server did not come back on port {}", self.port);
    }

    /// A plain connection, for looking behind the gateway's back.
    pub(crate) fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn launch(&mut self) -> bool {
        let port = self.port.to_string();
        let mut process = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", "always", "--enable-debug-command", "local", "--daemonize", "no"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("these tests need `redis-server` 7 or newer; install it, e.g. `apt-get install redis-server`");
        let pid = process.id();
        for _ in 0..500 {
            if process.try_wait().unwrap().is_some() {
                return false;
            }
            if self.is_served_by(pid) {
                self.process = Some(process);
                return true;
            }
            sleep(Duration::from_millis(10));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        false
    }

    /// Whether the server that answers on the port is ours and has loaded its data.
    fn is_served_by(&self, pid: u32) -> bool {
        let answer: redis::RedisResult<redis::InfoDict> = redis::Client::open(self.url())
            .and_then(|client| client.get_connection_with_timeout(Duration::from_millis(200)))
            .and_then(|mut connection| redis::cmd("INFO").query(&mut connection));
        answer.is_ok_and(|info| info.get("process_id") == Some(pid) && info.get("loading") == Some(0))
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port of the loopback that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
