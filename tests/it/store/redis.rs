//! What only the store in Redis promises: above all, how it behaves when Redis does not.

use std::{
    io::Write as _,
    net::TcpListener,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use railgate::{
    model::{PasswordMark, Secret, SessionId, UserId},
    store::{
        Lifetimes, NewSession, News, Rotate, SessionStore as _, StoreError, StoreErrorKind, ThrottleStore as _, Touch,
        UserTag, VaultStore as _, redis::RedisStore,
    },
};
use redis::{Cmd, Connection, cmd};

use super::fixture::{
    END_MATTERS, Fixture as _, GRACE, LONG, Redis, TIMEOUT, exchange, key_of, login, repeated, rotated, token,
};
use crate::support::redis::{free_port, wait_until};

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
async fn a_caller_that_goes_away_leaves_no_reply_behind() {
    let fixture = Redis::start().await;
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    let mut control = fixture.server.connection();
    let others = connections_made(&mut control);
    fixture.store.create(new).await.unwrap();
    // Its own, and the one on which it asks in passing how memory is kept.
    wait_until("the store has asked", || connections_made(&mut control) == others + 2);
    let before = connections_made(&mut control);
    assert!(fixture.store.find(key).await.unwrap().is_some());
    let () = query(&mut control, "CLIENT PAUSE 100");
    assert!(tokio::time::timeout(Duration::from_millis(20), fixture.store.find(key)).await.is_err());
    assert!(fixture.store.find(key).await.unwrap().is_some());
    assert_eq!(connections_made(&mut control) - before, 1, "one new connection, for the abandoned one");
}

/// Else it would stay for as long as the server reads nothing, and another one after it.
#[tokio::test]
async fn a_connection_that_was_given_up_does_not_wait_until_all_is_sent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let store = Redis::connect(silent.local_addr().unwrap().port());
    std::thread::spawn(move || {
        let answered = silent.incoming().map(|stream| {
            let mut stream = stream.unwrap();
            // To the two lines by which the client says who it is; nothing is read.
            stream.write_all(b"+OK\r\n+OK\r\n").unwrap();
            stream
        });
        answered.collect::<Vec<_>>()
    });
    let calls = (0..64).map(|number| {
        let mut new = login("7", number, "t1");
        new.session.client.user_agent = Some("x".repeat(1 << 18));
        store.create(new)
    });
    // More than the system takes for a connection.
    futures_util::future::join_all(calls).await.into_iter().for_each(unavailable);
    drop(store);
    let tasks = tokio::runtime::Handle::current().metrics();
    let ended = async {
        while tasks.num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("nobody is left who writes");
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
    // Nor is anything ended to make room for what is not written.
    unavailable(fixture.store.create(NewSession { limit: NonZeroU32::MIN, ..login("7", 3, "t1") }).await);
    assert_eq!(fixture.store.list(&UserId::new("7")).await.unwrap().len(), 1);
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
    let index = "railgate:{6b86b273ff34fce1}:sessions";
    let mut keys: Vec<String> = query(&mut control, "KEYS *session*");
    keys.sort_unstable();
    assert_eq!(keys, [key, index]);
    for name in [key, index] {
        let to_live: u128 = query(&mut control, &format!("PTTL {name}"));
        assert!((1..=(GRACE * 100).as_millis()).contains(&to_live), "{name}: {to_live}");
    }
    rotated(fixture.store.rotate(exchange(key_of(&new), "t1", "t2")).await.unwrap());
    for name in [key, index] {
        let to_live: u128 = query(&mut control, &format!("PTTL {name}"));
        assert!(((GRACE * 100).as_millis() + 1..=LONG.as_millis()).contains(&to_live), "{name}: {to_live}");
    }
    // A shorter session beside it takes nothing from the index, and leaves it when it has run out.
    let brief = Lifetimes { idle: GRACE, absolute: LONG };
    fixture.store.create(NewSession { lifetimes: brief, ..login("1", 8, "t1") }).await.unwrap();
    let to_live: u128 = query(&mut control, &format!("PTTL {index}"));
    assert!(to_live > (GRACE * 100).as_millis(), "{to_live}");
    tokio::time::sleep(GRACE).await;
    fixture.store.create(login("1", 9, "t1")).await.unwrap();
    assert_eq!(query::<i64>(&mut control, &format!("ZCARD {index}")), 2);
    fixture.store.end_all(&UserId::new("1")).await.unwrap();
    assert!(query::<Vec<String>>(&mut control, "KEYS *session*").is_empty());
}

/// As a gateway of a release that knew no index leaves them.
#[tokio::test]
async fn sessions_that_are_not_in_the_index_can_be_ended_and_come_into_it_when_they_are_used() {
    let fixture = Redis::start().await;
    let (store, one, mine) = (&fixture.store, UserId::new("1"), login("1", 7, "t1"));
    for new in [mine.clone(), login("1", 8, "t1")] {
        store.create(new).await.unwrap();
    }
    let mut control = fixture.server.connection();
    let () = query(&mut control, "DEL railgate:{6b86b273ff34fce1}:sessions");
    assert!(store.list(&one).await.unwrap().is_empty());
    assert!(store.end(key_of(&login("1", 8, "t1"))).await.unwrap());
    rotated(store.rotate(exchange(key_of(&mine), "t1", "t2")).await.unwrap());
    assert_eq!(store.list(&one).await.unwrap().len(), 1);
    // And one that such a gateway ended is not listed.
    let () = query(&mut control, "DEL railgate:{6b86b273ff34fce1}:session:BwcHBwcHBwcHBwcHBwcHBw");
    assert!(store.list(&one).await.unwrap().is_empty());
    store.end_all(&one).await.unwrap();
    assert!(query::<Vec<String>>(&mut control, "KEYS *session*").is_empty());
}

/// As a gateway of a release that knew nothing of passwords leaves it.
#[tokio::test]
async fn a_record_without_the_later_fields_is_read_and_gets_them() {
    let fixture = Redis::start().await;
    let (store, key) = (&fixture.store, key_of(&login("1", 7, "t1")));
    store.create(login("1", 7, "t1")).await.unwrap();
    let mut control = fixture.server.connection();
    let name = "railgate:{6b86b273ff34fce1}:session:BwcHBwcHBwcHBwcHBwcHBw";
    let () = query(&mut control, &format!("HDEL {name} password"));
    assert_eq!(store.find(key).await.unwrap().unwrap().password, None);
    assert_eq!(store.list(&UserId::new("1")).await.unwrap()[0].password, None);
    let touch = Touch { key, presented: token("t1"), idle: LONG };
    assert_eq!(store.touch(touch).await.unwrap().unwrap().password, None);
    let mark = Some(PasswordMark::from_bytes([9; 20]));
    let step = Rotate { password: mark, ..exchange(key, "t1", "t2") };
    assert_eq!(rotated(store.rotate(step).await.unwrap()).password, mark);
    // And one that a later release added to is not in its way.
    let () = query(&mut control, &format!("HSET {name} tenant 4"));
    rotated(store.rotate(exchange(key, "t2", "t3")).await.unwrap());
    assert_eq!(query::<i64>(&mut control, &format!("HGET {name} tenant")), 4, "nor is it lost");
}

#[tokio::test]
async fn another_user_of_the_same_tag_keeps_what_is_theirs() {
    let fixture = Redis::start().await;
    let (store, one, mine) = (&fixture.store, UserId::new("1"), login("1", 7, "t1"));
    for new in [mine, login("1", 8, "t1")] {
        store.create(new).await.unwrap();
    }
    let mut control = fixture.server.connection();
    let () = query(&mut control, "HSET railgate:{6b86b273ff34fce1}:session:BwcHBwcHBwcHBwcHBwcHBw user 2");
    assert_eq!(store.list(&one).await.unwrap().len(), 1);
    assert_eq!(store.end_all(&one).await.unwrap(), [SessionId::from_bytes([8; 16])]);
    assert_eq!(query::<i64>(&mut control, "ZCARD railgate:{6b86b273ff34fce1}:sessions"), 1);
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
    let whole = |control: &mut Connection| query::<Vec<Vec<u8>>>(control, &format!("HGETALL {name}"));
    let before = whole(&mut control);
    assert_eq!(fixture.store.find(key).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    let error = fixture.store.rotate(exchange(key, "t0", "t2")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    let touch = Touch { key, presented: token("t1"), idle: LONG };
    assert_eq!(fixture.store.touch(touch).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    assert_eq!(fixture.store.list(&UserId::new("1")).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    assert_eq!(whole(&mut control), before);
    let () = query(&mut control, &format!("HSET {name} v 1"));
    rotated(fixture.store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    let () = query(&mut control, &format!("SET {name} x"));
    assert_eq!(fixture.store.find(key).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    // They can be ended all the same.
    assert_eq!(fixture.store.end_all(&UserId::new("1")).await.unwrap(), [key.id]);
    assert!(query::<Vec<String>>(&mut control, "KEYS *session*").is_empty());
}

#[tokio::test]
async fn the_password_of_the_url_is_used_and_never_shown() {
    let fixture = Redis::start().await;
    let () = query(&mut fixture.server.connection(), "CONFIG SET requirepass hunter2");
    let url = |password: &str| Secret::new(format!("redis://:{password}@127.0.0.1:{}", fixture.server.port));
    let store = RedisStore::connect(&url("hunter2"), None, "railgate", TIMEOUT, END_MATTERS).unwrap();
    assert!(!store.end(key_of(&login("7", 1, "t1"))).await.unwrap());
    let wrong = RedisStore::connect(&url("canary"), None, "railgate", TIMEOUT, END_MATTERS).unwrap();
    let error = wrong.end(key_of(&login("7", 1, "t1"))).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    let unreadable =
        RedisStore::connect(&Secret::new("redis//canary@host"), None, "railgate", TIMEOUT, END_MATTERS).unwrap_err();
    let shown = format!("{wrong:?} {error:?} {error} {unreadable:?} {}", unreadable.source);
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn the_documented_acl_user_may_do_all_that_is_needed_and_no_more() {
    let fixture = Redis::start().await;
    let commands = "+evalsha +script|load +time +exists +hset +hget +hmget +hgetall +del +pexpireat \
                    +zadd +zrem +zrange +zrangebylex +zrangebyscore +zremrangebyscore +xadd +xtrim +xrange +xread";
    let mut control = fixture.server.connection();
    let () = query(&mut control, &format!("ACL SETUSER gateway on >pass ~railgate:* -@all {commands}"));
    let url = Secret::new(format!("redis://gateway:pass@127.0.0.1:{}", fixture.server.port));
    let (store, new) =
        (RedisStore::connect(&url, None, "railgate", TIMEOUT, END_MATTERS).unwrap(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new.clone()).await.unwrap();
    store.create(new).await.unwrap();
    rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    assert!(store.find(key).await.unwrap().is_some());
    assert!(store.end(key).await.unwrap());
    let one = NonZeroU32::MIN;
    for number in 2..4 {
        store.create(NewSession { limit: one, ..login("7", number, "t1") }).await.unwrap();
    }
    assert_eq!(store.list(&UserId::new("7")).await.unwrap().len(), 1);
    assert_eq!(store.end_all(&UserId::new("7")).await.unwrap().len(), 1);
    let mut feed = store.feed();
    for expected in [News::Ended([1, 2, 3].map(|id| SessionId::from_bytes([id; 16])).into()), News::Quiet, News::Quiet]
    {
        assert_eq!(feed.next().await.unwrap(), expected);
    }
    assert!(store.put(&UserId::new("7"), 0, b"sealed".to_vec()).await.unwrap());
    assert!(store.get(&UserId::new("7")).await.unwrap().is_some());
    assert_eq!(store.users(None, 1).await.unwrap(), [UserId::new("7")]);
    let (attempts, tag) = (super::throttle::key("code"), UserTag::of(&UserId::new("7")));
    store.forgive_all(tag, LONG).await.unwrap();
    store.admit(&attempts, super::throttle::BUDGET).await.unwrap();
    store.undo(&attempts).await.unwrap();
    store.forgive(&attempts).await.unwrap();
    let elsewhere = RedisStore::connect(&url, None, "other", TIMEOUT, END_MATTERS).unwrap();
    unavailable(elsewhere.find(key).await);
}

#[track_caller]
pub(super) fn unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert_eq!(outcome.unwrap_err().kind, StoreErrorKind::Unavailable);
}

fn connections_made(control: &mut Connection) -> i64 {
    let stats: redis::InfoDict = query(control, "INFO stats");
    stats.get("total_connections_received").unwrap()
}

pub(super) fn query<T: redis::FromRedisValue>(connection: &mut Connection, command: &str) -> T {
    words(command).query(connection).unwrap()
}

fn words(command: &str) -> Cmd {
    let mut words = command.split(' ');
    let mut built = cmd(words.next().unwrap());
    built.arg(words.collect::<Vec<_>>());
    built
}
