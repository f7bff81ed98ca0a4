//! The rules of the GraphQL specification (October 2021 §5) for documents that run owned fields.
//!
//! Errors stand where graphql-core reports them, since clients show those places; the words are ours. Documents without
//! owned fields are not validated: the backend does that.

use std::collections::{HashMap, HashSet};

use async_graphql_parser::Pos;

use super::{document::Operation, error::GraphqlError};

mod arguments;
mod fields;
mod fragments;
mod introspection;
mod merge;
mod scope;
mod values;
mod variables;

use fields::{Usage, Walker};
pub(super) use fragments::in_order;
pub(super) use scope::{Roots, Scope};

/// More errors than this help nobody; fewer keep the answer small.
const MOST_ERRORS: usize = 50;

/// Whether a document asks of a user, anywhere, what only the backend has. Its fragments form no cycles, and it has been
/// counted.
///
/// # Errors
/// Everything that is wrong with it, as far as the gateway can tell.
pub(super) fn check(scope: &Scope<'_>) -> Result<bool, Vec<GraphqlError>> {
    // Operations without fields of the backend: every type in them must be one of ours. That a user is asked for fields
    // of the backend's is seen on the way only.
    let is_strict = |operation: &Operation<'_>| scope.roots(operation).foreign.is_none();
    let mut found = Found::new(scope, is_strict);
    if found.asks_backend {
        found = Found::new(scope, |_| false);
    }
    let mut errors = found.errors;
    errors.extend(fragments::unused(scope));
    errors.extend(merge::errors(scope));
    errors.extend(introspection::too_deep(scope));
    errors.truncate(MOST_ERRORS);
    if errors.is_empty() { Ok(found.asks_backend) } else { Err(errors) }
}

/// What a walk through all definitions finds.
struct Found {
    errors: Vec<GraphqlError>,
    asks_backend: bool,
}

impl Found {
    fn new(scope: &Scope<'_>, is_strict: impl Fn(&Operation<'_>) -> bool) -> Self {
        let strict = scope.operations.iter().filter(|operation| is_strict(operation));
        let strict = scope.reached_from(strict.map(|operation| operation.source));
        let strict: HashSet<&str> = strict.iter().map(|fragment| fragment.name).collect();

        let mut found = Self { errors: fragments::unknown(scope), asks_backend: false };
        // Of each fragment once, however many operations reach it.
        let mut usages: HashMap<&str, Vec<Usage<'_>>> = HashMap::new();
        let mut variables: HashMap<&str, Vec<(&str, Pos)>> = HashMap::new();
        for fragment in &scope.fragments {
            let mut walker = Walker::new(scope, strict.contains(fragment.name));
            walker.fragment(fragment);
            found.add(&mut walker);
            usages.insert(fragment.name, walker.usages);
            variables.insert(fragment.name, fragment.source.variables().collect());
        }
        for operation in &scope.operations {
            if found.errors.len() >= MOST_ERRORS {
                break;
            }
            let is_strict = is_strict(operation);
            let mut walker = Walker::new(scope, is_strict);
            walker.operation(operation);
            found.add(&mut walker);
            let fragments = scope.reached_from([operation.source]);
            let typed = fragments.iter().filter_map(|fragment| usages.get(fragment.name)).flatten().copied();
            walker.usages.extend(typed);
            let others = fragments.iter().filter_map(|fragment| variables.get(fragment.name)).flatten().copied();
            let used: Vec<(&str, Pos)> = operation.source.variables().chain(others).collect();
            found.errors.extend(variables::errors(scope, operation, &used, is_strict, &walker.usages));
        }
        found
    }

    fn add(&mut self, walker: &mut Walker<'_, '_>) {
        self.errors.append(&mut walker.errors);
        self.asks_backend |= walker.asks_backend;
    }
}
