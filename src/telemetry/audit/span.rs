//! The span of an operation, and of the steps that took its time.

use std::{borrow::Cow, time::Duration};

use crate::{
    model::{AuditEvent, Timestamp, TraceContext},
    telemetry::spans::{Kind, Parent, Span, Tracer, Value},
};

/// Has a collector told of it, if it is to hear of this trace. `now`: the operation has ended.
pub(super) fn tell(tracer: &Tracer, now: Timestamp, event: &AuditEvent<'_>) {
    let Some(request) = event.trace else { return };
    let Some(place) = tracer.place_in(request) else { return };
    for step in event.steps {
        if let Some(within) = tracer.place_in(request) {
            let begun = now.before(step.begun.elapsed());
            tracer.record(span(step.name.into(), within, place, begun, step.took));
        }
    }
    let name = format!("auth {}", event.operation);
    let mut operation = span(name.into(), place, request, now.before(event.took), event.took);
    operation.attributes.push(("railgate.outcome", Value::from(event.outcome)));
    operation.attributes.extend(event.code.map(|code| ("railgate.code", Value::from(code))));
    tracer.record(operation);
}

fn span(name: Cow<'static, str>, place: TraceContext, parent: TraceContext, begun: Timestamp, took: Duration) -> Span {
    let parent = Some(Parent { place: parent, is_remote: false });
    Span { place, parent, name, kind: Kind::Internal, begun, took, attributes: Vec::new(), failed: false }
}
