//! Spans for a collector of OpenTelemetry, by OTLP over HTTP (OTLP 1.11, binary Protobuf).
//!
//! A span is recorded where what it is about ends, if its trace is sampled; otherwise nothing is done for it. It is put into a
//! queue, from which a task takes some hundred at once, or what there is after a second ([`export`]). Nobody waits for a
//! collector: what finds no place among [`QUEUE`] spans, or is not taken after some tries, is lost, counted and told.
//!
//! Attributes are those of the semantic conventions for HTTP (1.43), and of the gateway's own, which begin with `railgate.`.
//! None holds what a client wrote but a method that HTTP knows and a path, without its query string and without what may
//! be a credential in it, as in the [access log](super::access).

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc::{self, Sender};

use super::lines::Ledger;
use crate::model::{Timestamp, TraceContext};

pub mod collector;
pub mod export;
mod wire;

use export::Exporter;

/// Spans that may wait for the collector; about 1 MiB.
pub const QUEUE: usize = 2048;

/// What was done, from when to when, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace, and the span's own id in it.
    pub place: TraceContext,
    /// Within which other span it was done.
    pub parent: Option<Parent>,
    /// What was done: one of few names.
    pub name: Cow<'static, str>,
    /// On which side of a conversation.
    pub kind: Kind,
    /// Since when.
    pub begun: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What else there is to say.
    pub attributes: Vec<(&'static str, Value)>,
    /// It failed, by the conventions for its kind.
    pub failed: bool,
}

/// The span within which another one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its place, in the same trace.
    pub place: TraceContext,
    /// Somebody else tells of it.
    pub is_remote: bool,
}

/// On which side of a conversation something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On none.
    Internal,
    /// It answered.
    Server,
    /// It asked.
    Client,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A whole number.
    Number(i64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

/// The way to the collector. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tracer {
    spans: Sender<Span>,
    ledger: Ledger,
    ids: Arc<Ids>,
}

/// Ids that no other span has: a count, mixed with what no other gateway has.
#[derive(Debug)]
struct Ids {
    seed: u64,
    next: AtomicU64,
}

impl Tracer {
    /// One with a queue of so many places, and what empties it. `seed`: random.
    #[must_use]
    pub fn new(seed: [u8; 8], most: usize, ledger: &Ledger) -> (Self, Exporter) {
        let (spans, waiting) = mpsc::channel(most);
        let ids = Ids { seed: u64::from_be_bytes(seed), next: AtomicU64::new(0) };
        let exporter = Exporter::new(waiting, ledger.clone());
        (Self { spans, ledger: ledger.clone(), ids: Arc::new(ids) }, exporter)
    }

    /// A place in this trace for a further span; `None` where nobody is to be told of the trace.
    #[must_use]
    pub fn place_in(&self, trace: TraceContext) -> Option<TraceContext> {
        if !trace.is_sampled() {
            return None;
        }
        let id = mixed(self.ids.seed.wrapping_add(self.ids.next.fetch_add(1, Ordering::Relaxed)));
        trace.with_span(id.to_be_bytes())
    }

    /// Has the collector told of it. Never waits.
    pub fn record(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.ledger.counts().add_dropped(1);
        }
    }
}

/// No two numbers come to the same (the finalizer of SplitMix64).
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashSet;

    use super::*;

    pub(in crate::telemetry) fn trace(sampled: bool) -> TraceContext {
        TraceContext::begun([0x0b; 16], [0x0c; 8], sampled).unwrap()
    }

    pub(in crate::telemetry) fn span(name: &'static str) -> Span {
        Span {
            place: trace(true),
            parent: None,
            name: name.into(),
            kind: Kind::Internal,
            begun: Timestamp::from_secs(1),
            took: Duration::from_micros(2),
            attributes: Vec::new(),
            failed: false,
        }
    }

    #[test]
    fn places_are_in_their_trace_and_no_two_are_alike() {
        let (tracer, _exporter) = Tracer::new([7; 8], 1, &Ledger::of_spans());
        let other = tracer.clone();
        let places: HashSet<_> = (0..10_000)
            .map(|number| if number % 2 == 0 { tracer.place_in(trace(true)) } else { other.place_in(trace(true)) })
            .map(|place| place.unwrap())
            .inspect(|place| assert_eq!(place.trace_hex(), trace(true).trace_hex()))
            .map(TraceContext::span_hex)
            .collect();
        assert_eq!(places.len(), 10_000);
        assert_eq!(tracer.place_in(trace(false)), None, "nobody is to be told of it");
    }

    #[test]
    fn what_finds_no_place_is_counted() {
        let ledger = Ledger::of_spans();
        let (tracer, exporter) = Tracer::new([7; 8], 2, &ledger);
        (0..5).for_each(|_| tracer.record(span("a")));
        assert_eq!(ledger.counts().dropped(), 3);
        drop(exporter);
        assert_eq!(ledger.counts().failed(), 2, "what nobody exports any more");
    }
}
