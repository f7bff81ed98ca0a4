//! The audit log: every operation leaves one line, whatever became of it, and no line holds a credential.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::Answer,
    gateway::{AUTH, Gateway, LOGIN, REFRESH, Setup, Tokens},
    phone::Phone,
};

mod abandoned;
pub(crate) mod schema;
pub(crate) mod sinks;

const DISABLED: (&str, &str) = ("disabled", "disabledpass1");
const JOHN: (&str, &str) = ("john", "secret123");
const MFA_A: (&str, &str) = ("mfa_a", "mfapass-a1");
/// A password that was typed where the name belongs.
const TYPED_INTO_THE_NAME: &str = "canary-password-as-a-name";
const WRONG: &str = "canary-wrong-password";
const AGENT: &str = "auditor/1.0";

const SETUP: &str = "mutation { setupMfa(method: \"totp\") { ok secret } }";
const VERIFY: &str = "mutation($s: String!, $c: String!) { verifyMfaSetup(secret: $s, code: $c) { ok } }";
const COMPLETE: &str = "mutation($t: String!, $c: String!) { verifyMfaLogin(ephemeralToken: $t, code: $c) { ok } }";
const DISABLE: &str = "mutation($p: String!) { disableMfa(password: $p) { ok } }";
const HALF: &str = "mutation($u: String!, $p: String!) { login(username: $u, password: $p) { ephemeralToken } }";

struct World {
    gateway: Gateway,
    backend: Backend,
    heard: usize,
}

impl World {
    fn new() -> Self {
        let backend = Backend::on_sqlite();
        for (name, password) in [JOHN, DISABLED, MFA_A] {
            backend.cheap_password(name, password);
        }
        let gateway = Setup::in_front_of(&backend).changed("#format = \"text\"", "format = \"json\"").start();
        Self { gateway, backend, heard: 0 }
    }

    /// The answer to this document, sent by this bearer.
    fn ask(&self, bearer: &str, document: &str, variables: Value) -> Answer {
        let client = self.gateway.client().with("User-Agent", AGENT);
        let client = if bearer.is_empty() { client } else { client.bearer(bearer) };
        client.graphql(AUTH, document, variables)
    }

    fn login(&self, (name, password): (&str, &str)) -> Answer {
        self.ask("", LOGIN, json!({ "u": name, "p": password }))
    }

