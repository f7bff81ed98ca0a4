//! Where the access log goes, and what becomes of it when nobody reads it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

use serde_json::Value;

use super::{JSON, told};
use crate::support::{
    client::{Client, read_answer},
    gateway::Setup,
    stub::Stub,
};

/// A gateway whose streams nobody reads unless the test does.
struct Unread {
    child: Child,
    port: u16,
    /// What it has logged, until it was ready.
    log: String,
    stderr: BufReader<ChildStderr>,
}

fn start(setup: &Setup, stdout: Stdio) -> Unread {
    let mut child = setup.command(&["run"]).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let (mut log, mut line) = (String::new(), String::new());
    while !line.contains("listening") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "{log}");
        log.push_str(&line);
    }
    let (_, port) = line.split_once("127.0.0.1:").unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    Unread { child, port: port.parse().unwrap(), log, stderr }
}

impl Unread {
    /// Tells it to stop, and gives its whole log.
    fn stop(mut self) -> String {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        self.stderr.read_to_string(&mut self.log).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.log
    }
}

/// What it writes to each of its two streams for one request.
fn written(setup: &Setup) -> [String; 2] {
    let mut gateway = start(setup, Stdio::piped());
    assert_eq!(Client::new(gateway.port).get("/a").unwrap().status, 200);
    let mut stdout = gateway.child.stdout.take().unwrap();
    let log = gateway.stop();
    let mut out = String::new();
    stdout.read_to_string(&mut out).unwrap();
    [out, log]
}

#[test]
fn it_goes_where_it_is_told_to() {
    let stub = Stub::start();
    let with = |access: &str| Setup::before(&stub, &format!("{JSON}{access}\n"));
    let counts = |access: &str| written(&with(access)).map(|text| told(&text).len());
    assert_eq!(counts(""), [1, 0]);
    assert_eq!(counts("access = \"stderr\""), [0, 1]);
    assert_eq!(counts("access = \"off\""), [0, 0]);
    let file = with("access = \"./access.log\"");
    let path = file.state_dir().join("access.log");
    for runs in 1..=2 {
        assert_eq!(written(&file).map(|text| told(&text).len()), [0, 0]);
        assert_eq!(told(&std::fs::read_to_string(&path).unwrap()).len(), runs, "it is appended to");
    }
    // logrotate's `copytruncate`.
    std::fs::write(&path, "").unwrap();
    written(&file);
    assert_eq!(told(&std::fs::read_to_string(&path).unwrap()).len(), 1);
    is_followed_when_renamed(&file, &path);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777 & !0o640, 0, "not for everybody");
}

fn is_followed_when_renamed(setup: &Setup, path: &Path) {
    let (gateway, old) = (start(setup, Stdio::null()), path.with_extension("1"));
    std::fs::rename(path, &old).unwrap();
    assert_eq!(Client::new(gateway.port).get("/renamed").unwrap().status, 200);
    gateway.stop();
    let lines = [old.as_path(), path].map(|path| told(&std::fs::read_to_string(path).unwrap()).len());
    assert_eq!(lines, [1, 1], "the new line is in a new file");
}

#[test]
fn text_is_one_line_each() {
    let stub = Stub::start();
    let [out, _] = written(&Setup::before(&stub, ""));
    let (time, rest) = out.split_once(' ').unwrap();
    assert!(time.ends_with('Z') && time.len() == 27, "{time}");
    let expected = "INFO access: request outcome=ok status=200 method=GET path=\"/a\" protocol=HTTP/1.1 client=127.0.0.1 duration_ms=";
    assert!(rest.trim_start().starts_with(expected) && rest.lines().count() == 1, "{out}");
}

/// More lines than a pipe and the queue before it hold, before anybody reads.
#[test]
fn requests_wait_for_nobody_who_reads_the_log_and_what_is_lost_is_told() {
    const REQUESTS: usize = 3_000;
    let stub = Stub::start();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let gateway = start(&Setup::before(&stub, JSON), writer.into());
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    let request = format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", "/ab".repeat(170));
    for _ in 0..REQUESTS {
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().unwrap().status, 200);
    }
    let reading = std::thread::spawn(move || {
        let mut out = String::new();
        reader.read_to_string(&mut out).unwrap();
        out
    });
    let log = gateway.stop();
    let read = told(&reading.join().unwrap()).len();
    let lost = log.lines().filter(|line| line.contains("lines of the access log are lost"));
    let lost: Vec<Value> = lost.map(|line| serde_json::from_str(line).unwrap()).collect();
    let sum: u64 = lost.iter().map(|line| line["lines"].as_u64().unwrap()).sum();
    assert!(read > 500 && sum > 500, "{read} {sum}");
    assert_eq!(read as u64 + sum, REQUESTS as u64, "{lost:?}");
}
