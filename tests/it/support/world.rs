//! The gateway between a real directory and a stub that notes what arrives: for what tries to get past the gateway, or to
//! bring it down.

use serde_json::{Value, json};

use super::{
    client::{Answer, exchange},
    django::Backend,
    gateway::{AUTH, Gateway, Setup},
    jwt,
    stub::{Received, Stub},
};

/// What the backend believes tokens by.
pub(crate) const SECRET: &str = "a key for tests, 32 bytes or more";
/// A login that succeeds, and one that does not.
pub(crate) const RIGHT: &str = r#"login(username:"john",password:"secret123"){ok}"#;
pub(crate) const WRONG: &str = r#"login(username:"john",password:"wrong"){ok}"#;
pub(crate) const JSON: &str = "application/json";

pub(crate) struct World {
    pub(crate) stub: Stub,
    pub(crate) gateway: Gateway,
    pub(crate) directory: Backend,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::changed(&[])
    }

    /// With these lines of the shipped configuration replaced.
    pub(crate) fn changed(lines: &[(&str, &str)]) -> Self {
        Self::around(Stub::start(), lines)
    }

    /// With this stub as the backend, too.
    pub(crate) fn around(stub: Stub, lines: &[(&str, &str)]) -> Self {
        let directory = Backend::sqlite();
        directory.cheap_password("john", "secret123");
        let setup = Setup::bare(stub.port, directory.url(), SECRET);
        let gateway = lines.iter().fold(setup, |setup, (from, to)| setup.changed(from, to)).start();
        Self { stub, gateway, directory }
    }

    pub(crate) fn post(&self, content_type: &str, path: &str, body: &str) -> Answer {
        self.gateway.client().with("Content-Type", content_type).send("POST", path, body).expect("an answer")
    }

    /// These header lines, each ended by CR LF, and this body, whatever it is.
    pub(crate) fn post_bytes(&self, headers: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!("POST {AUTH} HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {length}\r\n\r\n");
        let bytes = [head.as_bytes(), body].concat();
        exchange(self.gateway.port, &bytes).expect("an exchange").expect("an answer")
    }

    pub(crate) fn document(&self, document: &str) -> Answer {
        self.post(JSON, AUTH, &json!({ "query": document }).to_string())
    }

    /// The backend saw nothing of it.
    pub(crate) fn nothing_arrived(&self, what: &str) {
        assert!(self.stub.requests().is_empty(), "{what}\n{:?}", self.stub.requests());
    }

    /// It is refused with an error that says why, opens no session, nothing of it arrives, and the gateway goes on.
    pub(crate) fn refuses(&self, answer: &Answer, what: &str) {
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        let message = answer.json()["errors"][0]["message"].as_str().map(str::to_owned);
        assert!(message.is_some_and(|message| !message.is_empty()), "{what}: {answer:?}");
        assert!(answer.all("set-cookie").is_empty(), "{what}: {answer:?}");
        self.nothing_arrived(what);
    }

    /// It is answered here as a login that succeeded.
    pub(crate) fn logs_in(&self, answer: &Answer, what: &str) {
        let expected = json!({ "data": { "login": { "ok": true } } });
        assert_eq!((answer.status, answer.json()), (200, expected), "{what}");
        let jwt = answer.all("set-cookie").into_iter().filter(|line| line.starts_with("jwt="));
        assert_eq!(jwt.count(), 1, "{what}: {answer:?}");
        self.nothing_arrived(what);
    }

    pub(crate) fn still_works(&self) {
        self.logs_in(&self.document(&format!("mutation{{{RIGHT}}}")), "afterwards");
    }
}

/// Whom the backend takes the caller of a request for; null for nobody.
pub(crate) fn user_of(received: &Received) -> Value {
    let lines = received.all("Authorization");
    let token = lines.first().and_then(|line| line.strip_prefix("Bearer "));
    token.map_or(Value::Null, |token| jwt::open(SECRET, token)["username"].clone())
}