    /// The next event: of the operation that this is the answer to, as the request id says. Without what differs each time.
    fn hears_of(&mut self, answer: &Answer) -> Value {
        let (place, heard) = (self.heard + 1, self.heard);
        let process = &mut self.gateway.process;
        let events = |output: &str| -> Vec<Value> {
            let lines = output.lines().filter(|line| line.contains("\"target\":\"audit\""));
            lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
        };
        let mut found = Vec::new();
        for _ in 0..200 {
            found = events(&process.output());
            if found.len() >= place {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(found.len(), place, "{:#?}", &found[heard.min(found.len())..]);
        self.heard = place;
        let mut event = found.pop().unwrap();
        assert_eq!(json!(answer.all("x-request-id")), json!([event["request_id"]]), "{event}");
        assert_eq!((&event["address"], &event["user_agent"]), (&json!("127.0.0.1"), &json!(AGENT)), "{event}");
        for key in ["timestamp", "target", "request_id", "trace_id", "address", "user_agent"] {
            event.as_object_mut().unwrap().shift_remove(key);
        }
        event
    }

    fn id_of(&self, name: &str) -> Value {
        let found = self.backend.python(&format!("print(User.objects.get(username='{name}').pk)"));
        json!(found.trim())
    }
}

fn refused(operation: &str, code: &str, reason: &str) -> Value {
    json!({ "level": "WARN", "message": operation, "outcome": "refused", "code": code, "reason": reason })
}

fn with(mut event: Value, key: &str, value: Value) -> Value {
    event[key] = value;
    event
}

/// Takes a session's id out of an event, which has to have one.
fn session_of(event: &mut Value) -> String {
    let id = event.as_object_mut().unwrap().shift_remove("session");
    id.and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_else(|| panic!("no session: {event}"))
}

#[test]
fn a_failed_login_is_told_with_the_reason_that_its_client_is_not_told() {
    let mut world = World::new();
    let failed = |reason| refused("login", "INVALID_CREDENTIALS", reason);
    let answer = world.login((JOHN.0, WRONG));
    assert_eq!(world.hears_of(&answer), with(failed("wrong password"), "user", world.id_of("john")));
    let answer = world.login(DISABLED);
    assert_eq!(world.hears_of(&answer), with(failed("user is inactive"), "user", world.id_of("disabled")));
    let mut macs = Vec::new();
    for name in [TYPED_INTO_THE_NAME, TYPED_INTO_THE_NAME, "another"] {
        let answer = world.login((name, WRONG));
        let mut event = world.hears_of(&answer);
        macs.push(event.as_object_mut().unwrap().shift_remove("unknown_user").expect("a MAC"));
        assert_eq!(event, failed("no such user"));
    }
    assert!(macs[0] == macs[1] && macs[1] != macs[2], "{macs:?}");
    let output = world.gateway.process.output();
    assert!(!output.contains("canary"), "{output}");
}

#[test]
fn a_session_is_told_of_from_its_login_to_the_replay_of_its_token() {
    let mut world = World::new();
    let done = |operation| json!({ "level": "INFO", "message": operation, "outcome": "ok", "user": "1" });
    let answer = world.login(JOHN);
    let mut event = world.hears_of(&answer);
    let session = session_of(&mut event);
    assert_eq!((event, world.id_of("john")), (done("login"), json!("1")));
    let first = Tokens::of(&answer.json()["data"]["login"]);

    let answer = world.ask("", REFRESH, json!({ "r": first.refresh }));
    assert_eq!(world.hears_of(&answer), with(done("refresh"), "session", json!(session)));
    let second = Tokens::of(&answer.json()["data"]["refreshToken"]);
    let answer = world.ask("", REFRESH, json!({ "r": second.refresh }));
    world.hears_of(&answer);
    let third = Tokens::of(&answer.json()["data"]["refreshToken"]);
    let answer = world.ask("", REFRESH, json!({ "r": first.refresh }));
    let replayed = refused("refresh", "REFRESH_TOKEN_INVALID", "a used refresh token came back: session ended");
    let replayed = with(with(replayed, "user", json!("1")), "session", json!(session));
    assert_eq!(world.hears_of(&answer), replayed);
    let answer = world.ask("", REFRESH, json!({ "r": "canary-token" }));
    let made_up = refused("refresh", "REFRESH_TOKEN_INVALID", "no token of this gateway's");
    assert_eq!(world.hears_of(&answer), made_up);

    let answer = world.login(JOHN);
    let session = session_of(&mut world.hears_of(&answer));
    let tokens = Tokens::of(&answer.json()["data"]["login"]);
    let answer = world.ask(&tokens.access, "mutation { logout { ok } }", json!({}));
    assert_eq!(world.hears_of(&answer), with(done("logout"), "session", json!(session)));
    let output = world.gateway.process.output();
    for secret in [first.refresh, second.refresh, third.refresh, first.access, tokens.access, JOHN.1.to_owned()] {
        assert!(!output.contains(&secret), "{secret} in {output}");
    }
    assert!(!output.contains("canary"), "{output}");
}

#[test]
fn a_second_factor_is_told_of_from_its_setup_to_its_removal() {
    let mut world = World::new();
    let user = world.id_of(MFA_A.0);
    let answer = world.login(MFA_A);
    let session = session_of(&mut world.hears_of(&answer));
    let access = Tokens::of(&answer.json()["data"]["login"]).access;
    let done = |operation: &str, outcome: &str| json!({ "level": "INFO", "message": operation, "outcome": outcome, "user": user });
    let in_session = |event| with(event, "session", json!(session));

    let answer = world.ask(&access, SETUP, json!({}));
    assert_eq!(world.hears_of(&answer), in_session(done("set_up_factor", "ok")));
    let secret = answer.json()["data"]["setupMfa"]["secret"].as_str().unwrap().to_owned();
    let codes = Phone::told(&secret).codes();
    let answer = world.ask(&access, VERIFY, json!({ "s": secret, "c": codes[0] }));
    assert_eq!(world.hears_of(&answer), in_session(done("confirm_factor", "ok")));

    let answer = world.ask("", HALF, json!({ "u": MFA_A.0, "p": MFA_A.1 }));
    assert_eq!(world.hears_of(&answer), done("login", "factor_due"));
    let challenge = answer.json()["data"]["login"]["ephemeralToken"].clone();
    let answer = world.ask("", COMPLETE, json!({ "t": challenge, "c": "000000" }));
    let wrong = refused("complete_mfa_login", "MFA_INVALID_CODE", "a wrong or used code");
    assert_eq!(world.hears_of(&answer), with(wrong, "user", user.clone()));
    let answer = world.ask("", COMPLETE, json!({ "t": challenge, "c": codes[1] }));
    let mut event = world.hears_of(&answer);
    session_of(&mut event);
    assert_eq!(event, done("complete_mfa_login", "ok"));

    let answer = world.ask(&access, DISABLE, json!({ "p": MFA_A.1 }));
    assert_eq!(world.hears_of(&answer), in_session(done("disable_mfa", "ok")));
    let output = world.gateway.process.output();
    for credential in [secret.as_str(), &codes[0], &codes[1], MFA_A.1, challenge.as_str().unwrap(), "000000"] {
        let has_it = |line: &&str| line.contains("\"target\":\"audit\"") && line.contains(&format!("\"{credential}\""));
        assert_eq!(output.lines().find(has_it), None, "{credential}");
    }
}
