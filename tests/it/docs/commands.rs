//! Lines of the README that belong to no other story, run by a shell as they stand.

use std::{collections::BTreeMap, path::Path};

use serde_json::json;

use crate::support::{
    client::Client,
    django,
    document::{DOCUMENTS, block, text},
    gateway::{AUTH, LOGIN, port_of},
    process::Process,
    redis::RedisServer,
    shell::Shell,
    stub::Stub,
    template::run,
};

/// A folder with the README's first `proxy.toml`, for servers of this test's.
fn first_configuration(redis: &RedisServer, stub: &Stub, directory: &django::Backend) -> Shell {
    Shell::new()
        .file("proxy.toml", &block("README.md", "redis://redis:6379/0"))
        .with("DJANGO_SECRET_KEY", "a key for tests, 32 bytes or more")
        .with("DATABASE_URL", directory.url())
        .with("RAILGATE__STORE__URL", redis.url())
        .with("RAILGATE__UPSTREAM__URL", format!("http://127.0.0.1:{}", stub.port))
        .with("RAILGATE__LISTENERS__0__ADDRESS", "127.0.0.1:0")
        .with("RAILGATE__STATE_DIR", "state")
}

#[test]
fn the_first_configuration_is_checked_and_logs_users_in() {
    let (redis, stub, directory) = (RedisServer::start(), Stub::start(), django::Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let shell = first_configuration(&redis, &stub, &directory);
    let lines =
        format!("trap 'kill $(jobs -p)' EXIT\n{} &\nwait", block("README.md", "railgate run --config").trim_end());
    let mut process = Process::spawn(shell.command(&lines), "the README's lines");
    let port = port_of(&process.wait_for_line("listening"));
    assert!(process.output().contains("proxy.toml: ok\n"), "{}", process.output());
    let login = Client::new(port).graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }));
    assert_eq!(login.field()["ok"], json!(true), "{login:?}");
}

#[test]
fn each_variable_does_what_its_comment_says() {
    let lines = block("README.md", "RAILGATE__LISTENERS__0__ADDRESS=");
    let shell = Shell::new()
        .file("proxy.toml", "[directory]\nurl = \"sqlite:///srv/db.sqlite3\"\n")
        .with("RAILGATE__UPSTREAM__IDENTITY__RAIL_JWT_SECRET", "a key for tests, 32 bytes or more");
    let output = shell.output(&format!("set -a\n{lines}railgate config"));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    for (table, key, value, by) in [
        ("[upstream]", "url", "\"http://backend:8000\"", "UPSTREAM__URL"),
        ("[upstream.identity]", "bearer", "\"rail-jwt\"", "UPSTREAM__IDENTITY__BEARER"),
        ("[[listeners]]", "address", "\"0.0.0.0:8080\"", "LISTENERS__0__ADDRESS"),
        ("[graphql]", "paths", "[\"/graphql*\", \"/api\"]", "GRAPHQL__PATHS"),
    ] {
        let (_, rest) = said.split_once(&format!("\n{table}\n")).unwrap_or_else(|| panic!("{table}: {said}"));
        let table = rest.split("\n\n").next().unwrap();
        let line = format!("{key} = {value}  # the environment variable RAILGATE__{by}");
        assert!(table.lines().any(|found| found == line), "{line}: {table}");
    }
    assert_eq!(lines.lines().count(), 4, "{lines}");
}

/// All but the tests themselves, which this is one of: `cargo` and `npm` only note what they are asked for.
#[test]
fn the_tests_are_run_by_one_line() {
    let line = block("README.md", "tests/run");
    let note = "echo \"${0##*/} $*\" >>\"$NOTES\"";
    let installs_nothing = "echo \"a test installs nothing: $*\" >&2; exit 1";
    let shell = Shell::new()
        .program("cargo", note)
        .program("npm", note)
        .program("apt-get", installs_nothing)
        .program("sudo", installs_nothing);
    let notes = shell.folder().join("notes");
    let mut command = shell.command(&format!("{} a_filter", line.trim_end()));
    let said = run(command.current_dir(env!("CARGO_MANIFEST_DIR")).env("NOTES", &notes));
    assert!(said.ends_with("== all tests passed\n"), "{said}");
    let notes = std::fs::read_to_string(notes).unwrap();
    assert_eq!(notes, "cargo nextest --version\nnpm ci --no-progress\ncargo nextest run --locked a_filter\n");
}

/// All code that stands in a sentence, with its place.
fn in_sentences() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for document in DOCUMENTS {
        for (number, line) in text(document).lines().enumerate() {
            let code = line.split('`').skip(1).step_by(2);
            found.extend(code.map(|code| (format!("{document}:{}", number + 1), code.to_owned())));
        }
    }
    found
}

#[test]
fn every_command_in_a_sentence_is_one_that_there_is_and_has_the_options() {
    let (shell, mut helps, code) = (Shell::new(), BTreeMap::new(), in_sentences());
    let commands = code.iter().filter_map(|(place, code)| Some((place, code.strip_prefix("railgate ")?)));
    let commands: Vec<_> = commands.collect();
    for (place, command) in &commands {
        let words: Vec<&str> = command.split(' ').collect();
        let depth = if words[0] == "user" { words.len().min(2) } else { 1 };
        let help = helps.entry(words[..depth].join(" ")).or_insert_with_key(|name| {
            let output = shell.output(&format!("railgate help {name}"));
            assert!(output.status.success(), "{place}: railgate {name}");
            String::from_utf8(output.stdout).unwrap()
        });
        let is_known = |option: &str| help.split([' ', ',', '\n']).any(|word| word == option);
        let mut unknown = words.iter().filter(|word| word.starts_with("--") && !is_known(word));
        assert_eq!(unknown.next(), None, "{place}");
    }
    assert!(commands.len() > 30, "{commands:?}");
}

/// Scripts, sources and benchmarks.
#[test]
fn every_file_in_a_sentence_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = 0;
    for (place, code) in in_sentences() {
        let first = code.split(' ').next().unwrap();
        let is_ours = ["benches/", "charts/", "deploy/", "src/", "tests/"].iter().any(|room| first.starts_with(room));
        let benchmark = code.strip_prefix("cargo bench --bench ").map(|name| format!("benches/{name}.rs"));
        if let Some(file) = benchmark.or_else(|| is_ours.then(|| first.to_owned())) {
            assert!(root.join(&file).exists(), "{place}: {file}");
            named += 1;
        }
    }
    assert!(named > 40, "{named}");
}
