//! What every session store must do to all sessions of a user: list them, limit them, end them.

use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc, time::Duration};

use railgate::{
    model::{SessionId, UserId},
    store::{Lifetimes, NewSession, Rotation, SessionKey, SessionStore},
};
use tokio::sync::Barrier;

use super::{
    contract::contract,
    fixture::{Cluster, Embedded, Fixture, IDLE, LONG, Redis, Sentinel, exchange, key_of, login, rotated},
};

/// Between two steps, so that one was before the other.
const MOMENT: Duration = Duration::from_millis(2);

fn seven() -> UserId {
    UserId::new("7")
}

fn ids(numbers: impl IntoIterator<Item = u8>) -> BTreeSet<SessionId> {
    numbers.into_iter().map(|number| SessionId::from_bytes([number; 16])).collect()
}

async fn listed(store: &Arc<dyn SessionStore>) -> BTreeSet<SessionId> {
    store.list(&seven()).await.unwrap().into_iter().map(|session| session.id).collect()
}

/// A session that each use keeps for a while longer.
fn limited(number: u8, limit: u32) -> NewSession {
    let lifetimes = Lifetimes { idle: LONG, absolute: LONG * 10 };
    NewSession { lifetimes, limit: NonZeroU32::new(limit).unwrap(), ..login("7", number, &format!("t{number}")) }
}

async fn a_users_sessions_are_listed_and_nobody_elses(fixture: impl Fixture) {
    let store = fixture.store();
    assert_eq!(listed(&store).await, ids([]));
    for (user, number) in [("7", 1), ("8", 2), ("7", 3), ("7", 4)] {
        assert!(store.create(login(user, number, "t")).await.unwrap().is_empty());
    }
    store.end(key_of(&login("7", 3, "t"))).await.unwrap();
    rotated(store.rotate(exchange(key_of(&login("7", 4, "t")), "t", "t2")).await.unwrap());
    assert_eq!(listed(&store).await, ids([1, 4]));
    let sessions = store.list(&seven()).await.unwrap();
    for session in &sessions {
        let key = SessionKey { id: session.id, ..key_of(&login("7", 1, "t")) };
        let found = store.find(key).await.unwrap().unwrap();
        assert_eq!((session.last_used, session.expiry), (found.last_used, found.expiry));
        assert_eq!((&session.user, &session.client.user_agent), (&found.user, &found.client.user_agent));
    }
}

async fn what_has_run_out_or_came_back_used_is_not_listed(fixture: impl Fixture) {
    let store = fixture.store();
    let brief = NewSession { lifetimes: Lifetimes { idle: IDLE, absolute: LONG }, ..login("7", 1, "t1") };
    store.create(brief).await.unwrap();
    let (stolen, kept) = (login("7", 2, "a"), login("7", 3, "t1"));
    store.create(stolen.clone()).await.unwrap();
    store.create(kept).await.unwrap();
    rotated(store.rotate(exchange(key_of(&stolen), "a", "b")).await.unwrap());
    rotated(store.rotate(exchange(key_of(&stolen), "b", "c")).await.unwrap());
    assert_eq!(listed(&store).await, ids([1, 2, 3]));
    assert!(matches!(store.rotate(exchange(key_of(&stolen), "a", "d")).await.unwrap(), Rotation::Replayed(_)));
    fixture.advance(IDLE).await;
    assert_eq!(listed(&store).await, ids([3]));
}

async fn all_sessions_of_a_user_end_at_once(fixture: impl Fixture) {
    let store = fixture.store();
    assert!(store.end_all(&seven()).await.unwrap().is_empty());
    let yours = login("8", 9, "yours");
    store.create(yours.clone()).await.unwrap();
    for number in 1..=60 {
        store.create(login("7", number, "t")).await.unwrap();
    }
    let ended: BTreeSet<SessionId> = store.end_all(&seven()).await.unwrap().into_iter().collect();
    assert_eq!(ended, ids(1..=60));
    assert_eq!(listed(&store).await, ids([]));
    for number in 1..=60 {
        let key = key_of(&login("7", number, "t"));
        assert!(matches!(store.rotate(exchange(key, "t", "t2")).await.unwrap(), Rotation::Unknown));
    }
    rotated(store.rotate(exchange(key_of(&yours), "yours", "t2")).await.unwrap());
    store.create(login("7", 1, "t")).await.unwrap();
    assert_eq!(listed(&store).await, ids([1]), "a login afterwards has nothing to do with it");
}

