//! Whether clients may be sent to this gateway.
//!
//! | what | status | `"status"` |
//! |---|---|---|
//! | it has not begun to serve, or not read all that other gateways have ended | 503 | `"starting"` |
//! | it was told to stop | 503 | `"draining"` |
//! | store or directory have not answered for `[sessions] max_staleness`: callers get 503 by then, too | 503 | `"stale"` |
//! | otherwise | 200 | `"ready"` |
//!
//! A store that is away for a while takes nobody out of service: what needs none goes on, and another gateway would miss it as
//! much. Neither does the backend: clients are told so by its own name, and not that there is no gateway.
//!
//! ```json
//! {"status":"ready","dependencies":{"store":{"status":"down","seconds_since_answer":12.4},"directory":{…},"upstream":{…}}}
//! ```
//!
//! Of a Redis it is told, too, what its servers do when their memory is short: `"maxmemory_policy":{"10.0.0.7:6379":"noeviction"}`.
//! Any other policy logs users out some day; today it is no reason to send clients elsewhere.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    auth::revocations::Followed,
    telemetry::metrics::{Page, Source},
};

/// What is known of the gateway and of those whom it asks.
#[derive(Debug)]
pub struct Readiness {
    /// What the gateway knows of the ends of sessions, once it listens to them.
    followed: OnceLock<Arc<Followed>>,
    is_serving: AtomicBool,
    is_draining: AtomicBool,
    /// Sessions.
    pub store: Arc<Dependency>,
    /// Users.
    pub directory: Arc<Dependency>,
    /// The backend.
    pub upstream: Arc<Dependency>,
    /// In microseconds; a configuration that is read again may say otherwise.
    max_staleness: AtomicU64,
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

impl Readiness {
    /// Of a gateway that is starting, where callers go on for `max_staleness` without an answer.
    #[must_use]
    pub fn starting(max_staleness: Duration) -> Self {
        let dependency = || Arc::new(Dependency::unheard());
        Self {
            followed: OnceLock::new(),
            is_serving: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            store: dependency(),
            directory: dependency(),
            upstream: dependency(),
            max_staleness: AtomicU64::new(micros(max_staleness)),
        }
    }

    /// Callers go on for so long without an answer, from now on.
    pub fn bears(&self, max_staleness: Duration) {
        self.max_staleness.store(micros(max_staleness), Ordering::Relaxed);
    }

    /// What is known of the ends of sessions, from now on.
    pub fn follows(&self, followed: Arc<Followed>) {
        // There is one start.
        let _ = self.followed.set(followed);
    }

    /// Requests are answered from now on.
    pub fn serves(&self) {
        self.is_serving.store(true, Ordering::Release);
    }

    /// Nobody is to be sent here any more.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    fn dependencies(&self) -> [(&'static str, &Dependency); 3] {
        [("store", &self.store), ("directory", &self.directory), ("upstream", &self.upstream)]
    }

    /// The status of an answer, and its body.
    pub(super) fn answer(&self) -> (StatusCode, String) {
        let word = self.word();
        let dependencies: Map<String, Value> =
            self.dependencies().into_iter().map(|(name, dependency)| (name.to_owned(), dependency.tell())).collect();
        let status = if word == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, format!("{}\n", json!({ "status": word, "dependencies": dependencies })))
    }

    fn has_started(&self) -> bool {
        let has_read = self.followed.get().is_some_and(|followed| followed.heard().is_some());
        has_read && self.is_serving.load(Ordering::Acquire)
    }

    fn word(&self) -> &'static str {
        let max_staleness = Duration::from_micros(self.max_staleness.load(Ordering::Relaxed));
        let is_stale = |dependency: &Dependency| dependency.silence() > max_staleness;
        if self.is_draining.load(Ordering::Acquire) {
            "draining"
        } else if !self.has_started() {
            "starting"
        } else if is_stale(&self.store) || is_stale(&self.directory) {
            "stale"
        } else {
            "ready"
        }
    }
}

