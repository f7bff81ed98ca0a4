//! What every store must do to a login that waits for a second factor.

use std::{sync::Arc, time::Duration};

use railgate::{
    model::{PasswordMark, SessionId, UserId},
    store::{Challenge, ChallengeKey, ChallengeStore, NewChallenge, StoreErrorKind, UserTag},
};
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    contract::contract,
    fixture::{Cluster, Embedded, Fixture, IDLE, LONG, Redis, Sentinel, token},
};

/// A challenge numbered `id` of user 7's, whose token is `c<id>`.
pub(crate) fn challenge(id: u8, lifetime: Duration) -> NewChallenge {
    let user = UserId::new("7");
    NewChallenge {
        key: key(id),
        challenge: Challenge {
            user,
            password: PasswordMark::from_bytes([id; 20]),
            device_name: Some("téléphone".to_owned()),
            tries_left: 5,
            proven: false,
        },
        token: token(&format!("c{id}")),
        lifetime,
    }
}

fn key(id: u8) -> ChallengeKey {
    ChallengeKey { tag: UserTag::of(&UserId::new("7")), id: [id; 16] }
}

fn session(id: u8) -> SessionId {
    SessionId::from_bytes([id; 16])
}

async fn tries_left(store: &Arc<dyn ChallengeStore>, id: u8, presented: &str) -> Option<u32> {
    store.attempt(key(id), token(presented)).await.unwrap().map(|challenge| challenge.tries_left)
}

async fn is_used(store: &Arc<dyn ChallengeStore>, id: u8, presented: &str, by: u8) -> bool {
    store.consume(key(id), token(presented), session(by)).await.unwrap()
}

async fn a_challenge_is_found_as_it_was_given_and_each_look_is_a_try(fixture: impl Fixture) {
    let store = fixture.challenges();
    let mut unnamed = challenge(2, LONG);
    unnamed.challenge.device_name = None;
    store.begin(challenge(1, LONG)).await.unwrap();
    store.begin(unnamed).await.unwrap();
    let found = store.attempt(key(1), token("c1")).await.unwrap().unwrap();
    let given = challenge(1, LONG).challenge;
    assert_eq!((&found.user, found.password), (&given.user, given.password));
    assert_eq!((found.device_name, found.tries_left), (given.device_name, 4));
    for left in [3, 2, 1, 0] {
        assert_eq!(tries_left(&store, 1, "c1").await, Some(left));
    }
    assert_eq!(tries_left(&store, 1, "c1").await, None);
    let other = store.attempt(key(2), token("c2")).await.unwrap().unwrap();
    assert_eq!((other.device_name, other.tries_left), (None, 4));
}

async fn a_challenge_is_used_by_one_session_which_may_ask_again(fixture: impl Fixture) {
    let store = fixture.challenges();
    store.begin(challenge(1, LONG)).await.unwrap();
    assert!(is_used(&store, 1, "c1", 1).await);
    assert!(is_used(&store, 1, "c1", 1).await, "the same call again");
    assert!(!is_used(&store, 1, "c1", 2).await);
    assert_eq!(tries_left(&store, 1, "c1").await, None);
}

async fn another_token_gets_nothing_and_costs_no_try(fixture: impl Fixture) {
    let store = fixture.challenges();
    store.begin(challenge(1, LONG)).await.unwrap();
    store.begin(challenge(2, LONG)).await.unwrap();
    for (id, stranger) in [(1, "c2"), (1, ""), (3, "c1")] {
        assert_eq!(tries_left(&store, id, stranger).await, None, "{id} {stranger}");
        assert!(!is_used(&store, id, stranger, 1).await, "{id} {stranger}");
    }
    assert_eq!(tries_left(&store, 1, "c1").await, Some(4));
}

async fn a_look_counts_no_try_and_finds_what_a_try_would(fixture: impl Fixture) {
    let store = fixture.challenges();
    let look = async |id: u8, presented: &str| store.find(key(id), token(presented)).await.unwrap();
    store.begin(challenge(1, LONG)).await.unwrap();
    let given = challenge(1, LONG).challenge;
    for _ in 0..3 {
        let found = look(1, "c1").await.unwrap();
        assert_eq!((&found.user, found.password, found.tries_left), (&given.user, given.password, 5));
        assert_eq!((found.device_name, found.proven), (given.device_name.clone(), false));
    }
    assert!(look(1, "c2").await.is_none() && look(2, "c1").await.is_none());
    for left in [4, 3, 2, 1, 0] {
        assert_eq!(tries_left(&store, 1, "c1").await, Some(left));
    }
    assert!(look(1, "c1").await.is_none(), "no try is left");
    store.begin(challenge(2, LONG)).await.unwrap();
    assert!(is_used(&store, 2, "c2", 1).await);
    assert!(look(2, "c2").await.is_none(), "it is used");
    store.begin(challenge(3, IDLE)).await.unwrap();
    fixture.advance(IDLE).await;
    assert!(look(3, "c3").await.is_none(), "it has run out");
}

