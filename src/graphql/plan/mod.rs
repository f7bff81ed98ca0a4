//! Decides what happens to a document: forwarded, run here, or refused.
//!
//! The rule: the operation that the request selects is followed through all its fragments, whatever `@skip` and
//! `@include` say. If it reaches no root field of the gateway, the document is the backend's business and is not
//! validated. If it does, the whole document is validated before anything runs, and what comes out is [`Owned`]:
//! commands that can't fail on types.
//!
//! Caveat: an operation that has owned fields and fields of the backend is refused; a client sends two requests.

use std::sync::Arc;

use async_graphql_parser::types::OperationType;

use super::{
    Answer, Outcome, Request,
    document::{DEEPEST, Document, Operation},
    error::GraphqlError,
    schema::Schema,
    validate::{self, Scope},
};

mod coerce;
mod collect;
mod owned;
mod prepare;
mod prepared;
mod size;

pub use owned::Owned;
pub(super) use owned::{Action, RootField, Shown};
use prepared::Prepared;

/// Limits on documents that are parsed. A document over one is refused before anything runs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Size of a document in bytes.
    pub bytes: usize,
    /// Tokens in a document.
    pub tokens: usize,
    /// Nesting of braces, brackets and parentheses. Never more than 64, whatever is asked for: the parser's stack is
    /// finite.
    pub depth: usize,
    /// Owned root fields that one request may run.
    pub operations: usize,
    /// Fields that a request selects after fragments are expanded.
    pub fields: usize,
}

impl Limits {
    /// The nesting that is allowed.
    pub(super) fn deepest(&self) -> usize {
        self.depth.min(DEEPEST)
    }
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

/// What happens to requests of one document, whatever their variables.
#[derive(Clone)]
enum Decision {
    Forward,
    Run(Arc<Prepared>),
}

/// Decides what happens to requests.
#[derive(Debug)]
pub struct Planner {
    schema: Arc<Schema>,
    limits: Limits,
}

impl Planner {
    /// Validates against this schema, within these limits.
    #[must_use]
    pub fn new(schema: Arc<Schema>, limits: Limits) -> Self {
        Self { schema, limits }
    }

    /// What happens to this request. A bounded amount of work: milliseconds for the largest document that the limits
    /// allow.
    #[must_use]
    pub fn plan(&self, request: &Request, carries: Carries) -> Plan {
        match self.decide(request, carries) {
            Ok(Decision::Forward) => Plan::Forward,
            Ok(Decision::Run(prepared)) => match prepared.bind(&request.variables) {
                Ok(owned) => Plan::Run(owned),
                Err(errors) => Plan::Refuse(invalid(&errors)),
            },
            Err(answer) => Plan::Refuse(answer),
        }
    }

    /// What to do whatever the variables.
    fn decide(&self, request: &Request, carries: Carries) -> Result<Decision, Box<Answer>> {
        let document = Document::parse(&request.document, &self.limits).map_err(|errors| invalid(&errors))?;
        let scope = Scope::new(&self.schema, &document);
        let operation = selected(&scope, request.operation_name.as_deref())?;
        let ty = operation.definition.ty;
        if carries == Carries::Queries && ty != OperationType::Query {
            let message = format!("Can only perform a {ty} operation from a POST request.");
            return Err(Answer::refused(Outcome::QueryOnly, &[GraphqlError::new(message).with_code("GET_QUERY_ONLY")]));
        }
        let roots = scope.roots(&operation);
        match (roots.owned, roots.foreign) {
            (false, _) => Ok(Decision::Forward),
            (true, Some(foreign)) => Err(Answer::invalid(mixed(foreign))),
            (true, None) => {
                let prepared = self.prepare(&scope, &operation).map_err(|errors| invalid(&errors))?;
                Ok(Decision::Run(Arc::new(prepared)))
            }
        }
    }

    /// An operation that is the gateway's alone, if it is valid.
    fn prepare(&self, scope: &Scope<'_>, operation: &Operation<'_>) -> Result<Prepared, Vec<GraphqlError>> {
        let fragments = validate::in_order(scope)?;
        size::check(scope, &fragments, &self.limits).map_err(|error| vec![error])?;
        let errors = validate::errors(scope);
        if !errors.is_empty() {
            return Err(errors);
        }
        prepare::operation(scope, operation).map_err(|error| vec![error])
    }
}

fn invalid(errors: &[GraphqlError]) -> Box<Answer> {
    Answer::refused(Outcome::Invalid, errors)
}

/// `GetOperation()` of the specification (October 2021 §6.1).
fn selected<'d>(scope: &Scope<'d>, name: Option<&str>) -> Result<Operation<'d>, Box<Answer>> {
    let refuse = |message: String| Answer::invalid(GraphqlError::new(message));
    match (name, scope.operations.as_slice()) {
        (None, [only]) => Ok(*only),
        (None, _) => Err(refuse("Must provide operation name if query contains multiple operations.".to_owned())),
        (Some(name), operations) => operations
            .iter()
            .find(|operation| operation.name == Some(name))
            .copied()
            .ok_or_else(|| refuse(format!("Unknown operation named '{name}'."))),
    }
}

fn mixed(foreign: async_graphql_parser::Pos) -> GraphqlError {
    let message = "Fields that the gateway answers (login, logout …) and fields of the backend can't be in one \
                   operation. Send them in separate requests.";
    GraphqlError::at(message, foreign).with_code("MIXED_DOCUMENT")
}

#[cfg(test)]
mod tests;
