//! A follower of a feed that says what a test tells it to.

use std::{collections::VecDeque, sync::Mutex};

use async_trait::async_trait;

use super::{
    super::fakes::{HandClock, sweep},
    *,
};
use crate::{model::SessionId, store::StoreErrorKind};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const ID: SessionId = SessionId::from_bytes([7; 16]);

/// Says these one after the other, then nothing.
#[derive(Debug)]
struct Told(Mutex<VecDeque<Option<News>>>);

#[async_trait]
impl Feed for Told {
    async fn next(&mut self) -> Result<News, StoreError> {
        let next = self.0.get_mut().unwrap().pop_front();
        match next {
            Some(Some(news)) => Ok(news),
            Some(None) => Err(StoreError::new(StoreErrorKind::Unavailable, "down")),
            None => std::future::pending().await,
        }
    }
}

fn follower(news: impl IntoIterator<Item = Option<News>>) -> (Follower, Arc<Revoked>, Arc<HandClock>) {
    let (revoked, clock) = (Arc::<Revoked>::default(), Arc::new(HandClock::at(NOW)));
    let feed = Box::new(Told(Mutex::new(news.into_iter().collect())));
    (Follower::new(feed, revoked.clone(), clock.clone(), Duration::from_secs(60)), revoked, clock)
}

fn no_other() -> Box<dyn Feed> {
    panic!("nothing panicked")
}

#[tokio::test]
async fn what_was_before_is_known_before_it_goes_on() {
    let (mut follower, revoked, clock) = follower([Some(News::Ended(vec![ID])), Some(News::Quiet), Some(News::Quiet)]);
    let followed = follower.followed();
    assert_eq!(followed.heard(), None);
    follower.catch_up().await;
    sweep(&revoked, NOW.after(Duration::from_secs(59)));
    assert!(revoked.contains(&ID), "for as long as an access token may outlive it");
    assert_eq!((followed.heard(), followed.generation()), (Some(NOW), 0));
    let later = NOW.after(Duration::from_secs(2));
    clock.set(later);
    let _ = tokio::time::timeout(Duration::from_millis(50), follower.keep_running(no_other)).await;
    assert_eq!(followed.heard(), Some(later));
}

#[tokio::test]
async fn a_store_that_is_down_holds_up_no_start() {
    let (mut follower, revoked, _) = follower([None, Some(News::Ended(vec![ID])), Some(News::Quiet)]);
    let followed = follower.followed();
    follower.catch_up().await;
    assert_eq!(followed.heard(), None);
    let _ = tokio::time::timeout(FIRST_PAUSE * 4, follower.keep_running(no_other)).await;
    assert!(revoked.contains(&ID) && followed.heard() == Some(NOW));
}

#[tokio::test]
async fn each_gap_begins_a_generation() {
    let (follower, ..) = follower([Some(News::Quiet), Some(News::Gap), Some(News::Quiet), Some(News::Gap)]);
    let followed = follower.followed();
    let _ = tokio::time::timeout(Duration::from_millis(50), follower.keep_running(no_other)).await;
    assert_eq!(followed.generation(), 2);
}

#[tokio::test]
async fn pauses_grow_and_one_success_makes_them_short_again() {
    let failures = std::iter::repeat_n(None, 3);
    let (mut follower, ..) = follower(failures.chain([Some(News::Quiet), None]));
    let mut pauses = Vec::new();
    for _ in 0..5 {
        follower.step().await;
        pauses.push(follower.outage.map(|outage| outage.pause));
    }
    assert_eq!(pauses, [Some(FIRST_PAUSE), Some(FIRST_PAUSE * 2), Some(FIRST_PAUSE * 4), None, Some(FIRST_PAUSE)]);
    follower.outage = Some(Outage { since: NOW, pause: LONGEST_PAUSE });
    follower.is_down(&StoreError::new(StoreErrorKind::Unavailable, "down"));
    assert_eq!(follower.outage.map(|outage| outage.pause), Some(LONGEST_PAUSE));
}

/// Panics when it is asked.
#[derive(Debug)]
struct Broken;

#[async_trait]
impl Feed for Broken {
    async fn next(&mut self) -> Result<News, StoreError> {
        panic!("a feed that panics")
    }
}

#[tokio::test]
async fn one_that_panics_is_begun_anew_and_ends_may_have_been_missed() {
    let (revoked, clock) = (Arc::<Revoked>::default(), Arc::new(HandClock::at(NOW)));
    let follower = Follower::new(Box::new(Broken), revoked.clone(), clock, Duration::from_secs(60));
    let (followed, made) = (follower.followed(), AtomicU64::new(0));
    let feed = || -> Box<dyn Feed> {
        match made.fetch_add(1, Ordering::SeqCst) {
            0 => Box::new(Broken),
            _ => Box::new(Told(Mutex::new([Some(News::Ended(vec![ID])), Some(News::Quiet)].into()))),
        }
    };
    let heard = async {
        while followed.heard().is_none() {
            tokio::time::sleep(FIRST_PAUSE).await;
        }
    };
    tokio::select! {
        () = follower.keep_running(feed) => panic!("it goes on"),
        heard = tokio::time::timeout(Duration::from_secs(60), heard) => heard.expect("news"),
    }
    assert_eq!((made.load(Ordering::SeqCst), followed.generation()), (2, 2));
    assert!(revoked.contains(&ID) && followed.heard() == Some(NOW));
}
