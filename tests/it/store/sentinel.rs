//! Redis behind sentinels: which of them are asked, and what becomes of a primary.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use railgate::{
    model::Secret,
    store::{SessionStore as _, StoreErrorKind, redis::RedisStore},
};

use super::{
    failover::{self, Death},
    fixture::{END_MATTERS, Fixture as _, Sentinel, TIMEOUT, connect, exchange, key_of, login, rotated},
};
use crate::support::{
    redis::{free_port, wait_until},
    sentinel::{SERVICE, SOON_MS, Watched},
};

fn restless() -> Sentinel {
    let watched = Watched::start(SOON_MS);
    watched.settle();
    Sentinel::of(watched)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_killed_under_traffic_is_replaced_and_nothing_replicated_is_lost() {
    let Sentinel { mut watched, store } = restless();
    let (told, death) = std::sync::mpsc::channel();
    let outage = failover::outlive(store.clone(), move || {
        let replicated = Instant::now();
        watched.kill_primary();
        told.send(watched).unwrap();
        Death { replicated, died: Instant::now() }
    })
    .await;
    println!("no session could be opened for {outage:?}");

    // The dead one comes back, for a while as the primary that it was. Nobody is led there.
    let mut watched = death.recv().unwrap();
    watched.servers[0].restart();
    let new = login("after", 1, "t1");
    let key = key_of(&new);
    store.create(new).await.unwrap();
    rotated(connect(&watched.url()).rotate(exchange(key, "t1", "t2")).await.unwrap());
    assert!(store.end(key).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_goes_on_at_the_new_primary() {
    let Sentinel { mut watched, store } = restless();
    let listener = connect(&watched.url());
    failover::hear_on(store, &*listener, || watched.kill_primary()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_hangs_is_replaced() {
    let fixture = restless();
    fixture.store.create(login("7", 1, "t1")).await.unwrap();
    fixture.watched.servers[0].freeze(true);
    let begun = Instant::now();
    let error = fixture.store.create(login("7", 2, "t1")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    while let Err(error) = fixture.store.create(login("7", 3, "t1")).await {
        assert_eq!(error.kind, StoreErrorKind::Unavailable);
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", error.source);
    }
    fixture.watched.servers[0].freeze(false);
}

#[tokio::test]
async fn a_planned_failover_costs_no_session() {
    let fixture = restless();
    let (store, new) = (&fixture.store, login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    let mut sentinel = fixture.watched.sentinels[0].connection();
    let () = redis::cmd("SENTINEL").arg("FAILOVER").arg(SERVICE).query(&mut sentinel).unwrap();
    let old = fixture.watched.servers[0].port;
    wait_until("every sentinel names the new primary", || {
        (0..3).all(|number| fixture.watched.primary_by(number) != old)
    });
    let begun = Instant::now();
    let session = loop {
        match store.rotate(exchange(key, "t1", "t2")).await {
            Ok(rotation) => break rotated(rotation),
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", error.source),
        }
    };
    assert_eq!(session.user.as_str(), "7");
    assert!(store.end(key).await.unwrap());
}

#[tokio::test]
async fn sentinels_that_are_dead_or_silent_leave_time_for_the_others() {
    let fixture = Sentinel::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (dead, silent) = (free_port(), silent.local_addr().unwrap().port());
    let alive = fixture.watched.sentinels[2].port;
    let url = format!("redis-sentinel://127.0.0.1:{dead},127.0.0.1:{silent},127.0.0.1:{alive}/{SERVICE}");
    let begun = Instant::now();
    connect(&url).create(login("7", 1, "t1")).await.unwrap();
    assert!(begun.elapsed() < TIMEOUT, "{:?}", begun.elapsed());
    let error =
        connect(&format!("redis-sentinel://127.0.0.1:{dead}/{SERVICE}")).create(login("7", 1, "t1")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    assert!(error.source.to_string().contains(&dead.to_string()), "{}", error.source);
}

/// As one that was cut off does.
#[tokio::test]
async fn a_sentinel_that_names_a_replica_is_not_believed() {
    let fixture = Sentinel::start().await;
    let [lost, right, _] = &fixture.watched.sentinels[..] else { panic!("three sentinels") };
    let replica = fixture.watched.servers[1].port;
    let mut control = lost.connection();
    let () = redis::cmd("SENTINEL").arg("REMOVE").arg(SERVICE).query(&mut control).unwrap();
    let mut watch = redis::cmd("SENTINEL");
    let () = watch.arg("MONITOR").arg(SERVICE).arg("127.0.0.1").arg(replica).arg(3).query(&mut control).unwrap();
    let url = |ports: &str| format!("redis-sentinel://{ports}/{SERVICE}");
    let (lost, right) = (format!("127.0.0.1:{}", lost.port), format!("127.0.0.1:{}", right.port));
    connect(&url(&format!("{lost},{right}"))).create(login("7", 1, "t1")).await.unwrap();
    let error = connect(&url(&lost)).create(login("7", 2, "t1")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    assert!(error.source.to_string().contains("no primary"), "{}", error.source);
}

#[tokio::test]
async fn a_service_that_the_sentinels_do_not_know_is_named() {
    let fixture = Sentinel::start().await;
    let url = fixture.watched.url().replace(&format!("/{SERVICE}"), "/elsewhere");
    let error = connect(&url).create(login("7", 1, "t1")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    assert!(error.source.to_string().contains("elsewhere"), "{}", error.source);
}

#[tokio::test]
async fn redis_and_the_sentinels_have_passwords_of_their_own_that_are_never_shown() {
    let fixture = Sentinel::start().await;
    for server in &fixture.watched.servers {
        let mut control = server.connection();
        let () = redis::cmd("CONFIG").arg("SET").arg(&["masterauth", "canary-1"]).query(&mut control).unwrap();
        let () = redis::cmd("CONFIG").arg("SET").arg(&["requirepass", "canary-1"]).query(&mut control).unwrap();
    }
    for sentinel in &fixture.watched.sentinels {
        let user = ["SETUSER", "watcher", "on", ">canary-2", "+@all"];
        let mut control = sentinel.connection();
        let () = redis::cmd("ACL").arg(&user).query(&mut control).unwrap();
        let () = redis::cmd("ACL").arg(&["SETUSER", "default", "resetpass", ">canary-3"]).query(&mut control).unwrap();
    }
    let url = |redis: &str, sentinel: &str| {
        let (scheme, rest) =
            fixture.watched.url().split_once("://").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        Secret::new(format!("{scheme}://:{redis}@{rest}?{sentinel}"))
    };
    let (name, password) = ("sentinel_username=watcher", "sentinel_password=canary%2D2");
    let right =
        RedisStore::connect(&url("canary-1", &format!("{name}&{password}")), None, "railgate", TIMEOUT, END_MATTERS)
            .unwrap();
    right.create(login("7", 1, "t1")).await.unwrap();
    for (redis, sentinel) in [("canary-0", format!("{name}&{password}")), ("canary-1", name.replace("watcher", "x"))] {
        let sentinel = if sentinel.contains("password") { sentinel } else { format!("{sentinel}&{password}") };
        let wrong = RedisStore::connect(&url(redis, &sentinel), None, "railgate", TIMEOUT, END_MATTERS).unwrap();
        let error = wrong.create(login("7", 1, "t1")).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Unavailable);
        let shown = format!("{wrong:?} {error:?} {error} {}", error.source);
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[tokio::test]
async fn the_documented_acl_users_may_do_all_that_is_needed() {
    let fixture = Sentinel::start().await;
    let mut control = fixture.watched.servers[0].connection();
    let commands = "+evalsha +script|load +time +exists +hset +hget +hmget +hgetall +del +pexpireat \
                    +zadd +zrem +zrange +zrangebyscore +zremrangebyscore +xadd +xtrim +xrange +xread +role";
    let gateway: Vec<&str> =
        "SETUSER gateway on >pass ~railgate:* -@all".split(' ').chain(commands.split(' ')).collect();
    let () = redis::cmd("ACL").arg(&gateway).query(&mut control).unwrap();
    for sentinel in &fixture.watched.sentinels {
        let watcher = ["SETUSER", "watcher", "on", ">pass", "-@all", "+sentinel|get-master-addr-by-name"];
        let () = redis::cmd("ACL").arg(&watcher).query(&mut sentinel.connection()).unwrap();
    }
    let url = fixture.watched.url().replace("://", "://gateway:pass@");
    let store = connect(&format!("{url}?sentinel_username=watcher&sentinel_password=pass"));
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    store.create(new).await.unwrap();
    rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    assert!(store.find(key).await.unwrap().is_some());
    assert!(store.end(key).await.unwrap());
}
