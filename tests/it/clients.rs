//! Real clients do through the gateway what they do with the backend: Apollo Client, urql, graphql-request, gql; tools
//! that live on the schema find the gateway's part in it: GraphQL Code Generator, GraphiQL.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::support::{
    backend::{Backend, demo_folder},
    gateway::{AUTH, Setup},
    plain::Plain,
    template::run,
};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// What a script says, a line of JSON each.
pub(crate) fn node(script: &str, arguments: &[&str]) -> Vec<Value> {
    assert!(folder().join("node_modules").is_dir(), "tests/run installs the clients: `npm ci` in tests/clients");
    lines(&run(Command::new("node").current_dir(folder()).arg(script).args(arguments)))
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
        let told = node(script, &[&base]);
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
    let audit = |port: u16| node("audit.mjs", &[&format!("http://127.0.0.1:{port}{AUTH}")]);
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

/// Types that name what the documents select: the gateway's own fields, and the backend's below a login's user.
#[test]
fn code_is_generated_from_the_schema() {
    let (rail, plain) = (Backend::on_sqlite(), Plain::start());
    let gateways = [Setup::in_front_of(&rail).start(), Setup::before_port(plain.port, "").start()];
    for gateway in gateways {
        let told = node("codegen.mjs", &[&format!("http://127.0.0.1:{}{AUTH}", gateway.port)]);
        let code = told[0].as_str().expect("a text");
        for piece in [
            "export type LoginMutation = ",
            "export type AuthSession = ",
            "SessionsQuery",
            "theme",
            "completeMfaLogin?",
        ] {
            assert!(code.contains(piece), "{piece}: {code}");
        }
    }
}

/// In a browser: the schema is loaded, `login` is in the documentation and among the completions, and it runs.
#[test]
fn graphiql_knows_login() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let told = node("graphiql.mjs", &[&format!("http://127.0.0.1:{}{AUTH}", gateway.port)]);
    for list in ["fields", "completions"] {
        let names: Vec<&str> = told[0][list].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        for name in ["login", "completeMfaLogin", "createArticle"] {
            assert!(names.iter().any(|found| found.starts_with(name)), "{name} in {list}: {names:?}");
        }
    }
    let login = &told[0]["result"]["data"]["login"];
    assert_eq!((&login["ok"], &login["user"]["username"]), (&json!(true), &json!("john")), "{told:?}");
    assert!(login["user"].get("settings").is_some() && told[0]["result"].get("errors").is_none(), "{told:?}");
}
