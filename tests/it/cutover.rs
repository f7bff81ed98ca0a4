//! Tokens that the backend gave out before the gateway came: users log in at the backend itself, then come through the
//! gateway.

use std::{
    collections::HashSet,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::{Answer, Client},
    gateway::{AUTH, Gateway, REFRESH, Setup, Tokens},
    jwt,
    redis::RedisServer,
};

const EXAMPLE: &str =
    "#example: accept_rail_jwt = { secret = { env = \"RAILGATE_RAIL_JWT_SECRET\" }, cut_over = 2026-03-01T00:00:00Z }";

/// The shipped configuration, with the key that it shows; logins at the backend counted until then.
fn accepting(setup: Setup, cut_over: &str) -> Setup {
    let key = EXAMPLE.trim_start_matches("#example: ").replace("2026-03-01T00:00:00Z", cut_over);
    setup.changed(EXAMPLE, &key)
}

fn in_front_of(backend: &Backend) -> Setup {
    accepting(Setup::in_front_of(backend), "2100-01-01T00:00:00Z")
}

/// The tokens of a login at the backend itself.
fn before_the_gateway(backend: &Backend, username: &str, password: &str) -> Tokens {
    let document =
        "mutation($u: String!, $p: String!) { login(username: $u, password: $p) { token refreshToken errors } }";
    let variables = json!({ "u": username, "p": password });
    let answer = Client::new(backend.port).graphql(AUTH, document, variables).json();
    Tokens::of(&answer["data"]["login"])
}

fn johns(backend: &Backend) -> Tokens {
    before_the_gateway(backend, "john", "secret123")
}

#[track_caller]
fn refused(payload: &Value) {
    assert_eq!(payload["errorCode"], json!("REFRESH_TOKEN_INVALID"), "{payload}");
    assert_eq!((&payload["token"], &payload["refreshToken"]), (&Value::Null, &Value::Null));
}

fn cookies(answer: &Answer) -> HashSet<String> {
    answer.all("set-cookie").iter().filter_map(|line| line.split(';').next().map(str::to_owned)).collect()
}

fn browser(gateway: &Gateway, cookies: &str) -> Client {
    gateway.client().with("Cookie", cookies).with("Sec-Fetch-Site", "same-origin")
}

fn a_refresh_token_is_exchanged_once(backend: &Backend, setup: &Setup) {
    let mut gateway = setup.start();
    let old = johns(backend);
    assert_eq!(gateway.whoami(&old.access), json!("john"));
    let answer = gateway.client().graphql(AUTH, REFRESH, json!({ "r": old.refresh }));
    let new = Tokens::of(&answer.json()["data"]["refreshToken"]);
    assert!(new.access.starts_with("v4.local.") && new.refresh.len() == 96, "{new:?}");
    let set = cookies(&answer);
    assert!(set.contains(&format!("jwt={}", new.access)), "{set:?}");
    assert!(set.contains(&format!("refresh_token={}", new.refresh)), "{set:?}");
    assert_eq!(gateway.whoami(&new.access), json!("john"));
    assert_eq!(Tokens::of(&gateway.refresh(&old.refresh)).refresh, new.refresh, "two tabs");

    gateway.process.kill();
    let mut gateway = setup.start();
    assert_eq!(Tokens::of(&gateway.refresh(&old.refresh)).refresh, new.refresh, "a lost answer");
    let next = Tokens::of(&gateway.refresh(&new.refresh));
    assert_eq!(gateway.whoami(&next.access), json!("john"));
    refused(&gateway.refresh(&old.refresh));
    gateway.process.wait_for_line("a used refresh token came back: session ended");
    refused(&gateway.refresh(&next.refresh));
    assert_eq!(gateway.whoami(&next.access), Value::Null, "the session was ended");
    refused(&gateway.refresh(&old.refresh));
    assert_eq!(gateway.login("john", "secret123")["ok"], json!(true));
    let stored = String::from_utf8_lossy(&gateway.state()).into_owned();
    let mac = |token: &str| token.rsplit('.').next().expect("a part").to_owned();
    for secret in [mac(&old.refresh), new.refresh, next.refresh] {
        assert!(!stored.contains(&secret) && !gateway.process.output().contains(&secret), "a token was written down");
    }
}

