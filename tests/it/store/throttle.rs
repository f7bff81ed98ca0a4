//! What every store must do to attempts that are counted.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use railgate::{
    model::UserId,
    store::{Admission, Budget, ThrottleKey, ThrottleStore, UserTag},
};
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    contract::contract,
    fixture::{Cluster, Embedded, Fixture, IDLE, LONG, Redis, Sentinel},
};

pub(super) const BUDGET: Budget =
    Budget { free: 5, first_delay: IDLE, longest_delay: LONG, forget: LONG, regain: None, limit: None };

pub(super) fn key(name: &str) -> ThrottleKey {
    key_of("7", name)
}

fn key_of(user: &str, name: &str) -> ThrottleKey {
    ThrottleKey { tag: UserTag::of(&UserId::new(user)), name: name.to_owned() }
}

async fn admit(store: &Arc<dyn ThrottleStore>, name: &str, budget: Budget) -> Admission {
    store.admit(&key(name), budget).await.unwrap()
}

/// For how long nothing is admitted.
#[track_caller]
fn wait(admission: Admission) -> Duration {
    match admission {
        Admission::Refused { retry_after } => retry_after,
        Admission::Admitted => panic!("admitted"),
    }
}

async fn after_the_free_ones_comes_a_pause(fixture: impl Fixture) {
    let store = fixture.throttle();
    for _ in 0..5 {
        assert_eq!(admit(&store, "code", BUDGET).await, Admission::Admitted);
    }
    for _ in 0..3 {
        let pause = wait(admit(&store, "code", BUDGET).await);
        assert!(!pause.is_zero() && pause <= IDLE, "{pause:?}");
    }
    assert_eq!(admit(&store, "password", BUDGET).await, Admission::Admitted, "counted by itself");
    fixture.advance(IDLE).await;
    assert_eq!(admit(&store, "code", BUDGET).await, Admission::Admitted);
    let doubled = wait(admit(&store, "code", BUDGET).await);
    assert!(doubled > IDLE && doubled <= IDLE * 2, "{doubled:?}");
}

async fn a_pause_has_a_bound(fixture: impl Fixture) {
    let store = fixture.throttle();
    let budget =
        Budget { free: 1, first_delay: Duration::from_millis(30), longest_delay: Duration::from_millis(60), ..BUDGET };
    for _ in 0..6 {
        assert_eq!(admit(&store, "code", budget).await, Admission::Admitted);
        fixture.advance(Duration::from_millis(70)).await;
    }
    let year = LONG * 24 * 365;
    let many = Budget { free: 1, first_delay: LONG * 24, longest_delay: year, forget: year, ..BUDGET };
    assert_eq!(admit(&store, "other", many).await, Admission::Admitted);
    assert!(wait(admit(&store, "other", many).await) > LONG * 23);
}

async fn a_success_clears_the_count_and_a_pause(fixture: impl Fixture) {
    let store = fixture.throttle();
    for _ in 0..5 {
        admit(&store, "code", BUDGET).await;
    }
    store.forgive(&key("code")).await.unwrap();
    for _ in 0..5 {
        assert_eq!(admit(&store, "code", BUDGET).await, Admission::Admitted);
    }
    wait(admit(&store, "code", BUDGET).await);
    store.forgive(&key("unknown")).await.unwrap();
}

async fn what_is_long_past_is_forgotten(fixture: impl Fixture) {
    let store = fixture.throttle();
    let budget = Budget { longest_delay: IDLE, forget: IDLE, ..BUDGET };
    for _ in 0..4 {
        admit(&store, "code", budget).await;
    }
    fixture.advance(IDLE + Duration::from_millis(5)).await;
    for _ in 0..5 {
        assert_eq!(admit(&store, "code", budget).await, Admission::Admitted);
    }
    wait(admit(&store, "code", budget).await);
}

async fn after_the_last_one_nothing_is_admitted_until_all_is_forgotten(fixture: impl Fixture) {
    let store = fixture.throttle();
    let short = Duration::from_millis(20);
    let budget = Budget { first_delay: short, longest_delay: short, limit: NonZeroU32::new(6), ..BUDGET };
    for _ in 0..6 {
        assert_eq!(admit(&store, "code", budget).await, Admission::Admitted);
        fixture.advance(short * 2).await;
    }
    assert!(wait(admit(&store, "code", budget).await) > LONG / 2);
    let soon = Budget { forget: IDLE, longest_delay: short, limit: NonZeroU32::new(2), ..budget };
    for _ in 0..2 {
        assert_eq!(admit(&store, "other", soon).await, Admission::Admitted);
    }
    assert!(wait(admit(&store, "other", soon).await) <= IDLE);
    fixture.advance(IDLE + Duration::from_millis(5)).await;
    assert_eq!(admit(&store, "other", soon).await, Admission::Admitted);
    assert_eq!(admit(&store, "other", soon).await, Admission::Admitted, "from the beginning");
}

