//! What a session withstands: the death of the gateway, refreshes that race, a logout, a second factor.

use std::{collections::HashSet, thread};

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::{Answer, Client},
    gateway::{AUTH, Gateway, LOGIN, Setup, Tokens},
    redis::RedisServer,
};

fn log_in(gateway: &Gateway) -> Tokens {
    Tokens::of(&gateway.login("john", "secret123"))
}

fn survives_kill_nine(setup: &Setup) {
    let mut gateway = setup.start();
    let before = log_in(&gateway);
    let renewed = Tokens::of(&gateway.refresh(&before.refresh));
    gateway.process.kill();

    let gateway = setup.start();
    assert_eq!(gateway.whoami(&before.access), json!("john"), "an access token outlives the process that made it");
    let after = Tokens::of(&gateway.refresh(&renewed.refresh));
    assert_eq!(gateway.whoami(&after.access), json!("john"));
}

#[test]
fn sessions_of_the_embedded_store_outlive_kill_nine() {
    survives_kill_nine(&Setup::in_front_of(&Backend::on_sqlite()));
}

#[test]
fn sessions_in_redis_outlive_kill_nine() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    survives_kill_nine(&Setup::in_front_of(&backend).store(&redis.url()));
}

#[test]
fn fifty_refreshes_of_one_token_on_two_gateways_give_one_lineage() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    let first = Setup::in_front_of(&backend).store(&redis.url());
    let gateways = [first.start(), first.start()];
    let token = log_in(&gateways[0]).refresh;

    let payloads: Vec<Value> = thread::scope(|scope| {
        let refreshes: Vec<_> = (0..50)
            .map(|n| {
                let (port, token) = (gateways[n % 2].port, &token);
                scope.spawn(move || {
                    let client = crate::support::client::Client::new(port);
                    client.graphql(AUTH, crate::support::gateway::REFRESH, json!({ "r": token })).json()
                })
            })
            .collect();
        refreshes
            .into_iter()
            .map(|refresh| refresh.join().expect("a refresh")["data"]["refreshToken"].clone())
            .collect()
    });

    let successors: HashSet<String> = payloads.iter().map(|payload| Tokens::of(payload).refresh).collect();
    assert_eq!(successors.len(), 1, "every refresh within grace gets the same successor");
    let successor = successors.into_iter().next().expect("one");
    assert_ne!(successor, token);
    for (gateway, payload) in gateways.iter().cycle().zip(&payloads) {
        assert_eq!(gateway.whoami(&Tokens::of(payload).access), json!("john"));
    }
    assert_eq!(gateways[1].refresh(&successor)["ok"], json!(true), "and the lineage goes on");
}

/// The reuse of a token older than the predecessor of the current one.
fn a_stolen_token_ends_the_session(setup: &Setup) {
    let mut gateway = setup.start();
    let first = log_in(&gateway);
    let second = Tokens::of(&gateway.refresh(&first.refresh));
    let third = Tokens::of(&gateway.refresh(&second.refresh));

    let reused = gateway.refresh(&first.refresh);
    assert_eq!(reused["ok"], json!(false));
    assert_eq!(reused["errorCode"], json!("REFRESH_TOKEN_INVALID"));
    gateway.process.wait_for_line("a used refresh token came back: session ended");
    assert_eq!(gateway.refresh(&third.refresh)["ok"], json!(false), "the current token went with the session");
    assert_eq!(gateway.whoami(&third.access), Value::Null, "and so did its access tokens");
}

#[test]
fn a_stolen_refresh_token_ends_the_session_in_the_embedded_store() {
    a_stolen_token_ends_the_session(&Setup::in_front_of(&Backend::on_sqlite()));
}

#[test]
fn a_stolen_refresh_token_ends_the_session_in_redis() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    a_stolen_token_ends_the_session(&Setup::in_front_of(&backend).store(&redis.url()));
}

#[test]
fn logout_ends_the_session_whichever_credential_names_it() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let by_bearer = log_in(&gateway);
    let by_cookie = log_in(&gateway);
    let bystander = log_in(&gateway);
    let logout = |client: crate::support::client::Client| {
        let answer = client.graphql(AUTH, "mutation { logout { ok errors } }", json!({}));
        assert_eq!(answer.json(), json!({ "data": { "logout": { "ok": true, "errors": [] } } }));
        let deleted: Vec<&str> =
            answer.all("set-cookie").into_iter().filter(|line| line.contains("Max-Age=0")).collect();
        assert_eq!(deleted.len(), 2, "{answer:?}");
    };
    logout(gateway.client().bearer(&by_bearer.access));
    logout(
        gateway
            .client()
            .with("Cookie", &format!("refresh_token={}", by_cookie.refresh))
            .with("Sec-Fetch-Site", "same-origin"),
    );
    for ended in [&by_bearer, &by_cookie] {
        assert_eq!(gateway.refresh(&ended.refresh)["ok"], json!(false));
        assert_eq!(gateway.whoami(&ended.access), Value::Null);
    }
    assert_eq!(gateway.whoami(&bystander.access), json!("john"));
}

