//! A Redis Cluster: which node has what, and what becomes of one that dies or gives slots away.

use std::time::{Duration, Instant};

use railgate::{
    model::UserId,
    store::{SessionStore as _, StoreErrorKind, UserTag},
};

use super::{
    failover::{self, Death, user},
    fixture::{Cluster, Fixture as _, LONG, TIMEOUT, connect, exchange, key_of, login, repeated, rotated},
};
use crate::support::{
    cluster::{Nodes, SOON_MS, ask},
    redis::{RedisServer, free_port, wait_until},
};

/// A key in the slot of the feed's.
const FEED: &str = "{revocations}";

/// A key in the slot of this user's.
fn beside(user: &str) -> String {
    format!("{{{}}}", UserTag::of(&UserId::new(user)))
}

fn restless() -> Cluster {
    let nodes = Nodes::start(SOON_MS);
    nodes.settle();
    Cluster::of(nodes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_killed_under_traffic_is_replaced_and_nothing_replicated_is_lost() {
    let Cluster { mut nodes, store } = restless();
    let key = beside(&user(0));
    let (told, death) = std::sync::mpsc::channel();
    let outage = failover::outlive(store.clone(), move || {
        let replicated = Instant::now();
        nodes.kill_primary_of(&key);
        told.send(nodes).unwrap();
        Death { replicated, died: Instant::now() }
    })
    .await;
    println!("no session could be opened for {outage:?}");

    // The dead one comes back as a replica of its replica, and says so.
    let mut nodes = death.recv().unwrap();
    let old = nodes.owner_of(&beside(&user(0)));
    nodes.0[old].restart();
    wait_until("the old primary follows", || ask::<String>(&nodes.0[old], "INFO replication").contains("role:slave"));
    let new = login(&user(0), 1, "t1");
    let key = key_of(&new);
    store.create(new).await.unwrap();
    rotated(connect(&nodes.url()).rotate(exchange(key, "t1", "t2")).await.unwrap());
    assert!(store.end(key).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_goes_on_at_the_new_primary() {
    let Cluster { mut nodes, store } = restless();
    let listener = connect(&nodes.url());
    failover::hear_on(store, &*listener, || nodes.kill_primary_of(FEED)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_goes_where_the_feed_goes() {
    let Cluster { nodes, store } = Cluster::start().await;
    let listener = connect(&nodes.url());
    failover::hear_on(store, &*listener, || {
        let slot = ask::<u16>(&nodes.0[0], &format!("CLUSTER KEYSLOT {FEED}"));
        let from = nodes.owner_of(FEED);
        let (source, target) = (&nodes.0[from], &nodes.0[(from + 1) % 3]);
        Nodes::open_slot(slot, source, target);
        let keys: Vec<String> = ask(source, &format!("CLUSTER GETKEYSINSLOT {slot} 100"));
        assert_eq!(keys.len(), 2, "{keys:?}");
        let keys = keys.join(" ");
        let moved: String = ask(source, &format!("MIGRATE 127.0.0.1 {}  0 5000 KEYS {keys}", target.port));
        assert_eq!(moved, "OK");
        Nodes::close_slot(slot, source, target);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_hangs_is_replaced_and_holds_up_no_user_of_another() {
    let Cluster { nodes, store } = restless();
    let here = nodes.owner_of(&beside("7"));
    let elsewhere = (0..).map(user).find(|name| nodes.owner_of(&beside(name)) != here).unwrap();
    // So that the cluster goes on without the slots of one.
    for node in &nodes.0 {
        let () = ask(node, "CONFIG SET cluster-require-full-coverage no");
    }
    store.create(login("7", 1, "t1")).await.unwrap();
    store.create(login(&elsewhere, 1, "t1")).await.unwrap();
    nodes.0[here].freeze(true);
    let begun = Instant::now();
    let (hung, bystander) = tokio::join!(store.create(login("7", 2, "t1")), async {
        let mut found = 0;
        // As long as that call may wait.
        while begun.elapsed() < TIMEOUT {
            store.find(key_of(&login(&elsewhere, 1, "t1"))).await.unwrap().unwrap();
            found += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        found
    });
    assert!(bystander > 10, "{bystander}");
    assert_eq!(hung.unwrap_err().kind, StoreErrorKind::Unavailable);
    while let Err(error) = store.create(login("7", 3, "t1")).await {
        assert_eq!(error.kind, StoreErrorKind::Unavailable);
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", error.source);
    }
    nodes.0[here].freeze(false);
}

/// The keys of a slot move one by one, and the slot last of all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_whose_slot_moves_to_another_node_notices_nothing() {
    let Cluster { nodes, store } = Cluster::start().await;
    let (from, slot) =
        (nodes.owner_of(&beside("7")), ask::<u16>(&nodes.0[0], &format!("CLUSTER KEYSLOT {}", beside("7"))));
    let (source, target) = (&nodes.0[from], &nodes.0[(from + 1) % 3]);
    let (first, second) = (login("7", 1, "t1"), login("7", 2, "t1"));
    let mut step = exchange(key_of(&first), "t1", "t2");
    step.grace = LONG;
    store.create(first.clone()).await.unwrap();
    Nodes::open_slot(slot, source, target);

    let migrate = |key: &str| {
        let answer: String = ask(source, &format!("MIGRATE 127.0.0.1 {} {key} 0 5000", target.port));
        assert_eq!(answer, "OK");
    };
    let keys: Vec<String> = ask(source, "KEYS *:session*");
    let (sessions, index): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.contains(":session:"));
    migrate(&sessions[0]);
    // The session has moved and the index has not: a step that needs both waits.
    assert!(store.find(key_of(&first)).await.unwrap().is_some(), "asked where it is now");
    let (used, ()) = tokio::join!(store.rotate(step.clone()), async {
        tokio::time::sleep(TIMEOUT / 5).await;
        migrate(&index[0]);
    });
    // By a node that never saw the script.
    rotated(used.unwrap());
    // A key that is new is on neither: the step waits until the slot has moved, too.
    let (created, ()) = tokio::join!(store.create(second), async {
        tokio::time::sleep(TIMEOUT / 3).await;
        Nodes::close_slot(slot, source, target);
    });
    created.unwrap();
    step.successor = super::fixture::token("t3");
    assert_eq!(repeated(store.rotate(step).await.unwrap()), "sealed t2");
    assert_eq!(store.list(&UserId::new("7")).await.unwrap().len(), 2);
    assert_eq!(store.end_all(&UserId::new("7")).await.unwrap().len(), 2);
    assert!(ask::<Vec<String>>(source, "KEYS *:session*").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_that_answers_is_enough_to_find_all() {
    let Cluster { nodes, .. } = Cluster::start().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (dead, silent) = (free_port(), silent.local_addr().unwrap().port());
    for node in &nodes.0 {
        let begun = Instant::now();
        let url = format!("redis-cluster://127.0.0.1:{dead},127.0.0.1:{silent},127.0.0.1:{}", node.port);
        let store = connect(&url);
        store.find(key_of(&login("7", 1, "t1"))).await.unwrap();
        assert!(begun.elapsed() < TIMEOUT, "{:?}", begun.elapsed());
        for number in 0..20 {
            store.create(login(&user(number), 1, "t1")).await.unwrap();
            store.end(key_of(&login(&user(number), 1, "t1"))).await.unwrap();
        }
    }
}

/// Each that is silent costs a part of a call's time. Calls that follow begin elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_nodes_that_are_silent_are_got_past() {
    let Cluster { nodes, .. } = Cluster::start().await;
    let silent: Vec<_> = (0..6).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let hosts: Vec<_> = silent.iter().map(|one| format!("127.0.0.1:{}", one.local_addr().unwrap().port())).collect();
    let store = connect(&format!("redis-cluster://{},127.0.0.1:{}", hosts.join(","), nodes.0[0].port));
    let begun = Instant::now();
    while let Err(error) = store.find(key_of(&login("7", 1, "t1"))).await {
        assert_eq!(error.kind, StoreErrorKind::Unavailable);
        assert!(begun.elapsed() < TIMEOUT * 6, "{:?}", error.source);
    }
}

/// While nobody has taken its place yet, those that live are asked for it in moderation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_for_a_dead_node_do_not_storm_the_others() {
    let Cluster { mut nodes, store } = Cluster::start().await;
    for node in &nodes.0 {
        let () = ask(node, "CONFIG SET cluster-require-full-coverage no");
    }
    let dead = nodes.owner_of(&beside("7"));
    store.create(login("7", 1, "t1")).await.unwrap();
    nodes.0[dead].stop();
    let made = |nodes: &Nodes| -> u64 {
        let alive = nodes.0.iter().enumerate().filter(|(place, _)| *place != dead);
        alive
            .map(|(_, node)| ask::<redis::InfoDict>(node, "INFO stats"))
            .fold(0, |sum, stats| sum + stats.get::<u64>("total_connections_received").unwrap())
    };
    let (before, begun) = (made(&nodes), Instant::now());
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut calls = 0;
                while begun.elapsed() < Duration::from_secs(1) {
                    assert!(store.find(key_of(&login("7", 1, "t1"))).await.is_err());
                    calls += 1;
                }
                calls
            })
        })
        .collect();
    let mut calls = 0;
    for caller in callers {
        calls += caller.await.unwrap();
    }
    let made = made(&nodes) - before;
    println!("{calls} calls, {made} connections");
    assert!(made < 100, "{made} connections for {calls} calls");
}

/// Each key is where the servers say, whatever braces it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_found_in_their_slots_when_no_node_says_its_name() {
    let Cluster { nodes, .. } = Cluster::start().await;
    for node in &nodes.0 {
        let () = ask(node, "CONFIG SET cluster-preferred-endpoint-type unknown-endpoint");
    }
    let store = connect(&format!("redis-cluster://127.0.0.1:{}", nodes.0[0].port));
    store.create(login("7", 1, "t1")).await.unwrap();
    let slot = ask::<u16>(&nodes.0[0], &format!("CLUSTER KEYSLOT {}", beside("7")));
    let from = nodes.owner_of(&beside("7"));
    let (source, target) = (&nodes.0[from], &nodes.0[(from + 1) % 3]);
    Nodes::open_slot(slot, source, target);
    let keys: Vec<String> = ask(source, "KEYS *:session*");
    let moved: String = ask(source, &format!("MIGRATE 127.0.0.1 {}  0 5000 KEYS {}", target.port, keys.join(" ")));
    assert_eq!(moved, "OK");
    assert!(store.find(key_of(&login("7", 1, "t1"))).await.unwrap().is_some(), "asked where it is now");
    Nodes::close_slot(slot, source, target);
    rotated(store.rotate(exchange(key_of(&login("7", 1, "t1")), "t1", "t2")).await.unwrap());
}

#[tokio::test]
async fn a_server_that_is_no_cluster_says_so() {
    let single = RedisServer::start();
    let error = connect(&format!("redis-cluster://127.0.0.1:{}", single.port))
        .find(key_of(&login("7", 1, "t1")))
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    assert!(error.source.to_string().contains("cluster support disabled"), "{}", error.source);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_acl_user_may_do_all_that_is_needed() {
    let Cluster { nodes, .. } = Cluster::start().await;
    let commands = "+evalsha +script|load +time +exists +hset +hget +hmget +hgetall +del +pexpireat \
                    +zadd +zrem +zrange +zrangebyscore +zremrangebyscore +xadd +xtrim +xrange +xread +cluster|slots +asking";
    for node in &nodes.0 {
        let () = ask(node, &format!("ACL SETUSER gateway on >canary ~railgate:* -@all {commands}"));
    }
    let store = connect(&nodes.url().replace("://", "://gateway:canary@"));
    for number in 0..10 {
        let new = login(&user(number), 1, "t1");
        let key = key_of(&new);
        store.create(new).await.unwrap();
        rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap());
        assert!(store.find(key).await.unwrap().is_some());
        assert!(store.end(key).await.unwrap());
    }
    let wrong = connect(&nodes.url().replace("://", "://gateway:canary-2@"));
    let error = wrong.find(key_of(&login("7", 1, "t1"))).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    assert!(!format!("{wrong:?} {error:?} {}", error.source).contains("canary"), "{error:?}");
}
