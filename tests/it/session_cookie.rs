//! `cookies.mode = "session"`: a browser keeps one cookie that is nothing but an id.

use serde_json::{Value, json};

use crate::support::{
    client::{Answer, Client},
    gateway::{AUTH, Gateway, LOGIN, REFRESH, Setup, Tokens},
    redis::RedisServer,
    stub::Stub,
    world::{World, user_of},
};

const MODE: (&str, &str) = ("#mode = \"tokens\"", "mode = \"session\"");
const NAME: (&str, &str) = ("#session_name = \"railgate_session\"", "session_name = \"__Host-id\"");

fn world() -> World {
    World::changed(&[MODE, NAME])
}

/// A browser's client: it says where its requests come from.
fn page(gateway: &Gateway) -> Client {
    gateway.client().with("Sec-Fetch-Site", "same-origin")
}

fn with_cookie(gateway: &Gateway, value: &str) -> Client {
    page(gateway).with("Cookie", &format!("theme=dark; __Host-id={value}"))
}

fn log_in(client: &Client) -> Answer {
    client.graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }))
}

/// The value of the session's cookie in the only line that sets it.
fn cookie(answer: &Answer) -> String {
    let lines = answer.all("set-cookie");
    let ours: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("__Host-id=")).collect();
    let [line] = ours.as_slice() else { panic!("{lines:?}") };
    line.split(';').next().expect("a value").to_owned()
}

fn foreign(client: &Client) -> Answer {
    client.graphql(AUTH, "{ widgets { id } }", json!({}))
}

/// Whom the backend sees behind this cookie.
fn seen(world: &World, value: &str) -> Value {
    assert_eq!(foreign(&with_cookie(&world.gateway, value)).status, 200);
    user_of(world.stub.requests().last().expect("a request"))
}

#[test]
fn a_page_keeps_its_session_without_seeing_a_token() {
    let world = world();
    let answer = log_in(&page(&world.gateway));
    let payload = &answer.json()["data"]["login"];
    assert_eq!((&payload["ok"], &payload["user"]["username"]), (&json!(true), &json!("john")));
    assert_eq!((&payload["token"], &payload["refreshToken"]), (&Value::Null, &Value::Null));
    let lines = answer.all("set-cookie");
    for (line, name) in lines.iter().zip(["__Host-id=", "csrftoken=", "known_device="]) {
        assert!(line.starts_with(name), "{lines:?}");
    }
    assert_eq!(lines.len(), 3, "{lines:?}");
    for attribute in ["HttpOnly", "Secure", "Path=/", "SameSite=Lax", "Max-Age=2592000"] {
        assert!(lines[0].contains(attribute), "{attribute}: {lines:?}");
    }
    assert!(!lines[0].contains("Domain"));

    let value = cookie(&answer);
    assert_eq!(seen(&world, &value), json!("john"));
    let received = world.stub.take_one();
    assert_eq!(received.all("Cookie"), ["theme=dark"], "the cookie stays here");
    assert_eq!(received.all("X-Auth-Method"), ["cookie"]);
    assert!(!received.head.contains(&value) && !String::from_utf8_lossy(&received.body).contains(&value));

    let out = with_cookie(&world.gateway, &value).graphql(AUTH, "mutation { logout { ok } }", json!({}));
    assert_eq!(out.json()["data"]["logout"]["ok"], json!(true));
    let deleted = out.all("set-cookie");
    assert!(
        deleted.len() == 1 && deleted[0].starts_with("__Host-id=;") && deleted[0].contains("Max-Age=0"),
        "{deleted:?}"
    );
    assert_eq!(seen(&world, &value), Value::Null, "the session is over");
}

#[test]
fn other_clients_get_their_tokens_and_a_page_of_another_site_no_cookie() {
    let world = world();
    let script = log_in(&world.gateway.client());
    let tokens = Tokens::of(&script.json()["data"]["login"]);
    assert_eq!(cookie(&script), tokens.refresh);
    assert_eq!(
        world.gateway.client().bearer(&tokens.access).graphql(AUTH, "{ widgets { id } }", json!({})).status,
        200
    );
    assert_eq!(user_of(&world.stub.take_one()), json!("john"));

    let elsewhere =
        log_in(&world.gateway.client().with("Sec-Fetch-Site", "cross-site").with("Origin", "https://evil.com"));
    assert!(elsewhere.all("set-cookie").is_empty(), "{elsewhere:?}");
    Tokens::of(&elsewhere.json()["data"]["login"]);
}

