//! Threads that compute hashes, so that logins never slow down forwarding.
//!
//! A hash holds a core for a tenth of a second. On a runtime's own thread it would stop every request of that core, and on an
//! unbounded pool a flood of logins would take all cores and any amount of memory. So: a fixed number of threads, a fixed
//! number of places to wait, and three ways to leave early. A full queue answers at once; a deadline limits the wait (not the
//! work: a job that has begun is finished); a caller that goes away gives its place back.
//!
//! Sizing: `threads` of a core each, and `queue` of about `deadline / time per hash * threads`; more places would only be
//! waited in until the deadline.

use std::{
    collections::VecDeque,
    fmt, io,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

/// How much a pool takes on.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Threads, and so hashes computed at once; at least one is started.
    pub threads: usize,
    /// Jobs that may wait beyond those being computed.
    pub queue: usize,
    /// How long a job may wait before it begins.
    pub deadline: Duration,
}

/// Why a pool didn't take or begin a job. Trying again shortly is sensible in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolRefusal {
    /// Every place to wait was taken.
    #[error("too many passwords are waiting to be checked")]
    Full,
    /// It waited for the whole deadline.
    #[error("the password could not be checked in time")]
    TooLate,
}

type Work = Box<dyn FnOnce() -> bool + Send>;

struct Job {
    work: Work,
    /// Closed on the other side when nobody waits for the job any more.
    began: oneshot::Sender<()>,
    done: oneshot::Sender<bool>,
}

struct State {
    waiting: VecDeque<Job>,
    /// Threads without a job; what waits for them doesn't count against the queue.
    free: usize,
    open: bool,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

/// A fixed number of threads behind a bounded queue. They end, each after its current job, when the pool is dropped.
pub struct HashingPool {
    shared: Arc<Shared>,
    limits: PoolLimits,
}

impl HashingPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(limits: PoolLimits) -> io::Result<Self> {
        let threads = limits.threads.max(1);
        let state = State { waiting: VecDeque::new(), free: threads, open: true };
        let pool = Self { shared: Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new() }), limits };
        for number in 0..threads {
            let shared = Arc::clone(&pool.shared);
            thread::Builder::new().name(format!("hashing-{number}")).spawn(move || shared.serve())?;
        }
        Ok(pool)
    }

    /// Has a thread do `work`, and waits for what it comes to.
    ///
    /// # Errors
    /// [`PoolRefusal::Full`] at once, [`PoolRefusal::TooLate`] at the deadline; `work` is then not done.
    pub async fn run(&self, work: impl FnOnce() -> bool + Send + 'static) -> Result<bool, PoolRefusal> {
        let (began, has_begun) = oneshot::channel();
        let (done, is_done) = oneshot::channel();
        self.shared.push(Job { work: Box::new(work), began, done }, self.limits.queue)?;
        match tokio::time::timeout(self.limits.deadline, has_begun).await {
            // The sender is gone without a word only when the work panicked, or with the pool itself, which this call
            // borrows.
            Ok(Ok(())) => is_done.await.map_err(|_| PoolRefusal::TooLate),
            Ok(Err(_)) | Err(_) => Err(PoolRefusal::TooLate),
        }
    }
}

impl Drop for HashingPool {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.open = false;
        state.waiting.clear();
        drop(state);
        self.shared.wake.notify_all();
    }
}

impl fmt::Debug for HashingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashingPool").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Shared {
    fn push(&self, job: Job, places: usize) -> Result<(), PoolRefusal> {
        let mut state = self.lock();
        let room = places.saturating_add(state.free);
        if state.waiting.len() >= room {
            state.waiting.retain(|job| !job.began.is_closed());
        }
        if state.waiting.len() >= room {
            return Err(PoolRefusal::Full);
        }
        state.waiting.push_back(job);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    fn serve(&self) {
        while let Some((work, done)) = self.next() {
            // Work that panics (a bug) must not take the thread along, or the pool would shrink with each.
            let answer = panic::catch_unwind(AssertUnwindSafe(work));
            // Before the answer, so that whoever hears it finds the place free.
            self.lock().free += 1;
            if let Ok(answer) = answer {
                // A caller that left meanwhile doesn't hear it, which harms nobody.
                let _ = done.send(answer);
            }
        }
    }

    /// The next job that somebody waits for; `None` when the pool is gone.
    fn next(&self) -> Option<(Work, oneshot::Sender<bool>)> {
        let mut state = self.lock();
        loop {
            if !state.open {
                return None;
            }
            match state.waiting.pop_front() {
                Some(job) => {
                    if job.began.send(()).is_ok() {
                        state.free -= 1;
                        return Some((job.work, job.done));
                    }
                }
                None => state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// A poisoned lock is taken all the same: every change under it is a single step.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
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
            assert_eq!(pool.run(|| panic!("a bug, made for the test")).await, Err(PoolRefusal::TooLate));
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
        assert_eq!(pool.run(|| true).await, Err(PoolRefusal::Full));

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
        assert_eq!(pool.run(|| true).await, Err(PoolRefusal::Full));
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
        assert_eq!(late, Err(PoolRefusal::TooLate));
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
}
