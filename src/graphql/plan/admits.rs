//! Who is let in: whose root fields run for the caller of a request, and what stands in place of the others.
//!
//! What is refused is answered as graphene answers it whose middleware wants a user: the document is validated, then
//! each root field is null, with an error that has its path; one that may not be null (`__typename`, `__schema`) takes
//! `data` with it and ends the work (GraphQL October 2021 §6.4.4). The gateway does not know which fields of the
//! backend's may be null, and doesn't ask on behalf of somebody whom it refuses: they count as nullable, and are not
//! validated.

use serde_json::{Map, Value, json};

use super::{
    super::{
        Answer, Outcome, SessionChange,
        error::{GraphqlError, refusals},
        validate::Roots,
    },
    coerce::Values,
    owned::{Action, RootField},
    prepared::{Argument, Entry, Ours, Root},
};
use crate::model::Shortfall;

/// Whose root fields run for the caller of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admits {
    /// All. The backend decides about its own.
    Everything,
    /// The backend's; it decides about them.
    OnlyBackends,
    /// The gateway's. A document that asks the backend for anything is refused as a whole, since the caller lacks this.
    OnlyOwned(Shortfall),
    /// None.
    Nothing,
}

impl Admits {
    /// Whether owned fields run.
    pub(super) const fn owned(self) -> bool {
        matches!(self, Self::Everything | Self::OnlyOwned(_))
    }

    /// Whether the backend is asked for its fields.
    #[must_use]
    pub const fn backends(self) -> bool {
        matches!(self, Self::Everything | Self::OnlyBackends)
    }

    /// Why an operation with these root fields is refused as a whole, if it is.
    pub(super) fn refuses(self, roots: &Roots) -> Option<Shortfall> {
        let is_backends = !roots.owned || roots.introspection || roots.foreign.is_some();
        match self {
            Self::Everything | Self::OnlyBackends => None,
            Self::OnlyOwned(shortfall) => is_backends.then_some(shortfall),
            Self::Nothing => Some(Shortfall::Unauthenticated),
        }
    }
}

/// The answer that refuses everything at these roots, to whom this is lacking.
pub(super) fn refused(roots: &[Root], values: &Values<'_>, shortfall: Shortfall) -> Box<Answer> {
    let (mut data, mut refused) = (Some(Map::new()), Vec::new());
    for root in roots {
        let Refused { error, may_be_null } = root.refused(values, shortfall);
        refused.push(error);
        match &mut data {
            Some(fields) if may_be_null => drop(fields.insert(root.key.clone(), Value::Null)),
            _ => {
                data = None;
                break;
            }
        }
    }
    let errors = refusals(&refused, |_| true, GraphqlError::to_json);
    let mut body = Map::new();
    if !errors.is_empty() {
        body.insert("errors".to_owned(), errors.into());
    }
    body.insert("data".to_owned(), json!(data));
    let body = Value::Object(body).to_string().into_bytes();
    Box::new(Answer { body, outcome: Outcome::Executed, session: SessionChange::Keep, retry_after: None })
}

/// Why a field is null.
pub(super) struct Refused {
    error: GraphqlError,
    may_be_null: bool,
}

impl Root {
    /// Arguments come first, as in graphene: a field without the values that it needs is not asked who calls.
    fn refused(&self, values: &Values<'_>, shortfall: Shortfall) -> Refused {
        let arguments: &[Argument] = match &self.entry {
            Entry::Ours(Ours::Field { arguments, .. }) | Entry::Introspection { arguments, .. } => arguments,
            Entry::Ours(Ours::TypeName(_)) | Entry::Backends => &[],
        };
        let lacks = || GraphqlError::lacking(shortfall, &self.places);
        let error = values.arguments(arguments).err().unwrap_or_else(lacks);
        Refused { error: error.with_path(&self.key), may_be_null: self.may_be_null() }
    }

    /// The step that refuses it to somebody who is not known.
    pub(super) fn refused_field(&self, values: &Values<'_>) -> RootField {
        let Refused { error, may_be_null } = self.refused(values, Shortfall::Unauthenticated);
        let action = if may_be_null { Action::Refuse(error) } else { Action::RefuseAll(error) };
        RootField { key: self.key.clone(), action, users: None }
    }

    /// `__type` is the only field of introspection that has arguments, and that may be null.
    const fn may_be_null(&self) -> bool {
        match &self.entry {
            Entry::Ours(Ours::TypeName(_)) => false,
            Entry::Introspection { arguments, .. } => !arguments.is_empty(),
            Entry::Ours(Ours::Field { .. }) | Entry::Backends => true,
        }
    }
}
