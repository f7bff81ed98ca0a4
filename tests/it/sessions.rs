//! What a session withstands: the death of the gateway, refreshes that race, a logout, a second factor.

use std::{collections::HashSet, thread};

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    gateway::{AUTH, Gateway, Setup, Tokens},
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
    let gateway = setup.start();
    let first = log_in(&gateway);
    let second = Tokens::of(&gateway.refresh(&first.refresh));
    let third = Tokens::of(&gateway.refresh(&second.refresh));

    let reused = gateway.refresh(&first.refresh);
    assert_eq!(reused["ok"], json!(false));
    assert_eq!(reused["errorCode"], json!("REFRESH_TOKEN_INVALID"));
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

#[test]
fn a_user_with_an_active_factor_gets_no_session() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    assert_eq!(gateway.login("mfa_d", "mfapass-d1")["ok"], json!(true), "no factor yet");
    backend.python(
        "from rail_django.models import MFADevice; \
         MFADevice.objects.create(user=User.objects.get(username='mfa_d'), device_name='phone', device_type='totp', \
         secret_key='JBSWY3DPEHPK3PXP', is_active=True, is_primary=True)",
    );
    let refused = gateway.login("mfa_d", "mfapass-d1");
    assert_eq!(refused["errorCode"], json!("MFA_UNAVAILABLE"));
    assert_eq!((&refused["ok"], &refused["token"], &refused["user"]), (&json!(false), &Value::Null, &Value::Null));
    let wrong = gateway.login("mfa_d", "wrong");
    assert_eq!(wrong["errorCode"], json!("INVALID_CREDENTIALS"), "only who knows the password learns of the factor");
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
