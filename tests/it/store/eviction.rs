//! A Redis that may throw sessions away is spoken of in the log, once for each server, and by `/readyz`; nothing fails by it.

use std::time::Duration;

use serde_json::{Value, json};

use super::redis::query;
use crate::admin::{ADMIN, readiness};
use crate::support::{
    client::Client,
    cluster::{self, Nodes, ask},
    gateway::{Gateway, Setup},
    redis::{RedisServer, wait_until},
    sentinel::{self, SERVICE, Watched},
    stub::Stub,
};

const WARNING: &str = "set maxmemory-policy to noeviction";

fn evicts(server: &RedisServer) {
    let () = query(&mut server.connection(), "CONFIG SET maxmemory-policy volatile-lru");
}

/// Warnings that name this server.
fn warnings(gateway: &Gateway, server: &RedisServer) -> usize {
    let node = format!("127.0.0.1:{}", server.port);
    gateway.process.output().lines().filter(|line| line.contains(WARNING) && line.contains(&node)).count()
}

/// What `/readyz` says of the servers.
fn policies(admin: &Client) -> Value {
    let (status, body) = readiness(admin);
    assert_eq!(status, 200, "{body}");
    body["dependencies"]["store"]["maxmemory_policy"].clone()
}

fn policy_of(server: &RedisServer, policy: &str) -> Value {
    json!({ format!("127.0.0.1:{}", server.port): policy })
}

fn start(url: &str) -> (Stub, Gateway) {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, &format!("[store]\nurl = \"{url}\"\n{ADMIN}")).start();
    (stub, gateway)
}

#[test]
fn a_server_that_evicts_is_named_once_at_the_start() {
    let mut server = RedisServer::start_with(&["--maxmemory-policy", "volatile-lru"]);
    let (_stub, mut gateway) = start(&server.url());
    let line = gateway.process.wait_for_line(WARNING);
    assert!(line.contains("WARN") && line.contains("volatile-lru"), "{line}");
    let lost = |gateway: &Gateway| gateway.process.output().contains("the feed of ended sessions is back");
    server.restart();
    wait_until("it has connected again", || lost(&gateway));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(warnings(&gateway, &server), 1, "{}", gateway.process.output());
}

#[test]
fn one_that_keeps_all_or_does_not_tell_is_not_warned_of() {
    let server = RedisServer::start();
    let (_stub, mut first) = start(&server.url());
    let admin = first.admin();
    wait_until("its policy is told", || policies(&admin) == policy_of(&server, "noeviction"));
    let () = query(&mut server.connection(), "ACL SETUSER gateway on >pass ~* +@all -info");
    let (_stub, mut second) = start(&server.url().replace("://", "://gateway:pass@"));
    let admin = second.admin();
    wait_until("it was asked in vain", || {
        !query::<Vec<::redis::Value>>(&mut server.connection(), "ACL LOG").is_empty()
    });
    assert_eq!(policies(&admin), Value::Null);
    for gateway in [first, second] {
        let output = gateway.process.output();
        assert!(!output.contains("maxmemory") && !output.contains("broke off"), "{output}");
    }
}

#[test]
fn what_is_changed_while_it_runs_is_noticed() {
    let server = RedisServer::start();
    let (_stub, mut gateway) = start(&server.url());
    let admin = gateway.admin();
    wait_until("its policy is told", || policies(&admin) == policy_of(&server, "noeviction"));
    evicts(&server);
    gateway.process.wait_for_line(WARNING);
    wait_until("the other is told", || policies(&admin) == policy_of(&server, "volatile-lru"));
    let () = query(&mut server.connection(), "CONFIG SET maxmemory-policy noeviction");
    wait_until("the first is told again", || policies(&admin) == policy_of(&server, "noeviction"));
    assert_eq!(warnings(&gateway, &server), 1);
}

#[test]
fn the_primary_that_takes_over_is_looked_at_too() {
    let watched = Watched::start(sentinel::SOON_MS);
    watched.settle();
    let [old, new] = &watched.servers[..] else { panic!("two servers") };
    evicts(old);
    evicts(new);
    let (_stub, mut gateway) = start(&watched.url());
    let admin = gateway.admin();
    wait_until("the primary is named", || warnings(&gateway, old) == 1);
    wait_until("its policy is told", || policies(&admin) == policy_of(old, "volatile-lru"));
    assert_eq!(warnings(&gateway, new), 0);
    let () = query(&mut watched.sentinels[0].connection(), &format!("SENTINEL FAILOVER {SERVICE}"));
    wait_until("the new one is named", || warnings(&gateway, new) == 1);
    wait_until("of the new one alone", || policies(&admin) == policy_of(new, "volatile-lru"));
    assert_eq!(warnings(&gateway, old), 1);
}

#[test]
fn a_primary_of_a_cluster_is_looked_at_when_it_is_used() {
    let nodes = Nodes::start(cluster::LATE_MS);
    for node in &nodes.0 {
        let () = ask(node, "CONFIG SET maxmemory-policy allkeys-lru");
    }
    let (_stub, mut gateway) = start(&nodes.url());
    let admin = gateway.admin();
    let feed = &nodes.0[nodes.owner_of("{revocations}")];
    wait_until("the one that has the feed is named", || warnings(&gateway, feed) == 1);
    let address = format!("127.0.0.1:{}", feed.port);
    wait_until("its policy is told", || policies(&admin)[&address] == json!("allkeys-lru"));
}
