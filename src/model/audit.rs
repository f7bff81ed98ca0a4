//! What the audit log is told of an operation.

use std::{
    fmt,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{RequestId, SessionId, TraceContext, UserId};

/// One operation on credentials, sessions or second factors, and what became of it. The texts that a client can choose are
/// `user_agent` and, where a proxy names requests, `request`; whoever writes them down escapes and cuts them.
#[derive(Clone, Copy, Debug)]
pub struct AuditEvent<'a> {
    /// What was asked for.
    pub operation: &'static str,
    /// What became of it.
    pub outcome: &'static str,
    /// The `errorCode` that the client got.
    pub code: Option<&'static str>,
    /// What the client was not told.
    pub reason: Option<&'static str>,
    /// Whom it was about.
    pub user: Option<&'a UserId>,
    /// Instead of that: a MAC of the name.
    pub unknown_user: Option<&'a str>,
    /// The session that it was about.
    pub session: Option<SessionId>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// What the client says that it is.
    pub user_agent: Option<&'a str>,
    /// The request.
    pub request: &'a RequestId,
    /// Its place in a trace.
    pub trace: Option<TraceContext>,
    /// How long the operation took.
    pub took: Duration,
    /// What of that took long.
    pub steps: &'a [Step],
}

/// A part of an operation that takes time.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What was done.
    pub name: &'static str,
    /// Since when.
    pub begun: Instant,
    /// How long.
    pub took: Duration,
}

/// Where events are kept. The operation that one is about waits for nothing and fails by nothing here: what can't be kept is
/// counted.
pub trait AuditSink: fmt::Debug + Send + Sync + 'static {
    /// Takes an event.
    fn record(&self, event: &AuditEvent<'_>);
}