async fn one_too_many_ends_the_one_that_would_run_out_first(fixture: impl Fixture) {
    let store = fixture.store();
    for number in 1..=3 {
        assert!(store.create(limited(number, 3)).await.unwrap().is_empty());
        fixture.advance(MOMENT).await;
    }
    rotated(store.rotate(exchange(key_of(&limited(1, 3)), "t1", "next")).await.unwrap());
    fixture.advance(MOMENT).await;
    assert_eq!(store.create(limited(4, 3)).await.unwrap(), Vec::from_iter(ids([2])));
    assert_eq!(listed(&store).await, ids([1, 3, 4]));
    assert!(store.find(key_of(&limited(2, 3))).await.unwrap().is_none());
    // The same call again ends no further one.
    store.create(limited(4, 3)).await.unwrap();
    assert_eq!(listed(&store).await, ids([1, 3, 4]));
}

async fn only_what_lives_counts_for_the_limit(fixture: impl Fixture) {
    let store = fixture.store();
    let brief = NewSession { lifetimes: Lifetimes { idle: IDLE, absolute: LONG }, ..limited(1, 3) };
    store.create(brief).await.unwrap();
    store.create(limited(2, 3)).await.unwrap();
    store.create(limited(3, 3)).await.unwrap();
    store.create(login("8", 4, "t")).await.unwrap();
    store.end(key_of(&limited(2, 3))).await.unwrap();
    fixture.advance(IDLE).await;
    assert!(store.create(limited(5, 2)).await.unwrap().is_empty());
    assert!(store.create(limited(6, 3)).await.unwrap().is_empty());
    assert_eq!(listed(&store).await, ids([3, 5, 6]));
}

async fn a_lower_limit_ends_all_that_are_too_many(fixture: impl Fixture) {
    let store = fixture.store();
    for number in 1..=10 {
        store.create(limited(number, 10)).await.unwrap();
        fixture.advance(MOMENT).await;
    }
    let ended: BTreeSet<SessionId> = store.create(limited(11, 1)).await.unwrap().into_iter().collect();
    assert_eq!((ended, listed(&store).await), (ids(1..=10), ids([11])));
}

/// Whatever the order: a session is among those that were ended, or it stands and is listed.
async fn logins_that_race_the_end_of_all_are_ended_or_stand(fixture: impl Fixture) {
    let store = fixture.store();
    for round in 0..10 {
        let start = Arc::new(Barrier::new(22));
        let numbers = round * 20..(round + 1) * 20;
        let logins: Vec<_> = numbers
            .clone()
            .map(|number| {
                let (store, start) = (store.clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    store.create(login("7", number, "t")).await.unwrap();
                })
            })
            .collect();
        let ends: Vec<_> = (0..2)
            .map(|_| {
                let (store, start) = (store.clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    store.end_all(&seven()).await.unwrap()
                })
            })
            .collect();
        for login in logins {
            login.await.unwrap();
        }
        let mut ended = BTreeSet::new();
        for end in ends {
            ended.extend(end.await.unwrap());
        }
        let standing = listed(&store).await;
        assert!(ended.is_disjoint(&standing));
        let both: BTreeSet<SessionId> = ended.union(&standing).copied().collect();
        assert_eq!(both, ids(numbers));
        for id in &standing {
            let key = SessionKey { id: *id, ..key_of(&login("7", 0, "t")) };
            rotated(store.rotate(exchange(key, "t", "t2")).await.unwrap());
        }
        store.end_all(&seven()).await.unwrap();
    }
}

async fn logins_that_race_keep_to_the_limit(fixture: impl Fixture) {
    let store = fixture.store();
    let start = Arc::new(Barrier::new(50));
    let logins: Vec<_> = (1..=50)
        .map(|number| {
            let (store, start) = (store.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                store.create(limited(number, 5)).await.unwrap()
            })
        })
        .collect();
    let mut ended = BTreeSet::new();
    for login in logins {
        ended.extend(login.await.unwrap());
    }
    let standing = listed(&store).await;
    assert_eq!((standing.len(), ended.len()), (5, 45));
    assert!(ended.is_disjoint(&standing));
}

contract!(
    a_users_sessions_are_listed_and_nobody_elses,
    what_has_run_out_or_came_back_used_is_not_listed,
    all_sessions_of_a_user_end_at_once,
    one_too_many_ends_the_one_that_would_run_out_first,
    only_what_lives_counts_for_the_limit,
    a_lower_limit_ends_all_that_are_too_many,
    logins_that_race_the_end_of_all_are_ended_or_stand,
    logins_that_race_keep_to_the_limit,
);
