//! The span of a request: what a collector is told of it, when its line is written.

use std::time::Duration;

use super::{End, Notes};
use crate::{
    http::access::{NOT_WAITED_FOR, spans},
    model::Timestamp,
    telemetry::{
        access::{Event, Outcome, shown_path},
        spans::{Kind, Parent, Span, Value},
    },
};

impl Notes {
    /// Tells a collector, where there is one that is to hear of this trace. A socket is part of the span of its upgrade.
    pub(super) fn tell_collector(&self, end: &End, now: Timestamp, took: Duration) {
        let (Some(spans), Some(place)) = (&self.access.spans, self.ids.trace) else { return };
        if !place.is_sampled() || self.event == Event::Socket {
            return;
        }
        let (method, name) = spans::method(&self.method);
        let status = end.status.filter(|status| *status != NOT_WAITED_FOR);
        let failed = matches!(end.outcome, Outcome::BackendGone | Outcome::CutOff);
        let is_error = status.is_some_and(|status| status >= 500);
        let mut attributes = vec![
            ("http.request.method", Value::from(method)),
            ("url.scheme", Value::from(self.scheme.as_str())),
            ("network.protocol.version", Value::from(super::protocol(self.version).trim_start_matches("HTTP/"))),
            ("client.address", Value::from(self.client.to_str().unwrap_or_default().to_owned())),
            ("railgate.request_id", Value::from(self.ids.request.as_str().to_owned())),
            ("railgate.outcome", Value::from(end.outcome.as_str())),
            ("railgate.auth", Value::from(self.auth)),
        ];
        attributes.extend(self.target.as_ref().map(|target| ("url.path", Value::from(shown_path(target.path())))));
        attributes.extend(status.map(|status| ("http.response.status_code", Value::from(status))));
        attributes.extend(self.code.map(|code| ("railgate.code", Value::from(code))));
        let operations = self.operations.get(..self.operation_count).unwrap_or_default();
        if !operations.is_empty() {
            attributes.push(("railgate.operations", Value::from(operations.join(","))));
        }
        if failed || end.outcome == Outcome::ClientGone {
            attributes.push(("error.type", Value::from(end.outcome.as_str())));
        } else if is_error {
            attributes.extend(status.map(spans::by_status));
        }
        spans.record(Span {
            place,
            parent: self.parent.map(|place| Parent { place, is_remote: true }),
            name: name.into(),
            kind: Kind::Server,
            begun: now.before(took),
            took,
            attributes,
            failed: failed || is_error,
        });
    }
}
