//! What all cores have counted, as the page of metrics has it.

use std::{fmt, sync::Arc};

use super::{ByRoute, CLASSES, Core, Cores, Kind, OUTCOMES, UpstreamFault};
use crate::{
    model::{Count, Distribution, Histogram},
    telemetry::{
        access::Outcome,
        metrics::{Page, Source},
    },
};

impl Source for Cores {
    fn tell(&self, page: &mut Page<'_>) -> fmt::Result {
        let cores = self.all();
        self.tell_requests(&cores, page)?;
        tell_connections(&cores, page)?;
        tell_upstream(&cores, page)
    }
}

fn sum(cores: &[Arc<Core>], of: impl Fn(&Core) -> &Count) -> u64 {
    cores.iter().map(|core| of(core).get()).sum()
}

fn merged<T>(cores: &[T], of: impl Fn(&T) -> &Histogram) -> Distribution {
    cores.iter().fold(Distribution::default(), |all, core| all.and(&of(core).distribution()))
}

fn begun(cores: &[Arc<Core>], kind: Kind) -> u64 {
    sum(cores, |core| &core.flows[kind as usize].begun)
}

fn open(cores: &[Arc<Core>], kind: Kind) -> u64 {
    // What ended is read first: what begins and ends in between is not counted as less than nothing.
    let ended = sum(cores, |core| &core.flows[kind as usize].ended);
    begun(cores, kind).saturating_sub(ended)
}

impl Cores {
    /// Routes that had no request are left out, and combinations that never came.
    fn tell_requests(&self, cores: &[Arc<Core>], page: &mut Page<'_>) -> fmt::Result {
        let mut ended = Vec::new();
        let mut durations = Vec::new();
        // A core may not have taken the newest of them.
        let counted: Vec<Vec<Arc<ByRoute>>> = cores.iter().map(|core| core.routes()).collect();
        let names = self.names();
        for (place, route) in names.iter().enumerate() {
            let counted: Vec<&ByRoute> = counted.iter().filter_map(|core| core.get(place).map(AsRef::as_ref)).collect();
            for (class, code) in CLASSES.iter().enumerate() {
                for (number, outcome) in OUTCOMES.iter().enumerate() {
                    let count = counted.iter().map(|of_core| of_core.ended[class][number].get()).sum::<u64>();
                    let is_usual = (place, *code, outcome) == (0, "2xx", &Outcome::Ok);
                    if count > 0 || is_usual {
                        let labels = [("route", &**route), ("code", code), ("outcome", outcome.as_str())];
                        ended.push((labels, count));
                    }
                }
            }
            let took = merged(&counted, |of_core| &of_core.durations);
            if took.count() > 0 || place == 0 {
                durations.push(([("route", &**route)], took));
            }
        }
        let help = "Requests that have ended, by route, class of status, and how the answer ended.";
        page.counter("railgate_requests", help, ended)?;
        let help = "From the head of a request to the end of its answer.";
        page.histogram("railgate_request_duration_seconds", help, durations)?;
        let help = "Requests whose answer has not ended.";
        page.gauge("railgate_requests_in_flight", help, [([], open(cores, Kind::Request))])?;
        let malformed = sum(cores, |core| &core.malformed);
        page.counter("railgate_requests_malformed", "What came and was no request of HTTP.", [([], malformed)])
    }
}

fn tell_connections(cores: &[Arc<Core>], page: &mut Page<'_>) -> fmt::Result {
    let [connections, sockets] = [Kind::Connection, Kind::Socket].map(|kind| (begun(cores, kind), open(cores, kind)));
    page.counter("railgate_connections_opened", "Connections of clients.", [([], connections.0)])?;
    page.gauge("railgate_connections_open", "Connections of clients that are open.", [([], connections.1)])?;
    page.counter("railgate_sockets_opened", "WebSockets that were opened.", [([], sockets.0)])?;
    page.gauge("railgate_sockets_open", "WebSockets that are open.", [([], sockets.1)])
}

fn tell_upstream(cores: &[Arc<Core>], page: &mut Page<'_>) -> fmt::Result {
    let help = "From a request to the backend until it began its answer, or didn't.";
    page.histogram("railgate_upstream_response_seconds", help, [([], merged(cores, |core| &core.upstream))])?;
    let faults = UpstreamFault::NAMES.iter().enumerate().map(|(place, reason)| {
        let count = sum(cores, |core| &core.upstream_faults[place]);
        ([("reason", *reason)], count)
    });
    page.counter("railgate_upstream_failures", "Requests that the backend did not answer.", faults)?;
    let opened = begun(cores, Kind::Upstream);
    page.counter("railgate_upstream_connections_opened", "Connections to the backend.", [([], opened)])?;
    let help = "Connections to the backend that are open.";
    page.gauge("railgate_upstream_connections_open", help, [([], open(cores, Kind::Upstream))])?;
    let idle = sum(cores, |core| &core.upstream_idle);
    let help = "Connections of HTTP/1.1 to the backend that are kept unused.";
    page.gauge("railgate_upstream_connections_idle", help, [([], idle)])
}
