//! Replies that are lost or late: a step that ran twice answers as the first time, and no call outlasts its time.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use railgate::{
    model::{SessionId, UserId},
    store::{Adopt, Adopted, NewSession, News, Rotation, SessionStore as _},
};

use super::fixture::{Fixture as _, LONG, Redis, TIMEOUT, exchange, key_of, login, rotated, token};
use crate::support::way::Way;

#[tokio::test]
async fn a_step_whose_reply_was_lost_is_answered_as_the_first_time() {
    let fixture = Redis::start().await;
    let way = Way::to(fixture.server.port);
    let (store, new) = (Redis::connect(way.port), login("7", 1, "t1"));
    let key = key_of(&new);
    let mut step = exchange(key, "t1", "t2");
    step.grace = Duration::ZERO;
    // So that the scripts are known, and the reply that is lost is that of the step itself.
    store.create(login("8", 2, "t1")).await.unwrap();
    fixture.store.rotate(exchange(key_of(&login("8", 2, "t1")), "t1", "t2")).await.unwrap();

    way.lose(1);
    store.create(new).await.unwrap();
    way.has_lost();
    way.lose(1);
    rotated(store.rotate(step).await.unwrap());
    way.has_lost();
    way.lose(1);
    store.end(key).await.unwrap();
    assert!(fixture.store.find(key).await.unwrap().is_none());

    let adopt = |number, refresh| Adopt {
        new: login("7", number, refresh),
        presented: token("c1"),
        sealed_successor: Vec::new(),
        grace: Duration::ZERO,
        remember: LONG,
    };
    store.adopt(adopt(3, "t1")).await.unwrap();
    way.lose(1);
    assert_eq!(store.adopt(adopt(4, "t1")).await.unwrap(), Adopted::Opened(Vec::new()));
    way.has_lost();
}

/// The ids are what keeps access tokens of ended sessions out, so none may be lost with a reply.
#[tokio::test]
async fn a_step_whose_reply_was_lost_still_tells_which_sessions_it_ended() {
    let fixture = Redis::start().await;
    let way = Way::to(fixture.server.port);
    let store = Redis::connect(way.port);
    let limited = |number| NewSession { limit: NonZeroU32::MIN, ..login("7", number, "t") };
    let seven = UserId::new("7");
    store.create(limited(1)).await.unwrap();
    assert!(store.end_all(&UserId::new("8")).await.unwrap().is_empty());
    // The first of two replies names what the step wants, the second what it has done.
    for (number, which) in [(2, 1), (3, 2)] {
        way.lose(which);
        let ended = store.create(limited(number)).await.unwrap();
        assert_eq!(ended, [SessionId::from_bytes([number - 1; 16])], "{number}");
        way.has_lost();
        way.lose(2);
    }
    assert_eq!(store.end_all(&seven).await.unwrap(), [SessionId::from_bytes([3; 16])]);
    way.has_lost();
}

/// The second attempt finds no session any more, and nobody else will ever tell.
#[tokio::test]
async fn a_replay_whose_reply_was_lost_is_announced_all_the_same() {
    let fixture = Redis::start().await;
    let way = Way::to(fixture.server.port);
    let (store, new) = (Redis::connect(way.port), login("7", 1, "t1"));
    let key = key_of(&new);
    store.create(new).await.unwrap();
    rotated(store.rotate(exchange(key, "t1", "t2")).await.unwrap());
    rotated(store.rotate(exchange(key, "t2", "t3")).await.unwrap());
    way.lose(1);
    assert!(matches!(store.rotate(exchange(key, "t1", "t4")).await.unwrap(), Rotation::Unknown));
    way.has_lost();
    assert_eq!(fixture.store.feed().next().await.unwrap(), News::Ended(vec![key.id]));
}

/// What a login ended is announced in the login's own time; the login stands, announced or not.
#[tokio::test]
async fn a_login_that_ends_another_session_takes_no_longer_than_any_call() {
    let fixture = Redis::start().await;
    let way = Way::to(fixture.server.port);
    let store = Redis::connect(way.port);
    let limited = |number| NewSession { limit: NonZeroU32::MIN, ..login("7", number, "t") };
    store.create(limited(1)).await.unwrap();
    store.create(limited(2)).await.unwrap();
    // Two replies are in time, and the third, to the announcement, is not.
    way.delay(TIMEOUT * 4 / 10);
    let begun = Instant::now();
    assert_eq!(store.create(limited(3)).await.unwrap(), [SessionId::from_bytes([2; 16])]);
    assert!(begun.elapsed() < TIMEOUT * 11 / 10, "{:?}", begun.elapsed());
}
