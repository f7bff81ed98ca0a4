//! What every session store must do about credentials of the backend: one opens one session, and is remembered.

use std::{sync::Arc, time::Duration};

use railgate::{
    model::UserId,
    store::{Adopt, Adopted, Lifetimes, Rotate, Rotation, SessionKey, SessionStore as _},
};
use tokio::sync::Barrier;

use super::{
    contract::contract,
    fixture::{
        Cluster, Embedded, Fixture, GRACE, IDLE, LONG, Redis, Sentinel, exchange, key_of, login, repeated, rotated,
        token,
    },
    redis::{query, unavailable},
};

/// A session numbered 1 of the user 7, by the credential `c1`; its first refresh token is this one.
fn adopt(refresh: &str) -> Adopt {
    Adopt {
        new: login("7", 1, refresh),
        presented: token("c1"),
        sealed_successor: format!("sealed {refresh}").into_bytes(),
        grace: GRACE,
        remember: LONG,
    }
}

fn key() -> SessionKey {
    key_of(&login("7", 1, "t"))
}

fn opened() -> Adopted {
    Adopted::Opened(Vec::new())
}

async fn a_credential_opens_one_session(fixture: impl Fixture) {
    let store = fixture.store();
    assert!(!store.is_spent(key()).await.unwrap());
    assert_eq!(store.adopt(adopt("t1")).await.unwrap(), opened());
    assert!(store.is_spent(key()).await.unwrap());
    let (found, given) = (store.find(key()).await.unwrap().unwrap(), adopt("t1").new.session);
    assert_eq!((found.user, found.created, found.auth_time), (given.user, given.created, given.auth_time));
    assert_eq!(store.list(&UserId::new("7")).await.unwrap().len(), 1);
    assert_eq!(store.adopt(adopt("t2")).await.unwrap(), Adopted::Spent);
    rotated(store.rotate(exchange(key(), "t1", "t3")).await.unwrap());
}

async fn the_same_call_again_is_answered_as_the_first_time(fixture: impl Fixture) {
    let store = fixture.store();
    for _ in 0..3 {
        assert_eq!(store.adopt(adopt("t1")).await.unwrap(), opened());
    }
    store.end(key()).await.unwrap();
    assert_eq!(store.adopt(adopt("t1")).await.unwrap(), Adopted::Spent, "not after it has ended");
    assert!(store.find(key()).await.unwrap().is_none());
}

async fn the_credential_is_the_predecessor_of_the_first_token(fixture: impl Fixture) {
    let store = fixture.store();
    store.adopt(adopt("t1")).await.unwrap();
    assert_eq!(repeated(store.rotate(exchange(key(), "c1", "t2")).await.unwrap()), "sealed t1");
    // The same call again does not begin the grace anew.
    fixture.advance(GRACE * 7 / 10).await;
    store.adopt(adopt("t1")).await.unwrap();
    fixture.advance(GRACE / 2).await;
    assert!(matches!(store.rotate(exchange(key(), "c1", "t2")).await.unwrap(), Rotation::Replayed(_)));
    assert!(store.find(key()).await.unwrap().is_none());
    assert!(matches!(store.rotate(exchange(key(), "t1", "t2")).await.unwrap(), Rotation::Unknown));
    assert_eq!(store.adopt(adopt("t3")).await.unwrap(), Adopted::Spent);
}

async fn another_credential_of_the_family_ends_the_session_at_once(fixture: impl Fixture) {
    let store = fixture.store();
    store.adopt(adopt("t1")).await.unwrap();
    let other = Adopt { presented: token("c2"), ..adopt("t2") };
    assert_eq!(store.adopt(other).await.unwrap(), Adopted::Spent);
    let other = Rotate { grace: LONG, ..exchange(key(), "c2", "t2") };
    assert!(matches!(store.rotate(other).await.unwrap(), Rotation::Replayed(_)));
}

async fn a_credential_stays_spent_when_its_session_has_run_out(fixture: impl Fixture) {
    let store = fixture.store();
    let mut brief = adopt("t1");
    brief.new.lifetimes = Lifetimes { idle: IDLE, absolute: LONG };
    store.adopt(brief).await.unwrap();
    fixture.advance(IDLE).await;
    assert!(store.find(key()).await.unwrap().is_none());
    assert_eq!(store.adopt(adopt("t2")).await.unwrap(), Adopted::Spent);
    assert!(store.find(key()).await.unwrap().is_none());
}

async fn a_credential_that_is_spent_opens_nothing(fixture: impl Fixture) {
    let store = fixture.store();
    store.spend(key(), LONG).await.unwrap();
    assert!(store.is_spent(key()).await.unwrap());
    assert_eq!(store.adopt(adopt("t1")).await.unwrap(), Adopted::Spent);
    assert!(store.find(key()).await.unwrap().is_none());
    assert!(store.list(&UserId::new("7")).await.unwrap().is_empty());
    for other in [key_of(&login("7", 2, "t")), key_of(&login("8", 1, "t"))] {
        assert!(!store.is_spent(other).await.unwrap());
    }
}

async fn what_is_spent_is_remembered_as_long_as_was_said_last(fixture: impl Fixture) {
    let store = fixture.store();
    let other = key_of(&login("7", 2, "t"));
    store.spend(other, IDLE).await.unwrap();
    store.spend(key(), IDLE * 3).await.unwrap();
    // Shorter, which takes nothing away.
    store.spend(key(), IDLE / 2).await.unwrap();
    store.adopt(Adopt { remember: IDLE / 2, ..adopt("t1") }).await.unwrap();
    fixture.advance(IDLE).await;
    assert!(!store.is_spent(other).await.unwrap());
    assert!(store.is_spent(key()).await.unwrap());
    assert_eq!(store.adopt(Adopt { remember: LONG, ..adopt("t1") }).await.unwrap(), Adopted::Spent);
    fixture.advance(IDLE * 2).await;
    assert!(store.is_spent(key()).await.unwrap(), "each showing lengthens it where need be");
    store.spend(key(), Duration::MAX).await.unwrap();
    assert!(store.is_spent(key()).await.unwrap());
}

