//! What the admin listener asks and tells is what is in force.

use std::time::Duration;

use serde_json::json;

use crate::support::{gateway::Setup, ports, stub::Stub};

#[test]
fn the_backend_and_the_keys_in_force_are_asked_and_told_of() {
    let stub = Stub::start();
    let more = "[upstream.identity]\nassertion = true\naudience = 'api'\n\n[admin]\naddress = '127.0.0.1:0'\n";
    let setup = Setup::before(&stub, more);
    let mut gateway = setup.start();
    let admin = gateway.admin();
    let jwks = |client: &crate::support::client::Client| client.get("/.well-known/jwks.json").unwrap().json();
    let before = jwks(&admin);
    std::fs::remove_file(setup.state_dir().join("assertion.key")).unwrap();
    setup.change("url = { env = \"RAILGATE_UPSTREAM\" }", &format!("url = 'http://127.0.0.1:{}'", ports::free()));
    gateway.reload();
    assert_ne!(jwks(&admin), before);
    assert_eq!(jwks(&admin), jwks(&gateway.client()));
    let upstream = || admin.get("/readyz").unwrap().json()["dependencies"]["upstream"]["status"].clone();
    gateway.process.wait_until(Duration::from_secs(60), || upstream() == json!("down"));
    assert_eq!(admin.get("/readyz").unwrap().status, 200);
}
