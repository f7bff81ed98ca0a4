//! The gateway between a real directory and a stub that notes what arrives: for what tries to get past the gateway, or to
//! bring it down.

use serde_json::json;

use super::{
    client::{Answer, exchange},
    django::Backend,
    gateway::{AUTH, Gateway, Setup},
    stub::Stub,
};

const SECRET: &str = "a key for tests, 32 bytes or more";
/// A login that succeeds, and one that does not.
pub(crate) const RIGHT: &str = r#"login(username:"john",password:"secret123"){ok}"#;
pub(crate) const WRONG: &str = r#"login(username:"john",password:"wrong"){ok}"#;
pub(crate) const JSON: &str = "application/json";

pub(crate) struct World {
    pub(crate) stub: Stub,
    pub(crate) gateway: Gateway,
    _directory: Backend,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::changed(&[])
    }

    /// With these lines of the shipped configuration replaced.
    pub(crate) fn changed(lines: &[(&str, &str)]) -> Self {
        let (stub, directory) = (Stub::start(), Backend::sqlite());
        // A hash that costs nothing, so that a test can log in often.
        directory.python(
            "from django.contrib.auth.hashers import PBKDF2PasswordHasher as Hasher; \
             User.objects.filter(username='john').update(password=Hasher().encode('secret123', 'salt', 1))",
        );
        let setup = Setup::bare(stub.port, directory.url(), SECRET);
        let gateway = lines.iter().fold(setup, |setup, (from, to)| setup.changed(from, to)).start();
        Self { stub, gateway, _directory: directory }
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
