//! Threads that compute hashes, so that logins never slow down forwarding.
//!
//! A hash holds a core for a tenth of a second. On a runtime's own thread it would stop every request of that core, and on an
//! unbounded pool a flood of logins would take all cores and any amount of memory. So: a fixed number of threads, a fixed
//! number of places to wait, and three ways to leave early. A full queue answers at once; a deadline limits the wait (not the
//! work: a job that has begun is finished); a caller that goes away gives its place back.
//!
//! The threads have a lower priority than the others of the gateway, each for itself: of a processor that both want, a request
//! gets three times as much. Not the lowest, or a busy backend on the same machine would leave logins nothing. A limit on
//! processor time, as containers have it, knows no priorities: where it is used up, all wait.
//!
//! Sizing: `threads` of a core each, and `queue` of about `deadline / time per hash * threads`; more places would only be
//! waited in until the deadline.

use std::{
    collections::VecDeque,
    fmt, io,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    process::{getpriority_process, setpriority_process},
    thread::gettid,
};
use tokio::sync::oneshot;

use crate::{
    auth::audit,
    model::{Distribution, Meter},
};

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

/// Why a pool didn't take or begin a job. Trying again is sensible in either case, once those ahead have had their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolRefusal {
    /// Every place to wait was taken.
    #[error("too many passwords are waiting to be checked")]
    Full {
        /// How long the queue ahead takes.
        retry_after: Duration,
    },
    /// It waited for the whole deadline.
    #[error("the password could not be checked in time")]
    TooLate {
        /// How long the queue ahead takes.
        retry_after: Duration,
    },
}

impl PoolRefusal {
    /// How long the queue takes that was ahead.
    #[must_use]
    pub const fn retry_after(self) -> Duration {
        match self {
            Self::Full { retry_after } | Self::TooLate { retry_after } => retry_after,
        }
    }
}

/// Work, and somebody to tell.
trait Task: Send {
    fn compute(&mut self);
    /// A caller that left meanwhile doesn't hear it, which harms nobody.
    fn deliver(self: Box<Self>);
}

struct Work<F, T> {
    work: Option<F>,
    answer: Option<T>,
    done: oneshot::Sender<T>,
}

impl<F: FnOnce() -> T + Send, T: Send> Task for Work<F, T> {
    fn compute(&mut self) {
        self.answer = self.work.take().map(|work| work());
    }

    fn deliver(self: Box<Self>) {
        if let Some(answer) = self.answer {
            let _ = self.done.send(answer);
        }
    }
}

struct Job {
    task: Box<dyn Task>,
    /// Closed on the other side when nobody waits for the job any more.
    began: oneshot::Sender<()>,
}

struct State {
    waiting: VecDeque<Job>,
    /// Threads without a job; what waits for them doesn't count against the queue.
    free: usize,
    /// How long a job took of late; zero before the first.
    usual: Duration,
    open: bool,
}