#[test]
fn a_refresh_by_the_cookie_renews_it_and_shows_nothing() {
    let world = world();
    let first = cookie(&log_in(&page(&world.gateway)));
    let answer = with_cookie(&world.gateway, &first).graphql(AUTH, REFRESH, json!({ "r": null }));
    let payload = &answer.json()["data"]["refreshToken"];
    assert_eq!(
        (&payload["ok"], &payload["token"], &payload["refreshToken"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    let second = cookie(&answer);
    assert_ne!(first, second);
    for value in [&second, &first] {
        assert_eq!(seen(&world, value), json!("john"), "one that was under way counts, too");
    }
}

#[test]
fn the_cookie_needs_a_proof_and_counts_once_and_not_beside_a_bearer() {
    let world = world();
    let value = cookie(&log_in(&page(&world.gateway)));
    let bare = world.gateway.client().with("Cookie", &format!("__Host-id={value}"));
    let refused = foreign(&bare);
    assert_eq!((refused.status, refused.json()["errors"][0]["code"].clone()), (403, json!("CSRF_FAILED")));
    for (name, of_another) in
        [("Origin", "https://evil.com"), ("Authorization", "Basic YTpi"), ("Authorization", "Token x")]
    {
        assert_eq!(foreign(&bare.with(name, of_another)).status, 403, "{of_another}");
    }
    world.nothing_arrived("without a proof");

    let twice = page(&world.gateway).with("Cookie", &format!("__Host-id={value}; __Host-id={value}"));
    assert_eq!(foreign(&twice).status, 200);
    assert_eq!(user_of(&world.stub.take_one()), Value::Null);
    assert_eq!(foreign(&with_cookie(&world.gateway, &value).bearer("garbage")).status, 200);
    assert_eq!(user_of(&world.stub.take_one()), Value::Null, "a bearer token counts, good or not");
    for other in ["", "garbage", &value[..value.len() - 1], &"A".repeat(96)] {
        assert_eq!(seen(&world, other), Value::Null, "{other}");
    }
}

#[test]
fn cookies_of_the_other_mode_count_for_nothing_and_stay_here() {
    let world = world();
    let tokens = Tokens::of(&log_in(&world.gateway.client()).json()["data"]["login"]);
    let old = format!("jwt={}; refresh_token={}; a=b", tokens.access, tokens.refresh);
    assert_eq!(foreign(&page(&world.gateway).with("Cookie", &old)).status, 200);
    let received = world.stub.take_one();
    assert_eq!(user_of(&received), Value::Null);
    assert_eq!(received.all("Cookie"), ["a=b"]);

    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    page(&gateway).with("Cookie", "railgate_session=x; a=b").get("/").expect("an answer");
    assert_eq!(stub.take_one().all("Cookie"), ["a=b"], "in the mode that has none of it, too");
}

#[test]
fn requests_by_cookie_make_no_round_trip_to_the_store() {
    let redis = RedisServer::start();
    let store = format!("url = \"{}\"", redis.url());
    let world = World::changed(&[
        MODE,
        NAME,
        ("url = { env = \"RAILGATE_STORE\", default = \"embedded:sessions.db\" }", &store),
    ]);
    let value = cookie(&log_in(&page(&world.gateway)));
    assert_eq!(seen(&world, &value), json!("john"));
    // What every look at a session does; following the feed of ended ones does not.
    let looks = || {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut redis.connection()).expect("stats");
        stats.lines().find(|line| line.starts_with("cmdstat_hgetall:")).map(str::to_owned)
    };
    let before = looks();
    for _ in 0..200 {
        assert_eq!(seen(&world, &value), json!("john"));
    }
    assert!(before.is_some(), "the first request looks");
    assert_eq!(looks(), before, "no request waits for Redis");
}

/// Whatever the browser brings along, planted or its own: a login begins a session of its own.
#[test]
fn a_login_takes_over_no_id_that_was_there_before() {
    let world = world();
    let planted = cookie(&log_in(&page(&world.gateway)));
    let session = |value: &str| {
        assert_eq!(seen(&world, value), json!("john"));
        world.stub.take_one().all("X-Auth-Session-Id").concat()
    };
    let before = session(&planted);
    for value in [planted.as_str(), "AAAAAAAAAAAAAAAAAAAAAA", &"A".repeat(96)] {
        let new = cookie(&log_in(&with_cookie(&world.gateway, value)));
        assert_ne!(new, value);
        assert_ne!(session(&new), before);
    }
    assert_eq!(session(&planted), before, "and the other is what it was");
}

#[test]
fn while_redis_is_away_a_browser_is_not_told_that_it_is_nobody() {
    let mut redis = RedisServer::start();
    let store = format!("url = \"{}\"", redis.url());
    let world = World::changed(&[
        MODE,
        NAME,
        ("url = { env = \"RAILGATE_STORE\", default = \"embedded:sessions.db\" }", &store),
        ("#timeout = \"2s\"", "timeout = \"500ms\""),
    ]);
    let value = cookie(&log_in(&page(&world.gateway)));
    redis.stop();
    let ask = |document: &str| with_cookie(&world.gateway, &value).graphql(AUTH, document, json!({}));
    let listed = ask("{ authSessions { id } }");
    assert_eq!((listed.status, listed.code().as_str()), (503, "SERVICE_UNAVAILABLE"), "{listed:?}");
    for field in ["logout", "revokeAllSessions", "revokeSession(sessionId: \"x\")"] {
        let answer = ask(&format!("mutation {{ a: {field} {{ ok }} }}"));
        assert_eq!((answer.status, &answer.json()["data"]["a"]["ok"]), (503, &json!(false)), "{answer:?}");
        assert!(answer.all("set-cookie").is_empty(), "{answer:?}");
    }
    let refused = foreign(&with_cookie(&world.gateway, &value));
    assert_eq!((refused.status, refused.code().as_str()), (503, "SERVICE_UNAVAILABLE"), "{refused:?}");
    world.nothing_arrived("of a caller whom nobody can confirm");
}

/// What a token would carry, and no more.
#[test]
fn the_backend_is_told_of_a_browser_what_claims_say() {
    let claims = "#claims = [\"email\", \"roles\"]";
    for (to, told) in [(claims, 1), ("claims = []", 0)] {
        let world = World::changed(&[MODE, NAME, (claims, to)]);
        assert_eq!(seen(&world, &cookie(&log_in(&page(&world.gateway)))), json!("john"));
        let received = world.stub.take_one();
        for name in ["X-Auth-Email", "X-Auth-Roles"] {
            assert_eq!(received.all(name).len(), told, "{name}: {to}");
        }
    }
}
