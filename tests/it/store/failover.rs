//! Logins, refreshes and logouts go on while a primary dies. A call succeeds or says that the store is unavailable, in
//! its time; what was acknowledged is so afterwards, save what only the dead primary knew.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use railgate::{
    model::SessionId,
    store::{Feed, NewSession, News, Rotation, SessionKey, SessionStore, StoreError, StoreErrorKind},
};
use tokio::{task::JoinSet, time::sleep};

use super::fixture::{TIMEOUT, exchange, key_of, login};

/// As many users call at once.
pub(crate) const USERS: u32 = 8;

/// The id of a user of the traffic.
pub(crate) fn user(number: u32) -> String {
    format!("user-{number}")
}

/// When a primary died.
pub(crate) struct Death {
    /// What had been acknowledged by then, a replica had, too.
    pub(crate) replicated: Instant,
    /// What began after that, another primary answered.
    pub(crate) died: Instant,
}

/// What is known of a session from the calls that were made for it.
struct Story {
    key: SessionKey,
    begun: Instant,
    over: Instant,
    known: Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Its token is the one that was last acknowledged.
    Stands,
    Ended,
    /// A call for it failed.
    Nothing,
}

/// Traffic before, while and after `kill` kills a primary. Gives how long no session could be opened.
pub(crate) async fn outlive(store: Arc<dyn SessionStore>, kill: impl FnOnce() -> Death + Send + 'static) -> Duration {
    let (stop, last) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut traffic = JoinSet::new();
    for number in 0..USERS {
        traffic.spawn(live(store.clone(), number, stop.clone(), last.clone()));
    }
    sleep(Duration::from_millis(700)).await;
    let death = tokio::task::spawn_blocking(kill).await.unwrap();
    let back = until_all_can_log_in(&store, death.died).await;
    // And it goes on.
    sleep(Duration::from_millis(700)).await;
    stop.store(true, Ordering::SeqCst);
    let stories: Vec<Story> = traffic.join_all().await.into_iter().flatten().collect();

    let (before, after): (Vec<_>, Vec<_>) = stories.iter().partition(|story| story.over < death.died);
    let kept: Vec<_> = before.into_iter().filter(|story| story.over <= death.replicated).collect();
    let later: Vec<_> = after.into_iter().filter(|story| story.begun >= death.died).collect();
    for (when, stories) in [("before", kept), ("after", later)] {
        for known in [Known::Stands, Known::Ended] {
            let of_it: Vec<_> = stories.iter().filter(|story| story.known == known).collect();
            assert!(!of_it.is_empty(), "nothing that {known:?} {when}");
            println!("{when}: {} {known:?}", of_it.len());
            for story in of_it {
                is_so(&store, story, when).await;
            }
        }
    }
    back
}

async fn is_so(store: &Arc<dyn SessionStore>, story: &Story, when: &str) {
    let (found, used) = (store.find(story.key).await, store.rotate(exchange(story.key, "t2", "t3")).await);
    let (found, used) = (found.unwrap(), used.unwrap());
    match story.known {
        Known::Stands => assert!(found.is_some() && matches!(used, Rotation::Rotated(_)), "{when}: lost: {used:?}"),
        Known::Ended => assert!(found.is_none() && matches!(used, Rotation::Unknown), "{when}: ended, yet {used:?}"),
        Known::Nothing => {}
    }
}

/// One user's sessions, one after the other.
async fn live(store: Arc<dyn SessionStore>, number: u32, stop: Arc<AtomicBool>, last: Arc<AtomicU32>) -> Vec<Story> {
    let mut stories = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let (new, begun) = (fresh(number, &last), Instant::now());
        let key = key_of(&new);
        let ends = stories.len() % 2 == 0;
        let known = one(&store, new, ends).await;
        stories.push(Story { key, begun, over: Instant::now(), known });
        sleep(Duration::from_millis(3)).await;
    }
    stories
}

async fn one(store: &Arc<dyn SessionStore>, new: NewSession, ends: bool) -> Known {
    let key = key_of(&new);
    if in_time(store.create(new)).await.is_none() {
        return Known::Nothing;
    }
    match in_time(store.rotate(exchange(key, "t1", "t2"))).await {
        Some(Rotation::Rotated(_)) => {}
        // The login was acknowledged by a primary that died before it could pass it on.
        Some(Rotation::Unknown) | None => return Known::Nothing,
        Some(other) => panic!("a first use of a token: {other:?}"),
    }
    match (ends, ends && in_time(store.end(key)).await.is_some()) {
        (false, _) => Known::Stands,
        (true, true) => Known::Ended,
        (true, false) => Known::Nothing,
    }
}

/// What a call gave, or nothing where the store was unavailable and said so in time.
async fn in_time<T>(call: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    let begun = Instant::now();
    let outcome = call.await;
    let spent = begun.elapsed();
    assert!(spent < TIMEOUT * 4, "a call took {spent:?}");
    match outcome {
        Ok(value) => Some(value),
        Err(error) => {
            assert_eq!(error.kind, StoreErrorKind::Unavailable, "{:?}", error.source);
            None
        }
    }
}

async fn until_all_can_log_in(store: &Arc<dyn SessionStore>, since: Instant) -> Duration {
    let last = AtomicU32::new(1 << 30);
    for number in 0..USERS {
        while in_time(store.create(fresh(number, &last))).await.is_none() {
            assert!(since.elapsed() < Duration::from_secs(30), "the store does not come back");
            sleep(Duration::from_millis(20)).await;
        }
    }
    since.elapsed()
}

/// A session with an id of its own.
fn fresh(number: u32, last: &AtomicU32) -> NewSession {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&last.fetch_add(1, Ordering::SeqCst).to_be_bytes());
    let mut new = login(&user(number), 0, "t1");
    new.session.id = SessionId::from_bytes(id);
    new
}

/// The listener of a gateway, which does nothing else, hears of ends before and after `change`, which gives the feed
/// another server, and misses none.
pub(crate) async fn hear_on(store: Arc<dyn SessionStore>, listener: &dyn SessionStore, change: impl FnOnce()) {
    let mut feed = listener.feed();
    let sessions = [login("7", 1, "t1"), login("7", 2, "t1")];
    for new in &sessions {
        store.create(new.clone()).await.unwrap();
    }
    store.end(key_of(&sessions[0])).await.unwrap();
    until_heard(&mut feed, sessions[0].session.id).await;
    change();
    let begun = Instant::now();
    while in_time(store.end(key_of(&sessions[1]))).await.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the store does not come back");
        sleep(Duration::from_millis(20)).await;
    }
    until_heard(&mut feed, sessions[1].session.id).await;
}

async fn until_heard(feed: &mut Box<dyn Feed>, id: SessionId) {
    let begun = Instant::now();
    loop {
        match feed.next().await {
            Ok(News::Ended(ended)) if ended.contains(&id) => return,
            Ok(News::Gap) => panic!("something was missed"),
            Ok(News::Ended(_) | News::Quiet) => {}
            Err(error) => {
                assert_eq!(error.kind, StoreErrorKind::Unavailable, "{:?}", error.source);
                sleep(Duration::from_millis(20)).await;
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the listener does not come back");
    }
}
