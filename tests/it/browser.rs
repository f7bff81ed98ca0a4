//! What only a browser shows: cookies that two tabs share, and Django's own pages beside the gateway's cookies.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    clients::node,
    support::{backend::Backend, gateway::Setup},
};

/// How long a used refresh token is still good, in seconds: enough for the slowest machine, little to wait for.
const GRACE: u64 = 4;

fn base(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Two tabs have one refresh token between them and use it at the same time, with and without the answer getting
/// through. It is the same session in the end; and it ends when an old token comes back.
#[test]
fn two_tabs_that_refresh_at_once_stay_logged_in() {
    let backend = Backend::on_sqlite();
    backend.cheap_password("john", "secret123");
    let setup = Setup::in_front_of(&backend);
    let gateway = setup.changed("#refresh_grace = \"10s\"", &format!("refresh_grace = \"{GRACE}s\"")).start();
    let past_grace = Duration::from_millis(GRACE * 1000 + 500).as_millis().to_string();
    let told = node("tabs.mjs", &[&base(gateway.port), "30", &past_grace]).swap_remove(0);
    assert_eq!((&told["users"], &told["refused"]), (&json!(["john"]), &json!(0)), "{told}");
    let sessions = told["sessions"].as_array().expect("a list");
    assert_eq!((sessions.len(), &sessions[0]), (2, &json!("[true]")), "one session, and always the same: {told}");
    assert!(told["unheard"].as_u64().is_some_and(|unheard| unheard > 0), "no answer was lost on the way: {told}");
    // Both tabs may get the one successor, but each round has one of its own.
    assert!(told["cookies"].as_u64().is_some_and(|cookies| cookies > 20), "{told}");
    assert_eq!(told["replayed"], json!({ "ok": false, "errorCode": "REFRESH_TOKEN_INVALID" }), "{told}");
    assert_eq!(told["out"], json!([null, false, null, false]), "both tabs are out: {told}");
}

/// Django's session lets its holder into Django's pages, and nowhere else; the gateway's cookies stay out of its way.
#[test]
fn the_admin_site_works_through_the_gateway() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let told = node("admin.mjs", &[&base(gateway.port)]).swap_remove(0);
    assert_eq!((&told["entered"], &told["user"]), (&json!(200), &json!("admin")), "{told}");
    assert_eq!(told["strangers"], json!(["csrftoken", "sessionid"]));
    assert_eq!(told["nobody"][0], json!({ "data": { "me": null } }), "on GraphQL paths it makes nobody known");
    assert_eq!(told["nobody"][1]["data"]["viewer"], Value::Null, "{told}");
    assert_eq!(told["cookies"], json!(["csrftoken", "jwt", "known_device", "refresh_token", "sessionid"]));
    assert_eq!((&told["saved"], &told["shown"]), (&json!(200), &json!("Changed")), "{told}");
    assert!(told["message"].as_str().is_some_and(|message| message.contains("was changed successfully")), "{told}");
    assert_eq!(backend.python("print(User.objects.get(username='amina').last_name)"), "Changed");
    let john = json!({ "data": { "me": { "username": "john" } } });
    assert_eq!((&told["me"], &told["still"]), (&john, &john), "the admin's pages change nothing about who john is");
    assert_eq!((&told["out"], &told["asks"]), (&json!(200), &json!(true)), "logged out of Django: {told}");
    assert_eq!(told["after"], json!(["csrftoken", "jwt", "known_device", "refresh_token"]));
}
