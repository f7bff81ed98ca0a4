//! What every session store must do to one session. A new backend joins by a line in `contract!`.

use std::{sync::Arc, time::Duration};

use railgate::{
    model::{PasswordMark, Session},
    store::{Lifetimes, NewSession, Rotate, Rotation, StoreErrorKind, Touch},
};
use tokio::sync::Barrier;

use super::fixture::{
    Cluster, Embedded, Fixture, GRACE, IDLE, LONG, Redis, Sentinel, exchange, key_of, login, repeated, rotated, token,
};

async fn a_new_session_is_found_as_it_was_given(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    store.create(new.clone()).await.unwrap();
    let (found, given) = (store.find(key_of(&new)).await.unwrap().unwrap(), new.session);
    assert_eq!((found.id, &found.user, found.mfa), (given.id, &given.user, given.mfa));
    assert_eq!((found.created, found.last_used, found.auth_time), (given.created, given.last_used, given.auth_time));
    assert_eq!((found.client.ip, found.client.user_agent), (given.client.ip, given.client.user_agent));
    assert_eq!(found.client.device_name, None);
    assert_eq!(found.password, given.password);
    assert_eq!(found.expiry.idle, found.expiry.absolute);
}

async fn a_session_can_be_ended_once(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    assert!(store.end(key).await.unwrap());
    assert!(!store.end(key).await.unwrap());
    assert!(store.find(key).await.unwrap().is_none());
    assert!(matches!(store.rotate(exchange(key, "t1", "t2")).await.unwrap(), Rotation::Unknown));
}

async fn creating_again_is_harmless_and_taking_an_id_is_a_conflict(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    store.create(new.clone()).await.unwrap();
    store.create(new.clone()).await.unwrap();
    let taken = store.create(login("7", 1, "another")).await.unwrap_err();
    assert_eq!(taken.kind, StoreErrorKind::Conflict);
    rotated(store.rotate(exchange(key_of(&new), "t1", "t2")).await.unwrap());
}

async fn a_session_that_has_shown_a_factor_is_else_the_same(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    assert!(!store.step_up(key).await.unwrap(), "there is none");
    store.create(NewSession { session: Session { mfa: false, ..new.session.clone() }, ..new.clone() }).await.unwrap();
    let before = store.find(key).await.unwrap().unwrap();
    assert!(store.step_up(key).await.unwrap() && store.step_up(key).await.unwrap());
    let after = store.find(key).await.unwrap().unwrap();
    assert_eq!((before.mfa, after.mfa), (false, true));
    assert_eq!((after.last_used, after.expiry, after.auth_time), (before.last_used, before.expiry, before.auth_time));
    assert!(rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap()).mfa);
    store.end(key).await.unwrap();
    assert!(!store.step_up(key).await.unwrap() && store.find(key).await.unwrap().is_none());
}

async fn a_first_use_rotates(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    let before = store.find(key).await.unwrap().unwrap();
    fixture.advance(Duration::from_millis(20)).await;
    let after = rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    assert!(after.last_used > before.last_used);
    assert_eq!(after.expiry.absolute, before.expiry.absolute);
    let found = store.find(key).await.unwrap().unwrap();
    assert_eq!((found.last_used, found.expiry), (after.last_used, after.expiry));
}

async fn a_use_renews_the_mark_of_the_password(fixture: impl Fixture) {
    let (store, mut new) = (fixture.store(), login("7", 1, "t1"));
    let (key, mark) = (key_of(&new), Some(PasswordMark::from_bytes([9; 20])));
    new.session.password = None;
    store.create(new).await.unwrap();
    let marks = |presented, successor, password| {
        let step = Rotate { password, ..exchange(key, presented, successor) };
        async { rotated(store.rotate(step).await.unwrap()).password }
    };
    assert_eq!(marks("t1", "t2", None).await, None);
    assert_eq!(marks("t2", "t3", mark).await, mark);
    assert_eq!(marks("t3", "t4", None).await, mark, "one that is not given stays");
    assert_eq!(store.find(key).await.unwrap().unwrap().password, mark);
}

