//! How GraphQL sockets end that nobody has closed: with the token, with the session, with the gateway.

use std::time::Duration;

use serde_json::json;

use super::talk::{CURRENT, Listener, Order, Talk};
use crate::support::{
    django::Backend,
    gateway::{AUTH, GQL, STUB_SECRET, Setup, Tokens},
    jwt,
    redis::RedisServer,
};

#[test]
fn a_socket_lasts_no_longer_than_the_token_that_opened_it() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, "").start();
    let token_for = |seconds: u64| {
        let mut claims = jwt::johns_claims();
        claims["exp"] = json!(claims["iat"].as_u64().unwrap() + seconds);
        jwt::sign(STUB_SECRET, &claims)
    };
    let mut lasting = Talk::begun(gateway.port, AUTH, json!({ "token": token_for(600) }));
    let mut ending = Talk::begun(gateway.port, AUTH, json!({ "token": token_for(4) }));
    let header = format!("Authorization: Bearer {}\r\n", token_for(4));
    let mut by_header = Talk::open(gateway.port, AUTH, CURRENT, &header);
    by_header.init(json!({}));
    ending.is_alive();
    for talk in [&mut ending, &mut by_header] {
        assert_eq!(talk.closed_because(), (4401, "Token expired".into()));
    }
    lasting.is_alive();
}

#[test]
fn a_socket_ends_with_its_session_wherever_that_ends() {
    let (backend, directory, redis) = (Listener::start(), Backend::sqlite(), RedisServer::start());
    directory.cheap_password("john", "secret123");
    let setup = Setup::bare(backend.stub.port, directory.url(), STUB_SECRET)
        .store(&redis.url())
        .changed("#recheck = \"60s\"", "recheck = \"10m\"")
        .changed("#max_staleness = \"5m\"", "max_staleness = \"10m\"");
    // Nothing but the feed can tell of a logout in this time.
    let (one, other) = (setup.start(), setup.start());
    let asking = setup.changed("recheck = \"10m\"", "recheck = \"2s\"").start();
    let log_in = || Tokens::of(&one.login("john", "secret123"));
    let (ending, staying) = (log_in(), log_in());
    let mut ending_here = Talk::begun(one.port, GQL, json!({ "token": ending.access }));
    let mut staying_here = Talk::begun(asking.port, GQL, json!({ "token": staying.access }));
    let mut nobodys = Talk::begun(one.port, AUTH, json!({}));
    ending_here.is_alive();
    let out = other.client().bearer(&ending.access).graphql(AUTH, "mutation { logout { ok } }", json!({}));
    assert_eq!(out.json()["data"]["logout"]["ok"], json!(true));
    assert_eq!(ending_here.closed_because(), (4403, "Session ended".into()));
    staying_here.is_alive();
    let mut late = Talk::open(one.port, GQL, CURRENT, "");
    late.say(json!({ "type": "connection_init", "payload": { "token": ending.access } }));
    assert_eq!(late.closed(), 4403);
    directory.python("User.objects.filter(username='john').update(is_active=False)");
    assert_eq!(staying_here.closed(), 4403, "its user may not come in any more");
    nobodys.is_alive();
}