#[test]
fn a_refresh_token_of_the_backend_is_exchanged_once_in_the_embedded_store() {
    let backend = Backend::on_sqlite();
    a_refresh_token_is_exchanged_once(&backend, &in_front_of(&backend));
}

#[test]
fn a_refresh_token_of_the_backend_is_exchanged_once_in_redis() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    a_refresh_token_is_exchanged_once(&backend, &in_front_of(&backend).store(&redis.url()));
}

#[test]
fn a_browser_is_taken_over_by_its_cookies() {
    let backend = Backend::on_sqlite();
    let gateway = in_front_of(&backend).start();
    let old = johns(&backend);
    let client = browser(&gateway, &format!("jwt={}; refresh_token={}", old.access, old.refresh));
    let document = "mutation { refreshToken { ok token refreshToken user { username } } }";
    let answer = client.graphql(AUTH, document, json!({}));
    let payload = &answer.json()["data"]["refreshToken"];
    assert_eq!(payload["user"]["username"], json!("john"));
    let new = Tokens::of(payload);
    assert!(cookies(&answer).contains(&format!("refresh_token={}", new.refresh)), "{answer:?}");
    let sessions = "{ authSessions { current mfa ipAddress } }";
    let seen = gateway.client().bearer(&new.access).graphql(AUTH, sessions, json!({})).json();
    let own = json!([{ "current": true, "mfa": false, "ipAddress": "127.0.0.1" }]);
    assert_eq!(seen["data"]["authSessions"], own, "{seen}");
}

/// The backend itself rotated it before: both tokens are of one login.
#[test]
fn another_token_of_the_same_login_ends_the_session() {
    let backend = Backend::on_sqlite();
    let gateway = in_front_of(&backend).start();
    let first = johns(&backend);
    let rotate = "mutation($r: String) { refreshToken(refreshToken: $r) { token refreshToken } }";
    let answer = Client::new(backend.port).graphql(AUTH, rotate, json!({ "r": first.refresh })).json();
    let second = Tokens::of(&answer["data"]["refreshToken"]);
    let stranger = johns(&backend);
    let (mine, other) =
        (Tokens::of(&gateway.refresh(&second.refresh)), Tokens::of(&gateway.refresh(&stranger.refresh)));
    refused(&gateway.refresh(&first.refresh));
    assert_eq!(gateway.whoami(&mine.access), Value::Null);
    refused(&gateway.refresh(&mine.refresh));
    assert_eq!(gateway.whoami(&other.access), json!("john"), "another login");
}

#[test]
fn after_grace_the_same_token_ends_the_session() {
    let backend = Backend::on_sqlite();
    let gateway = in_front_of(&backend).changed("#refresh_grace = \"10s\"", "refresh_grace = \"1s\"").start();
    let old = johns(&backend);
    let new = Tokens::of(&gateway.refresh(&old.refresh));
    thread::sleep(Duration::from_millis(1_100));
    refused(&gateway.refresh(&old.refresh));
    refused(&gateway.refresh(&new.refresh));
    assert_eq!(gateway.whoami(&new.access), Value::Null);
}

