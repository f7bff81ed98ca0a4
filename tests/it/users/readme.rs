//! The README's section on an API without users, run by a shell as it stands; only the ports are others.

use std::time::Duration;

use crate::support::{django::Backend, document::block, ports, process::Process, shell::Shell};

/// The ports that stand in for the README's.
struct Ports {
    gateway: u16,
    api: u16,
}

impl Ports {
    fn put_into(&self, block: &str) -> String {
        block.replace("8080", &self.gateway.to_string()).replace("8000", &self.api.to_string())
    }
}

#[test]
fn the_lines_of_the_readme_work() {
    let ports = Ports { gateway: ports::free(), api: ports::free() };
    let shell = Shell::new()
        .file("api.py", &ports.put_into(&block("README.md", "class Api(")))
        .file("proxy.toml", &ports.put_into(&block("README.md", "users.toml")));
    let start = block("README.md", "python3 api.py &");
    // The one line that asks for something to be typed.
    let typed = "railgate user add eva --role editors";
    assert!(start.contains(typed), "{start}");
    let start = start.replace(typed, &format!("{typed} --password-stdin <<<'correct horse'"));
    // Whoever ends the shell ends what it has started.
    let lines = format!("trap 'kill $(jobs -p)' EXIT\n{start}\nwait");
    let mut process = Process::spawn(shell.command(&lines), "the README's lines");
    process.wait_for_line("listening");
    let answers = || std::net::TcpStream::connect(("127.0.0.1", ports.api)).is_ok();
    process.wait_until(Duration::from_secs(20), answers);

    let said = shell.run(&ports.put_into(&block("README.md", "/reports/7     # 401")));
    assert!(said.starts_with("401\n") && said.ends_with("/reports/7 for eva (editors)\n"), "{said}");
}

#[test]
fn users_come_along_by_the_lines_of_the_readme() {
    let django = Backend::sqlite();
    let project = format!("cd '{}/deploy/demo'\nexec python3 manage.py \"$@\"", env!("CARGO_MANIFEST_DIR"));
    let shell = Shell::new()
        .file("proxy.toml", &block("README.md", "users.toml"))
        .program("manage.py", &project)
        .with("PYTHONDONTWRITEBYTECODE", "1")
        .with("STATE_DIR", django.folder())
        .with("DATABASE_URL", django.url())
        .with("SECRET_KEY", "a key for tests, 32 bytes or more");
    shell.run(&block("README.md", "railgate user import dump.json"));
    let users = shell.run("railgate user list");
    assert!(users.contains("john") && users.contains("mfa_d"), "{users}");
}
