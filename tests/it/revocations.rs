//! What ends on one gateway is refused by the others, whatever becomes of Redis meanwhile; and no request asks for it.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::Client,
    gateway::{AUTH, Gateway, REFRESH, Setup, Tokens},
    redis::RedisServer,
};

const REVOKE: &str = "mutation($s: String!) { revokeSession(sessionId: $s) { ok } }";

/// Two gateways on one Redis, in front of one backend. Callers that were seen are not asked about again, so that nothing but
/// the feed can tell.
struct Pair {
    one: Gateway,
    other: Gateway,
    setup: Setup,
    redis: RedisServer,
    _backend: Backend,
}

impl Pair {
    fn start() -> Self {
        Self::changed(&[])
    }

    fn changed(lines: &[(&str, &str)]) -> Self {
        let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
        backend.cheap_password("john", "secret123");
        let setup = Setup::in_front_of(&backend)
            .store(&redis.url())
            .changed("#recheck = \"60s\"", "recheck = \"10m\"")
            .changed("#max_staleness = \"5m\"", "max_staleness = \"10m\"");
        let setup = lines.iter().fold(setup, |setup, (from, to)| setup.changed(from, to));
        Self { one: setup.start(), other: setup.start(), setup, redis, _backend: backend }
    }

    /// Known to both.
    fn log_in(&self) -> Tokens {
        let tokens = Tokens::of(&self.one.login("john", "secret123"));
        is_taken(&self.other, &tokens);
        tokens
    }
}

fn ask(gateway: &Gateway, tokens: &Tokens, document: &str, variables: Value) -> Value {
    gateway.client().bearer(&tokens.access).graphql(AUTH, document, variables).json()["data"].clone()
}

#[track_caller]
fn log_out(gateway: &Gateway, tokens: &Tokens) {
    let data = ask(gateway, tokens, "mutation { logout { ok } }", json!({}));
    assert_eq!(data, json!({ "logout": { "ok": true } }));
}

