//! `railgate config`: what is in force, and from where.

use super::{check_with, complete, folder_with, railgate, run, text};

const VARIABLES: [(&str, &str); 5] = [
    ("THREADS", "3"),
    ("DATABASE_URL", "postgres://u:hunter2@db/app"),
    ("STORE", "redis://cache"),
    ("KEY", "k4.local.hunter2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ("RAILGATE__LOG__LEVEL", "debug"),
];

fn sample() -> String {
    complete(
        r#"
        [[listeners]]
        address = "127.0.0.1:1"
        [[listeners]]
        address = "[::1]:2"
        auth = "required"
        [hashing]
        threads = 1
        [server]
        threads = { env = "THREADS" }
        trusted_proxies = ["10.0.0.1", { env = "PROXY", default = "10.0.0.2" }]
        [tokens]
        keys = [{ env = "KEY" }, { file = "key" }, "k4.local.hunter2BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"]
        accept_rail_jwt = { secret = { file = "secret" }, cut_over = 2026-03-01T00:00:00Z }
        [store]
        url = { env = "STORE" }
        [graphql.owned_aliases]
        tokenAuth = "login"
        bye = { env = "BYE", default = "logout" }
        "#,
    )
    .replace("\"sqlite:///srv/db.sqlite3\"", "{ env = \"DATABASE_URL\" }")
}

/// What `config` prints in a folder that holds that file and two secrets.
fn config(content: &str, arguments: &[&str]) -> (String, tempfile::TempDir) {
    let folder = folder_with(content);
    std::fs::write(folder.path().join("key"), "k4.local.hunter2CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC\n").unwrap();
    std::fs::write(folder.path().join("secret"), "hunter2 hunter2 hunter2 hunter2 hunter2\n").unwrap();
    let output = run(railgate(folder.path(), &[&["config"], arguments].concat(), &VARIABLES));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let said = text(&output.stdout);
    assert!(!said.contains("hunter2"), "{said}");
    (said, folder)
}

#[test]
fn each_value_tells_where_it_comes_from() {
    insta::assert_snapshot!(config(&sample(), &[]).0);
}

#[test]
fn what_it_says_is_a_file_that_says_the_same() {
    // A secret that stands in the file is not shown, and so can't be said again.
    let without = sample().replace(", \"k4.local.hunter2BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\"", "");
    let (first, folder) = config(&without, &[]);
    std::fs::write(folder.path().join("proxy.toml"), &first).unwrap();
    let check = run(railgate(folder.path(), &["check"], &VARIABLES));
    assert_eq!(text(&check.stdout), "proxy.toml: ok\n");
    let again = text(&run(railgate(folder.path(), &["config"], &VARIABLES)).stdout);
    let values = |said: &str| -> Vec<String> {
        said.lines().map(|line| line.rsplit_once("  # ").map_or(line, |(value, _)| value).to_owned()).collect()
    };
    assert_eq!(values(&again), values(&first));
}

#[test]
fn programs_get_json() {
    let (said, _folder) = config(&sample(), &["--format", "json"]);
    let entries: Vec<serde_json::Value> = serde_json::from_str(&said).unwrap();
    let entry = |key: &str| entries.iter().find(|entry| entry["key"] == key).unwrap_or_else(|| panic!("{key}")).clone();
    let threads = entry("server.threads");
    assert_eq!((&threads["value"], &threads["variable"]), (&3.into(), &"RAILGATE__SERVER__THREADS".into()));
    assert_eq!(threads["from"], "the environment variable THREADS, by proxy.toml:9");
    assert_eq!(entry("listeners.1.auth")["value"], "required");
    assert_eq!(entry("listeners.1.address")["variable"], "RAILGATE__LISTENERS__1__ADDRESS");
    assert_eq!(entry("directory.url")["value"]["env"], "DATABASE_URL");
    assert_eq!(entry("tokens.keys")["value"][2], "…");
    let names = entry("graphql.owned_aliases");
    assert_eq!(names["value"], serde_json::json!({ "tokenAuth": "login", "bye": "logout" }));
    assert_eq!(names["variable"], "RAILGATE__GRAPHQL__OWNED_ALIASES");
    assert_eq!(entry("log.level")["from"], "the environment variable RAILGATE__LOG__LEVEL");
    assert_eq!((&entry("log.format")["value"], &entry("log.format")["from"]), (&"text".into(), &"default".into()));
    assert!(entry("routes")["value"].is_null() && entry("cookies.domain")["from"].is_null());
}

#[test]
fn of_a_file_that_cannot_be_used_it_says_what_check_says() {
    let content = complete("[log]\nlevle = \"info\"");
    let folder = folder_with(&content);
    let output = run(railgate(folder.path(), &["config"], &[]));
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()));
    assert_eq!(text(&output.stderr), check_with(content, &[]));
}
