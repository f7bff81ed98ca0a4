//! From the login to the end of the session.

use serde_json::{Value, json};

use super::{before, cheap, refused, run, setup};
use crate::support::{
    backend::Backend,
    client::Client,
    gateway::{AUTH, GQL, Tokens},
    redis::RedisServer,
};

/// How the demo backend's tokens begin.
const THEIRS: &str = "eyJhbGciOiJIUzI1NiIs";
const WHOLE: &str = "mutation { login(username: \"john\", password: \"secret123\") { ok errors user { id username email firstName \
     lastName desc isStaff isSuperuser isActive dateJoined permissions roles { id name permissions { id name codename } } \
     settings { theme mode } articles { title } } permissions } }";

#[test]
fn the_backend_checks_the_password_and_the_session_is_the_gateways() {
    let backend = cheap(Backend::on_sqlite());
    let gateway = before(&backend);
    let answer = gateway.client().graphql(
        AUTH,
        "mutation { login(username: \"john\", password: \"secret123\") { ok token refreshToken user { username } } }",
        json!({}),
    );
    let payload = answer.json()["data"]["login"].clone();
    let tokens = Tokens::of(&payload);
    assert!(tokens.access.starts_with("v4.local."), "{payload}");
    assert!(!answer.body.contains(THEIRS), "a token of the backend: {answer:?}");
    assert!(answer.all("set-cookie").iter().all(|line| !line.contains(THEIRS)), "{answer:?}");
    assert_eq!(gateway.whoami(&tokens.access), json!("john"), "the backend knows its own token again");
    assert_eq!(
        gateway.client().bearer(&tokens.access).graphql(GQL, "{ viewer { username } }", json!({})).json(),
        json!({ "data": { "viewer": { "username": "john" } } })
    );
    assert_eq!(gateway.whoami("v4.local.nonsense"), Value::Null);

    let renewed = Tokens::of(&gateway.refresh(&tokens.refresh));
    assert_eq!(gateway.whoami(&renewed.access), json!("john"));
    let sessions =
        run(&gateway.client().bearer(&renewed.access), "{ authSessions { current mfa ipAddress } }", json!({}));
    assert_eq!(sessions, json!([{ "current": true, "mfa": false, "ipAddress": "127.0.0.1" }]));
    let logout = run(&gateway.client().bearer(&renewed.access), "mutation { logout { ok } }", json!({}));
    assert_eq!(logout, json!({ "ok": true }));
    assert_eq!(gateway.whoami(&renewed.access), Value::Null);
    refused(&with_user(gateway.refresh(&renewed.refresh)), "REFRESH_TOKEN_INVALID");
}

fn with_user(mut payload: Value) -> Value {
    payload["user"] = Value::Null;
    payload
}

#[test]
fn the_user_is_as_the_backends_own_login_shows_it() {
    let backend = cheap(Backend::on_sqlite());
    let gateway = before(&backend);
    let direct = Client::new(backend.port).graphql(AUTH, WHOLE, json!({})).json();
    let through = gateway.client().graphql(AUTH, WHOLE, json!({})).json();
    assert_eq!(through, direct);
    assert!(direct["data"]["login"]["user"]["articles"].as_array().is_some_and(|articles| !articles.is_empty()));

    // What only the payload says of a user is known at a refresh, too, though `me` doesn't have it.
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    let document =
        "mutation($t: String) { refreshToken(refreshToken: $t) { user { username permissions roles { name } } } }";
    let refreshed = run(&gateway.client(), document, json!({ "t": tokens.refresh }));
    let known = &direct["data"]["login"]["user"];
    assert_eq!(refreshed["user"]["permissions"], known["permissions"]);
    assert_eq!(refreshed["user"]["roles"][0]["name"], known["roles"][0]["name"]);
}

#[test]
fn a_wrong_password_and_an_unknown_name_are_refused_alike() {
    let backend = cheap(Backend::on_sqlite());
    backend.python("User.objects.filter(username='amina').update(is_active=False)");
    let gateway = before(&backend);
    let wrong = gateway.login("john", "wrong");
    refused(&wrong, "INVALID_CREDENTIALS");
    assert_eq!(gateway.login("nobody", "secret123"), wrong);
    assert_eq!(gateway.login("amina", "motdepasse-é7-長い"), wrong);
}

#[test]
fn who_may_not_come_in_any_more_is_out() {
    let backend = cheap(Backend::on_sqlite());
    let gateway = setup(backend.port, "[sessions]\nrecheck = \"1s\"\n").start();
    let [john, other] = [(); 2].map(|()| Tokens::of(&gateway.login("john", "secret123")));
    assert_eq!(gateway.whoami(&john.access), json!("john"));
    backend.python("User.objects.filter(username='john').update(is_active=False)");
    refused(&with_user(gateway.refresh(&john.refresh)), "REFRESH_TOKEN_INVALID");
    while gateway.whoami(&other.access) != Value::Null {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    refused(&with_user(gateway.refresh(&other.refresh)), "REFRESH_TOKEN_INVALID");
}

#[test]
fn the_backends_tokens_are_kept_sealed_and_outlive_the_process() {
    let backend = cheap(Backend::on_sqlite());
    let setup = setup(backend.port, "");
    let mut gateway = setup.start();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    let state = gateway.state();
    for secret in [THEIRS, "secret123"] {
        assert!(!state.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} is in the store");
    }
    assert!(!gateway.process.output().contains(THEIRS));
    gateway.process.kill();
    drop(gateway);
    let gateway = setup.start();
    assert_eq!(gateway.whoami(&tokens.access), json!("john"));
    assert_eq!(gateway.refresh(&tokens.refresh)["ok"], json!(true));
}

#[test]
fn what_one_gateway_keeps_another_one_shows_the_backend() {
    let (backend, redis) = (cheap(Backend::on_sqlite()), RedisServer::start());
    let setup = setup(backend.port, "").store(&redis.url());
    let [one, other] = [(); 2].map(|()| setup.start());
    let tokens = Tokens::of(&one.login("john", "secret123"));
    assert_eq!(other.whoami(&tokens.access), json!("john"));
    assert_eq!(other.refresh(&tokens.refresh)["ok"], json!(true));
}

#[test]
fn who_registers_is_logged_in_by_the_backend() {
    let backend = Backend::on_sqlite();
    let gateway = before(&backend);
    let document = "mutation { register(username: \"ada\", email: \"ada@example.com\", password: \"ein langes Passwort\") \
         { ok token errors user { username settings { theme } } } }";
    let registered = run(&gateway.client(), document, json!({}));
    assert_eq!((&registered["ok"], &registered["user"]["username"]), (&json!(true), &json!("ada")), "{registered}");
    assert_eq!(gateway.whoami(registered["token"].as_str().expect("a token")), json!("ada"));
}
