//! The lines of the demo backend's own README, each by itself, in the folder of the backend.

use std::{path::Path, time::Duration};

use crate::support::{
    backend::demo_folder, client::Client, django, document::block, ports, postgres::Postgres, process::Process,
    shell::Shell,
};

/// The lines, without their comments.
fn lines() -> Vec<String> {
    let lines = block("deploy/demo/README.md", "./backend manage test");
    lines.lines().map(|line| line.split('#').next().unwrap().trim().to_owned()).collect()
}

/// A shell for the demo's folder, with its state in another one.
fn shell() -> Shell {
    let shell = Shell::new();
    let state = shell.folder().to_owned();
    shell.with("STATE_DIR", state).with("PYTHON", django::python())
}

fn in_the_folder(line: &str) -> String {
    format!("cd '{}'\n{line}", demo_folder().display())
}

/// Runs a line that serves, and waits until somebody is answered there.
fn serve(shell: &Shell, line: &str, port: u16) -> Process {
    let mut process = Process::spawn(shell.command(&in_the_folder(line)), "the demo's README");
    process.wait_until(Duration::from_secs(120), || {
        Client::new(port).get("/healthz").is_ok_and(|answer| answer.status == 200)
    });
    process
}

fn ends_when_told(mut process: Process) {
    process.signal(libc::SIGTERM);
    process.wait(Duration::from_secs(30));
}

#[test]
fn the_backend_serves_by_the_lines_of_its_readme() {
    let [plain, _, reset, test] = &lines()[..] else { panic!("{:?}", lines()) };
    let (port, shell) = (ports::free(), shell());
    let shell = shell.with("BACKEND_PORT", port.to_string());
    ends_when_told(serve(&shell, &format!("exec {plain}"), port));
    let count = |shell: &Shell| {
        let ask = "from django.contrib.auth import get_user_model as user; print(user().objects.filter(username=\"john\").count())";
        shell.run(&in_the_folder(&format!("./backend manage shell -v0 -c '{ask}'"))).trim().to_owned()
    };
    shell.run(&in_the_folder(
        "./backend manage shell -v0 -c 'from users.models import User; User.objects.get(username=\"john\").delete()'",
    ));
    assert_eq!(count(&shell), "0");
    shell.run(&in_the_folder(reset));
    assert_eq!(count(&shell), "1");
    shell.run(&in_the_folder(test));
}

/// The line with another server's address, to which the README's user and database belong.
#[test]
fn the_backend_serves_on_postgresql_by_the_line_of_its_readme() {
    let line = &lines()[1];
    let (postgres, port) = (Postgres::start(), ports::free());
    let sql = |statement: &str| format!("connection.cursor().execute(\"{statement}\")");
    let (role, database) = (sql("CREATE ROLE demo LOGIN PASSWORD 'demo'"), sql("CREATE DATABASE demo OWNER demo"));
    django::Backend::on(&postgres.url()).python(&format!("from django.db import connection\n{role}\n{database}"));
    let line = line.replace("5432", &postgres.port().to_string()).replace("8001", &port.to_string());
    let shell = shell();
    ends_when_told(serve(&shell, &line, port));
    assert!(!Path::new(shell.folder()).join("db.sqlite3").exists());
}
