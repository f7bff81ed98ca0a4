//! Fields that answer under one key must ask for one thing (GraphQL October 2021 §5.3.2).
//!
//! Every type that is looked at here is an object type, so two fields of one parent conflict exactly when their names
//! or arguments differ. That is an equivalence: each field is compared with one of each kind found so far, not with all
//! others. Every pair of two kinds is an error, as in graphql-core. Whoever calls this has counted the fields after
//! expansion, so the work is bounded.

use std::collections::HashSet;

use async_graphql_parser::{
    Pos, Positioned,
    types::{Field, Selection, SelectionSet},
};
use async_graphql_value::Name;
use indexmap::IndexMap;

use super::{super::error::GraphqlError, MOST_ERRORS, scope::Scope};
use crate::graphql::schema::ObjectType;

/// A field, and the fields around it that were merged with others.
#[derive(Clone)]
struct Found<'d> {
    field: &'d Positioned<Field>,
    parent: &'d ObjectType,
    /// The place of the field around it.
    outer: Option<Pos>,
}

type ByKey<'d> = IndexMap<&'d str, Vec<Found<'d>>>;

/// The conflicts in the owned root fields of each operation. Fragments must not form cycles.
pub(super) fn errors(scope: &Scope<'_>) -> Vec<GraphqlError> {
    let mut errors = Vec::new();
    for operation in &scope.operations {
        if let Some(root) = scope.schema.root(operation.definition.ty) {
            let mut fields = ByKey::new();
            collect(scope, &operation.definition.selection_set.node, root, None, &mut fields);
            compare(scope, fields, &mut errors);
        }
    }
    errors
}

fn collect<'d>(
    scope: &Scope<'d>,
    set: &'d SelectionSet,
    parent: &'d ObjectType,
    outer: Option<Pos>,
    fields: &mut ByKey<'d>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let key = field.node.response_key().node.as_str();
                fields.entry(key).or_default().push(Found { field, parent, outer });
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                if condition.is_none_or(|on| on == parent.name) {
                    collect(scope, &fragment.node.selection_set.node, parent, outer, fields);
                }
            }
            Selection::FragmentSpread(spread) => {
                let Some(fragment) = scope.fragment(&spread.node.fragment_name.node) else { continue };
                if fragment.definition.type_condition.node.on.node.as_str() == parent.name {
                    collect(scope, &fragment.definition.selection_set.node, parent, outer, fields);
                }
            }
        }
    }
}

fn compare<'d>(scope: &Scope<'d>, fields: ByKey<'d>, errors: &mut Vec<GraphqlError>) {
    for (key, fields) in fields {
        let (mut kinds, mut seen) = (Vec::<Vec<&Found<'d>>>::new(), HashSet::new());
        // A fragment that is spread twice brings its fields twice.
        for found in fields.iter().filter(|found| seen.insert(found.field.pos)) {
            if errors.len() >= MOST_ERRORS {
                return;
            }
            let own = kinds.iter().position(|kind| difference(scope, kind[0], found).is_none());
            for (_, others) in kinds.iter().enumerate().filter(|(index, _)| Some(*index) != own) {
                others.iter().take(MOST_ERRORS).for_each(|other| report(scope, key, other, found, errors));
            }
            match own {
                Some(own) => kinds[own].push(found),
                None => kinds.push(vec![found]),
            }
        }
        if kinds.len() == 1 {
            compare_inside(scope, &fields, errors);
        }
    }
}

/// Fields of one key and kind are one field: what they select must agree, too.
fn compare_inside<'d>(scope: &Scope<'d>, fields: &[Found<'d>], errors: &mut Vec<GraphqlError>) {
    let mut inside = ByKey::new();
    for found in fields {
        let definition = scope.schema.field(found.parent, &found.field.node.name.node);
        if let Some(parent) = definition.and_then(|definition| scope.schema.object_of(&definition.ty)) {
            collect(scope, &found.field.node.selection_set.node, parent, Some(found.field.pos), &mut inside);
        }
    }
    compare(scope, inside, errors);
}

fn report<'d>(scope: &Scope<'d>, key: &str, one: &Found<'d>, other: &Found<'d>, errors: &mut Vec<GraphqlError>) {
    let Some(reason) = difference(scope, one, other) else { return };
    let message =
        format!("Fields '{key}' conflict because {reason}. Use different aliases on the fields to fetch both.");
    // Fields of two different fields around them conflict only because those are merged: they are named, too.
    let around = |found: &Found<'d>| found.outer.filter(|_| one.outer != other.outer);
    let places = around(one).into_iter().chain([one.field.pos]).chain(around(other)).chain([other.field.pos]);
    let error = GraphqlError::at_all(message, places);
    // In merged fields, too, it holds one conflict.
    if !errors.contains(&error) {
        errors.push(error);
    }
}

fn difference<'d>(scope: &Scope<'d>, one: &Found<'d>, other: &Found<'d>) -> Option<String> {
    let (first, second) = (&one.field.node, &other.field.node);
    if first.name.node != second.name.node {
        return Some(format!("'{}' and '{}' are different fields", first.name.node, second.name.node));
    }
    (!same_arguments(scope, first, second)).then(|| "they have differing arguments".to_owned())
}

/// Whether two fields have the same arguments, in whatever order.
fn same_arguments(scope: &Scope<'_>, one: &Field, other: &Field) -> bool {
    let sorted = |field: &Field| {
        let given = field.arguments.iter();
        let mut given: Vec<_> = given.map(|(name, value)| (name.node.clone(), value.pos)).collect();
        given.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        given
    };
    let (one, other) = (sorted(one), sorted(other));
    let is_same = |((name, at), (other, other_at)): (&(Name, Pos), &(Name, Pos))| {
        name == other && scope.document.value_at(*at) == scope.document.value_at(*other_at)
    };
    one.len() == other.len() && one.iter().zip(&other).all(is_same)
}
