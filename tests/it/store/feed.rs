//! What stores tell of sessions that ended: little that all of them promise, and the feed in Redis.

use std::{
    collections::BTreeSet,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use ::redis::{Connection, cmd};
use railgate::{
    model::{Secret, SessionId, UserId},
    store::{Adopt, Feed, NewSession, News, Rotation, SessionStore, StoreErrorKind, redis::RedisStore},
};

use super::{
    contract::contract,
    fixture::{Cluster, Embedded, Fixture, LONG, Redis, Sentinel, TIMEOUT, exchange, key_of, login, rotated, token},
    redis::query,
};

const STREAM: &str = "railgate:{revocations}:stream";
const PLACE: &str = "railgate:{revocations}:place";
/// A feed that has nothing to say says so within this time.
const SOON: Duration = Duration::from_secs(5);

/// All that a feed says until it has nothing more to say: which sessions have ended, and how often it missed something.
pub(super) async fn heard(feed: &mut Box<dyn Feed>) -> (BTreeSet<SessionId>, usize) {
    let (mut sessions, mut gaps) = (BTreeSet::new(), 0);
    loop {
        match tokio::time::timeout(SOON, feed.next()).await.expect("news").unwrap() {
            News::Ended(ended) => sessions.extend(ended),
            News::Gap => gaps += 1,
            News::Quiet => return (sessions, gaps),
        }
    }
}

fn ids(numbers: impl IntoIterator<Item = u8>) -> BTreeSet<SessionId> {
    numbers.into_iter().map(|number| SessionId::from_bytes([number; 16])).collect()
}

async fn end(store: &dyn SessionStore, number: u8) {
    store.end(key_of(&login("7", number, "t"))).await.unwrap();
}

async fn a_feed_says_again_and_again_that_it_has_nothing_to_say(fixture: impl Fixture) {
    let mut feed = fixture.store().feed();
    for _ in 0..2 {
        assert_eq!(tokio::time::timeout(SOON, feed.next()).await.unwrap().unwrap(), News::Quiet);
    }
}

async fn nothing_is_told_but_what_ended(fixture: impl Fixture) {
    let (store, mut feed) = (fixture.store(), fixture.store().feed());
    heard(&mut feed).await;
    for number in 1..4 {
        store.create(login("7", number, "t1")).await.unwrap();
    }
    rotated(store.rotate(exchange(key_of(&login("7", 3, "t1")), "t1", "t2")).await.unwrap());
    end(&*store, 1).await;
    let (ended, gaps) = heard(&mut feed).await;
    assert!(ended.is_subset(&ids([1])) && gaps == 0, "{ended:?} {gaps}");
}

contract!(a_feed_says_again_and_again_that_it_has_nothing_to_say, nothing_is_told_but_what_ended);

#[tokio::test]
async fn every_listener_is_told_of_every_end() {
    let fixture = Redis::start().await;
    let store = &fixture.store;
    let limited = |number| NewSession { limit: NonZeroU32::new(2).unwrap(), ..login("7", number, "t1") };
    let mut feed = Redis::connect(fixture.server.port).feed();
    assert_eq!(heard(&mut feed).await, (ids([]), 0));
    for number in 1..=3 {
        store.create(limited(number)).await.unwrap();
    }
    assert_eq!(heard(&mut feed).await, (ids([1]), 0), "one too many");
    for (presented, successor) in [("t1", "t2"), ("t2", "t3")] {
        rotated(store.rotate(exchange(key_of(&limited(3)), presented, successor)).await.unwrap());
    }
    let replayed = store.rotate(exchange(key_of(&limited(3)), "t1", "t4")).await.unwrap();
    assert!(matches!(replayed, Rotation::Replayed(_)), "{replayed:?}");
    assert_eq!(heard(&mut feed).await, (ids([3]), 0), "a token that came back");
    end(&**store, 2).await;
    end(&**store, 9).await;
    assert_eq!(heard(&mut feed).await, (ids([2, 9]), 0), "gone or not: somebody may have failed to say so");
    for number in 4..6 {
        store.create(login("8", number, "t1")).await.unwrap();
    }
    store.end_all(&UserId::new("8")).await.unwrap();
    assert_eq!(heard(&mut feed).await, (ids([4, 5]), 0));
    store.end_all(&UserId::new("nobody")).await.unwrap();
    assert_eq!(heard(&mut feed).await, (ids([]), 0));
    store.spend(key_of(&login("9", 6, "t")), LONG).await.unwrap();
    assert_eq!(heard(&mut feed).await, (ids([6]), 0), "a credential that is spent");
    let adopt = |number| Adopt {
        new: NewSession { limit: NonZeroU32::MIN, ..login("9", number, "t1") },
        presented: token("c"),
        sealed_successor: Vec::new(),
        grace: LONG,
        remember: LONG,
    };
    for number in [7, 8] {
        store.adopt(adopt(number)).await.unwrap();
    }
    assert_eq!(heard(&mut feed).await, (ids([7]), 0), "the one that had to make room");
    assert_eq!(heard(&mut store.feed()).await, (ids([1, 2, 3, 4, 5, 6, 7, 9]), 0), "one that comes late");
}

#[tokio::test]
async fn a_listener_that_waits_is_woken() {
    let fixture = Redis::start().await;
    let mut feed = fixture.store.feed();
    heard(&mut feed).await;
    for number in 1..=5 {
        let waiting = tokio::spawn(async move { (feed.next().await.unwrap(), feed) });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let begun = Instant::now();
        end(&*fixture.store, number).await;
        let (news, back) = waiting.await.unwrap();
        feed = back;
        assert_eq!(news, News::Ended(ids([number]).into_iter().collect()));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert_eq!(feed.next().await.unwrap(), News::Quiet);
    }
}

#[tokio::test]
async fn a_long_window_and_a_rush_of_ends_are_told_whole() {
    let fixture = Redis::start().await;
    let (store, mut early) = (&fixture.store, fixture.store.feed());
    heard(&mut early).await;
    let mut all = BTreeSet::new();
    for number in 0..2_500_u16 {
        let mut key = key_of(&login("7", 1, "t"));
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        key.id = SessionId::from_bytes(id);
        all.insert(key.id);
        store.end(key).await.unwrap();
    }
    assert_eq!(heard(&mut early).await, (all.clone(), 0));
    assert_eq!(heard(&mut store.feed()).await, (all, 0));
}

/// The server that it finds then may be another one, which has entries from before where it stopped.
#[tokio::test]
async fn a_listener_that_was_cut_off_in_the_window_reads_it_from_its_beginning() {
    let fixture = Redis::start().await;
    for _ in 0..1_001 {
        end(&*fixture.store, 1).await;
    }
    let mut feed = fixture.store.feed();
    assert!(matches!(feed.next().await.unwrap(), News::Ended(ended) if ended.len() == 1_000));
    let mut control = fixture.server.connection();
    let () = query(&mut control, "FLUSHALL");
    let other = SessionId::from_bytes([2; 16]);
    let entry: String = query(&mut control, &format!("XADD {STREAM} 1-1 v 1 epoch e number 1 sessions {other}"));
    let _: i64 = query(&mut control, &format!("HSET {PLACE} epoch e number 1 entry {entry}"));
    let _: i64 = query(&mut control, "CLIENT KILL TYPE normal");
    assert_eq!(feed.next().await.unwrap_err().kind, StoreErrorKind::Unavailable);
    assert_eq!(heard(&mut feed).await, (ids([2]), 0));
}

#[tokio::test]
async fn a_listener_goes_on_where_it_was_cut_off() {
    let mut fixture = Redis::start().await;
    let mut feed = fixture.store.feed();
    end(&*fixture.store, 1).await;
    heard(&mut feed).await;
    // While it waits, and by a call that is given up.
    let _ = tokio::time::timeout(Duration::from_millis(50), feed.next()).await.unwrap_err();
    end(&*fixture.store, 2).await;
    assert_eq!(heard(&mut feed).await, (ids([2]), 0));
    let mut control = fixture.server.connection();
    let _: i64 = query(&mut control, "CLIENT KILL TYPE normal");
    end(&*fixture.store, 3).await;
    assert_eq!(feed.next().await.unwrap_err().kind, StoreErrorKind::Unavailable);
    assert_eq!(heard(&mut feed).await, (ids([3]), 0));
    // Killed as by a power cut; what was acknowledged is in the append-only file.
    end(&*fixture.store, 4).await;
    fixture.server.stop();
    for _ in 0..2 {
        assert_eq!(feed.next().await.unwrap_err().kind, StoreErrorKind::Unavailable);
    }
    fixture.server.restart();
    assert_eq!(heard(&mut feed).await, (ids([4]), 0));
    end(&*fixture.store, 5).await;
    assert_eq!(heard(&mut feed).await, (ids([5]), 0));
}

#[tokio::test]
async fn a_peer_that_is_silent_is_given_up() {
    let fixture = Redis::start().await;
    let mut feed = fixture.store.feed();
    heard(&mut feed).await;
    let mut control = fixture.server.connection();
    control.send_packed_command(&cmd("DEBUG").arg("SLEEP").arg(5).get_packed_command()).unwrap();
    let begun = Instant::now();
    assert_eq!(feed.next().await.unwrap_err().kind, StoreErrorKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    control.recv_response().unwrap();
    assert_eq!(heard(&mut feed).await, (ids([]), 0));
}

/// Does this to a feed whose listener has heard of sessions 1 and 2, and of no later one.
async fn after(damage: impl AsyncFn(&Redis, &mut Connection)) -> (BTreeSet<SessionId>, usize) {
    let fixture = Redis::start().await;
    let mut feed = fixture.store.feed();
    end(&*fixture.store, 1).await;
    end(&*fixture.store, 2).await;
    assert_eq!(heard(&mut feed).await, (ids([1, 2]), 0));
    damage(&fixture, &mut fixture.server.connection()).await;
    let (mut sessions, mut gaps) = heard(&mut feed).await;
    if gaps == 0 {
        (sessions, gaps) = heard(&mut feed).await;
    }
    // However it was damaged, it goes on well.
    assert_eq!(heard(&mut feed).await, (ids([]), 0));
    end(&*fixture.store, 9).await;
    assert_eq!(heard(&mut feed).await, (ids([9]), 0));
    (sessions, gaps)
}

#[tokio::test]
async fn what_may_have_been_missed_is_a_gap() {
    let newest = |control: &mut Connection| {
        query::<Vec<(String, Vec<String>)>>(control, &format!("XREVRANGE {STREAM} + - COUNT 1")).remove(0).0
    };
    let flushed = after(async |_, control| query(control, "FLUSHALL")).await;
    assert_eq!(flushed, (ids([]), 1));
    let flushed = after(async |redis, control| {
        let () = query(control, "FLUSHALL");
        end(&*redis.store, 3).await;
        end(&*redis.store, 4).await;
    });
    assert_eq!(flushed.await, (ids([3, 4]), 1));
    let no_place = after(async |_, control| query::<()>(control, &format!("DEL {PLACE}")));
    assert_eq!(no_place.await, (ids([1, 2]), 1));
    let no_place = after(async |redis, control| {
        let () = query(control, &format!("DEL {PLACE}"));
        end(&*redis.store, 3).await;
    });
    assert_eq!(no_place.await, (ids([1, 2, 3]), 1));
    let removed = after(async |redis, control| {
        end(&*redis.store, 3).await;
        let entry = newest(control);
        end(&*redis.store, 4).await;
        let () = query(control, &format!("XDEL {STREAM} {entry}"));
    });
    assert_eq!(removed.await, (ids([1, 2, 4]), 1));
    let trimmed = after(async |redis, control| {
        end(&*redis.store, 3).await;
        let () = query(control, &format!("XTRIM {STREAM} MAXLEN 0"));
    });
    assert_eq!(trimmed.await, (ids([]), 1));
    let set_back = after(async |_, control| query::<()>(control, &format!("HSET {PLACE} number 1")));
    assert_eq!(set_back.await, (ids([1, 2]), 1));
    // As of a primary that died before its replica had the last entry.
    let behind = after(async |redis, control| {
        let entries: Vec<(String, Vec<String>)> = query(control, &format!("XRANGE {STREAM} - +"));
        let () = query(control, &format!("XDEL {STREAM} {}", entries[1].0));
        let () = query(control, &format!("HSET {PLACE} number 1 entry {}", entries[0].0));
        end(&*redis.store, 3).await;
    });
    assert_eq!(behind.await, (ids([1, 3]), 1));
}

#[tokio::test]
async fn entries_go_by_age_and_both_keys_have_a_time_to_live() {
    let fixture = Redis::start().await;
    let url = Secret::new(fixture.server.url());
    let store = RedisStore::connect(&url, None, "railgate", TIMEOUT, Duration::from_secs(1)).unwrap();
    let mut control = fixture.server.connection();
    // Redis trims whole nodes.
    let () = query(&mut control, "CONFIG SET stream-node-max-entries 1");
    let mut feed = store.feed();
    for number in 1..=100 {
        end(&store, number).await;
    }
    assert_eq!(heard(&mut feed).await, (ids(1..=100), 0));
    let left = |control: &mut Connection, key| query::<u64>(control, &format!("PTTL {key}"));
    let (stream, place) = (left(&mut control, STREAM), left(&mut control, PLACE));
    let month = 30 * 24 * 3_600_000;
    assert!((1..=1_000).contains(&stream), "{stream}");
    assert!((month - 1_000..=month + 1_000).contains(&place), "{place}");

    tokio::time::sleep(Duration::from_millis(600)).await;
    end(&store, 101).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    end(&store, 102).await;
    assert_eq!(query::<u64>(&mut control, &format!("XLEN {STREAM}")), 2);
    assert_eq!(heard(&mut feed).await, (ids([101, 102]), 0), "age is no gap");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(query::<Vec<String>>(&mut control, "KEYS *"), [PLACE]);
    assert_eq!(heard(&mut feed).await, (ids([]), 0), "nor is silence");
    end(&store, 103).await;
    assert_eq!(heard(&mut feed).await, (ids([103]), 0));
    assert_eq!(heard(&mut store.feed()).await, (ids([103]), 0));
}

#[tokio::test]
async fn an_end_that_can_not_be_announced_is_not_acknowledged() {
    let fixture = Redis::start().await;
    let mut control = fixture.server.connection();
    let () = query(&mut control, "ACL SETUSER mute on >pass ~* +@all -xadd");
    let url = Secret::new(format!("redis://mute:pass@127.0.0.1:{}", fixture.server.port));
    let mute = Arc::new(RedisStore::connect(&url, None, "railgate", TIMEOUT, Duration::from_secs(60)).unwrap());
    let () = query(&mut control, &format!("SET {STREAM} x"));
    for (store, kind) in [(&fixture.store, StoreErrorKind::Corrupt), (&mute, StoreErrorKind::Unavailable)] {
        for number in 1..=2 {
            store.create(login("7", number, "t1")).await.unwrap();
        }
        assert_eq!(store.end(key_of(&login("7", 1, "t"))).await.unwrap_err().kind, kind);
        assert_eq!(store.end_all(&UserId::new("7")).await.unwrap_err().kind, kind);
        // Nobody could repeat these, and they stand.
        let one = |number| NewSession { limit: NonZeroU32::MIN, ..login("8", number, "t1") };
        store.create(one(3)).await.unwrap();
        assert_eq!(store.create(one(4)).await.unwrap(), [SessionId::from_bytes([3; 16])]);
        for (presented, successor) in [("t1", "t2"), ("t2", "t3")] {
            rotated(store.rotate(exchange(key_of(&one(4)), presented, successor)).await.unwrap());
        }
        let replayed = store.rotate(exchange(key_of(&one(4)), "t1", "t4")).await.unwrap();
        assert!(matches!(replayed, Rotation::Replayed(_)), "{replayed:?}");
        let () = query(&mut control, &format!("DEL {STREAM}"));
    }
    // Said again, it is told: the session is long gone.
    assert!(!fixture.store.end(key_of(&login("7", 1, "t"))).await.unwrap());
    assert_eq!(heard(&mut fixture.store.feed()).await, (ids([1]), 0));
}

/// Else it would be acknowledged, and no other gateway would know.
#[tokio::test]
async fn the_end_of_all_that_was_not_announced_is_announced_when_it_is_asked_for_again() {
    let fixture = Redis::start().await;
    let (store, seven) = (&fixture.store, UserId::new("7"));
    let mut control = fixture.server.connection();
    for number in 1..=2 {
        store.create(login("7", number, "t1")).await.unwrap();
    }
    let () = query(&mut control, &format!("SET {STREAM} x"));
    assert_eq!(store.end_all(&seven).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    assert!(store.list(&seven).await.unwrap().is_empty());
    store.create(login("7", 3, "t1")).await.unwrap();
    let () = query(&mut control, &format!("DEL {STREAM}"));
    let ended: BTreeSet<SessionId> = store.end_all(&seven).await.unwrap().into_iter().collect();
    assert_eq!(ended, ids(1..=3));
    assert_eq!(heard(&mut store.feed()).await, (ids(1..=3), 0));
    assert_eq!(store.end_all(&seven).await.unwrap(), [], "once is enough");
    assert!(query::<Vec<String>>(&mut control, "KEYS *session*").is_empty());
}

#[tokio::test]
async fn a_server_without_memory_still_tells_of_ends() {
    let fixture = Redis::start().await;
    let mut feed = fixture.store.feed();
    heard(&mut feed).await;
    let () = query(&mut fixture.server.connection(), "CONFIG SET maxmemory 1");
    end(&*fixture.store, 1).await;
    assert_eq!(heard(&mut feed).await, (ids([1]), 0));
    assert_eq!(heard(&mut fixture.store.feed()).await, (ids([1]), 0));
}
