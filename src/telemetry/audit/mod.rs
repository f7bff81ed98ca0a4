//! The audit log as JSON lines: what [`auth::audit`] tells of in the log, for those who keep and read it by machine.
//!
//! ```json
//! {"version":1,"time":"2026-03-01T12:00:00.000000Z","instance":"9f86d081884c7d65","sequence":7,"operation":"login",
//!  "outcome":"refused","code":"INVALID_CREDENTIALS","reason":"wrong password","user":"7","address":"192.0.2.1",…}
//! ```
//!
//! | field | what it is |
//! |---|---|
//! | `version` | of this form, `1`. It rises when a field goes away or means something else; further fields may come without that |
//! | `time` | when the operation had ended: RFC 3339, UTC, microseconds |
//! | `instance`, `sequence` | which run of a gateway tells it, and its number there, from 1. Together they name the event: one that is there twice was written twice, and a number that is nowhere was lost |
//! | `operation` and all others | as in the log ([`auth::audit`]); what is not known is not there |
//!
//! `deploy/audit.schema.json` says the same to a validator. A line is shorter than 4,096 bytes, whatever had to be escaped.
//!
//! Lines go to a file, to standard output ([`lines`](super::lines)) and to a stream of Redis ([`queue`]), to none of them or to
//! several. Nobody waits for one that can't keep up: each has a queue of [`QUEUE`] events, and what finds no place there, or
//! can't be written, is lost for this one; that is counted ([`AuditLog::counts`]) and told.
//!
//! [`auth::audit`]: crate::auth::audit

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    lines::{Counts, Lane},
    spans::Tracer,
};
use crate::model::{AuditEvent, AuditSink, Clock};

mod line;
pub mod queue;
mod span;

use line::Line;
use queue::Queue;

/// Events that may wait for one of the places where they are kept; with what they hold, half a MiB or less.
pub const QUEUE: usize = 1024;

/// Where a run of the gateway keeps its events.
pub struct AuditLog {
    clock: Arc<dyn Clock>,
    instance: String,
    sequence: AtomicU64,
    lanes: Vec<(&'static str, Lane)>,
    queue: Option<Queue>,
    tracer: Option<Tracer>,
}

impl AuditLog {
    /// One that keeps them nowhere yet. `instance`: random, so that no other run has it.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, instance: [u8; 8]) -> Self {
        let instance = format!("{:016x}", u64::from_be_bytes(instance));
        Self { clock, instance, sequence: AtomicU64::new(1), lanes: Vec::new(), queue: None, tracer: None }
    }

    /// And there, too; the name is that of its counts.
    pub fn add_lane(&mut self, name: &'static str, lane: Lane) {
        self.lanes.push((name, lane));
    }

    /// And in the stream behind this queue.
    pub fn set_queue(&mut self, queue: Queue) {
        self.queue = Some(queue);
    }

    /// And has a collector of traces told of operations, too: their spans are not counted here.
    pub fn set_tracer(&mut self, tracer: Tracer) {
        self.tracer = Some(tracer);
    }

    /// What has become of the events, in each place where they are kept: `file`, `stdout`, `redis`.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, Counts)> {
        let lanes = self.lanes.iter().map(|(name, lane)| (*name, lane.counts()));
        lanes.chain(self.queue.iter().map(|queue| ("redis", queue.counts())))
    }
}

impl AuditSink for AuditLog {
    fn record(&self, event: &AuditEvent<'_>) {
        let now = self.clock.now();
        if let Some(tracer) = &self.tracer {
            span::tell(tracer, now, event);
        }
        if self.lanes.is_empty() && self.queue.is_none() {
            return;
        }
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let line = Line::new(now, &self.instance, sequence, event).to_json();
        for (_, lane) in &self.lanes {
            lane.send(format!("{line}\n").into_bytes(), 1);
        }
        if let Some(queue) = &self.queue {
            queue.push(line);
        }
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("instance", &self.instance).finish_non_exhaustive()
    }
}
