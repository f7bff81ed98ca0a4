//! What each core counts of its requests and connections.
//!
//! A core has its counts to itself, so that nothing is shared, locked or looked up for a request: a thread finds its own where
//! it runs ([`here`]), and adds one. They are summed up when somebody reads them ([`Cores`]). On a thread that is no core's, as
//! in unit tests, nothing is counted.
//!
//! Routes are counted by themselves, and which there are changes while requests come ([`routes`]). What was counted of one that
//! is gone stays: a counter never goes down.

use std::{
    cell::{OnceCell, RefCell},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    config::RouteSettings,
    model::{Count, Histogram},
    telemetry::access::Outcome,
};

mod routes;
mod told;

use routes::Names;

thread_local! {
    static HERE: OnceCell<Here> = const { OnceCell::new() };
}

/// What a request is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// One of `[[routes]]`, by the place of its name.
    Configured(usize),
    /// None of them, and a path that speaks GraphQL.
    Graphql,
    /// Any other path.
    Other,
    /// It was refused before there was one reading of its path.
    Unread,
}

impl Route {
    /// Those that there are always.
    const ALWAYS: [&str; 3] = ["graphql", "other", "unread"];

    const fn place(self) -> usize {
        match self {
            Self::Graphql => 0,
            Self::Other => 1,
            Self::Unread => 2,
            Self::Configured(place) => Self::ALWAYS.len() + place,
        }
    }
}

/// What begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// From its head to the end of its answer.
    Request,
    /// A client's connection, as long as it speaks HTTP.
    Connection,
    /// What has become of one.
    Socket,
    /// A connection to the backend.
    Upstream,
}

/// Counted as open as long as it lives.
#[derive(Debug)]
pub(super) struct Open(Kind);

impl Open {
    pub(super) fn now(kind: Kind) -> Self {
        here(|here| here.core.flows[kind as usize].begun.add_one());
        Self(kind)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        here(|here| here.core.flows[self.0 as usize].ended.add_one());
    }
}

/// Why there was no answer of the backend's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpstreamFault {
    /// No connection in time.
    ConnectTimeout,
    /// No connection.
    ConnectFailed,
    /// No TLS.
    Tls,
    /// A connection, and no answer in time.
    ResponseTimeout,
    /// It broke off.
    Broken,
    /// It speaks in another way than it was asked to.
    Protocol,
}

impl UpstreamFault {
    const NAMES: [&str; 6] = ["connect_timeout", "connect_failed", "tls", "response_timeout", "broken", "protocol"];
}

/// Requests of one route.
#[derive(Debug, Default)]
struct ByRoute {
    /// By class of status, and how they ended.
    ended: [[Count; OUTCOMES.len()]; CLASSES.len()],
    durations: Histogram,
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const OUTCOMES: [Outcome; 5] =
    [Outcome::Ok, Outcome::Upgraded, Outcome::ClientGone, Outcome::BackendGone, Outcome::CutOff];

#[derive(Debug, Default)]
struct Flow {
    begun: Count,
    ended: Count,
}

/// The counts of one core.
#[derive(Debug)]
struct Core {
    /// By the places of their names: as many as there were when this core last took a configuration.
    routes: Mutex<Vec<Arc<ByRoute>>>,
    flows: [Flow; 4],
    /// What could not be read as requests.
    malformed: Count,
    /// How long the backend took to begin an answer.
    upstream: Histogram,
    upstream_idle: Count,
    upstream_faults: [Count; UpstreamFault::NAMES.len()],
}

/// The core that a thread is.
struct Here {
    core: Arc<Core>,
    /// As the core has them, without a lock.
    routes: RefCell<Vec<Arc<ByRoute>>>,
    names: Arc<Mutex<Names>>,
}

/// Counts on the core that this thread is, if it is one.
fn here<T>(count: impl FnOnce(&Here) -> T) -> Option<T> {
    // A thread that ends has nobody to tell.
    HERE.try_with(|here| here.get().map(count)).ok().flatten()
}

/// A request has ended.
pub(super) fn ended(route: Route, status: u16, outcome: Outcome, took: Duration) {
    here(|here| {
        let class = usize::from(status / 100).wrapping_sub(1);
        let outcome = OUTCOMES.iter().position(|known| *known == outcome);
        let routes = here.routes.borrow();
        let Some(counts) = routes.get(route.place()) else { return };
        if let Some(count) = counts.ended.get(class).zip(outcome).and_then(|(class, outcome)| class.get(outcome)) {
            count.add_one();
        }
        counts.durations.record(took);
    });
}

/// Where each of these routes is counted from now on: `None` for one that there is no place left for.
pub(super) fn places(routes: &[RouteSettings]) -> Vec<Option<usize>> {
    here(|here| here.places(routes)).unwrap_or_else(|| vec![None; routes.len()])
}

impl Here {
    fn places(&self, routes: &[RouteSettings]) -> Vec<Option<usize>> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let places = routes.iter().map(|route| names.place_of(route)).collect();
        let count = names.count();
        drop(names);
        let mut counted = self.routes.borrow_mut();
        if counted.len() < count {
            counted.resize_with(count, Arc::default);
            counted.clone_into(&mut self.core.routes.lock().unwrap_or_else(PoisonError::into_inner));
        }
        places
    }
}

/// Something came that was no request.
pub(super) fn malformed() {
    here(|here| here.core.malformed.add_one());
}

/// The backend began an answer, or didn't, in so long.
pub(super) fn asked_backend(took: Duration) {
    here(|here| here.core.upstream.record(took));
}

