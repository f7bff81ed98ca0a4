//! Who may use which path and which field: `[[routes]]` and `[[fields]]`.

use serde_json::json;

use crate::support::{
    client::{Answer, Client},
    gateway::{AUTH, Gateway, STUB_SECRET, Setup, Tokens},
    jwt::{johns_claims, sign},
    stub::Stub,
};

mod fields;
mod generated;
mod routes;

/// Where the demo backend takes batches.
pub(crate) const BATCH: &str = "/graphql/batch/";

/// A gateway in front of a stub, with these rules. Callers come with the backend's own tokens; what they may do is in the
/// directory: john is one of the `editors`, who may change users, and admin is a superuser.
fn ruled(rules: &str) -> (Stub, Gateway) {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, rules).start();
    (stub, gateway)
}

/// A token of the backend's that it has just made: by a login, or by a refresh, which nobody can tell.
fn token(user: u32, name: &str) -> String {
    let mut claims = johns_claims();
    (claims["user_id"], claims["username"]) = (user.into(), name.into());
    sign(STUB_SECRET, &claims)
}

fn john() -> String {
    token(1, "john")
}

fn admin() -> String {
    token(2, "admin")
}

/// A token of john's who has just logged in at the gateway.
fn just_logged_in(gateway: &Gateway) -> String {
    Tokens::of(&gateway.login("john", "secret123")).access
}

/// A document in all the ways in which one can be sent; the names of those are for messages. A batch is one of one.
pub(crate) fn in_every_transport(client: &Client, document: &str) -> Vec<(&'static str, Answer)> {
    let encoded: String = form_urlencoded::byte_serialize(document.as_bytes()).collect();
    let json = json!({ "query": document }).to_string();
    let escaped = json.replacen('{', "\\u007b", 2).replacen("\\u007b", "{", 1);
    let part =
        |name: &str, body: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{body}\r\n");
    let form = format!("{}{}--x--\r\n", part("operations", &json), part("map", "{}"));
    let post = |kind: &str, path: &str, body: &str| {
        client.with("Content-Type", kind).send("POST", path, body).expect("an answer")
    };
    let mut answers = vec![
        ("JSON", post("application/json", AUTH, &json)),
        ("JSON with escapes", post("application/json", AUTH, &escaped)),
        ("a bare document", post("application/graphql", AUTH, document)),
        ("a form", post("application/x-www-form-urlencoded", AUTH, &format!("query={encoded}"))),
        ("a form for files", post("multipart/form-data; boundary=x", AUTH, &form)),
        ("a batch", post("application/json", BATCH, &format!("[{json}]"))),
    ];
    if document.starts_with('{') {
        answers.push(("GET", client.get(&format!("{AUTH}?query={encoded}")).expect("an answer")));
    }
    answers
}
