//! Places, deadlines and callers that leave.

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use futures_now::poll_once;

use super::{HashingPool, PoolLimits, PoolRefusal};

/// Polls a future once, so that it takes its place in the queue and no more.
mod futures_now {
    use std::{
        future::Future,
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    pub(super) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }
}

fn pool(queue: usize, deadline: Duration) -> HashingPool {
    HashingPool::start(PoolLimits { threads: 1, queue, deadline }).unwrap()
}

/// Work that says when it begins and ends when it is told to.
fn gated() -> (impl FnOnce() -> bool + Send + 'static, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (began, has_begun) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    let work = move || {
        began.send(()).unwrap();
        gate.recv().is_ok()
    };
    (work, has_begun, open)
}

const LONG: Duration = Duration::from_secs(60);
/// Refusals by a pool with little to do.
const FULL: PoolRefusal = PoolRefusal::Full { retry_after: Duration::from_secs(1) };
const TOO_LATE: PoolRefusal = PoolRefusal::TooLate { retry_after: Duration::from_secs(1) };

#[tokio::test]
async fn work_is_done_and_its_answer_returned() {
    let pool = pool(1, LONG);
    assert_eq!(pool.run(|| true).await, Ok(true));
    assert_eq!(pool.run(|| false).await, Ok(false));
}

#[tokio::test]
async fn a_thread_outlives_work_that_panics() {
    let pool = pool(0, LONG);
    for _ in 0..3 {
        assert_eq!(pool.run(|| panic!("a bug, made for the test")).await, Err(TOO_LATE));
    }
    assert_eq!(pool.run(|| true).await, Ok(true));
}

#[tokio::test]
async fn a_full_queue_answers_at_once() {
    let pool = pool(1, LONG);
    let (work, has_begun, gate) = gated();
    let mut first = Box::pin(pool.run(work));
    assert!(poll_once(first.as_mut()).is_pending());
    has_begun.recv().unwrap();

    let mut second = Box::pin(pool.run(|| true));
    assert!(poll_once(second.as_mut()).is_pending(), "the one place to wait");
    assert_eq!(pool.run(|| true).await, Err(FULL));

    gate.send(()).unwrap();
    assert_eq!((first.await, second.await), (Ok(true), Ok(true)));
}

#[tokio::test]
async fn without_places_to_wait_a_free_thread_still_works() {
    let pool = pool(0, LONG);
    let (work, has_begun, gate) = gated();
    let mut first = Box::pin(pool.run(work));
    assert!(poll_once(first.as_mut()).is_pending());
    has_begun.recv().unwrap();
    assert_eq!(pool.run(|| true).await, Err(FULL));
    gate.send(()).unwrap();
    assert_eq!(first.await, Ok(true));
}

#[tokio::test]
async fn waiting_ends_at_the_deadline_and_the_work_is_not_done() {
    let pool = pool(1, Duration::from_millis(20));
    let (work, has_begun, gate) = gated();
    let mut first = Box::pin(pool.run(work));
    assert!(poll_once(first.as_mut()).is_pending());
    has_begun.recv().unwrap();

    let (report, reports) = mpsc::channel();
    let late = pool.run(move || report.send(()).is_ok()).await;
    assert_eq!(late, Err(TOO_LATE));
    gate.send(()).unwrap();
    assert_eq!(first.await, Ok(true), "the deadline is for waiting, not for work that has begun");
    assert_eq!(pool.run(|| true).await, Ok(true));
    assert!(reports.recv().is_err(), "skipped, and dropped unused");
}

#[tokio::test]
async fn a_caller_that_goes_away_gives_its_place_back() {
    let pool = pool(1, LONG);
    let (work, has_begun, gate) = gated();
    let mut first = Box::pin(pool.run(work));
    assert!(poll_once(first.as_mut()).is_pending());
    has_begun.recv().unwrap();

    let (report, reports) = mpsc::channel();
    let mut leaving = Box::pin(pool.run(move || report.send(()).is_ok()));
    assert!(poll_once(leaving.as_mut()).is_pending());
    drop(leaving);
    let mut staying = Box::pin(pool.run(|| true));
    assert!(poll_once(staying.as_mut()).is_pending(), "takes the place of the one that left");

    gate.send(()).unwrap();
    assert_eq!((first.await, staying.await), (Ok(true), Ok(true)));
    assert!(reports.recv().is_err(), "skipped, and dropped unused");
}

#[test]
fn threads_end_with_the_pool() {
    let pool = HashingPool::start(PoolLimits { threads: 3, queue: 1, deadline: LONG }).unwrap();
    let shared = Arc::downgrade(&pool.shared);
    drop(pool);
    let patience = Instant::now() + Duration::from_secs(10);
    while shared.strong_count() > 0 {
        assert!(Instant::now() < patience, "a thread is still there");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_hashing_thread_has_a_lower_priority_than_the_others() {
    let priority = || rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap();
    let (own, theirs) = (priority(), pool(1, LONG).run(priority).await);
    assert_eq!((theirs, priority()), (Ok((own + 5).min(19)), own));
}

#[tokio::test]
async fn work_that_can_be_left_takes_no_place_to_wait() {
    let pool = pool(4, LONG);
    assert_eq!(pool.run_if_idle(|| "new").await, Ok("new"));
    let (work, has_begun, gate) = gated();
    let mut first = Box::pin(pool.run(work));
    assert!(poll_once(first.as_mut()).is_pending());
    has_begun.recv().unwrap();
    assert_eq!(pool.run_if_idle(|| true).await, Err(FULL));
    let mut second = Box::pin(pool.run(|| true));
    assert!(poll_once(second.as_mut()).is_pending(), "a place that was left to it");
    gate.send(()).unwrap();
    assert_eq!((first.await, second.await), (Ok(true), Ok(true)));
}

#[tokio::test]
async fn a_refusal_says_how_long_those_ahead_take() {
    let pool = HashingPool::start(PoolLimits { threads: 2, queue: 4, deadline: LONG }).unwrap();
    // As if jobs had taken three seconds each.
    pool.shared.lock().usual = Duration::from_secs(3);
    let gates: Vec<_> = (0..2)
        .map(|_| {
            let (work, has_begun, gate) = gated();
            let mut job = Box::pin(pool.run(work));
            assert!(poll_once(job.as_mut()).is_pending());
            has_begun.recv().unwrap();
            (job, gate)
        })
        .collect();
    let waiting: Vec<_> =
        (0..4).map(|_| Box::pin(pool.run(|| true))).map(|mut job| (poll_once(job.as_mut()), job)).collect();
    let refusal = pool.run(|| true).await.unwrap_err();
    assert_eq!(refusal, PoolRefusal::Full { retry_after: Duration::from_secs(9) }, "six jobs, two at a time");
    assert_eq!(refusal.retry_after(), Duration::from_secs(9));
    drop((waiting, gates));
}