#[test]
fn logout_ends_the_session_of_a_token_that_has_run_out() {
    let backend = Backend::on_sqlite();
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/proxy.toml")).expect("the sample");
    let short = sample.replace("#access_lifetime = \"15m\"", "access_lifetime = \"1s\"");
    assert_ne!(short, sample);
    let gateway = Setup::in_front_of(&backend).config(&short).start();
    let tokens = log_in(&gateway);
    thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(gateway.whoami(&tokens.access), Value::Null, "it has run out");
    let client = gateway.client().bearer(&tokens.access);
    let answer = client.graphql(AUTH, "mutation { logout { ok } }", json!({})).json();
    assert_eq!(answer, json!({ "data": { "logout": { "ok": true } } }));
    assert_eq!(gateway.refresh(&tokens.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"), "not falsely ok");
}

const SESSIONS: &str =
    "{ authSessions { id current deviceName ipAddress userAgent createdAt lastUsedAt expiresAt mfa } }";
const REVOKE: &str = "mutation($s: String!) { revokeSession(sessionId: $s) { ok errors } }";
const REVOKE_ALL: &str = "mutation { revokeAllSessions { ok errors } }";

fn sessions(gateway: &Gateway, access: &str) -> Value {
    gateway.client().bearer(access).graphql(AUTH, SESSIONS, json!({})).json()["data"]["authSessions"].clone()
}

/// The id of the session behind this token.
fn own_id(gateway: &Gateway, access: &str) -> String {
    let sessions = sessions(gateway, access);
    let mut own = sessions.as_array().expect("a list").iter().filter(|session| session["current"] == json!(true));
    let id = own.next().expect("the caller's own")["id"].as_str().expect("text").to_owned();
    assert_eq!(own.next(), None, "{sessions}");
    id
}

fn revoke(gateway: &Gateway, access: &str, id: &str) -> Answer {
    gateway.client().bearer(access).graphql(AUTH, REVOKE, json!({ "s": id }))
}

fn deletes_cookies(answer: &Answer) -> bool {
    answer.all("set-cookie").into_iter().filter(|line| line.contains("Max-Age=0")).count() == 2
}

#[track_caller]
fn is_dead(gateway: &Gateway, tokens: &Tokens) {
    assert_eq!(gateway.refresh(&tokens.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"));
    assert_eq!(gateway.whoami(&tokens.access), Value::Null);
}

#[test]
fn users_see_their_sessions_and_end_one() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let named =
        "mutation { login(username: \"john\", password: \"secret123\", deviceName: \"phone\") { token refreshToken } }";
    let answer = gateway.client().with("User-Agent", "tests/1").graphql(AUTH, named, json!({})).json();
    let (phone, desk) = (Tokens::of(&answer["data"]["login"]), log_in(&gateway));

    let seen = sessions(&gateway, &desk.access);
    let [newest, oldest] = seen.as_array().expect("a list").as_slice() else { panic!("{seen}") };
    assert_eq!((&newest["current"], &oldest["current"]), (&json!(true), &json!(false)));
    assert_eq!((&newest["deviceName"], &oldest["deviceName"]), (&Value::Null, &json!("phone")));
    assert_eq!((&oldest["userAgent"], &oldest["ipAddress"]), (&json!("tests/1"), &json!("127.0.0.1")));
    assert_eq!(oldest["mfa"], json!(false));
    assert!(oldest["createdAt"].as_str() < newest["createdAt"].as_str(), "{seen}");
    assert!(oldest["createdAt"].as_str() < oldest["expiresAt"].as_str(), "{seen}");

    let answer = revoke(&gateway, &desk.access, oldest["id"].as_str().expect("text"));
    assert_eq!(answer.json(), json!({ "data": { "revokeSession": { "ok": true, "errors": [] } } }));
    assert!(!deletes_cookies(&answer), "it was not the caller's own");
    is_dead(&gateway, &phone);
    assert_eq!(sessions(&gateway, &desk.access).as_array().map(Vec::len), Some(1));

    let answer = revoke(&gateway, &desk.access, &own_id(&gateway, &desk.access));
    assert!(deletes_cookies(&answer), "{answer:?}");
    is_dead(&gateway, &desk);
    assert_eq!(sessions(&gateway, &desk.access), Value::Null, "the anonymous have none");
}

#[test]
fn another_users_session_can_not_be_told_from_an_unknown_one() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let (mine, theirs) = (log_in(&gateway), Tokens::of(&gateway.login("admin", "adminpass1")));
    let id = own_id(&gateway, &theirs.access);
    let refused = revoke(&gateway, &mine.access, &id);
    assert_eq!(refused.json()["data"]["revokeSession"]["ok"], json!(false));
    assert!(!deletes_cookies(&refused));
    for unknown in ["AAAAAAAAAAAAAAAAAAAAAA", "", "x", "1"] {
        let answer = revoke(&gateway, &mine.access, unknown);
        assert_eq!((answer.status, &answer.body), (refused.status, &refused.body), "{unknown}");
    }
    assert_eq!(gateway.whoami(&theirs.access), json!("admin"));
    assert_eq!(gateway.refresh(&theirs.refresh)["ok"], json!(true));
}

#[test]
fn all_sessions_really_end() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let (john, admin) = ([log_in(&gateway), log_in(&gateway), log_in(&gateway)], gateway.login("admin", "adminpass1"));
    let answer = gateway.client().bearer(&john[1].access).graphql(AUTH, REVOKE_ALL, json!({}));
    assert_eq!(answer.json(), json!({ "data": { "revokeAllSessions": { "ok": true, "errors": [] } } }));
    assert!(deletes_cookies(&answer), "{answer:?}");
    for tokens in &john {
        is_dead(&gateway, tokens);
    }
    assert_eq!(gateway.whoami(&Tokens::of(&admin).access), json!("admin"));
    assert_eq!(gateway.whoami(&log_in(&gateway).access), json!("john"), "a login afterwards stands");
}

#[test]
fn one_login_too_many_ends_the_oldest_session() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).changed("#limit = 50", "limit = 2").start();
    let [first, second, third] = [log_in(&gateway), log_in(&gateway), log_in(&gateway)];
    is_dead(&gateway, &first);
    assert_eq!(gateway.whoami(&second.access), json!("john"));
    assert_eq!(sessions(&gateway, &third.access).as_array().map(Vec::len), Some(2));
}

