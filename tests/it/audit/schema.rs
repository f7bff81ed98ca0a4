//! The form of audit events: what is written of every operation, by a validator of JSON Schema.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value, json};

use super::sinks::{kept, read};
use crate::support::{
    backend::Backend,
    document::block,
    gateway::{AUTH, Gateway, LOGIN, REFRESH, Setup, Tokens},
    phone::Phone,
};

const USER: (&str, &str) = ("mfa_a", "mfapass-a1");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Of the tests' own Python packages for what is told.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let requirements = root().join("tests/telemetry/requirements.txt");
        let made = Command::new(root().join("deploy/demo/venv")).arg(requirements).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        Path::new(String::from_utf8(made.stdout).unwrap().trim()).join("bin/python")
    })
}

/// What the schema has against each of these events.
fn faults(events: &[Value]) -> Vec<Vec<String>> {
    let (script, schema) = (root().join("tests/telemetry/validate.py"), root().join("deploy/audit.schema.json"));
    let mut command = Command::new(python());
    command.arg(script).arg(schema).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut validator = command.spawn().unwrap();
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    validator.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = validator.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The answer's one field.
fn ask(gateway: &Gateway, bearer: &str, document: &str, variables: Value) -> Value {
    let client = gateway.client().with("User-Agent", "curl/8 \"x\"");
    let client = if bearer.is_empty() { client } else { client.bearer(bearer) };
    client.graphql(AUTH, document, variables).field()
}

fn done(gateway: &Gateway, bearer: &str, document: &str, variables: Value) -> Value {
    let answer = ask(gateway, bearer, document, variables);
    assert_eq!(answer["ok"], json!(true), "{document}: {answer}");
    answer
}

fn enrol_and_leave(gateway: &Gateway) {
    let (name, password) = USER;
    let first = Tokens::of(&done(gateway, "", LOGIN, json!({ "u": name, "p": password })));
    let setup = "mutation { setupTotp(deviceName: \"phone\") { ok totpSecret deviceId } }";
    let setup = done(gateway, &first.access, setup, json!({}));
    let codes = Phone::told(setup["totpSecret"].as_str().unwrap()).codes();
    let verify = "mutation($d: ID!, $c: String!) { verifyTotp(deviceId: $d, token: $c) { ok } }";
    done(gateway, &first.access, verify, json!({ "d": setup["deviceId"], "c": codes[0] }));

    let half = "mutation($u: String!, $p: String!) { login(username: $u, password: $p) { challengeToken } }";
    let half = ask(gateway, "", half, json!({ "u": name, "p": password }));
    let complete = "mutation($t: String!, $c: String!) { completeMfaLogin(challengeToken: $t, totpCode: $c, trustDevice: true) { ok token refreshToken } }";
    let with = |code: &str| json!({ "t": half["challengeToken"], "c": code });
    assert_eq!(ask(gateway, "", complete, with("000000"))["ok"], json!(false));
    let access = Tokens::of(&done(gateway, "", complete, with(&codes[1]))).access;

    let password = json!({ "p": password });
    done(gateway, &access, "mutation($p: String!) { regenerateBackupCodes(password: $p) { ok } }", password.clone());
    let devices = ask(gateway, &access, "{ authDevices { id kind } }", json!({}));
    let trusted = devices.as_array().unwrap().iter().find(|device| device["kind"] == json!("trusted"));
    let device = json!({ "d": trusted.unwrap_or_else(|| panic!("{devices}"))["id"] });
    done(gateway, &access, "mutation($d: ID!) { revokeTrustedDevice(deviceId: $d) { ok } }", device);
    let sessions = ask(gateway, &access, "{ authSessions { id current } }", json!({}));
    let other = sessions.as_array().unwrap().iter().find(|session| session["current"] == json!(false)).unwrap();
    let other = json!({ "s": other["id"] });
    done(gateway, &access, "mutation($s: String!) { revokeSession(sessionId: $s) { ok } }", other);
    done(gateway, &access, "mutation($p: String!) { disableMfa(password: $p) { ok } }", password);
    done(gateway, &access, "mutation { revokeAllSessions { ok } }", json!({}));
}

fn register_and_leave(gateway: &Gateway) {
    let register = "mutation { register(username: \"ada\", email: \"ada@example.com\", password: \"ein langes Passwort\") { ok token refreshToken } }";
    let tokens = Tokens::of(&done(gateway, "", register, json!({})));
    assert_eq!(ask(gateway, "", LOGIN, json!({ "u": "ada", "p": "wrong" }))["ok"], json!(false));
    assert_eq!(ask(gateway, "", LOGIN, json!({ "u": "nobody", "p": "wrong" }))["ok"], json!(false));
    let tokens = Tokens::of(&done(gateway, "", REFRESH, json!({ "r": tokens.refresh })));
    done(gateway, &tokens.access, "mutation { logout { ok } }", json!({}));
}

#[test]
fn an_event_of_every_operation_is_of_the_form_that_is_promised() {
    let backend = Backend::on_sqlite();
    backend.cheap_password(USER.0, USER.1);
    let setup = Setup::in_front_of(&backend).changed("[audit]\n", "[audit]\npath = \"./audit.log\"\n");
    let gateway = setup.start();
    register_and_leave(&gateway);
    enrol_and_leave(&gateway);
    drop(gateway);
    let events = kept(&read(&setup.state_dir().join("audit.log")));
    let numbers: Vec<_> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());

    let schema: Value = serde_json::from_str(&read(&root().join("deploy/audit.schema.json"))).unwrap();
    let names = |values: &[Value]| values.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let every = names(schema["properties"]["operation"]["enum"].as_array().unwrap());
    let seen: Vec<_> = events.iter().map(|event| event["operation"].clone()).collect();
    assert_eq!(names(&seen), every);
    for (event, faults) in events.iter().zip(faults(&events)) {
        assert!(faults.is_empty(), "{event}: {faults:?}");
    }
    let keys: BTreeSet<_> = events.iter().flat_map(|event| event.as_object().unwrap().keys().cloned()).collect();
    let known: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, known, "each is seen, and no other");
}

/// The validator does look.
#[test]
fn what_is_of_another_form_is_refused() {
    let good = json!({
        "version": 1, "time": "2026-03-01T12:00:00.000000Z", "instance": "00000000000000ab", "sequence": 1,
        "operation": "login", "outcome": "ok", "user": "7", "request_id": "r-1",
    });
    let with = |key: &str, value: Value| {
        let mut event = good.clone();
        event[key] = value;
        event
    };
    let events = [
        with("version", json!(2)),
        with("time", json!("2026-03-01T12:00:00+00:00")),
        with("sequence", json!(0)),
        with("operation", json!("log_in")),
        with("outcome", json!("refused")),
        with("code", json!("NONE")),
        with("unknown_user", json!("mac")),
        with("outcome", json!("admitted")),
        with("session", Value::Null),
        with("password", json!("hunter2")),
    ];
    assert_eq!(faults(std::slice::from_ref(&good)), [Vec::<String>::new()]);
    for (event, faults) in events.iter().zip(faults(&events)) {
        assert!(!faults.is_empty(), "{event}");
    }
}

#[test]
fn the_event_that_the_readme_shows_is_of_that_form() {
    let event: Value = serde_json::from_str(&block("README.md", "9f86d081884c7d65")).unwrap();
    assert_eq!(faults(&[event]), [Vec::<String>::new()]);
}