/// The figure is the benchmark's; this is the difference between soon and never.
#[track_caller]
fn is_soon_refused(gateway: &Gateway, tokens: &Tokens) {
    let begun = Instant::now();
    while gateway.whoami(&tokens.access) != Value::Null {
        assert!(begun.elapsed() < Duration::from_secs(5), "still taken after {:?}", begun.elapsed());
        thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
fn is_taken(gateway: &Gateway, tokens: &Tokens) {
    assert_eq!(gateway.whoami(&tokens.access), json!("john"));
}

#[test]
fn whatever_ends_a_session_on_one_gateway_ends_it_on_the_other() {
    let pair = Pair::changed(&[("#limit = 50", "limit = 5"), ("#refresh_grace = \"10s\"", "refresh_grace = \"0s\"")]);
    let [left, ended, replayed, desk, bystander] = [(); 5].map(|()| pair.log_in());
    log_out(&pair.one, &left);
    is_soon_refused(&pair.other, &left);

    let own = ask(&pair.one, &ended, "{ authSessions { id current } }", json!({}));
    let own = own["authSessions"].as_array().expect("a list").iter().find(|session| session["current"] == json!(true));
    let id = own.expect("one")["id"].clone();
    assert_eq!(ask(&pair.one, &desk, REVOKE, json!({ "s": id }))["revokeSession"]["ok"], json!(true));
    is_soon_refused(&pair.other, &ended);

    let successor = Tokens::of(&pair.one.refresh(&replayed.refresh));
    is_taken(&pair.other, &successor);
    assert_eq!(pair.one.refresh(&replayed.refresh)["ok"], json!(false), "reuse");
    is_soon_refused(&pair.other, &replayed);
    is_soon_refused(&pair.other, &successor);

    // Two stand; the fourth further one is one too many, and the one that was not used for the longest time goes.
    let more = [(); 4].map(|()| pair.log_in());
    is_soon_refused(&pair.other, &desk);
    is_taken(&pair.other, &bystander);

    let all = ask(&pair.one, &more[0], "mutation { revokeAllSessions { ok } }", json!({}));
    assert_eq!(all["revokeAllSessions"]["ok"], json!(true));
    for tokens in more.iter().chain([&bystander]) {
        is_soon_refused(&pair.other, tokens);
    }
    is_taken(&pair.one, &pair.log_in());
}

/// Whichever came first: after a logout nothing goes on, on either gateway.
#[test]
fn a_refresh_that_races_a_logout_on_the_other_gateway_leaves_nothing() {
    let pair = Pair::start();
    let (mut first, mut late) = (0, 0);
    for _ in 0..20 {
        let tokens = pair.log_in();
        let port = pair.other.port;
        let refreshed = thread::scope(|scope| {
            let refresh =
                scope.spawn(|| Client::new(port).graphql(AUTH, REFRESH, json!({ "r": tokens.refresh })).json());
            log_out(&pair.one, &tokens);
            refresh.join().expect("a refresh")["data"]["refreshToken"].clone()
        });
        let outcome = if refreshed["ok"] == json!(true) { &mut first } else { &mut late };
        *outcome += 1;
        let held = [Some(tokens), (refreshed["ok"] == json!(true)).then(|| Tokens::of(&refreshed))];
        for tokens in held.iter().flatten() {
            for gateway in [&pair.one, &pair.other] {
                assert_eq!(gateway.refresh(&tokens.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"));
                is_soon_refused(gateway, tokens);
            }
        }
    }
    println!("{first} refreshes came first, {late} too late");
}

#[test]
fn a_gateway_that_starts_knows_what_ended_before() {
    let mut pair = Pair::start();
    let [ended, bystander] = [(); 2].map(|()| pair.log_in());
    log_out(&pair.one, &ended);
    let late = pair.setup.start();
    assert!(!late.process.output().contains("without having read"), "{}", late.process.output());
    pair.redis.stop();
    let status =
        |tokens: &Tokens| late.client().bearer(&tokens.access).graphql(AUTH, "{ me { username } }", json!({})).status;
    assert_eq!(status(&bystander), 503, "nobody can tell of this one");
    assert_eq!((status(&ended), late.whoami(&ended.access)), (200, Value::Null), "anonymous from the first request on");
}

#[test]
fn the_feed_outlives_cut_connections_and_the_death_of_redis() {
    let mut pair = Pair::start();
    let [first, second, third, bystander] = [(); 4].map(|()| pair.log_in());
    let mut control = pair.redis.connection();
    let () = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").query(&mut control).expect("a reply");
    log_out(&pair.one, &first);
    is_soon_refused(&pair.other, &first);

    pair.redis.stop();
    let failed = ask(&pair.one, &second, "mutation { logout { ok } }", json!({}));
    assert_eq!(failed["logout"]["ok"], json!(false), "never falsely ok");
    is_taken(&pair.other, &second);
    // More than one try of each follower falls into the outage.
    thread::sleep(Duration::from_millis(700));
    pair.redis.restart();
    log_out(&pair.one, &second);
    is_soon_refused(&pair.other, &second);
    assert_eq!(pair.other.whoami(&first.access), Value::Null, "and nothing was forgotten");
    log_out(&pair.other, &third);
    is_soon_refused(&pair.one, &third);
    is_taken(&pair.one, &bystander);

    pair.other.process.wait_until(Duration::from_secs(10), || {
        pair.one.process.output().contains("the feed of ended sessions is back")
    });
    for gateway in [&pair.one, &pair.other] {
        let told = gateway.process.output().matches("the feed of ended sessions broke off").count();
        assert_eq!(told, 2, "once an outage:\n{}", gateway.process.output());
    }
}

#[test]
fn a_store_that_lost_its_data_is_noticed_by_every_gateway() {
    let mut pair = Pair::start();
    let tokens = pair.log_in();
    log_out(&pair.one, &tokens);
    is_soon_refused(&pair.other, &tokens);
    let () = redis::cmd("FLUSHALL").query(&mut pair.redis.connection()).expect("a reply");
    for gateway in [&mut pair.one, &mut pair.other] {
        gateway.process.wait_for_line("may have been missed");
        assert_eq!(gateway.whoami(&tokens.access), Value::Null, "what is known stays known");
    }
}

#[test]
fn a_logout_that_can_not_be_announced_is_not_ok_and_can_be_repeated() {
    let pair = Pair::start();
    let tokens = pair.log_in();
    let mut control = pair.redis.connection();
    let stream = "railgate:{revocations}:stream";
    let () = redis::cmd("SET").arg(stream).arg("x").query(&mut control).expect("a reply");
    let failed = ask(&pair.one, &tokens, "mutation { logout { ok } }", json!({}));
    assert_eq!(failed, json!({ "logout": { "ok": false } }));
    let () = redis::cmd("DEL").arg(stream).query(&mut control).expect("a reply");
    log_out(&pair.one, &tokens);
    is_soon_refused(&pair.other, &tokens);
}

#[test]
fn an_authenticated_request_asks_no_store() {
    let pair = Pair::start();
    let [tokens, ended] = [(); 2].map(|()| pair.log_in());
    log_out(&pair.one, &ended);
    is_soon_refused(&pair.other, &ended);
    let mut control = pair.redis.connection();
    let mut calls = || {
        let stats: redis::InfoDict = redis::cmd("INFO").arg("commandstats").query(&mut control).expect("statistics");
        let calls = |command: &str| {
            let line: Option<String> = stats.get(&format!("cmdstat_{command}"));
            let count = line.and_then(|line| line.split(['=', ',']).nth(1).and_then(|count| count.parse::<u64>().ok()));
            count.unwrap_or_default()
        };
        // What reads and writes sessions, and not what follows the feed: that is one XREAD and one script of two reads in
        // two seconds.
        ["hget", "hgetall", "exists", "del", "hset", "zrange", "get", "xadd"].map(calls).iter().sum::<u64>()
    };
    let before = calls();
    for _ in 0..200 {
        is_taken(&pair.other, &tokens);
    }
    assert_eq!(calls(), before);
    let own = ask(&pair.other, &tokens, "{ authSessions { id } }", json!({}));
    assert!(own["authSessions"][0]["id"].is_string(), "{own}");
    assert!(calls() > before, "a request that asks is counted");
}
