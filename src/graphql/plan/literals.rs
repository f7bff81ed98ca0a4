//! Whether a document could hold a secret, so that nothing of it is to be kept.
//!
//! The rule: where the name of an owned field stands as a field, whether or not it runs, at any depth, in any operation
//! or fragment, its arguments and its directives' have to be variables, and every default of a variable of the document
//! a flag. `true`, `false` and `null` are flags: no secret has three values. Everything else counts, numbers too, since a
//! code of a second factor is one.
//!
//! ```graphql
//! mutation($u: String!, $p: String!, $t: Boolean = false) { login(username: $u, password: $p) { ok } }  # is kept
//! mutation { login(username: "john", password: "secret") { ok } }                                      # is not
//! query A { me { id } } mutation B($p: String = "secret") { disableMfa(password: $p) { ok } }          # is not
//! ```
//!
//! Caveat: a field of the backend that happens to have the name of an owned one counts, too. Literals of the backend's
//! other fields don't: of a document that is forwarded, only its digest is kept.

use async_graphql_parser::{
    Positioned,
    types::{Field, Selection, SelectionSet},
};
use async_graphql_value::{ConstValue, Name, Value};

use super::super::{schema::Schema, validate::Scope};

/// Whether a literal of this document could be a secret.
pub(super) fn may_be_secret(scope: &Scope<'_>) -> bool {
    let mut search = Search { schema: scope.schema, names_owned: false };
    let operations = scope.operations.iter().map(|operation| &operation.definition.selection_set.node);
    let fragments = scope.fragments.iter().map(|fragment| &fragment.definition.selection_set.node);
    let mut sets = operations.chain(fragments);
    if sets.any(|set| search.finds_literal(set)) {
        return true;
    }
    let variables = scope.operations.iter().flat_map(|operation| &operation.definition.variable_definitions);
    let mut defaults = variables.filter_map(|variable| variable.node.default_value.as_ref());
    search.names_owned && defaults.any(|default| !matches!(default.node, ConstValue::Null | ConstValue::Boolean(_)))
}

struct Search<'s> {
    schema: &'s Schema,
    /// The name of an owned field was met.
    names_owned: bool,
}

impl Search<'_> {
    fn finds_literal(&mut self, set: &SelectionSet) -> bool {
        set.items.iter().any(|selection| match &selection.node {
            Selection::Field(field) => {
                self.is_telling(&field.node) || self.finds_literal(&field.node.selection_set.node)
            }
            Selection::InlineFragment(fragment) => self.finds_literal(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => false,
        })
    }

    /// It has an owned field's name, and a literal.
    fn is_telling(&mut self, field: &Field) -> bool {
        let is_owned = self.schema.owns(&field.name.node);
        self.names_owned |= is_owned;
        let of_directives = field.directives.iter().flat_map(|directive| &directive.node.arguments);
        is_owned && field.arguments.iter().chain(of_directives).any(is_literal)
    }
}

fn is_literal((_, value): &(Positioned<Name>, Positioned<Value>)) -> bool {
    !matches!(value.node, Value::Variable(_) | Value::Boolean(_) | Value::Null)
}
