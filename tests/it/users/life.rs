//! Users log in, are shut out, and come again, while the file changes under a gateway that runs.

use std::{fs, process::Command, time::Duration};

use serde_json::json;

use super::{PASSWORD, Place, is_out_soon};
use crate::support::{
    gateway::{AUTH, Tokens},
    phone::Phone,
    process::Process,
};

#[test]
fn an_api_without_users_gets_them() {
    let place = Place::with_eva();
    let gateway = place.setup.start();
    assert_eq!(gateway.client().get("/reports/7").unwrap().status, 401);
    let document = format!(
        "mutation {{ login(username: \"eva\", password: \"{PASSWORD}\") \
         {{ ok token user {{ id username email isActive lastLogin dateJoined roles {{ name }} permissions }} }} }}"
    );
    let payload = gateway.client().graphql("/graphql", &document, json!({})).json()["data"]["login"].clone();
    let user = &payload["user"];
    assert_eq!(
        (&payload["ok"], &user["username"], &user["email"]),
        (&json!(true), &json!("eva"), &json!("eva@example.com"))
    );
    assert_eq!((&user["isActive"], &user["roles"]), (&json!(true), &json!([{ "name": "editors" }])));
    assert!(place.api.requests().is_empty(), "the API speaks no GraphQL, and is asked none");

    let told = place.call(&gateway, payload["token"].as_str().unwrap());
    assert_eq!(told.request_line(), "GET /reports/7 HTTP/1.1");
    let id = user["id"].as_str().unwrap();
    for (header, value) in [
        ("X-Auth-User-Id", id),
        ("X-Auth-Username", "eva"),
        ("X-Auth-Email", "eva@example.com"),
        ("X-Auth-Roles", "editors"),
    ] {
        assert_eq!(told.all(header), [value], "{header}");
    }
    for (name, password) in [("eva", "wrong horse"), ("Eva", PASSWORD), ("max", PASSWORD)] {
        assert_eq!(gateway.login(name, password)["errorCode"], json!("INVALID_CREDENTIALS"), "{name}");
    }
}

#[test]
fn who_is_disabled_is_out_and_who_is_enabled_comes_again() {
    let place = Place::with_eva();
    let gateway = place.setup.start();
    let tokens = Tokens::of(&gateway.login("eva", PASSWORD));
    place.call(&gateway, &tokens.access);
    assert!(place.done(&["disable", "eva"], "").starts_with("eva is disabled; sessions"));
    assert_eq!(gateway.login("eva", PASSWORD)["errorCode"], json!("INVALID_CREDENTIALS"), "at once");
    is_out_soon(&gateway, &tokens.access);
    assert_eq!(place.done(&["disable", "eva"], ""), "eva is disabled already\n");
    assert_eq!(place.done(&["enable", "eva"], ""), "eva may log in again\n");
    assert_eq!(gateway.refresh(&tokens.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"), "that session is over");
    gateway.login("eva", PASSWORD)["token"].as_str().expect("a token");
}

#[test]
fn another_password_and_a_deletion_end_sessions() {
    let place = Place::with_eva();
    let gateway = place.setup.start();
    let tokens = Tokens::of(&gateway.login("eva", PASSWORD));
    let told = place.done(&["passwd", "eva", "--password-stdin"], "battery staple\n");
    assert_eq!(told, "eva has another password; sessions of theirs end within [sessions] recheck\n");
    is_out_soon(&gateway, &tokens.access);
    assert_eq!(gateway.login("eva", PASSWORD)["ok"], json!(false));
    let tokens = Tokens::of(&gateway.login("eva", "battery staple"));
    fs::write(place.path(), "").unwrap();
    is_out_soon(&gateway, &tokens.access);
    place.add("max", &[]);
    assert_eq!(gateway.login("max", PASSWORD)["ok"], json!(true), "without a restart");
}

#[test]
fn a_file_that_is_wrong_stops_a_start_and_later_changes_nothing() {
    let place = Place::with_eva();
    let (right, wrong) = (place.text(), place.text().replace("username", "user_name"));
    let mut gateway = place.setup.start();
    fs::write(place.path(), &wrong).unwrap();
    // Nobody asks for a user meanwhile.
    let line = gateway.process.wait_for_line("the users file can't be used; users stay as they were before");
    assert!(line.contains("users.toml:5") || line.contains("users.toml:6"), "{line}");
    let hash = right.lines().find_map(|line| line.strip_prefix("password = ")).unwrap();
    assert!(!gateway.process.output().contains(hash.trim_matches('"')));
    for _ in 0..3 {
        assert_eq!(gateway.login("eva", PASSWORD)["ok"], json!(true));
    }
    fs::write(place.path(), right.replace("eva@example.com", "eva@example.org")).unwrap();
    gateway.process.wait_for_line("the users file has changed and was read again");
    let count = |text| gateway.process.output().matches(text).count();
    assert_eq!(count("the users file can't be used"), 1, "told once: {}", gateway.process.output());
    drop(gateway);

    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_railgate"));
        command.arg("run").arg("--config").arg(place.setup.state_dir().join("proxy.toml"));
        command.env("RAILGATE_LISTEN", "127.0.0.1:0").env("RAILGATE_UPSTREAM", "http://127.0.0.1:1");
        command.env("RAILGATE_STATE_DIR", place.setup.state_dir());
        let mut process = Process::spawn(command, "railgate");
        assert_eq!(process.wait(Duration::from_secs(20)).code(), Some(1));
        process.output()
    };
    fs::write(place.path(), &wrong).unwrap();
    let said = start();
    assert!(said.contains("`user_name` is not a key; valid here: id, username"), "{said}");
    fs::remove_file(place.path()).unwrap();
    let said = start();
    assert!(said.contains("is not there; the first `railgate user add` makes it"), "{said}");
}

#[test]
fn second_factors_are_kept_in_the_store() {
    let place = Place::with_eva();
    let gateway = place.setup.start();
    let tokens = Tokens::of(&gateway.login("eva", PASSWORD));
    let client = gateway.client().bearer(&tokens.access);
    let setup = "mutation { setupTotp(deviceName: \"phone\") { ok totpSecret deviceId errors } }";
    let setup = client.graphql(AUTH, setup, json!({})).json()["data"]["setupTotp"].clone();
    let [code, ..] = Phone::told(setup["totpSecret"].as_str().unwrap_or_else(|| panic!("{setup}"))).codes();
    let verify = "mutation($d: ID!, $c: String!) { verifyTotp(deviceId: $d, token: $c) { ok errors } }";
    let verified = client.graphql(AUTH, verify, json!({ "d": setup["deviceId"], "c": code })).json();
    assert_eq!(verified["data"]["verifyTotp"]["ok"], json!(true), "{verified}");
    let login = format!("mutation {{ login(username: \"eva\", password: \"{PASSWORD}\") {{ mfaRequired token }} }}");
    let half = gateway.client().graphql(AUTH, &login, json!({})).json();
    assert_eq!(half["data"]["login"], json!({ "mfaRequired": true, "token": null }));
}
