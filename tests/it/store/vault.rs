//! What every store must do to sealed records.

use std::{sync::Arc, time::Duration};

use railgate::{
    model::UserId,
    store::{SealedRecord, StoreErrorKind, VaultStore},
};
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    contract::contract,
    embedded::behind_the_back,
    fixture::{Cluster, Embedded, Fixture, Redis, Sentinel},
    redis::query,
};

fn user(id: &str) -> UserId {
    UserId::new(id)
}

async fn put(store: &Arc<dyn VaultStore>, id: &str, over: u64, sealed: &[u8]) -> bool {
    store.put(&user(id), over, sealed.to_vec()).await.unwrap()
}

/// The version and the bytes of a user's record.
async fn kept(store: &Arc<dyn VaultStore>, id: &str) -> Option<(u64, Vec<u8>)> {
    store.get(&user(id)).await.unwrap().map(|SealedRecord { version, sealed }| (version, sealed))
}

async fn users(store: &Arc<dyn VaultStore>, after: Option<&str>, limit: u32) -> Vec<String> {
    let after = after.map(user);
    let users = store.users(after.as_ref(), limit).await.unwrap();
    users.iter().map(|user| user.as_str().to_owned()).collect()
}

async fn a_record_is_found_as_it_was_written_and_stays(fixture: impl Fixture) {
    let store = fixture.vault();
    assert_eq!(kept(&store, "7").await, None);
    let every_byte: Vec<u8> = (0..=255).collect();
    assert!(put(&store, "7", 0, &every_byte).await);
    assert!(put(&store, "8", 0, b"").await);
    fixture.advance(Duration::from_millis(20)).await;
    assert_eq!(kept(&store, "7").await, Some((1, every_byte)));
    assert_eq!(kept(&store, "8").await, Some((1, Vec::new())));
    assert_eq!(kept(&store, "").await, None);
}

async fn a_record_is_written_over_the_version_that_it_has(fixture: impl Fixture) {
    let store = fixture.vault();
    for never in [1, 2, u64::MAX] {
        assert!(!put(&store, "7", never, b"over nothing").await, "{never}");
    }
    assert_eq!(kept(&store, "7").await, None);
    assert!(put(&store, "7", 0, b"first").await);
    for stale in [0, 2, 10, u64::MAX] {
        assert!(!put(&store, "7", stale, b"other").await, "{stale}");
    }
    assert!(put(&store, "7", 1, b"second").await);
    assert!(!put(&store, "7", 1, b"other").await);
    assert_eq!(kept(&store, "7").await, Some((2, b"second".to_vec())));
    for over in 2..12 {
        assert!(put(&store, "7", over, b"later").await, "{over}");
    }
    assert_eq!(kept(&store, "7").await, Some((12, b"later".to_vec())));
}

async fn the_same_call_again_changes_nothing_and_is_told_the_same(fixture: impl Fixture) {
    let store = fixture.vault();
    for _ in 0..3 {
        assert!(put(&store, "7", 0, b"first").await);
        assert_eq!(kept(&store, "7").await, Some((1, b"first".to_vec())));
    }
    for _ in 0..3 {
        assert!(put(&store, "7", 1, b"second").await);
        assert_eq!(kept(&store, "7").await, Some((2, b"second".to_vec())));
    }
    assert!(!put(&store, "7", 0, b"first").await, "another came in between");
    assert!(!put(&store, "7", 0, b"second").await, "the same bytes over another version are another call");
}

async fn of_fifty_at_once_one_is_written(fixture: impl Fixture) {
    let store = fixture.vault();
    for over in 0..2 {
        let barrier = Arc::new(Barrier::new(50));
        let mut tasks = JoinSet::new();
        for number in 0..50_u8 {
            let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
            tasks.spawn(async move {
                barrier.wait().await;
                put(&store, "7", over, &[number]).await.then_some(number)
            });
        }
        let written: Vec<u8> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(written.len(), 1, "over {over}");
        assert_eq!(kept(&store, "7").await, Some((over + 1, written)));
    }
}

async fn users_are_told_of_in_pages(fixture: impl Fixture) {
    let store = fixture.vault();
    assert!(users(&store, None, 10).await.is_empty());
    for id in ["2", "10", "ä", "1", "Z", "a:b", "10"] {
        put(&store, id, 0, id.as_bytes()).await;
    }
    put(&store, "10", 1, b"again").await;
    assert_eq!(users(&store, None, 10).await, ["1", "10", "2", "Z", "a:b", "ä"]);
    assert_eq!(users(&store, None, 4).await, ["1", "10", "2", "Z"]);
    assert_eq!(users(&store, Some("Z"), 4).await, ["a:b", "ä"]);
    assert_eq!(users(&store, Some("11"), 1).await, ["2"], "nobody has to be there to go on from");
    assert!(users(&store, Some("ä"), 4).await.is_empty());
    assert!(users(&store, None, 0).await.is_empty());
}

