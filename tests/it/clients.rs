//! Real clients do through the gateway what they do with the backend: Apollo Client, urql, graphql-request, gql.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::support::{
    backend::{Backend, demo_folder},
    gateway::{AUTH, Setup},
    template::run,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

fn node(script: &str, argument: &str) -> Vec<Value> {
    assert!(folder().join("node_modules").is_dir(), "tests/run installs the clients: `npm ci` in tests/clients");
    lines(&run(Command::new("node").current_dir(folder()).arg(script).arg(argument)))
}

fn lines(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {output}"))).collect()
}

/// The story that each client tells when all is well; what it says of a refusal differs.
fn is_told(story: &Value) {
    let refused = story["refused"].as_str().unwrap_or_default();
    assert!(refused.contains("Authentication required"), "{story}");
    let mut story = story.clone();
    story["refused"] = Value::Null;
    let expected = json!({ "user": "john", "viewer": "john", "rotated": true, "again": "john", "refused": null });
    assert_eq!(story, expected);
}

#[test]
fn clients_log_in_read_and_refresh() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let base = format!("http://127.0.0.1:{}", gateway.port);
    for (script, stories) in [("apollo.mjs", 1), ("urql.mjs", 2), ("graphql-request.mjs", 1)] {
        let told = node(script, &base);
        assert_eq!(told.len(), stories, "{script}");
        told.iter().for_each(is_told);
    }
    let environment = run(Command::new(demo_folder().join("venv")).arg(folder().join("requirements.txt")));
    let python = Path::new(environment.trim()).join("bin/python");
    let told = lines(&run(Command::new(python).arg(folder().join("gql_client.py")).arg(&base)));
    assert_eq!(told.len(), 1);
    told.iter().for_each(is_told);
}

/// Every MUST of GraphQL over HTTP that the backend meets is met through the gateway, and no audit is lost.
#[test]
fn the_audits_of_graphql_over_http_are_passed() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let audit = |port: u16| node("audit.mjs", &format!("http://127.0.0.1:{port}{AUTH}"));
    let (alone, through) = (audit(backend.port), audit(gateway.port));
    assert_eq!(alone.len(), through.len());
    assert!(through.len() > 50, "{}", through.len());
    let lost: Vec<&Value> = alone
        .iter()
        .zip(&through)
        .filter(|(alone, through)| alone["ok"] == json!(true) && through["ok"] != json!(true))
        .map(|(_, through)| through)
        .collect();
    assert!(lost.is_empty(), "{lost:#?}");
    let musts: Vec<&Value> =
        through.iter().filter(|audit| audit["level"] == json!("MUST") && audit["ok"] != json!(true)).collect();
    assert!(musts.is_empty(), "{musts:#?}");
}
