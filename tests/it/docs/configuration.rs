//! What the documents write into a `proxy.toml`, held against the gateway that reads it.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::support::{
    certificates::Authority,
    document::{Block, blocks},
    shell::Shell,
};

/// Where the documents have an operator's secrets.
const SECRETS: &str = "/run/secrets";

/// Certificates and keys of the names that the documents give them.
fn secrets() -> TempDir {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("of the backend"));
    let identity = authority.vouch("gateway", "localhost", "DNS:localhost");
    for name in ["tls", "backend", "redis"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let copies = [
        (identity.certificate.as_path(), "tls/tls.crt"),
        (identity.key.as_path(), "tls/tls.key"),
        (authority.certificate().as_path(), "backend/ca.crt"),
        (authority.certificate().as_path(), "redis/ca.crt"),
    ]
    .map(|(from, to)| fs::copy(from, folder.path().join(to)).unwrap());
    assert!(copies.iter().all(|bytes| *bytes > 0));
    folder
}

/// What `railgate check` says of the block, in an environment that has what the rest of a file would.
fn check(block: &Block, secrets: &Path) -> String {
    let mut shell = Shell::new()
        .file("proxy.toml", &block.text.replace(SECRETS, secrets.to_str().unwrap()))
        .with("DJANGO_SECRET_KEY", "a key for tests, 32 bytes or more")
        .with("DATABASE_URL", "sqlite:///srv/db.sqlite3")
        .with("REDIS_URL", "rediss://user:password@redis.internal:6379")
        .file("users.toml", "");
    if !block.text.contains("[directory]") {
        shell = shell.with("RAILGATE__DIRECTORY__URL", "sqlite:///srv/db.sqlite3");
    }
    if !block.text.contains("[upstream]") {
        shell = shell.with("RAILGATE__UPSTREAM__URL", "http://127.0.0.1:8000");
    }
    if block.text.contains("[audit.redis]") {
        shell = shell.with("RAILGATE__STORE__URL", "redis://redis:6379/0");
    }
    if block.text.contains("permissions = ") {
        shell = shell.with("RAILGATE__TOKENS__CLAIMS", "[\"roles\", \"permissions\"]");
    }
    String::from_utf8(shell.output("railgate check").stdout).unwrap()
}

#[test]
fn what_the_documents_configure_passes_check() {
    let (secrets, mut tried, mut said) = (secrets(), 0, Vec::new());
    for block in blocks().iter().filter(|block| block.language == "toml") {
        let told = check(block, secrets.path());
        assert!(told.contains("proxy.toml: ok"), "{}:{}: {told}", block.document, block.line);
        let more = told.lines().filter(|line| line.starts_with("error: ") || line.starts_with("warning: "));
        said.extend(more.map(|line| format!("{}: {line}", block.document)));
        tried += 1;
    }
    // The guide says itself that it does.
    let open = "deploy/ADOPTION.md: warning: `listeners.auth` is \"none\" on an address that other machines reach";
    assert!(matches!(&said[..], [one] if one.starts_with(open)), "{said:#?}");
    assert!(tried > 15, "{tried}");
}
