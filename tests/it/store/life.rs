//! After a full life of logins, refreshes, exchanges and logouts: what is left behind, and which keys were touched.

use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use railgate::{
    model::UserId,
    store::{Adopt, NewSession, Rotation, SessionStore, Touch, UserTag},
};
use redis::cmd;

use super::{
    failover::user,
    fixture::{Cluster, Fixture as _, LONG, Redis, exchange, key_of, login, rotated, token},
    redis::query,
};
use crate::support::redis::RedisServer;

/// Every step of the store's, with each outcome that writes.
async fn live(store: &dyn SessionStore, name: &str) {
    let limited = |number| NewSession { limit: NonZeroU32::new(2).unwrap(), ..login(name, number, "t1") };
    for number in 1..=3 {
        store.create(limited(number)).await.unwrap();
    }
    store.create(limited(3)).await.unwrap();
    let key = key_of(&limited(3));
    for (presented, successor) in [("t1", "t2"), ("t1", "t9"), ("t2", "t3")] {
        store.rotate(exchange(key, presented, successor)).await.unwrap();
    }
    store.touch(Touch { key, presented: token("t3"), idle: LONG }).await.unwrap().unwrap();
    store.find(key).await.unwrap().unwrap();
    assert_eq!(store.list(&UserId::new(name)).await.unwrap().len(), 2);
    let replayed = store.rotate(exchange(key, "t1", "t4")).await.unwrap();
    assert!(matches!(replayed, Rotation::Replayed(_)));
    let adopt = |number, refresh| Adopt {
        new: limited(number),
        presented: token(refresh),
        sealed_successor: Vec::new(),
        grace: LONG,
        remember: LONG,
    };
    for number in [5, 6, 6] {
        store.adopt(adopt(number, "c1")).await.unwrap();
    }
    store.spend(key_of(&limited(7)), LONG).await.unwrap();
    assert!(store.is_spent(key_of(&limited(6))).await.unwrap());
    store.end(key_of(&limited(6))).await.unwrap();
    for number in 8..=9 {
        store.create(limited(number)).await.unwrap();
    }
    if name != user(0) {
        store.end_all(&UserId::new(name)).await.unwrap();
    }
    // One that stays.
    store.create(login(name, 10, "t1")).await.unwrap();
    rotated(store.rotate(exchange(key_of(&login(name, 10, "t1")), "t1", "t2")).await.unwrap());
}

fn keys(server: &RedisServer) -> Vec<String> {
    query(&mut server.connection(), "KEYS *")
}

/// Every key has a time to live, and no other hash tag than a user's or the feed's.
fn are_in_order(server: &RedisServer, names: &[String]) -> usize {
    let tags: BTreeSet<String> = names
        .iter()
        .map(|name| UserTag::of(&UserId::new(name.as_str())).to_string())
        .chain(["revocations".to_owned()])
        .collect();
    let (keys, mut control) = (keys(server), server.connection());
    for key in &keys {
        let to_live: i64 = query(&mut control, &format!("PTTL {key}"));
        assert!(to_live > 0, "{key}: {to_live}");
        let tag = key.strip_prefix("railgate:{").and_then(|rest| rest.split_once("}:")).expect(key).0;
        assert!(tags.contains(tag), "{key}");
    }
    keys.len()
}

#[tokio::test]
async fn every_key_that_is_left_has_a_time_to_live() {
    let fixture = Redis::start().await;
    let names: Vec<String> = (0..3).map(user).collect();
    for name in &names {
        live(&*fixture.store, name).await;
    }
    // Of each user a session, the index and the notes of three credentials; another two sessions of one; and the feed.
    assert_eq!(are_in_order(&fixture.server, &names), 3 * 5 + 2 + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_no_step_needs_keys_of_two_slots() {
    let Cluster { nodes, store } = Cluster::start().await;
    let names: Vec<String> = (0..8).map(user).collect();
    for name in &names {
        live(&*store, name).await;
    }
    let left: usize = nodes.0[..3].iter().map(|node| are_in_order(node, &names)).sum();
    assert_eq!(left, 8 * 5 + 2 + 2);
}

/// What a monitor saw: a script's call names its keys, and what the script does follows, under `lua`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_touch_no_key_that_was_not_declared() {
    let fixture = Redis::start().await;
    let mut monitor = fixture.server.connection();
    monitor.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let () = cmd("MONITOR").query(&mut monitor).unwrap();
    live(&*fixture.store, "7").await;
    let mut feed = fixture.store.feed();
    feed.next().await.unwrap();
    let () = query(&mut fixture.server.connection(), "ECHO over");
    let (mut declared, mut within, mut scripts) = (Vec::new(), 0, BTreeSet::new());
    loop {
        let redis::Value::SimpleString(line) = monitor.recv_response().unwrap() else { panic!("a monitor's line") };
        let words: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        match words.as_slice() {
            ["ECHO", ..] => break,
            ["EVALSHA", script, count, rest @ ..] => {
                scripts.insert((*script).to_owned());
                declared = rest[..count.parse::<usize>().unwrap()].iter().map(|key| (*key).to_owned()).collect();
            }
            [command, key, ..] if line.contains(" lua] ") && *command != "TIME" => {
                within += 1;
                assert!(declared.iter().any(|one| one == key), "{line} of {declared:?}");
            }
            _ => {}
        }
    }
    assert!(within > 100, "{within}");
    assert_eq!(scripts.len(), 11, "each of the store's scripts was run");
}
