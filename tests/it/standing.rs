//! What becomes of a caller with a good token when user, password or session change behind its back, and when nobody can be
//! asked.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::Answer,
    gateway::{AUTH, GQL, Gateway, LOGIN, Setup, Tokens},
    redis::RedisServer,
    world::{World, user_of},
};

const RECHECK: (&str, &str) = ("#recheck = \"60s\"", "recheck = \"1s\"");

fn setup(backend: &Backend) -> Setup {
    Setup::in_front_of(backend).changed(RECHECK.0, RECHECK.1)
}

fn cheap(backend: &Backend) {
    backend.cheap_password("john", "secret123");
}

/// Asks until the backend sees nobody behind the token; the session was to go within a second.
fn is_out_soon(gateway: &Gateway, access: &str) {
    let start = Instant::now();
    while gateway.whoami(access) != Value::Null {
        assert!(start.elapsed() < Duration::from_secs(20), "still in");
        sleep(Duration::from_millis(50));
    }
}

fn is_in(gateway: &Gateway, access: &str) {
    assert_eq!(gateway.whoami(access), json!("john"));
}

#[test]
fn a_user_who_is_disabled_is_out_with_all_sessions() {
    let backend = Backend::on_sqlite();
    cheap(&backend);
    let gateway = setup(&backend).start();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    is_in(&gateway, &tokens.access);
    backend.python("User.objects.filter(username='john').update(is_active=False)");
    is_out_soon(&gateway, &tokens.access);
    // The backend itself sees nobody in such a user, and may have been faster: the gateway's word is awaited, too.
    let start = Instant::now();
    while !gateway.process.output().contains("user is gone or inactive") {
        assert!(start.elapsed() < Duration::from_secs(20), "the session goes on");
        gateway.whoami(&tokens.access);
        sleep(Duration::from_millis(50));
    }
    backend.python("User.objects.filter(username='john').update(is_active=True)");
    assert_eq!(gateway.refresh(&tokens.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"), "the session is over");
    assert_eq!(gateway.whoami(&tokens.access), Value::Null);
}

#[test]
fn a_password_that_is_changed_ends_sessions_on_every_gateway() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    cheap(&backend);
    let setup = setup(&backend).store(&redis.url());
    let gateways = [setup.start(), setup.start()];
    let tokens = Tokens::of(&gateways[0].login("john", "secret123"));
    gateways.iter().for_each(|gateway| is_in(gateway, &tokens.access));
    backend.cheap_password("john", "another one");
    for gateway in &gateways {
        is_out_soon(gateway, &tokens.access);
    }
    assert_eq!(gateways[1].refresh(&tokens.refresh)["ok"], json!(false));
    is_in(&gateways[1], &Tokens::of(&gateways[0].login("john", "another one")).access);
}

#[test]
fn a_session_that_ended_before_the_gateway_started_is_over() {
    let backend = Backend::on_sqlite();
    cheap(&backend);
    let setup = Setup::in_front_of(&backend);
    let gateway = setup.start();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    let logout = gateway.client().bearer(&tokens.access).graphql(AUTH, "mutation { logout { ok } }", json!({}));
    assert_eq!(logout.json()["data"]["logout"]["ok"], json!(true));
    drop(gateway);
    assert_eq!(setup.start().whoami(&tokens.access), Value::Null);
}

/// A query that is the backend's to answer, by this token.
fn ask(world: &World, access: &str) -> Answer {
    world.gateway.client().bearer(access).graphql(AUTH, "{ widgets { id } }", json!({}))
}

#[test]
fn while_redis_is_away_callers_go_on_for_a_while_and_then_get_503() {
    let mut redis = RedisServer::start();
    let store = format!("url = \"{}\"", redis.url());
    let world = World::changed(&[
        RECHECK,
        ("#max_staleness = \"5m\"", "max_staleness = \"4s\""),
        ("url = { env = \"RAILGATE_STORE\", default = \"embedded:sessions.db\" }", &store),
        ("#timeout = \"2s\"", "timeout = \"500ms\""),
    ]);
    let [seen, unseen] = [(); 2].map(|()| Tokens::of(&world.gateway.login("john", "secret123")));
    let start = Instant::now();
    assert_eq!(ask(&world, &seen.access).status, 200);
    redis.stop();
    sleep(Duration::from_millis(1500));
    let later = ask(&world, &seen.access);
    // On a machine that takes too long for this test's own clock there is nothing to see.
    if start.elapsed() < Duration::from_millis(3500) {
        assert_eq!(later.status, 200, "{later:?}");
        assert_eq!(user_of(world.stub.requests().last().expect("a request")), json!("john"));
    }
    sleep(Duration::from_secs(4).saturating_sub(start.elapsed()));
    let before = world.stub.requests().len();
    for access in [&seen.access, &unseen.access] {
        let refused = ask(&world, access);
        assert_eq!((refused.status, refused.code().as_str()), (503, "SERVICE_UNAVAILABLE"), "{refused:?}");
        assert_eq!(refused.all("retry-after"), ["1"]);
        assert!(refused.all("set-cookie").is_empty(), "an outage clears no cookie");
        let logout = world.gateway.client().bearer(access).graphql(AUTH, "mutation { logout { ok } }", json!({}));
        assert_eq!((logout.status, &logout.json()["data"]["logout"]["ok"]), (503, &json!(false)), "{logout:?}");
    }
    let closed = world.gateway.client().bearer(&unseen.access).graphql(GQL, LOGIN, json!({ "u": "john", "p": "x" }));
    assert_eq!((closed.status, closed.code().as_str()), (503, "SERVICE_UNAVAILABLE"), "a closed path: {closed:?}");
    assert_eq!(world.stub.requests().len(), before, "nothing is forwarded, not as anonymous either");
    assert_eq!(world.gateway.client().graphql(AUTH, "{ widgets { id } }", json!({})).status, 200, "anonymous");
    redis.restart();
    let start = Instant::now();
    while ask(&world, &unseen.access).status != 200 {
        assert!(start.elapsed() < Duration::from_secs(20), "it is back");
        sleep(Duration::from_millis(50));
    }
    assert_eq!(user_of(world.stub.requests().last().expect("a request")), json!("john"));
}