/// What its user may do is asked while it is open.
#[test]
fn rules_for_fields_go_by_the_roles_that_a_user_has_now() {
    let (backend, directory) = (Listener::start(), Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let rule = "[[fields]]\nfield = \"once\"\nroles = [\"editors\"]\n[log]\n";
    let gateway = Setup::bare(backend.stub.port, directory.url(), STUB_SECRET)
        .changed("#recheck = \"60s\"", "recheck = \"2s\"")
        .changed("[log]\n", rule)
        .start();
    let mut talk = Talk::begun(gateway.port, GQL, json!({ "token": gateway.login("john", "secret123")["token"] }));
    talk.is_alive();
    directory.python("User.objects.get(username='john').groups.clear()");
    let begun = std::time::Instant::now();
    loop {
        talk.subscribe("1", "{ once }");
        let said = talk.hear();
        if said["type"] == json!("error") {
            assert_eq!(said["payload"][0]["extensions"]["code"], json!("FORBIDDEN"));
            break;
        }
        assert_eq!(talk.hear()["type"], json!("complete"));
        assert!(begun.elapsed() < Duration::from_secs(60), "still one of the editors");
        std::thread::sleep(Duration::from_millis(100));
    }
    talk.subscribe("2", "{ others }");
    assert_eq!(talk.hear()["type"], json!("next"), "the socket goes on");
}

#[test]
fn a_socket_by_a_sessions_cookie_lasts_as_long_as_the_session() {
    let (backend, directory) = (Listener::start(), Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let gateway = Setup::bare(backend.stub.port, directory.url(), STUB_SECRET)
        .changed("#mode = \"tokens\"", "mode = \"session\"")
        .start();
    let login = r#"{"query":"mutation { login(username: \"john\", password: \"secret123\") { ok } }"}"#;
    let client = gateway.client().with("Content-Type", "application/json");
    let answer = client.send("POST", AUTH, login).unwrap();
    let set = answer.all("set-cookie").into_iter().find(|line| line.starts_with("railgate_session=")).unwrap();
    let cookie = set.split(';').next().unwrap().to_owned();
    let mut talk = Talk::open(gateway.port, GQL, CURRENT, &format!("Cookie: {cookie}\r\nOrigin: http://good.com\r\n"));
    talk.init(json!({}));
    talk.is_alive();
    let out = client.with("Cookie", &cookie).with("Sec-Fetch-Site", "same-origin");
    assert_eq!(out.send("POST", AUTH, r#"{"query":"mutation { logout { ok } }"}"#).unwrap().status, 200);
    assert_eq!(talk.closed(), 4403);
}

#[test]
fn a_gateway_that_stops_lets_operations_end_and_closes_the_rest() {
    let backend = Listener::start();
    let mut gateway = Setup::before(&backend.stub, "[server]\nshutdown_grace = \"60s\"\n").start();
    let mut idle = Talk::begun(gateway.port, AUTH, json!({}));
    let mut silent = Talk::open(gateway.port, AUTH, CURRENT, "");
    let mut busy = Talk::begun(gateway.port, AUTH, json!({}));
    busy.subscribe("1", "{ one }");
    assert_eq!(busy.hear()["type"], json!("next"));
    let mut last = Talk::begun(gateway.port, AUTH, json!({}));
    last.subscribe("9", "{ order }");
    while !backend.heard().iter().any(|text| text.contains("order")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    gateway.process.signal(libc::SIGTERM);
    for talk in [&mut idle, &mut silent] {
        assert_eq!(talk.closed_because(), (1012, "Service restart".into()));
    }
    backend.order(Order::Say(json!({ "id": "9", "type": "complete" })));
    assert_eq!(last.hear(), json!({ "id": "9", "type": "complete" }), "the last word is heard");
    assert_eq!(last.closed(), 1012);
    backend.order(Order::Say(json!({ "id": "1", "type": "complete" })));
    backend.order(Order::Say(json!({ "id": "2", "type": "complete" })));
    busy.subscribe("2", "{ order }");
    assert_eq!(busy.hear(), json!({ "id": "1", "type": "complete" }));
    busy.subscribe("3", "{ order }");
    busy.say(json!({ "type": "complete", "id": "3" }));
    assert_eq!(busy.hear(), json!({ "id": "2", "type": "complete" }));
    assert_eq!(busy.closed(), 1012);
    assert!(gateway.process.wait(Duration::from_secs(30)).success());
}

#[test]
fn operations_without_an_end_are_closed_with_the_grace() {
    let backend = Listener::start();
    let mut gateway = Setup::before(&backend.stub, "[server]\nshutdown_grace = \"2s\"\n").start();
    let mut busy = Talk::begun(gateway.port, AUTH, json!({}));
    busy.subscribe("1", "{ one }");
    assert_eq!(busy.hear()["type"], json!("next"));
    gateway.process.signal(libc::SIGTERM);
    assert_eq!(busy.closed(), 1012);
    assert!(gateway.process.wait(Duration::from_secs(30)).success());
    assert!(!gateway.process.output().contains("still in flight"), "{}", gateway.process.output());
}

#[test]
fn a_client_that_is_gone_without_a_word_is_given_up() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, "[websocket]\nping_interval = \"1s\"\n").start();
    let mut quiet = Talk::begun(gateway.port, AUTH, json!({}));
    let mut mute = Talk::begun(gateway.port, AUTH, json!({}));
    // One answers pings, as whatever reads does; the other one reads nothing for so long.
    let waits = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(5));
        mute.stream().set_nodelay(true).unwrap();
        mute
    });
    for _ in 0..5 {
        quiet.is_alive();
        std::thread::sleep(Duration::from_secs(1));
    }
    let mut mute = waits.join().unwrap();
    assert!(mute.is_given_up(Duration::from_secs(10)));
    quiet.is_alive();
}

/// Whoever is told much has no reason to say anything itself.
#[test]
fn a_client_that_only_listens_is_not_given_up() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, "[websocket]\nping_interval = \"1s\"\n").start();
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    backend.order(Order::Tick(14));
    talk.subscribe("x", "{ order }");
    for _ in 0..14 {
        assert_eq!(talk.hear()["type"], json!("next"));
    }
    talk.is_alive();
}