async fn a_touch_moves_the_idle_expiry_on_and_leaves_the_token(fixture: impl Fixture) {
    let (store, mut new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    new.lifetimes = Lifetimes { idle: IDLE, absolute: IDLE * 2 };
    store.create(new).await.unwrap();
    let touch = |presented| store.touch(Touch { key, presented: token(presented), idle: IDLE });
    let before = store.find(key).await.unwrap().unwrap();
    fixture.advance(IDLE * 6 / 10).await;
    let after = touch("t1").await.unwrap().unwrap();
    assert!(after.last_used > before.last_used && after.expiry.idle > before.expiry.idle);
    assert_eq!(after.expiry.absolute, before.expiry.absolute);
    assert_eq!(store.find(key).await.unwrap().unwrap().expiry, after.expiry);
    fixture.advance(IDLE * 6 / 10).await;
    let last = touch("t1").await.unwrap().unwrap();
    assert_eq!(last.expiry.idle, last.expiry.absolute, "never past the absolute end");
    fixture.advance(IDLE * 8 / 10).await;
    assert!(touch("t1").await.unwrap().is_none());
}

async fn only_the_current_token_touches_and_within_grace_the_one_before(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    let touch = |presented| store.touch(Touch { key, presented: token(presented), idle: LONG });
    rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    assert!(touch("t1").await.unwrap().is_some());
    assert!(touch("t2").await.unwrap().is_some());
    fixture.advance(GRACE + Duration::from_millis(20)).await;
    for stranger in ["t1", "t3", ""] {
        assert!(touch(stranger).await.unwrap().is_none(), "{stranger}");
    }
    assert!(touch("t2").await.unwrap().is_some(), "nothing of it ended the session");
    assert!(store.end(key).await.unwrap());
    assert!(touch("t2").await.unwrap().is_none());
}

async fn a_chain_of_rotations_keeps_one_session(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t0"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    for step in 0..20 {
        let (presented, successor) = (format!("t{step}"), format!("t{}", step + 1));
        rotated(store.rotate(exchange(key, &presented, &successor)).await.unwrap());
    }
    assert!(store.end(key).await.unwrap());
}

async fn a_repeat_within_grace_gets_the_same_successor(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    rotated(store.rotate(exchange(key, "t1", "first")).await.unwrap());
    assert_eq!(repeated(store.rotate(exchange(key, "t1", "second")).await.unwrap()), "sealed first");
    assert_eq!(repeated(store.rotate(exchange(key, "t1", "third")).await.unwrap()), "sealed first");
    // The other tab's successor never became a token; the first one is.
    rotated(store.rotate(exchange(key, "first", "t3")).await.unwrap());
}

async fn the_same_call_again_is_the_first_use_even_without_grace(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    let mut step = exchange(key, "t1", "t2");
    step.grace = Duration::ZERO;
    let first = rotated(store.rotate(step.clone()).await.unwrap());
    fixture.advance(GRACE).await;
    let again = rotated(store.rotate(step.clone()).await.unwrap());
    assert_eq!((again.last_used, again.expiry), (first.last_used, first.expiry));
    rotated(store.rotate(exchange(key, "t2", "t3")).await.unwrap());
    assert!(matches!(store.rotate(step).await.unwrap(), Rotation::Replayed(_)), "another call came in between");
}

async fn grace_is_counted_from_the_first_use(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    let step = |successor| Rotate { grace: IDLE, ..exchange(key, "t1", successor) };
    rotated(store.rotate(step("t2")).await.unwrap());
    fixture.advance(IDLE / 2).await;
    repeated(store.rotate(step("t3")).await.unwrap());
    fixture.advance(IDLE * 6 / 10).await;
    assert!(matches!(store.rotate(step("t4")).await.unwrap(), Rotation::Replayed(_)));
}