async fn a_proof_is_noted_on_a_challenge_that_is_good(fixture: impl Fixture) {
    let store = fixture.challenges();
    let prove = async |id: u8, presented: &str| store.prove(key(id), token(presented)).await.unwrap();
    store.begin(challenge(1, LONG)).await.unwrap();
    assert!(!prove(1, "c2").await && !prove(2, "c1").await);
    assert!(!store.find(key(1), token("c1")).await.unwrap().unwrap().proven);
    assert!(prove(1, "c1").await && prove(1, "c1").await);
    assert!(store.find(key(1), token("c1")).await.unwrap().unwrap().proven);
    assert!(store.attempt(key(1), token("c1")).await.unwrap().unwrap().proven);
    assert!(is_used(&store, 1, "c1", 1).await);
    assert!(!prove(1, "c1").await);
    store.begin(challenge(3, LONG)).await.unwrap();
    while tries_left(&store, 3, "c3").await.is_some() {}
    assert!(prove(3, "c3").await, "it was the last try");
    assert_eq!(tries_left(&store, 3, "c3").await, Some(0), "and there is one more");
    assert_eq!(tries_left(&store, 3, "c3").await, None);
    store.begin(challenge(4, IDLE)).await.unwrap();
    fixture.advance(IDLE).await;
    assert!(!prove(4, "c4").await);
}

async fn a_challenge_runs_out(fixture: impl Fixture) {
    let store = fixture.challenges();
    store.begin(challenge(1, IDLE)).await.unwrap();
    assert_eq!(tries_left(&store, 1, "c1").await, Some(4));
    fixture.advance(IDLE).await;
    assert_eq!(tries_left(&store, 1, "c1").await, None);
    assert!(!is_used(&store, 1, "c1", 1).await);
}

async fn beginning_again_changes_nothing_and_taking_an_id_is_a_conflict(fixture: impl Fixture) {
    let store = fixture.challenges();
    store.begin(challenge(1, LONG)).await.unwrap();
    assert_eq!(tries_left(&store, 1, "c1").await, Some(4));
    store.begin(challenge(1, LONG)).await.unwrap();
    assert_eq!(tries_left(&store, 1, "c1").await, Some(3), "no try is given back");
    let taken = store.begin(NewChallenge { token: token("another"), ..challenge(1, LONG) }).await.unwrap_err();
    assert_eq!(taken.kind, StoreErrorKind::Conflict);
}

async fn of_fifty_at_once_five_try_and_one_uses_it(fixture: impl Fixture) {
    let store = fixture.challenges();
    store.begin(challenge(1, LONG)).await.unwrap();
    let barrier = Arc::new(Barrier::new(50));
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            let tried = tries_left(&store, 1, "c1").await.is_some();
            barrier.wait().await;
            (tried, is_used(&store, 1, "c1", number).await)
        });
    }
    let results = tasks.join_all().await;
    let count = |of: fn(&(bool, bool)) -> bool| results.iter().filter(|result| of(result)).count();
    assert_eq!((count(|(tried, _)| *tried), count(|(_, used)| *used)), (5, 1));
}

async fn a_challenge_survives_reopening(fixture: impl Fixture) {
    fixture.challenges().begin(challenge(1, LONG)).await.unwrap();
    assert_eq!(tries_left(&fixture.challenges(), 1, "c1").await, Some(4));
    let fixture = fixture.reopen().await;
    assert_eq!(tries_left(&fixture.challenges(), 1, "c1").await, Some(3));
    assert!(is_used(&fixture.challenges(), 1, "c1", 1).await);
    let fixture = fixture.reopen().await;
    assert!(!is_used(&fixture.challenges(), 1, "c1", 2).await);
}

contract!(
    a_challenge_is_found_as_it_was_given_and_each_look_is_a_try,
    a_challenge_is_used_by_one_session_which_may_ask_again,
    another_token_gets_nothing_and_costs_no_try,
    a_look_counts_no_try_and_finds_what_a_try_would,
    a_proof_is_noted_on_a_challenge_that_is_good,
    a_challenge_runs_out,
    beginning_again_changes_nothing_and_taking_an_id_is_a_conflict,
    of_fifty_at_once_five_try_and_one_uses_it,
    a_challenge_survives_reopening,
);
