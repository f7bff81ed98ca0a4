//! Decides what happens to a document: forwarded, run here, or refused.
//!
//! The rule: the operation that the request selects is followed through all its fragments, whatever `@skip` and
//! `@include` say. If it reaches no root field of the gateway, introspection among them, the document is the backend's
//! business and is not validated. If it does, the whole document is validated before anything runs, and what comes out is [`Owned`]:
//! commands that can't fail on types, and between them the parts that are the backend's.
//!
//! Reading a document and binding it to variables are two steps. What the first one comes to depends on the document,
//! the name of the operation and the transport alone, and may be kept ([`cache`]); not where the backend is asked for a
//! part, which is cut out of the text itself.
//!
//! Caveat: a mutation with fields of the backend on both sides of an owned one is two requests to the backend, so a
//! transaction of the backend's (Django's `ATOMIC_MUTATIONS`) spans each alone.

use std::sync::Arc;

use async_graphql_parser::types::OperationType;

use super::{
    Answer, Outcome, Request,
    document::{DEEPEST, Document, Operation},
    error::GraphqlError,
    rules::FieldRules,
    schema::Schema,
    validate::{self, Scope},
};
use crate::model::{Asker, Shortfall};

mod admits;
mod batch;
mod cache;
mod coerce;
mod collect;
mod commands;
mod guarded;
mod introspection;
mod literals;
mod owned;
mod parts;
mod prepare;
mod prepared;
mod size;
mod weight;

pub use admits::Admits;
pub use batch::{BatchPlan, Planned, Task};
use cache::{Cache, Key};
use guarded::{Found, Guarded};
pub use owned::Owned;
pub(super) use owned::{
    Action, Check, ConfirmArguments, Instead, Introspection, Part, Refusals, RegisterArguments, RootField,
    SetUpArguments, Shown, Step, UserPart, UsersPart, Vocabulary,
};
use parts::Backend;
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
    /// Requests of a batch; `bytes` and `operations` count over all of them.
    pub batch: usize,
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
    /// Owned fields to run here, and what the backend is asked beside them.
    Run(Box<Owned>),
    /// It is answered without anything having run.
    Refuse(Box<Answer>),
}

/// What happens to all requests of one document, whatever their variables.
#[derive(Clone)]
struct Lasting {
    work: Work,
    /// What it executes, where that is not for everybody.
    guarded: Option<Arc<Guarded>>,
}

#[derive(Clone)]
enum Work {
    Forward,
    Run(Arc<Prepared>),
}

/// What happens to a request, before its variables are looked at; or after, where nothing else will do.
enum Decision {
    Forward,
    Run(Arc<Prepared>),
    /// Owned fields beside the backend's: what that is asked is cut out of the document for these variables.
    Once(Box<Owned>),
}

impl From<Work> for Decision {
    fn from(work: Work) -> Self {
        match work {
            Work::Forward => Self::Forward,
            Work::Run(prepared) => Self::Run(prepared),
        }
    }
}

/// Decides what happens to requests.
#[derive(Debug)]
pub struct Planner {
    schema: Arc<Schema>,
    limits: Limits,
    rules: Option<Arc<FieldRules>>,
    cache: Option<Cache>,
}

impl Planner {
    /// Validates against this schema, within these limits.
    #[must_use]
    pub fn new(schema: Arc<Schema>, limits: Limits) -> Self {
        Self { schema, limits, rules: None, cache: None }
    }

    /// Keeps what it decided on documents, in at most so many bytes; 0 keeps nothing.
    #[must_use]
    pub fn with_cache(self, bytes: usize) -> Self {
        Self { cache: Cache::new(bytes), ..self }
    }

