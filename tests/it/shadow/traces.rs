//! What is left behind by looking on: nothing.

use std::{fs, path::Path, process::Command};

use serde_json::json;

use super::{Counts, copy_of, log_in, looking_on, reading, refresh};
use crate::{
    second_factors::{code, enrol},
    support::{
        backend::Backend,
        gateway::{AUTH, Tokens},
        redis::RedisServer,
    },
};

/// The files in a folder.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect()
}

/// What is in a database, in SQL.
fn dump(database: &Path) -> String {
    let script = "import sqlite3, sys\nfor line in sqlite3.connect(sys.argv[1]).iterdump(): print(line)";
    let output = Command::new("python3").args(["-c", script]).arg(database).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The gateway reads a copy of the backend's database: whatever changes in that, the gateway has changed.
#[test]
fn nothing_is_written_anywhere() {
    let (backend, server) = (Backend::on_sqlite(), RedisServer::start());
    backend.cheap_password("john", "secret123");
    enrol(&backend, "totp", crate::second_factors::SECRET);
    let folder = tempfile::tempdir().expect("a folder");
    let copy = copy_of(&backend, folder.path());
    let before = dump(&copy);
    assert!(before.contains("auth_permission") && before.contains(crate::second_factors::SECRET));
    let setup = looking_on(reading(&backend, &copy)).store(&server.url());
    let mut gateway = setup.start();
    let counts = Counts::of(&mut gateway);

    let client = gateway.client();
    let tokens = Tokens::of(&log_in(&client, "john", "secret123"));
    log_in(&client, "john", "wrong");
    let half = log_in(&client, "mfa_a", "mfapass-a1");
    let complete = "mutation($t: String!, $c: String!) { verifyMfaLogin(code: $c, ephemeralToken: $t) { ok token } }";
    let shown = json!({ "t": half["ephemeralToken"], "c": code() });
    assert_eq!(client.graphql(AUTH, complete, shown).field()["ok"], json!(true), "{half}");
    let next = refresh(&client, &tokens.refresh);
    let client = client.bearer(&next.access);
    client.graphql(AUTH, "mutation { setupMfa(method: \"totp\") { ok secret } }", json!({}));
    client.graphql(AUTH, "mutation { logout { ok } }", json!({}));
    let differences = counts.differences(7);
    assert!(differences.iter().all(|it| it.contains("csrftoken")), "all was tried: {differences:?}");
    assert!(!counts.outcomes(7).iter().any(|it| it.contains("unavailable")), "{:?}", counts.outcomes(7));

    assert_eq!(dump(&copy), before);
    assert_eq!(redis::cmd("DBSIZE").query::<u64>(&mut server.connection()).expect("a count"), 0);
    assert_eq!(
        files(setup.state_dir()).iter().filter(|name| !name.ends_with(".toml")).collect::<Vec<_>>(),
        ["railgate.key"]
    );
    let page = counts.page();
    assert!(!page.contains("railgate_auth_operations_total{"), "nothing was done");
    let output = gateway.whole_output();
    for done in [" audit: ", "session ended", "was logged out"] {
        assert!(!output.contains(done), "{done}: {output}");
    }
    for secret in ["secret123", "wrong", "mfapass-a1", &tokens.access, &tokens.refresh, &next.access, &next.refresh] {
        assert!(!output.contains(secret) && !page.contains(secret), "{secret}");
    }
}