#[test]
fn fifty_exchanges_of_one_token_on_two_gateways_give_one_lineage() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    let setup = in_front_of(&backend).store(&redis.url());
    let gateways = [setup.start(), setup.start()];
    let (ports, old) = (gateways.each_ref().map(|gateway| gateway.port), johns(&backend).refresh);
    let payloads: Vec<Value> = thread::scope(|scope| {
        let exchanges: Vec<_> = (0..50)
            .map(|n| {
                let (port, token) = (ports[n % 2], &old);
                scope.spawn(move || Client::new(port).graphql(AUTH, REFRESH, json!({ "r": token })).json())
            })
            .collect();
        let payload = |answer: Value| answer["data"]["refreshToken"].clone();
        exchanges.into_iter().map(|exchange| payload(exchange.join().expect("an exchange"))).collect()
    });
    let successors: HashSet<String> = payloads.iter().map(|payload| Tokens::of(payload).refresh).collect();
    assert_eq!(successors.len(), 1, "every exchange within grace gets the same successor");
    for (gateway, payload) in gateways.iter().cycle().zip(&payloads) {
        assert_eq!(gateway.whoami(&Tokens::of(payload).access), json!("john"));
    }
    let access = Tokens::of(&payloads[0]).access;
    let seen = gateways[0].client().bearer(&access).graphql(AUTH, "{ authSessions { id } }", json!({})).json();
    assert_eq!(seen["data"]["authSessions"].as_array().map(Vec::len), Some(1), "{seen}");
    let successor = successors.into_iter().next().expect("one");
    assert_eq!(gateways[1].refresh(&successor)["ok"], json!(true), "and the lineage goes on");
    refused(&gateways[0].refresh(&old));
}

const LOGOUT: &str = "mutation { logout { ok errors } }";
const REVOKE_ALL: &str = "mutation { revokeAllSessions { ok errors } }";

fn deletes_cookies(answer: &Answer) -> bool {
    answer.all("set-cookie").into_iter().filter(|line| line.contains("Max-Age=0")).count() == 2
}

fn a_logout_is_remembered(backend: &Backend, setup: &Setup) {
    let mut gateway = setup.start();
    let (by_bearer, by_cookie, bystander) = (johns(backend), johns(backend), {
        thread::sleep(Duration::from_millis(1_100)); // Two access tokens of one second are the same.
        johns(backend)
    });
    let answer = gateway.client().bearer(&by_bearer.access).graphql(AUTH, LOGOUT, json!({}));
    assert_eq!(answer.json(), json!({ "data": { "logout": { "ok": true, "errors": [] } } }));
    assert!(deletes_cookies(&answer), "{answer:?}");
    let cookie = format!("refresh_token={}", by_cookie.refresh);
    let answer = browser(&gateway, &cookie).graphql(AUTH, LOGOUT, json!({}));
    assert_eq!(answer.json()["data"]["logout"]["ok"], json!(true));
    assert_eq!(gateway.whoami(&by_bearer.access), Value::Null, "at once");
    assert_eq!(gateway.whoami(&bystander.access), json!("john"));

    gateway.process.kill();
    let gateway = setup.start();
    refused(&gateway.refresh(&by_cookie.refresh));
    assert_eq!(gateway.whoami(&by_bearer.access), Value::Null, "the store is asked at first sight");
    let sessions = |token: &str| {
        gateway.client().bearer(token).graphql(AUTH, "{ authSessions { id } }", json!({})).json()["data"]
            ["authSessions"]
            .clone()
    };
    assert_eq!(sessions(&bystander.access), json!([]));
    assert_eq!(sessions(&by_bearer.access), Value::Null);
    let new = Tokens::of(&gateway.refresh(&bystander.refresh));
    let cookie = format!("jwt={}; refresh_token={}", new.access, bystander.refresh);
    assert_eq!(browser(&gateway, &cookie).graphql(AUTH, LOGOUT, json!({})).json()["data"]["logout"]["ok"], json!(true));
    refused(&gateway.refresh(&new.refresh));
    refused(&gateway.refresh(&bystander.refresh));
}

#[test]
fn a_logout_by_tokens_of_the_backend_is_remembered_in_the_embedded_store() {
    let backend = Backend::on_sqlite();
    a_logout_is_remembered(&backend, &in_front_of(&backend));
}

