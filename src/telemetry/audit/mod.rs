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
//! can't be written, is lost for this one; that is counted ([`AuditLog::counts`]) and told. Where they go may be changed while
//! they come ([`AuditLog::keep_in`]): up to some number they are in the former places, from the next one on in the new ones.
//!
//! [`auth::audit`]: crate::auth::audit

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    lines::{Counts, Lane, Ledger},
    spans::Tracer,
};
use crate::model::{AuditEvent, AuditSink, Clock, Timestamp};

mod line;
pub mod queue;
mod span;

use line::Line;
use queue::Queue;

/// Events that may wait for one of the places where they are kept; with what they hold, half a MiB or less.
pub const QUEUE: usize = 1024;

/// Places where events are kept. Cheap to clone: the same ones.
#[derive(Clone, Debug, Default)]
pub struct Sinks {
    /// A file.
    pub file: Option<Lane>,
    /// Standard output.
    pub stdout: Option<Lane>,
    /// The stream behind this queue.
    pub redis: Option<Queue>,
}

/// What becomes of events in each of these places, whichever file or stream it is at the time.
#[derive(Debug)]
pub struct Ledgers {
    /// As [`Sinks`] has them.
    pub file: Ledger,
    /// As [`Sinks`] has them.
    pub stdout: Ledger,
    /// As [`Sinks`] has them.
    pub redis: Ledger,
}

/// Where a run of the gateway keeps its events.
pub struct AuditLog {
    clock: Arc<dyn Clock>,
    instance: String,
    sequence: AtomicU64,
    sinks: RwLock<Sinks>,
    ledgers: Ledgers,
}

impl AuditLog {
    /// One that keeps them nowhere yet. `instance`: random, so that no other run has it.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, instance: [u8; 8]) -> Self {
        let [file, stdout] = [(); 2].map(|()| Ledger::of_lines("audit log"));
        Self {
            clock,
            instance: format!("{:016x}", u64::from_be_bytes(instance)),
            sequence: AtomicU64::new(1),
            sinks: RwLock::default(),
            ledgers: Ledgers { file, stdout, redis: Ledger::of_lines("audit stream") },
        }
    }

    /// Keeps them there from now on, and nowhere else. What has gone to the former places is still written there.
    pub fn keep_in(&self, sinks: Sinks) {
        let former = std::mem::replace(&mut *self.sinks.write().unwrap_or_else(PoisonError::into_inner), sinks);
        // Not with others waiting: it may be the end of a thread.
        drop(former);
    }

    /// For those who open places.
    #[must_use]
    pub const fn ledgers(&self) -> &Ledgers {
        &self.ledgers
    }

    /// What has become of the events, in each place where they are kept, or were: `file`, `stdout`, `redis`.
    #[must_use]
    pub fn counts(&self) -> Vec<(&'static str, Counts)> {
        let (sinks, ledgers) = (self.sinks.read().unwrap_or_else(PoisonError::into_inner), &self.ledgers);
        let all = [
            ("file", &ledgers.file, sinks.file.is_some()),
            ("stdout", &ledgers.stdout, sinks.stdout.is_some()),
            ("redis", &ledgers.redis, sinks.redis.is_some()),
        ];
        let told = all.into_iter().filter(|(_, ledger, is_used)| *is_used || !ledger.counts().is_empty());
        told.map(|(name, ledger, _)| (name, ledger.counts().clone())).collect()
    }

    fn keep(&self, now: Timestamp, event: &AuditEvent<'_>) {
        // Held until the event is on its way: none that has a number is without a place when the places change.
        let sinks = self.sinks.read().unwrap_or_else(PoisonError::into_inner);
        let Sinks { file, stdout, redis } = &*sinks;
        if file.is_none() && stdout.is_none() && redis.is_none() {
            return;
        }
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let line = Line::new(now, &self.instance, sequence, event).to_json();
        for lane in [file, stdout].into_iter().flatten() {
            lane.send(format!("{line}\n").into_bytes(), 1);
        }
        if let Some(queue) = redis {
            queue.push(line);
        }
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// The log, for those who run operations by one configuration: it may have a collector of traces told of them, too. Their spans
/// are not counted here.
#[derive(Debug)]
pub struct Traced {
    /// Where events are kept.
    pub log: Arc<AuditLog>,
    /// The way to the collector.
    pub tracer: Option<Tracer>,
}

impl AuditSink for Traced {
    fn record(&self, event: &AuditEvent<'_>) {
        let now = self.log.clock.now();
        if let Some(tracer) = &self.tracer {
            span::tell(tracer, now, event);
        }
        self.log.keep(now, event);
    }
}
