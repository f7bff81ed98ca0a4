//! The gateway is taken out: the backend itself takes the factor that was enrolled through it.

use serde_json::json;

use super::{Enrolled, LOGIN, USER, cheap, enrol, run};
use crate::support::{backend::Backend, client::Client, gateway::Setup, mariadb::MariaDb};

/// Without `errorCode` and the like, which the backend doesn't have.
const BACKENDS_LOGIN: &str =
    "mutation($u: String!, $p: String!) { login(username: $u, password: $p) { ok mfaRequired ephemeralToken token } }";
const BACKENDS_VERIFY: &str = "mutation($c: String!, $t: String!) { verifyMfaLogin(code: $c, ephemeralToken: $t) { ok token user { username } errors } }";

fn goes_on_without(backend: &Backend) {
    let gateway = Setup::in_front_of(backend).start();
    let Enrolled { phone, .. } = enrol(&gateway, &USER);
    assert_eq!(
        run(&gateway.client(), LOGIN, json!({ "u": USER.name, "p": USER.password }))["mfaRequired"],
        json!(true)
    );
    drop(gateway);
    let client = Client::new(backend.port);
    let half = run(&client, BACKENDS_LOGIN, json!({ "u": USER.name, "p": USER.password }));
    assert_eq!((&half["mfaRequired"], &half["token"]), (&json!(true), &json!(null)), "{half}");
    let verify = |code: &str| run(&client, BACKENDS_VERIFY, json!({ "c": code, "t": half["ephemeralToken"] }));
    assert_eq!(verify("000000")["ok"], json!(false));
    let whole = verify(&phone.codes()[1]);
    assert_eq!((&whole["ok"], &whole["user"]["username"]), (&json!(true), &json!(USER.name)), "{whole}");
    assert!(whole["token"].is_string(), "{whole}");
}

#[test]
fn on_sqlite() {
    goes_on_without(&super::backend());
}

#[test]
fn on_postgresql() {
    goes_on_without(&cheap(Backend::on_postgresql()));
}

#[test]
fn on_mariadb() {
    let database = MariaDb::start();
    goes_on_without(&cheap(Backend::on(&database.url())));
}
