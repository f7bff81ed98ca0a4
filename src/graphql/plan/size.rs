//! How large a document is after its fragments are expanded, without expanding them.

use std::collections::HashMap;

use async_graphql_parser::types::{Selection, SelectionSet};

use super::{
    super::{
        document::Fragment,
        error::{GraphqlError, too_complex},
        validate::Scope,
    },
    Limits,
};

/// The size of one selection set.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    /// Fields of its own level that would be auth operations at a root.
    own: usize,
    /// Fields of all levels, and spreads, which cost as much.
    all: usize,
    /// Levels, a spread being one.
    depth: usize,
}

/// Refuses what would be too much work. `fragments` stand in an order in which each comes after those that it uses.
pub(super) fn check(scope: &Scope<'_>, fragments: &[Fragment<'_>], limits: &Limits) -> Result<(), GraphqlError> {
    let mut known = HashMap::new();
    for fragment in fragments {
        let size = of(scope, &fragment.definition.selection_set.node, &known);
        known.insert(fragment.name, size);
    }
    let operations =
        scope.operations.iter().map(|operation| of(scope, &operation.definition.selection_set.node, &known));
    let (mut all, mut own) = (0_usize, 0);
    for size in operations {
        if size.depth > limits.deepest() {
            return Err(too_complex("it is nested too deeply once its fragments are expanded", limits.deepest()));
        }
        all = size.all.saturating_add(all);
        own = size.own.max(own);
    }
    if all > limits.fields {
        return Err(too_complex("it has too many fields once its fragments are expanded", limits.fields));
    }
    if own > limits.operations {
        return Err(too_complex("it has too many operations", limits.operations));
    }
    Ok(())
}

fn of(scope: &Scope<'_>, set: &SelectionSet, known: &HashMap<&str, Size>) -> Size {
    set.items.iter().fold(Size::default(), |sum, selection| {
        let (own, inside) = match &selection.node {
            Selection::Field(field) => {
                let inside = of(scope, &field.node.selection_set.node, known);
                (usize::from(scope.schema.owns(&field.node.name.node)), inside)
            }
            Selection::InlineFragment(fragment) => {
                let inside = of(scope, &fragment.node.selection_set.node, known);
                (inside.own, inside)
            }
            Selection::FragmentSpread(spread) => {
                let inside = known.get(spread.node.fragment_name.node.as_str()).copied().unwrap_or_default();
                (inside.own, inside)
            }
        };
        Size {
            own: sum.own.saturating_add(own),
            all: sum.all.saturating_add(inside.all).saturating_add(1),
            depth: sum.depth.max(inside.depth.saturating_add(1)),
        }
    })
}
