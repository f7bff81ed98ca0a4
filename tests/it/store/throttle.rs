//! What every store must do to attempts that are counted.

use std::{sync::Arc, time::Duration};

use railgate::{
    model::UserId,
    store::{Admission, Budget, ThrottleKey, ThrottleStore, UserTag},
};
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    contract::contract,
    fixture::{Cluster, Embedded, Fixture, IDLE, LONG, Redis, Sentinel},
};

const BUDGET: Budget = Budget { free: 5, first_delay: IDLE, longest_delay: LONG, forget: LONG };

fn key(name: &str) -> ThrottleKey {
    ThrottleKey { tag: UserTag::of(&UserId::new("7")), name: name.to_owned() }
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
    let many = Budget { free: 1, first_delay: LONG * 24, longest_delay: LONG * 24 * 365, forget: LONG * 24 * 365 };
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
    a_count_survives_reopening,
);
