//! Lists in lists of introspection: a rule of graphql-core and graphql-js, not of the specification.
//!
//! From types to fields, to their types, to fields again, an answer grows by the size of the schema with each step.
//! Newer releases of both refuse the third one, and what they refuse is not to be had through the gateway, either.

use async_graphql_parser::{
    Pos,
    types::{Selection, SelectionSet},
};

use super::{super::error::GraphqlError, scope::Scope};

/// So many of [`LISTS`] in each other are too many.
const TOO_DEEP: usize = 3;

/// Fields that lead to as many types as a type has of something.
const LISTS: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];

/// One error for each root field of introspection that goes too deep. The document has been counted, so that its
/// fragments end and can be expanded.
pub(super) fn too_deep(scope: &Scope<'_>) -> Vec<GraphqlError> {
    let mut found = Vec::new();
    for operation in &scope.operations {
        roots(scope, &operation.definition.selection_set.node, &mut found);
    }
    let error = |at| GraphqlError::at("Maximum introspection depth exceeded.", at);
    found.into_iter().map(error).collect()
}

/// Where those of them are that these selections hold, at whatever depth.
fn roots(scope: &Scope<'_>, set: &SelectionSet, found: &mut Vec<Pos>) {
    for selection in &set.items {
        if let Selection::Field(field) = &selection.node
            && matches!(field.node.name.node.as_str(), "__schema" | "__type")
        {
            if is_too_deep(scope, &field.node.selection_set.node, 0) && !found.contains(&field.pos) {
                found.push(field.pos);
            }
        } else if let Some(inside) = inside(scope, &selection.node) {
            roots(scope, inside, found);
        }
    }
}

/// Whether there are too many lists in these selections, which are in so many already.
fn is_too_deep(scope: &Scope<'_>, set: &SelectionSet, lists: usize) -> bool {
    set.items.iter().any(|selection| {
        let is_list = matches!(
            &selection.node,
            Selection::Field(field) if LISTS.contains(&field.node.name.node.as_str())
        );
        let lists = lists + usize::from(is_list);
        let inside = inside(scope, &selection.node);
        lists >= TOO_DEEP || inside.is_some_and(|inside| is_too_deep(scope, inside, lists))
    })
}

fn inside<'s>(scope: &'s Scope<'_>, selection: &'s Selection) -> Option<&'s SelectionSet> {
    match selection {
        Selection::Field(field) => Some(&field.node.selection_set.node),
        Selection::InlineFragment(fragment) => Some(&fragment.node.selection_set.node),
        Selection::FragmentSpread(spread) => {
            let fragment = scope.fragment(&spread.node.fragment_name.node)?;
            Some(&fragment.definition.selection_set.node)
        }
    }
}
