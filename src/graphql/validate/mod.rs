//! The rules of the GraphQL specification (October 2021 §5) for documents that run owned fields.
//!
//! Errors stand where graphql-core reports them, since clients show those places; the words are ours. Documents without
//! owned fields are not validated: the backend does that.

use std::collections::HashSet;

use super::error::GraphqlError;

mod arguments;
mod fields;
mod fragments;
mod merge;
mod scope;
mod values;
mod variables;

use fields::{Usage, Walker};
pub(super) use fragments::in_order;
pub(super) use scope::Scope;

/// More errors than this help nobody; fewer keep the answer small.
const MOST_ERRORS: usize = 50;

/// Everything that is wrong with a document. Its fragments form no cycles, and it has been counted.
pub(super) fn errors(scope: &Scope<'_>) -> Vec<GraphqlError> {
    let is_strict = |operation: &&super::document::Operation<'_>| scope.roots(operation).foreign.is_none();
    let strict: Vec<_> = scope.operations.iter().filter(is_strict).collect();
    let strict_places: HashSet<_> = strict.iter().map(|operation| operation.at).collect();
    let reached = strict.iter().flat_map(|operation| scope.reached_from(operation.source));
    let strict_fragments: HashSet<&str> = reached.map(|fragment| fragment.name).collect();

    let mut errors = fragments::unknown(scope);
    let mut usages: std::collections::HashMap<&str, Vec<Usage<'_>>> = std::collections::HashMap::new();
    for fragment in &scope.fragments {
        let mut walker = Walker::new(scope, strict_fragments.contains(fragment.name));
        walker.fragment(fragment);
        errors.append(&mut walker.errors);
        usages.insert(fragment.name, walker.usages);
    }
    for operation in &scope.operations {
        if errors.len() >= MOST_ERRORS {
            break;
        }
        let is_strict = strict_places.contains(&operation.at);
        let mut walker = Walker::new(scope, is_strict);
        walker.operation(operation);
        errors.append(&mut walker.errors);
        let mut typed = walker.usages;
        for fragment in scope.reached_from(operation.source) {
            typed.extend(usages.get(fragment.name).into_iter().flatten().copied());
        }
        errors.extend(variables::errors(scope, operation, is_strict, &typed));
    }
    errors.extend(fragments::unused(scope));
    errors.extend(merge::errors(scope));
    errors.truncate(MOST_ERRORS);
    errors
}
