//! The rules of the GraphQL specification (October 2021 §5) for documents that run owned fields.
//!
//! Errors stand where graphql-core reports them, since clients show those places; the words are ours. Documents without
//! owned fields are not validated: the backend does that.

use std::collections::{HashMap, HashSet};

use super::{document::Operation, error::GraphqlError};

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
    // Operations without fields of the backend: every type in them must be one of ours.
    let is_strict = |operation: &Operation<'_>| scope.roots(operation).foreign.is_none();
    let strict = scope.operations.iter().filter(|operation| is_strict(operation)).map(|operation| operation.source);
    let strict_fragments: HashSet<&str> = scope.reached_from(strict).iter().map(|fragment| fragment.name).collect();

    let mut errors = fragments::unknown(scope);
    let mut usages: HashMap<&str, Vec<Usage<'_>>> = HashMap::new();
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
        let is_strict = is_strict(operation);
        let mut walker = Walker::new(scope, is_strict);
        walker.operation(operation);
        errors.append(&mut walker.errors);
        let fragments = scope.reached_from([operation.source]);
        let typed = fragments.iter().filter_map(|fragment| usages.get(fragment.name)).flatten().copied();
        walker.usages.extend(typed);
        errors.extend(variables::errors(scope, operation, &fragments, is_strict, &walker.usages));
    }
    errors.extend(fragments::unused(scope));
    errors.extend(merge::errors(scope));
    errors.truncate(MOST_ERRORS);
    errors
}