async fn records_survive_reopening(fixture: impl Fixture) {
    put(&fixture.vault(), "7", 0, b"first").await;
    put(&fixture.vault(), "7", 1, b"second").await;
    let fixture = fixture.reopen().await;
    assert_eq!(kept(&fixture.vault(), "7").await, Some((2, b"second".to_vec())));
    assert_eq!(users(&fixture.vault(), None, 10).await, ["7"]);
    assert!(put(&fixture.vault(), "7", 2, b"third").await);
}

contract!(
    a_record_is_found_as_it_was_written_and_stays,
    a_record_is_written_over_the_version_that_it_has,
    the_same_call_again_changes_nothing_and_is_told_the_same,
    of_fifty_at_once_one_is_written,
    users_are_told_of_in_pages,
    records_survive_reopening,
);

/// The record of user 7: SHA-256 of `7`, and its first 8 bytes as the tag.
const RECORD: &str =
    "railgate:{7902699be42c8a8e}:factors:7902699be42c8a8e46fbbb4501726517e86b22c56a189f7625a6da49081b2451";
const USERS: &str = "railgate:{factors}:users";

#[tokio::test]
async fn redis_keeps_records_until_somebody_deletes_them() {
    let fixture = Redis::start().await;
    put(&fixture.vault(), "7", 0, b"first").await;
    let mut control = fixture.server.connection();
    for key in [RECORD, USERS] {
        let left: i64 = query(&mut control, &format!("TTL {key}"));
        assert_eq!(left, -1, "{key} has no end");
    }
}

#[tokio::test]
async fn redis_lists_a_user_before_there_is_a_record() {
    let fixture = Redis::start().await;
    let mut control = fixture.server.connection();
    let () = query(&mut control, &format!("SET {USERS} damaged"));
    let failed = fixture.vault().put(&user("7"), 0, b"first".to_vec()).await.unwrap_err();
    assert_eq!(failed.kind, StoreErrorKind::Corrupt);
    assert_eq!(kept(&fixture.vault(), "7").await, None);
}

#[tokio::test]
async fn redis_tells_of_a_user_again_whose_entry_it_lost() {
    let fixture = Redis::start().await;
    put(&fixture.vault(), "7", 0, b"first").await;
    let _removed: i64 = query(&mut fixture.server.connection(), &format!("DEL {USERS}"));
    put(&fixture.vault(), "7", 1, b"second").await;
    assert_eq!(users(&fixture.vault(), None, 10).await, ["7"]);
}

#[tokio::test]
async fn a_record_that_redis_holds_in_another_form_is_left_alone() {
    for damage in
        ["HSET KEY v 2", "HDEL KEY v", "HSET KEY version x", "HDEL KEY version", "HSET KEY user 8", "HDEL KEY sealed"]
    {
        let fixture = Redis::start().await;
        put(&fixture.vault(), "7", 0, b"first").await;
        let mut control = fixture.server.connection();
        let _changed: i64 = query(&mut control, &damage.replace("KEY", RECORD));
        let before: Vec<Vec<u8>> = query(&mut control, &format!("HGETALL {RECORD}"));
        let unread = fixture.vault().get(&user("7")).await.unwrap_err();
        assert_eq!(unread.kind, StoreErrorKind::Corrupt, "{damage}");
        for over in [0, 1] {
            let refused = fixture.vault().put(&user("7"), over, b"second".to_vec()).await.unwrap_err();
            assert_eq!(refused.kind, StoreErrorKind::Corrupt, "{damage}, over {over}");
        }
        let after: Vec<Vec<u8>> = query(&mut control, &format!("HGETALL {RECORD}"));
        assert_eq!(after, before, "{damage}");
    }
}

#[tokio::test]
async fn a_version_that_the_file_can_not_have_is_damage() {
    let fixture = Embedded::start().await;
    put(&fixture.vault(), "7", 0, b"first").await;
    behind_the_back(&fixture.path(), "UPDATE vault SET version = -1").await;
    assert_eq!(fixture.vault().get(&user("7")).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    assert_eq!(fixture.vault().put(&user("7"), 1, Vec::new()).await.unwrap_err().kind, StoreErrorKind::Corrupt);
}