/// Whether or not the other gateway has heard of it yet.
#[test]
fn who_was_thrown_out_on_one_gateway_ends_no_session_on_another() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let [one, other] = [setup.start(), setup.start()];
    let (owner, thief) = (log_in(&one), log_in(&other));
    assert_eq!(
        revoke(&one, &owner.access, &own_id(&other, &thief.access)).json()["data"]["revokeSession"]["ok"],
        json!(true)
    );
    assert_eq!(other.refresh(&thief.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"), "everywhere at once");
    let all = other.client().bearer(&thief.access).graphql(AUTH, REVOKE_ALL, json!({}));
    assert_eq!(all.json()["data"]["revokeAllSessions"]["ok"], json!(false), "{all:?}");
    assert_eq!(other.whoami(&thief.access), Value::Null, "this gateway was told, or asked the store");
    assert_eq!(one.refresh(&owner.refresh)["ok"], json!(true));
}

#[test]
fn logins_on_two_gateways_that_race_the_end_of_all_sessions_are_ended_or_stand() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    // Logins come close together.
    backend.cheap_password("john", "secret123");
    let setup = Setup::in_front_of(&backend).store(&redis.url()).unthrottled();
    let gateways = [setup.start(), setup.start()];
    let ports = [gateways[0].port, gateways[1].port];
    let (mut ended, mut stood) = (0, 0);
    for _ in 0..5 {
        let before = [log_in(&gateways[0]), log_in(&gateways[1])];
        let during: Vec<Tokens> = thread::scope(|scope| {
            let logins: Vec<_> = (0..12)
                .map(|n| {
                    scope.spawn(move || {
                        let variables = json!({ "u": "john", "p": "secret123" });
                        let answer = Client::new(ports[n % 2]).graphql(AUTH, LOGIN, variables).json();
                        Tokens::of(&answer["data"]["login"])
                    })
                })
                .collect();
            let all = gateways[1].client().bearer(&before[0].access).graphql(AUTH, REVOKE_ALL, json!({}));
            assert_eq!(all.json()["data"]["revokeAllSessions"]["ok"], json!(true));
            logins.into_iter().map(|login| login.join().expect("a login")).collect()
        });
        for tokens in &before {
            assert_eq!(gateways[0].refresh(&tokens.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"));
        }
        let now = log_in(&gateways[0]);
        let listed = sessions(&gateways[0], &now.access).as_array().expect("a list").len();
        let standing = during.iter().filter(|tokens| gateways[0].refresh(&tokens.refresh)["ok"] == json!(true)).count();
        assert_eq!(listed, standing + 1, "a session is listed, or it has ended");
        (ended, stood) = (ended + during.len() - standing, stood + standing);
    }
    println!("{ended} were ended, {stood} stood");
}

#[test]
fn a_disabled_user_can_not_refresh() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let tokens = Tokens::of(&gateway.login("mfa_c", "mfapass-c1"));
    backend.python("User.objects.filter(username='mfa_c').update(is_active=False)");
    assert_eq!(gateway.refresh(&tokens.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"));
    assert_eq!(gateway.whoami(&tokens.access), Value::Null, "the session was ended");
}

#[test]
fn last_login_is_written_where_the_backend_reads_it() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let seen = "print(User.objects.get(username='amina').last_login is not None)";
    assert_eq!(backend.python(seen), "False");
    assert_eq!(gateway.login("amina", "motdepasse-é7-長い")["ok"], json!(true));
    assert_eq!(backend.python(seen), "True");
}