#[test]
fn a_logout_by_tokens_of_the_backend_is_remembered_in_redis() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    a_logout_is_remembered(&backend, &in_front_of(&backend).store(&redis.url()));
}

#[test]
fn a_logout_on_one_gateway_ends_the_backends_tokens_on_the_other() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    let setup = in_front_of(&backend).store(&redis.url());
    let [one, other] = [setup.start(), setup.start()];
    let old = johns(&backend);
    assert_eq!(other.whoami(&old.access), json!("john"), "known there as one who may come in");
    let both = browser(&one, &format!("jwt={}; refresh_token={}", old.access, old.refresh));
    assert_eq!(both.graphql(AUTH, LOGOUT, json!({})).json()["data"]["logout"]["ok"], json!(true));
    refused(&other.refresh(&old.refresh));
    let begun = Instant::now();
    while other.whoami(&old.access) != Value::Null {
        assert!(begun.elapsed() < Duration::from_secs(20), "the other gateway hears of it long before the recheck");
        thread::sleep(Duration::from_millis(5));
    }
    let all = other.client().bearer(&old.access).graphql(AUTH, REVOKE_ALL, json!({})).json();
    assert_eq!(all["data"]["revokeAllSessions"]["ok"], json!(false), "it ends nothing there");
}

#[test]
fn all_sessions_end_by_a_token_of_the_backend_and_itself() {
    let backend = Backend::on_sqlite();
    let gateway = in_front_of(&backend).start();
    let (old, session) = (johns(&backend), Tokens::of(&gateway.login("john", "secret123")));
    let client = browser(&gateway, &format!("jwt={}; refresh_token={}", old.access, old.refresh));
    let answer = client.graphql(AUTH, REVOKE_ALL, json!({}));
    assert_eq!(answer.json(), json!({ "data": { "revokeAllSessions": { "ok": true, "errors": [] } } }));
    assert!(deletes_cookies(&answer), "{answer:?}");
    for access in [&old.access, &session.access] {
        assert_eq!(gateway.whoami(access), Value::Null);
    }
    for refresh in [&old.refresh, &session.refresh] {
        refused(&gateway.refresh(refresh));
    }
}

#[test]
fn a_disabled_user_gets_no_session() {
    let backend = Backend::on_sqlite();
    let gateway = in_front_of(&backend).start();
    let old = before_the_gateway(&backend, "mfa_c", "mfapass-c1");
    backend.python("User.objects.filter(username='mfa_c').update(is_active=False)");
    refused(&gateway.refresh(&old.refresh));
    backend.python("User.objects.filter(username='mfa_c').update(is_active=True)");
    assert_eq!(gateway.refresh(&old.refresh)["ok"], json!(true), "nothing was used up by that");
}

#[test]
fn only_tokens_of_the_backend_from_before_the_cut_over_count() {
    let backend = Backend::on_sqlite();
    let old = johns(&backend);
    let late = accepting(Setup::in_front_of(&backend), "2020-01-01T00:00:00Z").start();
    for gateway in [&late, &Setup::in_front_of(&backend).start()] {
        refused(&gateway.refresh(&old.refresh));
        assert_eq!(gateway.whoami(&old.access), Value::Null);
    }
    let gateway = in_front_of(&backend).start();
    let mut claims = jwt::open(&backend.secret, &old.refresh);
    assert_eq!(claims["type"], json!("refresh"));
    refused(&gateway.refresh(&old.access));
    refused(&gateway.refresh(&jwt::sign("another secret, as long as the first one is", &claims)));
    claims["railgate"] = json!("upstream");
    refused(&gateway.refresh(&jwt::sign(&backend.secret, &claims)));
    assert_eq!(gateway.whoami(&old.refresh), Value::Null, "a refresh token is no access token");
    let ours = Tokens::of(&gateway.login("john", "secret123"));
    refused(&gateway.refresh(&ours.access));
    assert_eq!(gateway.refresh(&old.refresh)["ok"], json!(true), "nothing of this ended it");
}
