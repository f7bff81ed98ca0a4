//! What only the store in Redis promises: above all, how it behaves when Redis does not.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use railgate::{
    model::Secret,
    store::{Lifetimes, SessionStore as _, StoreError, StoreErrorKind, redis::RedisStore},
};
use redis::{Cmd, Connection, cmd};

use super::fixture::{Fixture as _, GRACE, LONG, Redis, TIMEOUT, exchange, key_of, login, repeated, rotated, token};
use crate::support::redis::free_port;

#[tokio::test]
async fn a_store_comes_back_with_its_server() {
    let mut fixture = Redis::start().await;
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    fixture.store.create(new).await.unwrap();
    fixture.server.stop();
    unavailable(fixture.store.find(key).await);
    unavailable(fixture.store.rotate(exchange(key, "t1", "t2")).await);
    unavailable(fixture.store.end(key).await);
    fixture.server.restart();
    rotated(fixture.store.rotate(exchange(key, "t1", "t2")).await.unwrap());
}

#[tokio::test]
async fn a_connection_that_broke_while_idle_costs_no_call() {
    let mut fixture = Redis::start().await;
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    fixture.store.create(new).await.unwrap();
    fixture.server.restart();
    rotated(fixture.store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    let killed: i64 = query(&mut fixture.server.connection(), "CLIENT KILL TYPE normal");
    assert_eq!(killed, 1);
    assert!(fixture.store.find(key).await.unwrap().is_some());
}

#[tokio::test]
async fn a_store_can_be_made_while_there_is_no_server() {
    let store = Redis::connect(free_port());
    unavailable(store.find(key_of(&login("7", 1, "t1"))).await);
}

#[tokio::test]
async fn a_server_that_never_answers_costs_the_timeout_and_no_more() {
    // Connections are accepted by the kernel and nobody reads them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let store = Redis::connect(silent.local_addr().unwrap().port());
    let start = Instant::now();
    unavailable(store.find(key_of(&login("7", 1, "t1"))).await);
    let spent = start.elapsed();
    assert!(spent >= TIMEOUT && spent < TIMEOUT * 3, "{spent:?}");
}

#[tokio::test]
async fn after_a_timeout_no_call_gets_the_earlier_reply() {
    let fixture = Redis::start().await;
    let (mine, yours) = (login("7", 1, "mine"), login("8", 2, "yours"));
    let (my_key, your_key) = (key_of(&mine), key_of(&yours));
    fixture.store.create(mine).await.unwrap();
    fixture.store.create(yours).await.unwrap();
    let (mut control, pause) = (fixture.server.connection(), TIMEOUT * 2);
    for command in [format!("CLIENT PAUSE {}", pause.as_millis()), format!("DEBUG SLEEP {}", pause.as_secs())] {
        control.send_packed_command(&words(&command).get_packed_command()).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        unavailable(fixture.store.find(my_key).await);
        // Asked again and again until the pause is over, right after the reply that nobody waits for any more.
        let session = loop {
            if let Ok(found) = fixture.store.find(your_key).await {
                break found.unwrap();
            }
        };
        assert_eq!(session.user.as_str(), "8");
        assert_eq!(fixture.store.find(my_key).await.unwrap().unwrap().user.as_str(), "7");
        control.recv_response().unwrap();
    }
}

#[tokio::test]
async fn a_rotation_whose_reply_came_too_late_can_be_repeated() {
    let fixture = Redis::start().await;
    let new = login("7", 1, "t1");
    let mut step = exchange(key_of(&new), "t1", "t2");
    step.grace = LONG;
    fixture.store.create(new).await.unwrap();
    let () = query(&mut fixture.server.connection(), &format!("CLIENT PAUSE {}", TIMEOUT.as_millis() * 2));
    unavailable(fixture.store.rotate(step.clone()).await);
    tokio::time::sleep(TIMEOUT * 2).await;
    rotated(fixture.store.rotate(step.clone()).await.unwrap());
    step.successor = token("never");
    assert_eq!(repeated(fixture.store.rotate(step).await.unwrap()), "sealed t2");
}

#[tokio::test]
async fn a_step_whose_reply_was_lost_is_answered_as_the_first_time() {
    let fixture = Redis::start().await;
    let (port, lose_next_reply) = lossy_way_to(fixture.server.port);
    let (store, new) = (Redis::connect(port), login("7", 1, "t1"));
    let key = key_of(&new);
    let mut step = exchange(key, "t1", "t2");
    step.grace = Duration::ZERO;
    // So that the scripts are known, and the reply that is lost is that of the step itself.
    store.create(login("8", 2, "t1")).await.unwrap();
    fixture.store.rotate(exchange(key_of(&login("8", 2, "t1")), "t1", "t2")).await.unwrap();

    lose_next_reply.store(true, Ordering::SeqCst);
    store.create(new).await.unwrap();
    assert!(!lose_next_reply.swap(true, Ordering::SeqCst), "no reply was lost");
    rotated(store.rotate(step).await.unwrap());
    assert!(!lose_next_reply.swap(true, Ordering::SeqCst), "no reply was lost");
    store.end(key).await.unwrap();
    assert!(fixture.store.find(key).await.unwrap().is_none());
}

/// A port that leads to this one. Once the flag is set, the next reply is swallowed and its connection closed.
fn lossy_way_to(server: u16) -> (u16, Arc<AtomicBool>) {
    let entrance = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, lose) = (entrance.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
    let flag = lose.clone();
    thread::spawn(move || {
        for client in entrance.incoming().map_while(Result::ok) {
            let (mut up, flag) = (TcpStream::connect(("127.0.0.1", server)).unwrap(), flag.clone());
            let (mut requests, mut to_server) = (client.try_clone().unwrap(), up.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut requests, &mut to_server));
            thread::spawn(move || {
                let mut reply = [0; 4096];
                while let Ok(length @ 1..) = up.read(&mut reply) {
                    if flag.swap(false, Ordering::SeqCst) || (&client).write_all(&reply[..length]).is_err() {
                        break;
                    }
                }
                let _ = client.shutdown(Shutdown::Both);
            });
        }
    });
    (port, lose)
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_reply_behind() {
    let fixture = Redis::start().await;
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    fixture.store.create(new).await.unwrap();
    let mut control = fixture.server.connection();
    let before = connections_made(&mut control);
    assert!(fixture.store.find(key).await.unwrap().is_some());
    let () = query(&mut control, "CLIENT PAUSE 100");
    assert!(tokio::time::timeout(Duration::from_millis(20), fixture.store.find(key)).await.is_err());
    assert!(fixture.store.find(key).await.unwrap().is_some());
    assert_eq!(connections_made(&mut control) - before, 1, "one new connection, for the abandoned one");
}

#[tokio::test]
async fn a_replica_is_unavailable_until_it_is_primary_again() {
    let fixture = Redis::start().await;
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    fixture.store.create(new).await.unwrap();
    let mut control = fixture.server.connection();
    let () = query(&mut control, &format!("REPLICAOF 127.0.0.1 {}", free_port()));
    unavailable(fixture.store.create(login("7", 2, "t1")).await);
    unavailable(fixture.store.rotate(exchange(key, "t1", "t2")).await);
    unavailable(fixture.store.end(key).await);
    let () = query(&mut control, "REPLICAOF NO ONE");
    rotated(fixture.store.rotate(exchange(key, "t1", "t2")).await.unwrap());
}

#[tokio::test]
async fn a_full_server_is_unavailable_and_still_ends_sessions() {
    let fixture = Redis::start().await;
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    fixture.store.create(new).await.unwrap();
    let () = query(&mut fixture.server.connection(), "CONFIG SET maxmemory 1");
    unavailable(fixture.store.create(login("7", 2, "t1")).await);
    unavailable(fixture.store.rotate(exchange(key, "t1", "t2")).await);
    assert!(fixture.store.end(key).await.unwrap());
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_sent_again() {
    let fixture = Redis::start().await;
    fixture.store.create(login("7", 1, "t1")).await.unwrap();
    let () = query(&mut fixture.server.connection(), "SCRIPT FLUSH SYNC");
    fixture.store.create(login("7", 2, "t1")).await.unwrap();
}

#[tokio::test]
async fn every_key_is_in_its_users_slot_and_has_a_time_to_live() {
    let fixture = Redis::start().await;
    let mut new = login("1", 7, "t1");
    new.lifetimes = Lifetimes { idle: GRACE * 100, absolute: LONG };
    fixture.store.create(new.clone()).await.unwrap();
    let mut control = fixture.server.connection();
    let key = "railgate:{6b86b273ff34fce1}:session:BwcHBwcHBwcHBwcHBwcHBw";
    assert_eq!(query::<Vec<String>>(&mut control, "KEYS *"), [key]);
    let to_live: u128 = query(&mut control, &format!("PTTL {key}"));
    assert!((1..=(GRACE * 100).as_millis()).contains(&to_live), "{to_live}");
    rotated(fixture.store.rotate(exchange(key_of(&new), "t1", "t2")).await.unwrap());
    let to_live: u128 = query(&mut control, &format!("PTTL {key}"));
    assert!(((GRACE * 100).as_millis() + 1..=LONG.as_millis()).contains(&to_live), "{to_live}");
}

#[tokio::test]
async fn no_token_is_written_down() {
    let fixture = Redis::start().await;
    let new = login("7", 1, "canary-1");
    let mut step = exchange(key_of(&new), "canary-1", "canary-2");
    step.sealed_successor = b"opaque".to_vec();
    fixture.store.create(new).await.unwrap();
    rotated(fixture.store.rotate(step).await.unwrap());
    let log = std::fs::read_dir(fixture.server.folder().join("appendonlydir")).unwrap();
    let written: Vec<u8> = log.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    let contains = |text: &str| written.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("opaque") && contains("session"), "the log is not where this test looks");
    assert!(!contains("canary"));
}

#[tokio::test]
async fn records_of_a_newer_format_are_left_alone() {
    let fixture = Redis::start().await;
    let new = login("1", 7, "t1");
    let key = key_of(&new);
    fixture.store.create(new).await.unwrap();
    let mut control = fixture.server.connection();
    let name = "railgate:{6b86b273ff34fce1}:session:BwcHBwcHBwcHBwcHBwcHBw";
    let () = query(&mut control, &format!("HSET {name} v 2"));
    assert_eq!(fixture.store.find(key).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    let error = fixture.store.rotate(exchange(key, "t0", "t2")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    let () = query(&mut control, &format!("HSET {name} v 1"));
    rotated(fixture.store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    let () = query(&mut control, &format!("SET {name} x"));
    assert_eq!(fixture.store.find(key).await.unwrap_err().kind, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn the_password_of_the_url_is_used_and_never_shown() {
    let fixture = Redis::start().await;
    let () = query(&mut fixture.server.connection(), "CONFIG SET requirepass hunter2");
    let url = |password: &str| Secret::new(format!("redis://:{password}@127.0.0.1:{}", fixture.server.port));
    let store = RedisStore::connect(&url("hunter2"), "railgate", TIMEOUT).unwrap();
    assert!(!store.end(key_of(&login("7", 1, "t1"))).await.unwrap());
    let wrong = RedisStore::connect(&url("canary"), "railgate", TIMEOUT).unwrap();
    let error = wrong.end(key_of(&login("7", 1, "t1"))).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    let unreadable = RedisStore::connect(&Secret::new("redis//canary@host"), "railgate", TIMEOUT).unwrap_err();
    let shown = format!("{wrong:?} {error:?} {error} {unreadable:?} {}", unreadable.source);
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn the_documented_acl_user_may_do_all_that_is_needed_and_no_more() {
    let fixture = Redis::start().await;
    let commands = "+evalsha +script|load +time +exists +hset +hget +hmget +hgetall +del +pexpireat";
    let mut control = fixture.server.connection();
    let () = query(&mut control, &format!("ACL SETUSER gateway on >pass ~railgate:* -@all {commands}"));
    let url = Secret::new(format!("redis://gateway:pass@127.0.0.1:{}", fixture.server.port));
    let (store, new) = (RedisStore::connect(&url, "railgate", TIMEOUT).unwrap(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new.clone()).await.unwrap();
    store.create(new).await.unwrap();
    rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    assert!(store.find(key).await.unwrap().is_some());
    assert!(store.end(key).await.unwrap());
    let elsewhere = RedisStore::connect(&url, "other", TIMEOUT).unwrap();
    unavailable(elsewhere.find(key).await);
}

#[track_caller]
fn unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert_eq!(outcome.unwrap_err().kind, StoreErrorKind::Unavailable);
}

fn connections_made(control: &mut Connection) -> i64 {
    let stats: redis::InfoDict = query(control, "INFO stats");
    stats.get("total_connections_received").unwrap()
}

fn query<T: redis::FromRedisValue>(connection: &mut Connection, command: &str) -> T {
    words(command).query(connection).unwrap()
}

fn words(command: &str) -> Cmd {
    let mut words = command.split(' ');
    let mut built = cmd(words.next().unwrap());
    built.arg(words.collect::<Vec<_>>());
    built
}
