//! A server that answers and does not do what it is asked: nothing is taken for done, and nobody for unknown.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use railgate::{
    model::UserId,
    store::{Adopt, SessionStore, StoreErrorKind, Touch},
};

use super::{
    failover::user,
    fixture::{Fixture as _, LONG, Redis, TIMEOUT, exchange, key_of, login, token},
    redis::{query, unavailable},
};
use crate::support::redis::RedisServer;

/// A server that has this answer to whatever it is asked.
fn that_says(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            thread::spawn(move || repeat(answer, client.unwrap()));
        }
    });
    port
}

/// Reads commands, each an array of strings, until the peer goes away.
fn repeat(answer: &str, client: TcpStream) -> Option<()> {
    let mut requests = BufReader::new(client.try_clone().ok()?);
    let mut number = |sign: &str| {
        let mut line = String::new();
        requests.read_line(&mut line).ok()?;
        let number: u64 = line.trim_end().strip_prefix(sign)?.parse().ok()?;
        if sign == "$" {
            requests.by_ref().take(number + 2).read_to_end(&mut Vec::new()).ok()?;
        }
        Some(number)
    };
    loop {
        for _ in 0..number("*")? {
            number("$")?;
        }
        (&client).write_all(format!("{answer}\r\n").as_bytes()).ok()?;
    }
}

fn adopt() -> Adopt {
    Adopt {
        new: login("7", 1, "t1"),
        presented: token("c1"),
        sealed_successor: Vec::new(),
        grace: LONG,
        remember: LONG,
    }
}

/// Each call fails, as an outage does, and in time.
async fn all_is_unavailable(store: &dyn SessionStore) {
    let (key, seven) = (key_of(&login("7", 1, "t1")), UserId::new("7"));
    unavailable(store.create(login("7", 1, "t1")).await);
    unavailable(store.rotate(exchange(key, "t1", "t2")).await);
    unavailable(store.touch(Touch { key, presented: token("t1"), idle: LONG }).await);
    unavailable(store.find(key).await);
    unavailable(store.end(key).await);
    unavailable(store.list(&seven).await);
    unavailable(store.end_all(&seven).await);
    unavailable(store.adopt(adopt()).await);
    unavailable(store.spend(key, LONG).await);
    unavailable(store.is_spent(key).await);
    assert_eq!(store.feed().next().await.unwrap_err().kind, StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn no_refusal_of_redis_is_taken_for_an_answer() {
    for refusal in [
        "-LOADING Redis is loading the dataset in memory",
        "-READONLY You can't write against a read only replica.",
        "-OOM command not allowed when used memory > 'maxmemory'.",
        "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "-NOREPLICAS Not enough good replicas to write.",
        "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "-BUSY Redis is busy running a script.",
        "-NOAUTH Authentication required.",
        "-NOPERM User gateway has no permissions to run the command",
        "-NOSCRIPT No matching script.",
        "-CLUSTERDOWN The cluster is down",
        "-MOVED 10204 127.0.0.1:1",
        "-ERR max number of clients reached",
    ] {
        let begun = Instant::now();
        all_is_unavailable(&*Redis::connect(that_says(refusal))).await;
        assert!(begun.elapsed() < TIMEOUT * 11, "{refusal}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_server_that_loads_its_data_is_waited_for_and_not_believed() {
    // It answers others now and then while it loads, so it must have much to load.
    let mut server = RedisServer::start_with(&["--key-load-delay", "300", "--appendfsync", "no"]);
    let store = Redis::connect(server.port);
    let key = key_of(&login("7", 1, "t1"));
    store.create(login("7", 1, "t1")).await.unwrap();
    for number in 0..600 {
        store.create(login(&user(number), 1, "t1")).await.unwrap();
    }
    server.stop();
    server.launch_without_waiting();
    let begun = Instant::now();
    loop {
        match store.find(key).await {
            Ok(found) => break assert!(found.is_some(), "a session was taken for gone"),
            Err(error) => assert_eq!(error.kind, StoreErrorKind::Unavailable, "{:?}", error.source),
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}

/// By a server that is not set to `noeviction`.
#[tokio::test]
async fn what_was_evicted_is_logged_out_and_nothing_worse() {
    let fixture = Redis::start().await;
    let (store, mut control) = (&fixture.store, fixture.server.connection());
    let key = key_of(&login("7", 1, "t1"));
    store.create(login("7", 1, "t1")).await.unwrap();
    let evicted: Vec<String> = query(&mut control, "KEYS *:session:*");
    let () = query(&mut control, &format!("DEL {}", evicted[0]));
    assert!(store.find(key).await.unwrap().is_none());
    assert!(store.list(&UserId::new("7")).await.unwrap().is_empty());
    assert!(store.touch(Touch { key, presented: token("t1"), idle: LONG }).await.unwrap().is_none());
    assert_eq!(store.end_all(&UserId::new("7")).await.unwrap(), [key.id], "and its end is told");
}