impl State {
    /// How long all that are waiting take with so many threads, and those that are being computed.
    fn backlog(&self, threads: usize) -> Duration {
        let jobs = self.waiting.len() + threads.saturating_sub(self.free);
        let turns = u32::try_from(jobs.div_ceil(threads.max(1))).unwrap_or(u32::MAX);
        self.usual.saturating_mul(turns)
    }
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

/// A fixed number of threads behind a bounded queue. They end, each after its current job, when the pool is dropped.
pub struct HashingPool {
    shared: Arc<Shared>,
    limits: PoolLimits,
    waits: Meter,
}

/// How busy a pool is, and was.
#[derive(Clone, Copy, Debug)]
pub struct PoolLoad {
    /// Jobs that wait.
    pub waiting: usize,
    /// Jobs that are being computed.
    pub computing: usize,
    /// Threads that there are.
    pub threads: usize,
    /// How long jobs waited until they began, of those that could not be left.
    pub waits: Distribution,
    /// Jobs that were refused at once or given up, of the same.
    pub refused: u64,
}

impl HashingPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(limits: PoolLimits) -> io::Result<Self> {
        let threads = limits.threads.max(1);
        let state = State { waiting: VecDeque::new(), free: threads, usual: Duration::ZERO, open: true };
        let pool = Self {
            shared: Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new() }),
            limits,
            waits: Meter::default(),
        };
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
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PoolRefusal> {
        let outcome = self.run_with(self.limits.queue, work, Some(&self.waits)).await;
        if outcome.is_err() {
            self.waits.failures.add_one();
        }
        outcome
    }

    /// How busy it is.
    #[must_use]
    pub fn load(&self) -> PoolLoad {
        let state = self.shared.lock();
        let threads = self.limits.threads.max(1);
        PoolLoad {
            waiting: state.waiting.len(),
            computing: threads.saturating_sub(state.free),
            threads,
            waits: self.waits.durations.distribution(),
            refused: self.waits.failures.get(),
        }
    }

    /// The same for work that can be left: a thread that is free does it, and nobody's place to wait is taken.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_if_idle<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolRefusal> {
        self.run_with(0, work, None).await
    }

    async fn run_with<T: Send + 'static>(
        &self,
        places: usize,
        work: impl FnOnce() -> T + Send + 'static,
        waits: Option<&Meter>,
    ) -> Result<T, PoolRefusal> {
        let pushed = Instant::now();
        let (began, has_begun) = oneshot::channel();
        let (done, is_done) = oneshot::channel();
        let task = Box::new(Work { work: Some(work), answer: None, done });
        self.shared.push(Job { task, began }, places).map_err(|()| PoolRefusal::Full { retry_after: self.wait() })?;
        let waiting = Instant::now();
        let waited = tokio::time::timeout(self.limits.deadline, has_begun).await;
        audit::step("wait for a hash", waiting);
        match waited {
            // The sender is gone without a word only when the work panicked, or with the pool itself, which this call
            // borrows.
            Ok(Ok(())) => {
                if let Some(waits) = waits {
                    waits.durations.record(pushed.elapsed());
                }
                let hashing = Instant::now();
                let answer = is_done.await;
                audit::step("hash", hashing);
                answer.map_err(|_| PoolRefusal::TooLate { retry_after: self.wait() })
            }
            Ok(Err(_)) | Err(_) => Err(PoolRefusal::TooLate { retry_after: self.wait() }),
        }
    }

    /// How long those take who are here now; a second at least, or whoever is refused would come back into the same rush.
    fn wait(&self) -> Duration {
        self.shared.lock().backlog(self.limits.threads).max(Duration::from_secs(1))
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
    fn push(&self, job: Job, places: usize) -> Result<(), ()> {
        let mut state = self.lock();
        let room = places.saturating_add(state.free);
        if state.waiting.len() >= room {
            state.waiting.retain(|job| !job.began.is_closed());
        }
        if state.waiting.len() >= room {
            return Err(());
        }
        state.waiting.push_back(job);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    fn serve(&self) {
        step_back();
        while let Some(mut task) = self.next() {
            let begun = Instant::now();
            // Work that panics (a bug) must not take the thread along, or the pool would shrink with each.
            let _logged = panic::catch_unwind(AssertUnwindSafe(|| task.compute()));
            // Before the answer, so that whoever hears it finds the place free.
            self.note(begun.elapsed());
            task.deliver();
        }
    }

    /// A thread has done its job, in so long.
    fn note(&self, took: Duration) {
        let mut state = self.lock();
        state.free += 1;
        state.usual = if state.usual.is_zero() { took } else { (state.usual * 7 + took) / 8 };
    }

    /// The next job that somebody waits for; `None` when the pool is gone.
    fn next(&self) -> Option<Box<dyn Task>> {
        let mut state = self.lock();
        loop {
            if !state.open {
                return None;
            }
            match state.waiting.pop_front() {
                Some(job) => {
                    if job.began.send(()).is_ok() {
                        state.free -= 1;
                        return Some(job.task);
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

/// Lowers this thread's priority. Linux takes a thread's id for a process's here, and means the thread alone.
fn step_back() {
    const STEPS: i32 = 5;
    let this = Some(gettid());
    let lowered = getpriority_process(this).and_then(|now| setpriority_process(this, now + STEPS));
    if let Err(error) = lowered {
        tracing::warn!(%error, "a hashing thread keeps its priority, so logins may slow down what is forwarded");
    }
}

#[cfg(test)]
mod tests;
