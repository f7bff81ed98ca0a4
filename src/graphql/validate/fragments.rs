//! Rules on fragments as a whole: that they exist, are used, and end (GraphQL October 2021 §5.5.1.4, §5.5.2.1,
//! §5.5.2.2).

use std::collections::{HashMap, HashSet};

use super::{super::error::GraphqlError, scope::Scope};
use crate::graphql::document::{Fragment, Spread};

/// Spreads of fragments that the document does not define.
pub(super) fn unknown(scope: &Scope<'_>) -> Vec<GraphqlError> {
    let operations = scope.operations.iter().map(|operation| operation.source);
    let fragments = scope.fragments.iter().map(|fragment| fragment.source);
    operations
        .chain(fragments)
        .flat_map(|source| source.spreads())
        .filter(|spread| scope.fragment(spread.name).is_none())
        .map(|spread| GraphqlError::at(format!("Unknown fragment '{}'.", spread.name), spread.name_at))
        .collect()
}

/// Fragments that no operation uses.
pub(super) fn unused(scope: &Scope<'_>) -> Vec<GraphqlError> {
    let reached = scope.reached_from(scope.operations.iter().map(|operation| operation.source));
    let reached: HashSet<&str> = reached.iter().map(|fragment| fragment.name).collect();
    let unused = scope.fragments.iter().filter(|fragment| !reached.contains(fragment.name));
    unused
        .map(|fragment| GraphqlError::at(format!("Fragment '{}' is never used.", fragment.name), fragment.at))
        .collect()
}

/// Fragments in an order in which each stands behind those that it uses; or the cycles that allow none.
///
/// # Errors
/// One for each cycle, with the spreads that make it.
pub(in crate::graphql) fn in_order<'d>(scope: &Scope<'d>) -> Result<Vec<Fragment<'d>>, Vec<GraphqlError>> {
    let mut search =
        Search { scope, done: HashSet::new(), on_path: HashMap::new(), path: Vec::new(), order: Vec::new() };
    let mut errors = Vec::new();
    for fragment in &scope.fragments {
        search.from(*fragment, &mut errors);
    }
    if errors.is_empty() { Ok(search.order) } else { Err(errors) }
}

/// Depth first, with a path of its own: a chain of fragments may be longer than the stack is deep.
struct Search<'s, 'd> {
    scope: &'s Scope<'d>,
    done: HashSet<&'d str>,
    /// Where on the path a fragment is.
    on_path: HashMap<&'d str, usize>,
    path: Vec<Step<'d>>,
    order: Vec<Fragment<'d>>,
}

struct Step<'d> {
    fragment: Fragment<'d>,
    /// Spreads that are not followed yet, the next one last.
    open: Vec<Spread<'d>>,
    /// The one that is being followed.
    followed: Option<Spread<'d>>,
}

impl<'d> Search<'_, 'd> {
    fn from(&mut self, fragment: Fragment<'d>, errors: &mut Vec<GraphqlError>) {
        self.enter(fragment);
        while let Some(step) = self.path.last_mut() {
            let Some(spread) = step.open.pop() else {
                self.leave();
                continue;
            };
            step.followed = Some(spread);
            if let Some(&start) = self.on_path.get(spread.name) {
                errors.push(self.cycle(spread.name, start));
            } else if let Some(next) = self.scope.fragment(spread.name) {
                self.enter(*next);
            }
        }
    }

    fn enter(&mut self, fragment: Fragment<'d>) {
        if self.done.insert(fragment.name) {
            let mut open: Vec<Spread<'d>> = fragment.source.spreads().collect();
            open.reverse();
            self.on_path.insert(fragment.name, self.path.len());
            self.path.push(Step { fragment, open, followed: None });
        }
    }

    fn leave(&mut self) {
        if let Some(step) = self.path.pop() {
            self.on_path.remove(step.fragment.name);
            self.order.push(step.fragment);
        }
    }

    fn cycle(&self, name: &str, start: usize) -> GraphqlError {
        let spreads: Vec<Spread<'_>> = self.path[start..].iter().filter_map(|step| step.followed).collect();
        let via: Vec<String> =
            spreads[..spreads.len().saturating_sub(1)].iter().map(|spread| format!("'{}'", spread.name)).collect();
        let via = if via.is_empty() { String::new() } else { format!(" via {}", via.join(", ")) };
        let message = format!("Cannot spread fragment '{name}' within itself{via}.");
        GraphqlError::at_all(message, spreads.iter().map(|spread| spread.at))
    }
}