async fn an_attempt_that_is_undone_was_none(fixture: impl Fixture) {
    let store = fixture.throttle();
    for _ in 0..4 {
        admit(&store, "code", BUDGET).await;
    }
    for _ in 0..3 {
        assert_eq!(admit(&store, "code", BUDGET).await, Admission::Admitted, "the delay was lifted");
        store.undo(&key("code")).await.unwrap();
    }
    assert_eq!(admit(&store, "code", BUDGET).await, Admission::Admitted);
    wait(admit(&store, "code", BUDGET).await);
    for _ in 0..5 {
        store.undo(&key("code")).await.unwrap();
    }
    store.undo(&key("code")).await.unwrap();
    for _ in 0..5 {
        assert_eq!(admit(&store, "code", BUDGET).await, Admission::Admitted, "no more than nothing is given back");
    }
    wait(admit(&store, "code", BUDGET).await);
}

async fn attempts_are_regained_in_time(fixture: impl Fixture) {
    let store = fixture.throttle();
    let budget = Budget { first_delay: IDLE, longest_delay: IDLE, regain: Some(IDLE), ..BUDGET };
    for _ in 0..5 {
        admit(&store, "address", budget).await;
    }
    assert!(wait(admit(&store, "address", budget).await) <= IDLE);
    fixture.advance(IDLE * 3).await;
    for _ in 0..3 {
        assert_eq!(admit(&store, "address", budget).await, Admission::Admitted);
    }
    wait(admit(&store, "address", budget).await);
    fixture.advance(IDLE * 6).await;
    for _ in 0..5 {
        assert_eq!(admit(&store, "address", budget).await, Admission::Admitted, "never more than all of them");
    }
    wait(admit(&store, "address", budget).await);
}

async fn what_is_regained_between_two_attempts_is_not_lost(fixture: impl Fixture) {
    let store = fixture.throttle();
    let budget = Budget { free: 3, first_delay: LONG, regain: Some(IDLE), ..BUDGET };
    // Each comes before one is regained, and three of the spans between them are two regained.
    for _ in 0..4 {
        assert_eq!(admit(&store, "address", budget).await, Admission::Admitted);
        fixture.advance(IDLE * 3 / 4).await;
    }
    assert_eq!(admit(&store, "address", budget).await, Admission::Admitted);
}

async fn all_of_a_tag_is_forgiven_at_once(fixture: impl Fixture) {
    let store = fixture.throttle();
    let budget = Budget { first_delay: LONG, ..BUDGET };
    for name in ["code", "password", "device:1"] {
        for _ in 0..5 {
            admit(&store, name, budget).await;
        }
    }
    for _ in 0..5 {
        store.admit(&key_of("8", "code"), budget).await.unwrap();
    }
    store.forgive_all(key("").tag, LONG).await.unwrap();
    fixture.advance(Duration::from_millis(5)).await;
    for name in ["code", "password", "device:1"] {
        for _ in 0..5 {
            assert_eq!(admit(&store, name, budget).await, Admission::Admitted, "{name}");
        }
        assert!(wait(admit(&store, name, budget).await) > LONG / 2, "{name}: what comes later is counted");
    }
    assert!(wait(store.admit(&key_of("8", "code"), budget).await.unwrap()) > LONG / 2, "another's");
}

async fn of_two_hundred_at_once_as_many_are_admitted_as_may_be(fixture: impl Fixture) {
    let store = fixture.throttle();
    let budget = Budget { first_delay: LONG, ..BUDGET };
    let barrier = Arc::new(Barrier::new(200));
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            admit(&store, "code", budget).await == Admission::Admitted
        });
    }
    let admitted = tasks.join_all().await.into_iter().filter(|admitted| *admitted).count();
    assert_eq!(admitted, 5);
}

async fn a_count_survives_reopening(fixture: impl Fixture) {
    let budget = Budget { first_delay: LONG, ..BUDGET };
    for _ in 0..5 {
        admit(&fixture.throttle(), "code", budget).await;
    }
    let fixture = fixture.reopen().await;
    assert!(wait(admit(&fixture.throttle(), "code", budget).await) > LONG / 2);
}

contract!(
    after_the_free_ones_comes_a_pause,
    a_pause_has_a_bound,
    a_success_clears_the_count_and_a_pause,
    what_is_long_past_is_forgotten,
    of_two_hundred_at_once_as_many_are_admitted_as_may_be,
    after_the_last_one_nothing_is_admitted_until_all_is_forgotten,
    an_attempt_that_is_undone_was_none,
    attempts_are_regained_in_time,
    what_is_regained_between_two_attempts_is_not_lost,
    all_of_a_tag_is_forgiven_at_once,
    a_count_survives_reopening,
);
