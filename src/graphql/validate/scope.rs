//! A document beside the schema, and which fragments its definitions reach.

use std::collections::{HashMap, HashSet};

use async_graphql_parser::{
    Pos,
    types::{Selection, SelectionSet},
};

use super::super::{
    document::{Document, Fragment, Operation, Source},
    schema::Schema,
};

/// What all rules look at.
pub(in crate::graphql) struct Scope<'d> {
    pub(in crate::graphql) schema: &'d Schema,
    pub(in crate::graphql) document: &'d Document<'d>,
    pub(in crate::graphql) operations: Vec<Operation<'d>>,
    pub(in crate::graphql) fragments: Vec<Fragment<'d>>,
    by_name: HashMap<&'d str, Fragment<'d>>,
    /// What each fragment spreads, read once, however many operations reach it.
    spreads: HashMap<&'d str, Vec<&'d str>>,
}

/// Whose fields an operation has at its root, its fragments expanded, whatever directives and type conditions say.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::graphql) struct Roots {
    /// Introspection, too, is answered here.
    pub(in crate::graphql) owned: bool,
    pub(in crate::graphql) introspection: bool,
    /// The first field found that is the backend's. `__typename` is nobody's.
    pub(in crate::graphql) foreign: Option<Pos>,
}

impl<'d> Scope<'d> {
    pub(in crate::graphql) fn new(schema: &'d Schema, document: &'d Document<'d>) -> Self {
        let fragments = document.fragments();
        let by_name = fragments.iter().map(|fragment| (fragment.name, *fragment)).collect();
        let spreads = fragments.iter().map(|fragment| (fragment.name, names(fragment.source))).collect();
        Self { schema, document, operations: document.operations(), fragments, by_name, spreads }
    }

    pub(in crate::graphql) fn fragment(&self, name: &str) -> Option<&Fragment<'d>> {
        self.by_name.get(name)
    }

    /// The fragments that these definitions use, directly or by others, each once.
    pub(in crate::graphql) fn reached_from(&self, sources: impl IntoIterator<Item = Source<'d>>) -> Vec<Fragment<'d>> {
        let (mut seen, mut reached) = (HashSet::new(), Vec::new());
        let mut open: Vec<Vec<&'d str>> = sources.into_iter().map(names).collect();
        while let Some(spreads) = open.pop() {
            let used = spreads.into_iter().filter(|name| seen.insert(*name));
            let used: Vec<Fragment<'d>> = used.filter_map(|name| self.fragment(name).copied()).collect();
            open.extend(used.iter().filter_map(|fragment| self.spreads.get(fragment.name).cloned()));
            reached.extend(used);
        }
        reached
    }

    /// Whose root fields the operation has. Costs one visit of each fragment, however often it is used.
    pub(in crate::graphql) fn roots(&self, operation: &Operation<'d>) -> Roots {
        let owned = self.schema.root(operation.definition.ty);
        let (mut roots, mut seen) = (Roots::default(), HashSet::new());
        let mut open: Vec<&SelectionSet> = vec![&operation.definition.selection_set.node];
        while let Some(set) = open.pop() {
            for selection in &set.items {
                match &selection.node {
                    Selection::Field(field) => match field.node.name.node.as_str() {
                        "__typename" => {}
                        name if owned.is_some_and(|root| self.schema.field(root, name).is_some()) => {
                            roots.owned = true;
                            roots.introspection |=
                                owned.is_some_and(|root| self.schema.introspection(root, name).is_some());
                        }
                        _ => roots.foreign = roots.foreign.or(Some(field.pos)),
                    },
                    Selection::InlineFragment(fragment) => open.push(&fragment.node.selection_set.node),
                    Selection::FragmentSpread(spread) => {
                        let name = spread.node.fragment_name.node.as_str();
                        if let Some(fragment) = self.fragment(name).filter(|_| seen.insert(name)) {
                            open.push(&fragment.definition.selection_set.node);
                        }
                    }
                }
            }
        }
        roots
    }
}

/// The fragments that a definition spreads.
fn names<'d>(source: Source<'d>) -> Vec<&'d str> {
    source.spreads().map(|spread| spread.name).collect()
}
