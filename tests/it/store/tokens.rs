//! What every store must do to the backend's own tokens: the same as to other sealed records, and apart from them.

use std::sync::Arc;

use railgate::{
    model::UserId,
    store::{SealedRecord, StoreErrorKind, TokenStore},
};
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    contract::contract,
    fixture::{Cluster, Embedded, Fixture, Redis, Sentinel},
    redis::query,
};

async fn keep(store: &Arc<dyn TokenStore>, id: &str, over: u64, sealed: &[u8]) -> bool {
    store.keep_tokens(&UserId::new(id), over, sealed.to_vec()).await.unwrap()
}

async fn kept(store: &Arc<dyn TokenStore>, id: &str) -> Option<(u64, Vec<u8>)> {
    let found = store.tokens(&UserId::new(id)).await.unwrap();
    found.map(|SealedRecord { version, sealed }| (version, sealed))
}

async fn tokens_are_written_over_the_version_that_they_have(fixture: impl Fixture) {
    let store = fixture.tokens();
    assert_eq!(kept(&store, "7").await, None);
    assert!(!keep(&store, "7", 1, b"over nothing").await && !keep(&store, "7", u64::MAX, b"never").await);
    assert!(keep(&store, "7", 0, b"first").await && keep(&store, "7", 0, b"first").await, "the same call again");
    assert!(!keep(&store, "7", 0, b"other").await);
    assert!(keep(&store, "7", 1, b"second").await);
    assert!(!keep(&store, "7", 0, b"second").await && !keep(&store, "7", 1, b"third").await);
    assert_eq!(kept(&store, "7").await, Some((2, b"second".to_vec())));
    assert_eq!(kept(&store, "8").await, None);
}

async fn tokens_and_factors_are_records_apart(fixture: impl Fixture) {
    let (tokens, factors, user) = (fixture.tokens(), fixture.vault(), UserId::new("7"));
    assert!(keep(&tokens, "7", 0, b"tokens").await);
    assert!(factors.get(&user).await.unwrap().is_none());
    assert!(factors.users(None, 9).await.unwrap().is_empty(), "whoever seals factors anew meets no tokens");
    assert!(factors.put(&user, 0, b"factors".to_vec()).await.unwrap());
    assert_eq!(kept(&tokens, "7").await, Some((1, b"tokens".to_vec())));
    let fixture = fixture.reopen().await;
    assert_eq!(kept(&fixture.tokens(), "7").await, Some((1, b"tokens".to_vec())));
    assert_eq!(fixture.vault().get(&user).await.unwrap().unwrap().sealed, b"factors");
}

async fn of_twenty_at_once_one_is_kept(fixture: impl Fixture) {
    let store = fixture.tokens();
    let barrier = Arc::new(Barrier::new(20));
    let mut tasks = JoinSet::new();
    for number in 0..20_u8 {
        let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            keep(&store, "7", 0, &[number]).await.then_some(number)
        });
    }
    let written: Vec<u8> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!((written.len(), kept(&store, "7").await), (1, Some((1, written))));
}

contract!(
    tokens_are_written_over_the_version_that_they_have,
    tokens_and_factors_are_records_apart,
    of_twenty_at_once_one_is_kept,
);

#[tokio::test]
async fn tokens_that_redis_holds_in_another_form_are_left_alone() {
    let fixture = Redis::start().await;
    let store = fixture.tokens();
    keep(&store, "7", 0, b"first").await;
    let key = "railgate:{7902699be42c8a8e}:tokens:7902699be42c8a8e46fbbb4501726517e86b22c56a189f7625a6da49081b2451";
    let _set: i64 = query(&mut fixture.server.connection(), &format!("HSET {key} v 2"));
    assert_eq!(store.tokens(&UserId::new("7")).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    let refused = store.keep_tokens(&UserId::new("7"), 1, Vec::new()).await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::Corrupt);
}