/// There was no answer of the backend's.
pub(super) fn upstream_failed(fault: UpstreamFault) {
    here(|here| here.core.upstream_faults[fault as usize].add_one());
}

/// So many connections to the backend are kept unused now.
pub(super) fn upstream_idle(count: usize) {
    here(|here| here.core.upstream_idle.set(count as u64));
}

/// The counts of all cores.
#[derive(Debug)]
pub struct Cores {
    names: Arc<Mutex<Names>>,
    cores: Mutex<Vec<Arc<Core>>>,
}

impl Cores {
    /// None yet, where there are these routes.
    #[must_use]
    pub fn new(routes: &[RouteSettings]) -> Self {
        Self { names: Arc::new(Mutex::new(Names::of(routes))), cores: Mutex::default() }
    }

    /// This thread is a core from now on.
    pub(super) fn begin_here(&self) {
        let core = Arc::new(Core {
            routes: Mutex::default(),
            flows: Default::default(),
            malformed: Count::default(),
            upstream: Histogram::default(),
            upstream_idle: Count::default(),
            upstream_faults: Default::default(),
        });
        self.cores.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&core));
        let here = Here { core, routes: RefCell::default(), names: Arc::clone(&self.names) };
        // Those that there are always.
        here.places(&[]);
        // A thread begins once.
        let _ = HERE.try_with(|core| core.set(here));
    }

    fn all(&self) -> Vec<Arc<Core>> {
        self.cores.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).all()
    }
}

impl Core {
    fn routes(&self) -> Vec<Arc<ByRoute>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread, time::Duration};

    use http::Method;

    use super::{Cores, Kind, Open, Route, ended, places};
    use crate::{
        config::{PathPattern, RouteSettings},
        model::Demands,
        telemetry::{access::Outcome, metrics::Metrics},
    };

    fn route(path: &str) -> RouteSettings {
        RouteSettings {
            path: PathPattern::Prefix(path.to_owned()),
            methods: vec![Method::GET, Method::POST],
            auth: None,
            demands: Demands::default(),
        }
    }

    fn cores() -> (Arc<Cores>, Metrics) {
        let (cores, metrics) = (Arc::new(Cores::new(&[route("/reports")])), Metrics::default());
        metrics.add(Arc::clone(&cores));
        (cores, metrics)
    }

    #[test]
    fn cores_that_count_at_once_come_to_a_sum() {
        let (cores, metrics) = cores();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    cores.begin_here();
                    for _ in 0..1000 {
                        let _open = Open::now(Kind::Request);
                        ended(Route::Configured(0), 503, Outcome::BackendGone, Duration::from_millis(3));
                    }
                });
            }
            for _ in 0..100 {
                assert!(metrics.text().unwrap().contains("railgate_requests_in_flight"));
            }
        });
        let text = metrics.text().unwrap();
        for line in [
            "railgate_requests_total{route=\"GET,POST /reports*\",code=\"5xx\",outcome=\"backend_gone\"} 4000\n",
            "railgate_requests_total{route=\"graphql\",code=\"2xx\",outcome=\"ok\"} 0\n",
            "railgate_request_duration_seconds_count{route=\"GET,POST /reports*\"} 4000\n",
            "railgate_requests_in_flight 0\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("unread"), "what never came is not told of: {text}");
    }

    #[test]
    fn cores_that_take_new_routes_at_once_count_them_at_the_same_places() {
        let (cores, metrics) = cores();
        let generations = [&["/a", "/b"][..], &["/c", "/a"], &["/b", "/reports", "/d"]];
        thread::scope(|scope| {
            for first in 0..3 {
                let cores = &cores;
                scope.spawn(move || {
                    cores.begin_here();
                    for turn in 0..300 {
                        let paths = generations[(first + turn) % 3];
                        let settings: Vec<RouteSettings> = paths.iter().copied().map(route).collect();
                        for place in places(&settings) {
                            ended(Route::Configured(place.unwrap()), 200, Outcome::Ok, Duration::ZERO);
                        }
                    }
                });
            }
            for _ in 0..100 {
                assert!(metrics.text().unwrap().contains("railgate_requests_in_flight"));
            }
        });
        let text = metrics.text().unwrap();
        for (path, count) in [("/a", 600), ("/b", 600), ("/c", 300), ("/d", 300), ("/reports", 300)] {
            let line = format!("{{route=\"GET,POST {path}*\",code=\"2xx\",outcome=\"ok\"}} {count}\n");
            assert!(text.contains(&line), "{line}\n{text}");
        }
    }

    #[test]
    fn what_is_open_is_counted_until_it_ends() {
        let (cores, metrics) = cores();
        thread::scope(|scope| {
            scope.spawn(|| {
                cores.begin_here();
                let sockets = [Open::now(Kind::Socket), Open::now(Kind::Socket)];
                drop(Open::now(Kind::Socket));
                let text = metrics.text().unwrap();
                assert!(text.contains("railgate_sockets_open 2\n"), "{text}");
                assert!(text.contains("railgate_sockets_opened_total 3\n"), "{text}");
                drop(sockets);
            });
        });
    }

    #[test]
    fn a_status_that_is_none_breaks_nothing() {
        let (cores, metrics) = cores();
        thread::scope(|scope| {
            scope.spawn(|| {
                cores.begin_here();
                for status in [0, 99, 600, u16::MAX] {
                    ended(Route::Other, status, Outcome::Malformed, Duration::ZERO);
                }
            });
        });
        assert!(metrics.text().unwrap().contains("railgate_request_duration_seconds_count{route=\"other\"} 4\n"));
    }
}