async fn a_session_of_the_same_id_is_left_alone(fixture: impl Fixture) {
    let store = fixture.store();
    store.create(login("7", 1, "mine")).await.unwrap();
    assert_eq!(store.adopt(adopt("t1")).await.unwrap(), Adopted::Spent);
    rotated(store.rotate(exchange(key(), "mine", "t2")).await.unwrap());
}

async fn of_fifty_parallel_exchanges_one_opens_the_session(fixture: impl Fixture) {
    let (store, start) = (fixture.store(), Arc::new(Barrier::new(50)));
    let exchanges: Vec<_> = (0..50)
        .map(|number| {
            let (store, start) = (store.clone(), start.clone());
            let name = format!("successor {number}");
            tokio::spawn(async move {
                start.wait().await;
                match store.adopt(Adopt { grace: LONG, ..adopt(&name) }).await.unwrap() {
                    Adopted::Opened(_) => Ok(name),
                    Adopted::Spent => Err(repeated(store.rotate(exchange(key(), "c1", &name)).await.unwrap())),
                }
            })
        })
        .collect();
    let (mut firsts, mut sealed) = (Vec::new(), Vec::new());
    for one in exchanges {
        match one.await.unwrap() {
            Ok(name) => firsts.push(name),
            Err(successor) => sealed.push(successor),
        }
    }
    sealed.dedup();
    let [first] = firsts.as_slice() else { panic!("{firsts:?}") };
    assert_eq!(sealed, [format!("sealed {first}")]);
    rotated(store.rotate(exchange(key(), first, "t3")).await.unwrap());
}

async fn what_is_spent_survives_reopening(fixture: impl Fixture) {
    fixture.store().spend(key(), LONG).await.unwrap();
    let fixture = fixture.reopen().await;
    assert!(fixture.store().is_spent(key()).await.unwrap());
}

async fn an_adopted_session_counts_for_the_limit(fixture: impl Fixture) {
    let store = fixture.store();
    let before = login("7", 2, "t");
    store.create(before.clone()).await.unwrap();
    let mut limited = adopt("t1");
    limited.new.limit = std::num::NonZeroU32::MIN;
    assert_eq!(store.adopt(limited).await.unwrap(), Adopted::Opened(vec![before.session.id]));
    assert!(store.find(key_of(&before)).await.unwrap().is_none());
    assert!(store.find(key()).await.unwrap().is_some());
    assert_eq!(repeated(store.rotate(exchange(key(), "c1", "t2")).await.unwrap()), "sealed t1");
}

#[tokio::test]
async fn the_note_of_a_credential_is_in_its_users_slot_and_outlives_its_session() {
    let fixture = Redis::start().await;
    let mut new = login("1", 7, "t1");
    new.lifetimes = Lifetimes { idle: GRACE, absolute: LONG };
    let key = key_of(&new);
    let (presented, sealed_successor) = (token("c1"), b"opaque".to_vec());
    let adopt = Adopt { new, presented, sealed_successor, grace: GRACE, remember: GRACE * 100 };
    fixture.store.adopt(adopt).await.unwrap();
    tokio::time::sleep(GRACE).await;
    let mut control = fixture.server.connection();
    let note = "railgate:{6b86b273ff34fce1}:spent:BwcHBwcHBwcHBwcHBwcHBw";
    assert_eq!(query::<Vec<String>>(&mut control, "KEYS *"), [note]);
    let to_live: u128 = query(&mut control, &format!("PTTL {note}"));
    assert!((1..=(GRACE * 100).as_millis()).contains(&to_live), "{to_live}");
    fixture.store.spend(key, GRACE * 200).await.unwrap();
    let to_live: u128 = query(&mut control, &format!("PTTL {note}"));
    assert!(((GRACE * 100).as_millis()..=(GRACE * 200).as_millis()).contains(&to_live), "{to_live}");
}

/// An exchange is acknowledged only with its note: else the credential could open a second session.
#[tokio::test]
async fn a_full_server_spends_nothing_and_says_so() {
    let fixture = Redis::start().await;
    let () = query(&mut fixture.server.connection(), "CONFIG SET maxmemory 1");
    let (new, presented) = (login("7", 1, "t1"), token("c1"));
    let key = key_of(&new);
    unavailable(fixture.store.spend(key, LONG).await);
    let adopt = Adopt { new, presented, sealed_successor: Vec::new(), grace: GRACE, remember: LONG };
    unavailable(fixture.store.adopt(adopt.clone()).await);
    let () = query(&mut fixture.server.connection(), "CONFIG SET maxmemory 0");
    assert!(!fixture.store.is_spent(key).await.unwrap());
    assert_eq!(fixture.store.adopt(adopt).await.unwrap(), Adopted::Opened(Vec::new()));
}

contract!(
    a_credential_opens_one_session,
    the_same_call_again_is_answered_as_the_first_time,
    the_credential_is_the_predecessor_of_the_first_token,
    another_credential_of_the_family_ends_the_session_at_once,
    a_credential_stays_spent_when_its_session_has_run_out,
    a_credential_that_is_spent_opens_nothing,
    what_is_spent_is_remembered_as_long_as_was_said_last,
    a_session_of_the_same_id_is_left_alone,
    of_fifty_parallel_exchanges_one_opens_the_session,
    what_is_spent_survives_reopening,
    an_adopted_session_counts_for_the_limit,
);