    /// Lets nobody at a field whom these rules keep from it.
    #[must_use]
    pub fn with_rules(self, rules: Arc<FieldRules>) -> Self {
        Self { rules: Some(rules), ..self }
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What happens to this request. A bounded amount of work: milliseconds for the largest document that the limits
    /// allow.
    #[must_use]
    pub fn plan(&self, request: &Request, carries: Carries, admits: Admits, asker: Asker<'_>) -> Plan {
        match self.decide(request, carries, admits, asker) {
            Ok(Decision::Forward) => Plan::Forward,
            Ok(Decision::Run(prepared)) if !admits.owned() => {
                let refused = prepared.refused(&request.variables, true, Shortfall::Unauthenticated);
                Plan::Refuse(refused.unwrap_or_else(|errors| invalid(&errors)))
            }
            Ok(Decision::Run(prepared)) => match prepared.bind(&request.variables) {
                Ok(owned) => Plan::Run(Box::new(owned)),
                Err(errors) => Plan::Refuse(invalid(&errors)),
            },
            Ok(Decision::Once(owned)) => Plan::Run(owned),
            Err(answer) => Plan::Refuse(answer),
        }
    }

    /// What to do whatever the variables.
    fn decide(
        &self,
        request: &Request,
        carries: Carries,
        admits: Admits,
        asker: Asker<'_>,
    ) -> Result<Decision, Box<Answer>> {
        let read = |keep: &mut dyn FnMut(&Scope<'_>, Lasting)| self.read(request, carries, admits, asker, keep);
        // One that is too large is refused at less cost than its digest.
        let Some(cache) = self.cache.as_ref().filter(|_| request.document.len() <= self.limits.bytes) else {
            return read(&mut |_, _| {});
        };
        let key = Key::new(request, carries);
        match cache.get(&key) {
            // What the backend would be sent is not known well enough to be refused.
            Some(Lasting { work: Work::Forward, .. }) if !admits.backends() => read(&mut |_, _| {}),
            Some(Lasting { work, guarded }) => {
                self.admit(guarded.as_deref(), asker)?;
                Ok(work.into())
            }
            None => read(&mut |scope, lasting| {
                if !literals::may_be_secret(scope) {
                    cache.insert(key, &lasting);
                }
            }),
        }
    }

    /// Reads the document; `keep` gets what other requests of it could go by.
    fn read(
        &self,
        request: &Request,
        carries: Carries,
        admits: Admits,
        asker: Asker<'_>,
        keep: &mut dyn FnMut(&Scope<'_>, Lasting),
    ) -> Result<Decision, Box<Answer>> {
        let document = Document::parse(&request.document, &self.limits).map_err(|errors| invalid(&errors))?;
        let scope = Scope::new(&self.schema, &document);
        let operation = selected(&scope, request.operation_name.as_deref())?;
        carried(carries, operation.definition.ty)?;
        let found = self.rules.as_ref().and_then(|rules| guarded::of(rules, &scope, &operation, &request.variables));
        self.admit(found.as_ref().map(|found| &found.guarded), asker)?;
        let lasts = found.as_ref().is_none_or(|found| found.is_settled);
        let guarded = found.map(|Found { guarded, .. }| Arc::new(guarded));
        let mut keep = |work: &Work| {
            if lasts {
                keep(&scope, Lasting { work: work.clone(), guarded: guarded.clone() });
            }
        };
        let roots = scope.roots(&operation);
        if !roots.owned && admits.backends() {
            keep(&Work::Forward);
            return Ok(Decision::Forward);
        }
        let prepared = self.prepare(&scope, &operation).map_err(|errors| invalid(&errors))?;
        if let Some(shortfall) = admits.refuses(&roots) {
            let refused = prepared.refused(&request.variables, roots.owned, shortfall);
            return Err(refused.unwrap_or_else(|errors| invalid(&errors)));
        }
        if !prepared.asks_backend {
            let work = Work::Run(Arc::new(prepared));
            keep(&work);
            return Ok(work.into());
        }
        let backend = Backend { scope: &scope, operation: &operation, request };
        prepared.bind_beside(&backend, admits).map(Box::new).map(Decision::Once).map_err(|errors| invalid(&errors))
    }

    /// Whether all that an operation executes is for this one.
    fn admit(&self, guarded: Option<&Guarded>, asker: Asker<'_>) -> Result<(), Box<Answer>> {
        let most = self.limits.fields;
        let refusal = guarded.zip(self.rules.as_ref()).and_then(|(guarded, rules)| guarded.refusal(rules, asker, most));
        refusal.map_or(Ok(()), Err)
    }

    /// An operation with owned fields, if it is valid.
    fn prepare(&self, scope: &Scope<'_>, operation: &Operation<'_>) -> Result<Prepared, Vec<GraphqlError>> {
        let fragments = validate::in_order(scope)?;
        size::check(scope, &fragments, &self.limits).map_err(|error| vec![error])?;
        let asks_backend = validate::check(scope)?;
        prepare::operation(scope, operation, asks_backend).map_err(|error| vec![error])
    }
}

/// Whether an operation of this kind may come this way.
fn carried(carries: Carries, ty: OperationType) -> Result<(), Box<Answer>> {
    if carries == Carries::All || ty == OperationType::Query {
        return Ok(());
    }
    let message = format!("Can only perform a {ty} operation from a POST request.");
    Err(Answer::refused(Outcome::QueryOnly, &[GraphqlError::new(message).with_code("GET_QUERY_ONLY")]))
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

#[cfg(test)]
mod tests;
