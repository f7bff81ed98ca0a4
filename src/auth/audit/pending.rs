//! An operation that has not been told of yet.

use std::time::Instant;

use tracing::field::display;

use super::{Origin, Trail, tally};
use crate::{
    auth::Refusal,
    model::{AuditEvent, AuditSink, Principal},
};

/// One that runs. Dropped before it is known what came of it, it was abandoned.
pub(super) struct Pending<'a> {
    operation: &'static str,
    origin: &'a Origin,
    caller: Option<&'a Principal>,
    sink: &'a dyn AuditSink,
    trail: Trail,
    begun: Instant,
    end: End,
}

/// What came of it.
#[derive(Clone, Copy)]
enum End {
    Abandoned,
    Done(&'static str),
    Refused(Refusal),
}

impl End {
    const fn outcome(self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned",
            Self::Done(outcome) => outcome,
            Self::Refused(_) => "refused",
        }
    }

    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Abandoned | Self::Done(_) => None,
            Self::Refused(refusal) => Some(refusal.code()),
        }
    }
}

impl<'a> Pending<'a> {
    pub(super) fn new(
        operation: &'static str,
        origin: &'a Origin,
        caller: Option<&'a Principal>,
        sink: &'a dyn AuditSink,
    ) -> Self {
        Self { operation, origin, caller, sink, trail: Trail::default(), begun: Instant::now(), end: End::Abandoned }
    }

    /// Where its notes are taken.
    pub(super) fn trail(&self) -> Trail {
        self.trail.clone()
    }

    pub(super) fn done(mut self, outcome: &'static str) {
        self.end = End::Done(outcome);
    }

    pub(super) fn refused(mut self, refusal: Refusal) {
        self.end = End::Refused(refusal);
    }
}

/// Tells of it.
impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let notes = self.trail.notes();
        let user = notes.user.as_ref().or(self.caller.map(|caller| &caller.user));
        let is_done = matches!(self.end, End::Done(_));
        let event = AuditEvent {
            operation: self.operation,
            outcome: self.end.outcome(),
            code: self.end.code(),
            reason: notes.reason.filter(|_| !is_done),
            user,
            unknown_user: notes.unknown.as_deref().filter(|_| user.is_none() && !is_done),
            session: notes.session.or(self.caller.and_then(|caller| caller.session)),
            address: self.origin.client.ip,
            user_agent: self.origin.client.user_agent.as_deref(),
            request: &self.origin.request,
            trace: self.origin.trace,
            took: self.begun.elapsed(),
            steps: &notes.steps,
        };
        tally::add(tally::Kind {
            operation: event.operation,
            outcome: event.outcome,
            code: event.code.unwrap_or_default(),
        });
        log(&event, is_done);
        self.sink.record(&event);
    }
}

fn log(event: &AuditEvent<'_>, is_done: bool) {
    let &AuditEvent { operation, outcome, code, reason, unknown_user, user_agent, .. } = event;
    let (user, session, address) = (event.user.map(display), event.session.map(display), event.address.map(display));
    let request_id = display(event.request);
    if is_done {
        tracing::info!(target: "audit", outcome, user, session, address, user_agent, request_id, "{operation}");
    } else {
        tracing::warn!(
            target: "audit", outcome, code, reason, user, unknown_user, session, address, user_agent, request_id,
            "{operation}"
        );
    }
}
