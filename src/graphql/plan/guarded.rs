//! The root fields that an operation executes, where some of them are not for everybody.
//!
//! A document that is the backend's alone is not validated here, so this goes by what can't be wrong: fragments are
//! followed, and a selection is left out only where `@skip` or `@include` says so by a literal, or by a variable that is
//! true or false and nothing else. Whatever is in doubt counts as executed.

use std::{collections::HashSet, slice::Iter};

use async_graphql_parser::{
    Pos, Positioned,
    types::{Directive, Selection},
};
use async_graphql_value::{ConstValue, Value as Literal};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::super::{
    Answer, Outcome, SessionChange,
    document::Operation,
    envelope::Variables,
    error::{GraphqlError, refusals, too_complex},
    rules::{FieldRules, operation_kind},
    validate::Scope,
};
use crate::model::{Asker, OperationKind, Shortfall};

/// What an operation executes at its root.
pub(super) struct Guarded {
    kind: OperationKind,
    pub(super) fields: Vec<Executed>,
}

/// A field under one response key, wherever it stands.
pub(super) struct Executed {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) places: Vec<Pos>,
}

/// The same, and whether it is so whatever the variables.
pub(super) struct Found {
    pub(super) guarded: Guarded,
    pub(super) is_settled: bool,
}

/// What this operation executes, if a field of it has a rule that asks for anything, under whatever conditions.
pub(super) fn of(rules: &FieldRules, scope: &Scope<'_>, operation: &Operation<'_>, given: &Variables) -> Option<Found> {
    let mut all = Walker::new(scope, operation, None);
    all.walk();
    let kind = operation_kind(operation.definition.ty);
    all.found.keys().find(|(_, name)| rules.find(kind, name).is_some())?;
    let mut executed = Walker::new(scope, operation, Some(given));
    executed.walk();
    let fields = executed.found.into_iter().map(|((key, name), places)| Executed {
        key: key.to_owned(),
        name: name.to_owned(),
        places,
    });
    Some(Found { guarded: Guarded { kind, fields: fields.collect() }, is_settled: executed.is_settled })
}

impl Guarded {
    /// The answer that refuses all of it, if one of its fields is not for this one. Each of its fields is null there, wherever
    /// it stands: so one with more than `most` is refused for that.
    pub(super) fn refusal(&self, rules: &FieldRules, asker: Asker<'_>, most: usize) -> Option<Box<Answer>> {
        let lacks: Vec<Option<Shortfall>> =
            self.fields.iter().map(|field| rules.check(self.kind, &field.name, asker).err()).collect();
        let shortfall = lacks.iter().flatten().copied().reduce(Shortfall::beside)?;
        if self.fields.iter().map(|field| field.places.len()).sum::<usize>() > most {
            return Some(Answer::invalid(too_complex("it has too many fields", most)));
        }
        let fields: Vec<_> = self.fields.iter().zip(lacks).collect();
        let errors = refusals(&fields, |(_, lacks)| lacks.is_some(), |(field, lacks)| field.error(*lacks));
        // `__typename` and `__schema` may not be null; of the backend's own fields the gateway doesn't know it.
        let may_be_null = !self.fields.iter().any(|field| matches!(field.name.as_str(), "__typename" | "__schema"));
        let null = |field: &Executed| (field.key.clone(), Value::Null);
        let data = may_be_null.then(|| self.fields.iter().map(null).collect::<Map<String, Value>>());
        let body = json!({ "errors": errors, "data": data }).to_string().into_bytes();
        let outcome = Outcome::Refused(shortfall);
        Some(Box::new(Answer { body, outcome, session: SessionChange::Keep, retry_after: None }))
    }
}

impl Executed {
    fn error(&self, lacks: Option<Shortfall>) -> Value {
        let error = match lacks {
            Some(shortfall) => GraphqlError::lacking(shortfall, &self.places),
            None => {
                let message = "Not run: another field of this request was refused.";
                GraphqlError::at_all(message, self.places.iter().copied()).with_code("NOT_RUN")
            }
        };
        error.with_path(&self.key).to_json()
    }
}

/// Visits root fields in the order of the document, each fragment once.
struct Walker<'s, 'd> {
    scope: &'s Scope<'d>,
    operation: &'s Operation<'d>,
    /// By these variables; `None`: whatever conditions say.
    given: Option<&'s Variables>,
    /// By response key and name: what stands under one key and is not one field is for the backend to refuse.
    found: IndexMap<(&'d str, &'d str), Vec<Pos>>,
    is_settled: bool,
}

impl<'s, 'd> Walker<'s, 'd> {
    fn new(scope: &'s Scope<'d>, operation: &'s Operation<'d>, given: Option<&'s Variables>) -> Self {
        Self { scope, operation, given, found: IndexMap::new(), is_settled: true }
    }

    fn walk(&mut self) {
        let mut seen = HashSet::new();
        let mut open: Vec<Iter<'d, Positioned<Selection>>> =
            vec![self.operation.definition.selection_set.node.items.iter()];
        while let Some(set) = open.last_mut() {
            let Some(selection) = set.next() else {
                open.pop();
                continue;
            };
            if self.is_left_out(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    self.found.entry((key, field.node.name.node.as_str())).or_default().push(field.pos);
                }
                Selection::InlineFragment(fragment) => open.push(fragment.node.selection_set.node.items.iter()),
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.scope.fragment(name).filter(|_| seen.insert(name)) {
                        open.push(fragment.definition.selection_set.node.items.iter());
                    }
                }
            }
        }
    }

    fn is_left_out(&mut self, directives: &[Positioned<Directive>]) -> bool {
        let Some(given) = self.given else { return false };
        [("skip", true), ("include", false)].into_iter().any(|(name, when)| {
            let mut named = directives.iter().filter(|directive| directive.node.name.node.as_str() == name);
            // Of several the backend may go by either, if it takes them at all.
            let (Some(only), None) = (named.next(), named.next()) else { return false };
            match only.node.get_argument("if").map(|literal| &literal.node) {
                Some(Literal::Boolean(value)) => *value == when,
                Some(Literal::Variable(variable)) => {
                    self.is_settled = false;
                    self.value(variable.as_str(), given) == Some(when)
                }
                _ => false,
            }
        })
    }

    /// What a variable of this name is, if that is true or false.
    fn value(&self, variable: &str, given: &Variables) -> Option<bool> {
        let mut definitions = self.operation.definition.variable_definitions.iter();
        let defined = definitions.find(|definition| definition.node.name.node.as_str() == variable)?;
        match (given.get(variable), defined.node.default_value.as_ref().map(|default| &default.node)) {
            (Some(Value::Bool(value)), _) | (None, Some(ConstValue::Boolean(value))) => Some(*value),
            (Some(_) | None, _) => None,
        }
    }
}
