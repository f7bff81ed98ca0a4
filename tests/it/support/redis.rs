//! A real `redis-server` of a test's own.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test without its server has failed")]

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
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
    arguments: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::start_by(arguments, Vec::new)
    }

    /// The same, and some that are made anew each time, such as a port.
    pub(crate) fn start_by(arguments: &[&str], more: impl Fn() -> Vec<String>) -> Self {
        let log = ["--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "local"];
        let fixed = [&log[..], arguments].concat();
        Self::start_bare(|_| fixed.iter().copied().map(str::to_owned).chain(more()).collect())
    }

    /// A server with no arguments but these; what they need stands in the folder that they are made for.
    pub(crate) fn start_bare(arguments: impl Fn(&Path) -> Vec<String>) -> Self {
        // Another test may take the free port before the server does, hence more than one try.
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let arguments = arguments(folder.path());
            let mut server = Self { port: free_port(), folder, arguments, process: None };
            if server.launch() {
                return server;
            }
        }
        panic!("redis-server did not start on five ports");
    }

    /// The URL of this server as a gateway is given it: by TLS where it was started so.
    pub(crate) fn url(&self) -> String {
        match self.tls_port() {
            Some(port) => format!("rediss://127.0.0.1:{port}"),
            None => self.url_in_clear(),
        }
    }

    fn url_in_clear(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it listens for others: by TLS where it was started so.
    pub(crate) fn others_port(&self) -> u16 {
        self.tls_port().unwrap_or(self.port)
    }

    fn tls_port(&self) -> Option<u16> {
        let port = self.arguments.iter().skip_while(|argument| *argument != "--tls-port").nth(1)?;
        Some(port.parse().unwrap())
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
        redis::Client::open(self.url_in_clear()).unwrap().get_connection().unwrap()
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until a replica has all that this server has acknowledged so far. `key` is one that it keeps.
    pub(crate) fn replicate(&self, key: &str) {
        let mut control = self.connection();
        let () = redis::cmd("SET").arg(key).arg(1).query(&mut control).unwrap();
        // It waits for what this connection wrote, and replicas get all writes in one order.
        let replicas: u32 = redis::cmd("WAIT").arg(1).arg(5000).query(&mut control).unwrap();
        assert!(replicas >= 1, "no replica has it");
    }

    /// Stops it from doing anything, and lets it go on: a server that is cut off. It can be killed in between.
    pub(crate) fn freeze(&self, frozen: bool) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        let signal = if frozen { "-STOP" } else { "-CONT" };
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Starts it again, whether it has loaded its data or not.
    pub(crate) fn launch_without_waiting(&mut self) {
        self.process = Some(self.spawn());
    }

    fn spawn(&self) -> Child {
        let port = self.port.to_string();
        Command::new("redis-server")
            .args(&self.arguments)
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("these tests need `redis-server` 7 or newer; install it, e.g. `apt-get install redis-server`")
    }

    fn launch(&mut self) -> bool {
        let mut process = self.spawn();
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
        let answer: redis::RedisResult<redis::InfoDict> = redis::Client::open(self.url_in_clear())
            .and_then(|client| client.get_connection_with_timeout(Duration::from_millis(200)))
            .and_then(|mut connection| redis::cmd("INFO").query(&mut connection));
        answer.is_ok_and(|info| info.get("process_id") == Some(pid) && info.get("loading") != Some(1))
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The URL of these servers together, of this form; by TLS where they were started so.
pub(crate) fn url_of(servers: &[RedisServer], form: &str) -> String {
    let scheme = if servers[0].tls_port().is_some() { "rediss" } else { "redis" };
    let hosts: Vec<String> = servers.iter().map(|one| format!("127.0.0.1:{}", one.others_port())).collect();
    format!("{scheme}-{form}://{}", hosts.join(","))
}

/// Waits until something is so, which may take a busy machine a while.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "not yet: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// A port of the loopback that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