async fn a_repeat_after_grace_ends_the_session(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    fixture.advance(GRACE + Duration::from_millis(20)).await;
    let Rotation::Replayed(session) = store.rotate(exchange(key, "t1", "t3")).await.unwrap() else {
        panic!("a stolen token went unnoticed");
    };
    assert_eq!(session.user.as_str(), "7");
    assert!(store.find(key).await.unwrap().is_none());
    assert!(matches!(store.rotate(exchange(key, "t2", "t4")).await.unwrap(), Rotation::Unknown));
}

async fn a_token_older_than_the_predecessor_ends_the_session_at_once(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    rotated(store.rotate(exchange(key, "t2", "t3")).await.unwrap());
    assert!(matches!(store.rotate(exchange(key, "t1", "t4")).await.unwrap(), Rotation::Replayed(_)));
    assert!(store.find(key).await.unwrap().is_none());
}

async fn a_guess_changes_nothing(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    let mut guess = exchange(key, "guess", "mine");
    guess.genuine = false;
    assert!(matches!(store.rotate(guess.clone()).await.unwrap(), Rotation::Unknown));
    rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    assert!(matches!(store.rotate(guess).await.unwrap(), Rotation::Unknown));
    rotated(store.rotate(exchange(key, "t2", "t3")).await.unwrap());
}

