//! Parses and validates a document and decides what happens to it.

use std::sync::Arc;

use super::{Answer, Request, schema::Schema};

/// Limits on documents that are parsed. A document over one is refused before anything runs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Size of a document in bytes.
    pub bytes: usize,
    /// Tokens in a document.
    pub tokens: usize,
    /// Nesting of braces, brackets and parentheses.
    pub depth: usize,
    /// Owned root fields that one request may run.
    pub operations: usize,
    /// Fields that a request selects after fragments are expanded.
    pub fields: usize,
}

/// Which operations a transport carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// All kinds (POST).
    All,
    /// Queries only (GET).
    Queries,
}

/// What happens to a request.
#[derive(Debug)]
pub enum Plan {
    /// It runs no owned field: the backend gets it in canonical form.
    Forward,
    /// Owned fields to run here.
    Run(Owned),
    /// It is answered without anything having run.
    Refuse(Box<Answer>),
}

/// Valid owned root fields with coerced arguments, in order.
#[derive(Debug)]
pub struct Owned;

/// Decides what happens to requests.
#[derive(Debug)]
pub struct Planner;

impl Planner {
    /// Validates against this schema, within these limits.
    #[must_use]
    pub fn new(_schema: Arc<Schema>, _limits: Limits) -> Self {
        Self
    }

    /// What happens to this request.
    #[must_use]
    pub fn plan(&self, _request: &Request, _carries: Carries) -> Plan {
        Plan::Forward
    }
}