impl Source for Readiness {
    fn tell(&self, page: &mut Page<'_>) -> fmt::Result {
        let is_ready = u64::from(self.word() == "ready");
        page.gauge("railgate_ready", "Whether clients may be sent here: 1 or 0.", [([], is_ready)])?;
        let known = self.dependencies().into_iter();
        let up = known.filter_map(|(name, asked)| Some(([("dependency", name)], u64::from(asked.known().is_up?))));
        let help = "Whether it answered when it was asked last, a few seconds ago: 1 or 0.";
        page.gauge("railgate_dependency_up", help, up)?;
        let silence = self.dependencies().map(|(name, asked)| ([("dependency", name)], asked.silence().as_secs_f64()));
        let help = "How long ago it answered the last such question.";
        page.gauge("railgate_dependency_silence_seconds", help, silence)
    }
}

/// Somebody whom the gateway asks, and who may be away.
#[derive(Debug)]
pub struct Dependency {
    known: Mutex<Known>,
    /// What its servers do when their memory is short, by their addresses.
    policies: Mutex<BTreeMap<String, String>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Whether it answered when it was asked last.
    is_up: Option<bool>,
    /// The last answer; before the first, when somebody began to ask.
    answered: Instant,
}

impl Dependency {
    fn unheard() -> Self {
        let known = Known { is_up: None, answered: Instant::now() };
        Self { known: Mutex::new(known), policies: Mutex::default() }
    }

    /// Notes whether it has answered just now, and tells whether that is news.
    pub fn note(&self, is_up: bool) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let was_up = known.is_up.replace(is_up);
        if is_up {
            known.answered = Instant::now();
        }
        // Of one that was never away there is nothing to tell.
        was_up.unwrap_or(true) != is_up
    }

    /// Notes what its servers do when their memory is short, by their addresses, as far as it is known.
    pub fn note_policies(&self, policies: BTreeMap<String, String>) {
        *self.policies.lock().unwrap_or_else(PoisonError::into_inner) = policies;
    }

    fn known(&self) -> Known {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn silence(&self) -> Duration {
        self.known().answered.elapsed()
    }

    fn tell(&self) -> Value {
        let Known { is_up, answered } = self.known();
        let mut told = match is_up {
            None => json!({ "status": "unknown" }),
            Some(is_up) => {
                // Rounded up: what is stale has been silent for longer than it may be, here too.
                let seconds = answered.elapsed().as_nanos().div_ceil(1_000_000) as f64 / 1000.0;
                json!({ "status": if is_up { "up" } else { "down" }, "seconds_since_answer": seconds })
            }
        };
        let policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        if !policies.is_empty() {
            told["maxmemory_policy"] = json!(*policies);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread::sleep, time::Duration};

    use serde_json::{Value, json};

    use super::Readiness;
    use crate::auth::revocations::Followed;

    fn told(readiness: &Readiness) -> (u16, Value) {
        let (status, body) = readiness.answer();
        (status.as_u16(), serde_json::from_str(&body).unwrap())
    }

    #[test]
    fn one_that_has_not_read_what_others_ended_is_still_starting() {
        let readiness = Readiness::starting(Duration::from_secs(300));
        let starting = (503, json!("starting"));
        let word = |readiness: &Readiness| {
            let (status, body) = told(readiness);
            (status, body["status"].clone())
        };
        assert_eq!(word(&readiness), starting);
        readiness.follows(Arc::new(Followed::default()));
        readiness.serves();
        assert_eq!(word(&readiness), starting, "nothing has been heard yet");
    }

    #[test]
    fn only_a_change_of_a_dependency_is_news() {
        let readiness = Readiness::starting(Duration::from_secs(300));
        let store = &readiness.store;
        assert_eq!(told(&readiness).1["dependencies"]["store"], json!({ "status": "unknown" }));
        assert!(!store.note(true), "it was never away");
        assert_eq!(
            [store.note(false), store.note(false), store.note(true), store.note(true)],
            [true, false, true, false]
        );
        assert!(readiness.upstream.note(false), "it was never there");
    }

    #[test]
    fn silence_begins_with_the_last_answer() {
        let readiness = Readiness::starting(Duration::from_secs(300));
        sleep(Duration::from_millis(20));
        readiness.store.note(false);
        assert!(readiness.store.silence() >= Duration::from_millis(20), "a failure is no answer");
        readiness.store.note(true);
        assert!(readiness.store.silence() < Duration::from_millis(20) + readiness.directory.silence());
        assert!(readiness.store.silence() < readiness.directory.silence());
    }
}