async fn a_session_that_is_not_used_runs_out(fixture: impl Fixture) {
    let (store, mut new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    new.lifetimes = Lifetimes { idle: IDLE, absolute: LONG };
    store.create(new).await.unwrap();
    assert!(store.find(key).await.unwrap().is_some());
    fixture.advance(IDLE).await;
    assert!(store.find(key).await.unwrap().is_none());
    // A backend that forgets by itself may not know any more that there was one.
    let late = store.rotate(exchange(key, "t1", "t2")).await.unwrap();
    assert!(matches!(late, Rotation::Expired | Rotation::Unknown), "{late:?}");
    assert!(!store.end(key).await.unwrap());
}

async fn a_session_may_live_for_ever(fixture: impl Fixture) {
    let (store, mut new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    new.lifetimes = Lifetimes { idle: Duration::MAX, absolute: Duration::MAX };
    store.create(new).await.unwrap();
    let step = Rotate { idle: Duration::MAX, grace: Duration::MAX, ..exchange(key, "t1", "t2") };
    rotated(store.rotate(step).await.unwrap());
    assert!(store.find(key).await.unwrap().is_some());
    repeated(store.rotate(exchange(key, "t1", "t3")).await.unwrap());
}

async fn use_moves_the_idle_expiry_on_but_not_past_the_absolute_one(fixture: impl Fixture) {
    let (store, mut new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    new.lifetimes = Lifetimes { idle: IDLE, absolute: IDLE * 2 };
    store.create(new).await.unwrap();
    let rotate = |presented, successor| {
        let mut step = exchange(key, presented, successor);
        step.idle = IDLE;
        store.rotate(step)
    };
    fixture.advance(IDLE * 6 / 10).await;
    let session = rotated(rotate("t1", "t2").await.unwrap());
    assert!(session.expiry.idle < session.expiry.absolute);
    assert_eq!(session.expiry.idle, session.last_used.after(IDLE));
    fixture.advance(IDLE * 6 / 10).await;
    let session = rotated(rotate("t2", "t3").await.unwrap());
    assert_eq!(session.expiry.idle, session.expiry.absolute);
    fixture.advance(IDLE * 8 / 10).await;
    assert!(store.find(key).await.unwrap().is_none());
}

async fn of_fifty_parallel_uses_one_is_first(fixture: impl Fixture) {
    let (store, new) = (fixture.store(), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    let start = Arc::new(Barrier::new(50));
    let uses: Vec<_> = (0..50)
        .map(|number| {
            let (store, start) = (store.clone(), start.clone());
            let mut step = exchange(key, "t1", &format!("successor {number}"));
            step.grace = LONG;
            tokio::spawn(async move {
                start.wait().await;
                store.rotate(step).await.unwrap()
            })
        })
        .collect();
    let (mut firsts, mut successors) = (0, Vec::new());
    for one in uses {
        match one.await.unwrap() {
            Rotation::Rotated(_) => firsts += 1,
            other => successors.push(repeated(other)),
        }
    }
    successors.dedup();
    assert_eq!((firsts, successors.len()), (1, 1), "{successors:?}");
    let winner = successors[0].strip_prefix("sealed ").unwrap().to_owned();
    rotated(store.rotate(exchange(key, &winner, "t3")).await.unwrap());
}

async fn users_do_not_see_each_other(fixture: impl Fixture) {
    let (store, mine, yours) = (fixture.store(), login("7", 1, "mine"), login("8", 1, "yours"));
    let (my_key, your_key) = (key_of(&mine), key_of(&yours));
    store.create(mine).await.unwrap();
    store.create(yours).await.unwrap();
    assert_eq!(store.find(my_key).await.unwrap().unwrap().user.as_str(), "7");
    let mut step = exchange(your_key, "mine", "t2");
    step.genuine = false;
    assert!(matches!(store.rotate(step).await.unwrap(), Rotation::Unknown));
    assert!(store.end(your_key).await.unwrap());
    assert!(store.find(my_key).await.unwrap().is_some());
}

async fn what_was_acknowledged_survives_reopening(fixture: impl Fixture) {
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    fixture.store().create(new).await.unwrap();
    let mut step = exchange(key, "t1", "t2");
    step.grace = LONG;
    rotated(fixture.store().rotate(step.clone()).await.unwrap());
    step.successor = token("never");
    let fixture = fixture.reopen().await;
    assert_eq!(repeated(fixture.store().rotate(step).await.unwrap()), "sealed t2");
    let mut next = exchange(key, "t2", "t3");
    next.sealed_successor = vec![0, 255, 10, 13];
    rotated(fixture.store().rotate(next.clone()).await.unwrap());
    next.successor = token("never");
    let Rotation::Repeated { sealed_successor, .. } = fixture.store().rotate(next).await.unwrap() else {
        panic!("not repeated");
    };
    assert_eq!(sealed_successor, [0, 255, 10, 13]);
}

/// Tests of the contract, for every backend.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        contract!(@backend embedded, super::Embedded, $($name),*);
        contract!(@backend redis, super::Redis, $($name),*);
        contract!(@backend sentinel, super::Sentinel, $($name),*);
        contract!(@backend cluster, super::Cluster, $($name),*);
    };
    (@backend $backend:ident, $fixture:ty, $($name:ident),*) => {
        mod $backend {
            use super::Fixture as _;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(<$fixture>::start().await).await;
                }
            )*
        }
    };
}

pub(super) use contract;

contract!(
    a_new_session_is_found_as_it_was_given,
    a_session_can_be_ended_once,
    creating_again_is_harmless_and_taking_an_id_is_a_conflict,
    a_session_that_has_shown_a_factor_is_else_the_same,
    a_first_use_rotates,
    a_use_renews_the_mark_of_the_password,
    a_touch_moves_the_idle_expiry_on_and_leaves_the_token,
    only_the_current_token_touches_and_within_grace_the_one_before,
    a_chain_of_rotations_keeps_one_session,
    a_repeat_within_grace_gets_the_same_successor,
    the_same_call_again_is_the_first_use_even_without_grace,
    grace_is_counted_from_the_first_use,
    a_repeat_after_grace_ends_the_session,
    a_token_older_than_the_predecessor_ends_the_session_at_once,
    a_guess_changes_nothing,
    a_session_that_is_not_used_runs_out,
    a_session_may_live_for_ever,
    use_moves_the_idle_expiry_on_but_not_past_the_absolute_one,
    of_fifty_parallel_uses_one_is_first,
    users_do_not_see_each_other,
    what_was_acknowledged_survives_reopening,
);
