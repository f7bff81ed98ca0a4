//! `deploy/demo/up`, as somebody who found the README would run it; only the build is left out.

use std::{
    io::Write as _,
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::support::{
    backend::demo_folder,
    django::python,
    document::block,
    phone::{Phone, read_file},
    ports,
    process::Process,
};

fn up(port: u16, backend_port: u16, state: &std::path::Path) -> Process {
    let _packages = python();
    let mut command = Command::new("bash");
    command
        .args(["-c", &format!("exec {}", block("README.md", "deploy/demo/up"))])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RAILGATE_BIN", env!("CARGO_BIN_EXE_railgate"))
        .env("PORT", port.to_string())
        .env("BACKEND_PORT", backend_port.to_string())
        .env("STATE_DIR", state)
        .env_remove("DATABASE_URL")
        .env_remove("STORE");
    Process::spawn(command, "deploy/demo/up")
}

/// The `curl` commands that the demo printed, its continued lines joined.
fn printed_commands(output: &str) -> Vec<String> {
    let joined = output.replace("\\\n", " ");
    joined.lines().map(str::trim).filter(|line| line.starts_with("curl ")).map(str::to_owned).collect()
}

fn run(command: &str) -> Value {
    let run = Command::new("bash").args(["-c", command]).output().expect("bash");
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {command}\n{text}"))
}

#[test]
fn the_demo_prints_commands_that_work_and_stops_what_it_started() {
    let state = tempfile::tempdir().expect("a folder");
    let (port, backend_port) = (ports::free(), ports::free());
    let mut demo = up(port, backend_port, state.path());
    demo.wait_for_line("Ctrl-C stops both");
    let commands = printed_commands(&demo.output());
    let [login, call, refresh, logout] = commands.as_slice() else { panic!("{commands:?}") };

    let payload = run(login)["data"]["login"].clone();
    assert_eq!(payload["user"]["username"], "john");
    let (token, refresh_token) =
        (payload["token"].as_str().expect("token"), payload["refreshToken"].as_str().expect("token"));
    assert_eq!(run(&call.replace("<your_token>", token))["data"]["viewer"]["username"], "john");
    assert!(run(&refresh.replace("<your_refresh_token>", refresh_token))["data"]["refreshToken"]["token"].is_string());
    assert_eq!(run(&logout.replace("<your_token>", token))["data"]["logout"]["ok"], true);

    demo.signal(libc::SIGTERM);
    assert!(demo.wait(Duration::from_secs(30)).success(), "{}", demo.output());
    for port in [port, backend_port] {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "something still listens on {port}");
    }
}

/// The README's lines on enrolling a phone, run by a shell; `oathtool` is the phone.
#[test]
fn a_phone_is_enrolled_as_the_readme_says() {
    let lines = block("README.md", "ask() {");
    let (state, port) = (tempfile::tempdir().expect("a folder"), ports::free());
    let mut demo = up(port, ports::free(), state.path());
    demo.wait_for_line("Ctrl-C stops both");
    let script = format!("set -eu\n{}", lines.replace("8080", &port.to_string()));
    let mut shell = Command::new("bash")
        .args(["-c", &script])
        .current_dir(state.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash");
    let picture = state.path().join("qr.png");
    let mut scanned = None;
    demo.wait_until(Duration::from_secs(60), || {
        scanned = read_file(&picture);
        scanned.is_some()
    });
    let phone = Phone::of_uri(&scanned.expect("just seen"));
    let [_, first, second] = phone.codes();
    let mut typed = shell.stdin.take().expect("a pipe");
    typed.write_all(format!("{first}\n{second}\n").as_bytes()).expect("a pipe");
    drop(typed);
    let output = shell.wait_with_output().expect("bash");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("\"backupCodes\":[\""), "{told}");
    let last: Value = serde_json::from_str(told.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["data"]["completeMfaLogin"]["ok"], true, "{told}");
}

#[test]
fn a_busy_port_is_named_before_anything_is_started() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let state = tempfile::tempdir().expect("a folder");
    let mut demo = up(port, ports::free(), state.path());
    assert_eq!(demo.wait(Duration::from_secs(30)).code(), Some(1));
    assert!(demo.output().contains(&format!("port {port} is in use")), "{}", demo.output());
}

/// Processes that were given this folder as their state.
fn processes_of(state: &std::path::Path) -> Vec<String> {
    let setting = format!("STATE_DIR={}", state.display());
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten().filter(|entry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == setting.as_bytes())
    });
    processes.map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default()).collect()
}

#[test]
fn a_demo_that_is_stopped_while_it_starts_leaves_nothing_running() {
    let state = tempfile::tempdir().expect("a folder");
    let mut demo = up(ports::free(), ports::free(), state.path());
    // By then the backend's first start migrates its database.
    demo.wait_for_line("3/4");
    demo.wait_until(Duration::from_secs(30), || state.path().join("db.sqlite3").exists());
    assert!(processes_of(state.path()).len() > 1, "this test finds no processes");
    demo.signal(libc::SIGTERM);
    demo.wait(Duration::from_secs(30));
    assert_eq!(processes_of(state.path()), Vec::<String>::new());
}

#[test]
fn a_backend_that_is_stopped_on_its_first_start_takes_its_children_along() {
    let state = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(demo_folder().join("backend"));
    command.env("PYTHON", python()).env("BACKEND_PORT", ports::free().to_string()).env("STATE_DIR", state.path());
    let mut backend = Process::spawn(command, "demo backend");
    backend.wait_until(Duration::from_secs(30), || state.path().join("db.sqlite3").exists());
    assert!(processes_of(state.path()).len() > 1, "this test finds no processes");
    backend.signal(libc::SIGTERM);
    backend.wait(Duration::from_secs(30));
    assert_eq!(processes_of(state.path()), Vec::<String>::new());
}

#[test]
fn two_demos_do_not_share_a_folder() {
    let state = tempfile::tempdir().expect("a folder");
    let mut first = up(ports::free(), ports::free(), state.path());
    first.wait_for_line("3/4");
    let mut second = up(ports::free(), ports::free(), state.path());
    assert_eq!(second.wait(Duration::from_secs(30)).code(), Some(1));
    assert!(second.output().contains("another demo uses"), "{}", second.output());
}
