//! A backend whose own login checks passwords: nothing is known of it but its URL.

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::Client,
    gateway::{AUTH, Gateway, Setup},
};

mod counting;
mod guard;
mod login;
mod nonsense;
mod outage;
mod renewal;
mod second_factor;

/// All that is configured; further keys of `[directory]`, then other tables, follow it.
const CONFIG: &str = r#"
state_dir = { env = "RAILGATE_STATE_DIR" }
[[listeners]]
address = { env = "RAILGATE_LISTEN" }
[upstream]
url = { env = "RAILGATE_UPSTREAM" }
[store]
url = { env = "RAILGATE_STORE", default = "embedded:sessions.db" }
[directory]
kind = "upstream"
"#;

pub(crate) fn setup(port: u16, more: &str) -> Setup {
    Setup::bare(port, "", "").config(&format!("{CONFIG}{more}"))
}

fn before(backend: &Backend) -> Gateway {
    setup(backend.port, "").start()
}

/// A backend on which john's and mfa_a's passwords cost nothing.
fn cheap(backend: Backend) -> Backend {
    backend.cheap_password("john", "secret123");
    backend.cheap_password("mfa_a", "mfapass-a1");
    backend
}

fn run(client: &Client, document: &str, variables: Value) -> Value {
    client.graphql(AUTH, document, variables).field()
}

fn refused(payload: &Value, code: &str) {
    let told = ["ok", "errorCode", "token", "user"].map(|key| &payload[key]);
    assert_eq!(told, [&json!(false), &json!(code), &Value::Null, &Value::Null], "{payload}");
}
