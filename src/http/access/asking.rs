//! What the backend is asked on behalf of a request: how long it takes, and the span of it.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use http::{HeaderName, HeaderValue, Request, StatusCode};

use super::{Access, notes, spans};
use crate::{
    model::TraceContext,
    telemetry::{
        access::shown_path,
        spans::{Kind, Parent, Span, Value},
    },
};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `error.type` of what nobody waited for.
const CANCELLED: &str = "cancelled";

/// The backend is being asked. What becomes of it is told at its end, or when this is dropped.
#[derive(Debug)]
pub(in crate::http) struct Asking {
    begun: Instant,
    /// None where nobody is to be told of the trace.
    told: Option<Box<Told>>,
}

#[derive(Debug)]
struct Told {
    access: Rc<Access>,
    place: TraceContext,
    parent: TraceContext,
    name: &'static str,
    attributes: Vec<(&'static str, Value)>,
    /// The status, or why there is none.
    end: Result<StatusCode, &'static str>,
    took: Option<Duration>,
}

impl Asking {
    /// Asks this of the backend, by the request that is worked on. Where there is a span of it, that is what the backend is
    /// told as its own one's parent.
    pub(in crate::http) fn begin<B>(request: &mut Request<B>) -> Self {
        let told = notes::traced(|access, parent| Told::of(access, parent, request)).flatten();
        if let Some(told) = &told
            && let Ok(parent) = HeaderValue::from_bytes(&told.place.to_header())
        {
            request.headers_mut().insert(TRACEPARENT, parent);
        }
        Self { begun: Instant::now(), told: told.map(Box::new) }
    }

    /// The backend has begun its answer, or there is none, for this reason.
    pub(in crate::http) fn ended(mut self, end: Result<StatusCode, &'static str>) {
        let took = self.begun.elapsed();
        notes::asked_backend(took);
        if let Some(told) = &mut self.told {
            (told.end, told.took) = (end, Some(took));
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            told.tell(self.begun);
        }
    }
}

impl Told {
    fn of<B>(access: &Rc<Access>, parent: TraceContext, request: &Request<B>) -> Option<Self> {
        let spans = access.spans.as_ref()?;
        let place = spans.tracer().place_in(parent)?;
        let (method, name) = spans::method(request.method());
        let mut attributes = vec![("http.request.method", Value::from(method))];
        attributes.extend(spans.asked(&shown_path(request.uri().path())));
        Some(Self { access: Rc::clone(access), place, parent, name, attributes, end: Err(CANCELLED), took: None })
    }

    fn tell(mut self, begun: Instant) {
        let Some(spans) = &self.access.spans else { return };
        let failed = match self.end {
            Ok(status) => {
                self.attributes.push(("http.response.status_code", Value::from(status.as_u16())));
                let failed = status.is_client_error() || status.is_server_error();
                self.attributes.extend(failed.then(|| spans::by_status(status.as_u16())));
                failed
            }
            Err(why) => {
                self.attributes.push(("error.type", Value::from(why)));
                true
            }
        };
        spans.record(Span {
            place: self.place,
            parent: Some(Parent { place: self.parent, is_remote: false }),
            name: self.name.into(),
            kind: Kind::Client,
            begun: self.access.clock.now().before(begun.elapsed()),
            took: self.took.unwrap_or_else(|| begun.elapsed()),
            attributes: std::mem::take(&mut self.attributes),
            failed,
        });
    }
}
