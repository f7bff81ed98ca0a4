//! What each core counts of its requests and connections.
//!
//! A core has its counts to itself, so that nothing is shared, locked or looked up for a request: a thread finds its own where
//! it runs ([`here`]), and adds one. They are summed up when somebody reads them ([`Cores`]). On a thread that is no core's, as
//! in unit tests, nothing is counted.

use std::{
    cell::OnceCell,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Method;

use crate::{
    config::{PathPattern, RouteSettings},
    model::{Count, Histogram},
    telemetry::access::Outcome,
};

mod told;

thread_local! {
    static HERE: OnceCell<Arc<Core>> = const { OnceCell::new() };
}

/// What a request is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The one of `[[routes]]` at this place.
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
        here(|core| core.flows[kind as usize].begun.add_one());
        Self(kind)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        here(|core| core.flows[self.0 as usize].ended.add_one());
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
pub(super) struct Core {
    names: Arc<[String]>,
    routes: Box<[ByRoute]>,
    flows: [Flow; 4],
    /// What could not be read as requests.
    malformed: Count,
    /// How long the backend took to begin an answer.
    upstream: Histogram,
    upstream_idle: Count,
    upstream_faults: [Count; UpstreamFault::NAMES.len()],
}

/// Counts on the core that this thread is, if it is one.
fn here(count: impl FnOnce(&Core)) {
    // A thread that ends has nobody to tell.
    let _ = HERE.try_with(|core| core.get().map(|core| count(core)));
}

/// A request has ended.
pub(super) fn ended(route: Route, status: u16, outcome: Outcome, took: Duration) {
    here(|core| {
        let class = usize::from(status / 100).wrapping_sub(1);
        let outcome = OUTCOMES.iter().position(|known| *known == outcome);
        let Some(counts) = core.routes.get(route.place()) else { return };
        if let Some(count) = counts.ended.get(class).zip(outcome).and_then(|(class, outcome)| class.get(outcome)) {
            count.add_one();
        }
        counts.durations.record(took);
    });
}

/// Where each of these routes is counted on this core: `None` for one that there was not when the gateway started.
pub(super) fn places(routes: &[RouteSettings]) -> Vec<Option<usize>> {
    let mut places = vec![None; routes.len()];
    here(|core| {
        let known: HashMap<&String, usize> = core.names.iter().skip(Route::ALWAYS.len()).zip(0..).collect();
        for (place, route) in places.iter_mut().zip(routes) {
            *place = known.get(&name(route)).copied();
        }
    });
    places
}

/// Something came that was no request.
pub(super) fn malformed() {
    here(|core| core.malformed.add_one());
}

/// The backend began an answer, or didn't, in so long.
pub(super) fn asked_backend(took: Duration) {
    here(|core| core.upstream.record(took));
}

/// There was no answer of the backend's.
pub(super) fn upstream_failed(fault: UpstreamFault) {
    here(|core| core.upstream_faults[fault as usize].add_one());
}

/// So many connections to the backend are kept unused now.
pub(super) fn upstream_idle(count: usize) {
    here(|core| core.upstream_idle.set(count as u64));
}

/// The counts of all cores.
#[derive(Debug)]
pub struct Cores {
    routes: Arc<[String]>,
    cores: Mutex<Vec<Arc<Core>>>,
}

impl Cores {
    /// None yet, where there are these routes.
    #[must_use]
    pub fn new(routes: &[RouteSettings]) -> Self {
        let always = Route::ALWAYS.map(str::to_owned).into_iter();
        Self { routes: always.chain(routes.iter().map(name)).collect(), cores: Mutex::default() }
    }

    /// This thread is a core from now on.
    pub(super) fn begin_here(&self) {
        let core = Arc::new(Core {
            names: Arc::clone(&self.routes),
            routes: self.routes.iter().map(|_| ByRoute::default()).collect(),
            flows: Default::default(),
            malformed: Count::default(),
            upstream: Histogram::default(),
            upstream_idle: Count::default(),
            upstream_faults: Default::default(),
        });
        self.cores.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&core));
        // A thread begins once.
        let _ = HERE.try_with(|here| here.set(core));
    }

    fn all(&self) -> Vec<Arc<Core>> {
        self.cores.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// As it stands in the file: `/reports*`, `GET,POST /reports`.
fn name(route: &RouteSettings) -> String {
    let methods: Vec<&str> = route.methods.iter().map(Method::as_str).collect();
    let (path, more) = match &route.path {
        PathPattern::Exact(path) => (path, ""),
        PathPattern::Prefix(path) => (path, "*"),
    };
    let space = if methods.is_empty() { "" } else { " " };
    format!("{}{space}{path}{more}", methods.join(","))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread, time::Duration};

    use http::Method;

    use super::{Cores, Kind, Open, Route, ended};
    use crate::{
        config::{PathPattern, RouteSettings},
        model::Demands,
        telemetry::{access::Outcome, metrics::Metrics},
    };

    fn cores() -> (Arc<Cores>, Metrics) {
        let route = RouteSettings {
            path: PathPattern::Prefix("/reports".to_owned()),
            methods: vec![Method::GET, Method::POST],
            auth: None,
            demands: Demands::default(),
        };
        let (cores, metrics) = (Arc::new(Cores::new(&[route])), Metrics::default());
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
