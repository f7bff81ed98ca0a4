//! From a valid operation to what is kept of it.

use std::collections::HashMap;

use async_graphql_parser::{
    Pos, Positioned,
    types::{self as parsed, Directive, SelectionSet, Type},
};
use async_graphql_value::Value as Literal;
use serde_json::Value;

use super::{
    super::{
        document::Operation,
        error::GraphqlError,
        schema::{self, ObjectType},
        validate::Scope,
    },
    coerce::{self, Values},
    prepared::{Argument, Condition, Field, Given, Prepared, Selected, Selection, Tree, Variable, What},
};

/// What this operation comes to whatever its variables. The document is valid and has been counted, so that fragments
/// end and nothing is deep. `users`: it asks of a user what only the backend has. So do its operations at their root, also those that do not
/// run: the backend validates them.
///
/// # Errors
/// None that a valid document can have.
pub(super) fn operation(scope: &Scope<'_>, operation: &Operation<'_>, users: bool) -> Result<Prepared, GraphqlError> {
    let definition = operation.definition;
    let asks_backend = users
        || scope.roots(operation).introspection
        || scope.operations.iter().any(|operation| scope.roots(operation).foreign.is_some());
    let defined = definition.variable_definitions.iter().map(|definition| &definition.node.name.node);
    let mut builder = Builder {
        scope,
        variables: defined.map(|name| name.as_str()).collect(),
        fragments: Vec::new(),
        known: HashMap::new(),
        asks: false,
    };
    let root = scope.schema.root(definition.ty);
    let selections = builder.selections(&definition.selection_set.node, root);
    let root = root.map(|root| root.name.clone()).unwrap_or_default();
    let tree = Tree { root, selections, fragments: builder.fragments };
    let variables = definition.variable_definitions.iter();
    Ok(Prepared {
        variables: variables.map(|definition| variable(scope, &definition.node, definition.pos)).collect(),
        selected: if builder.asks || asks_backend {
            Selected::Open(tree)
        } else {
            Selected::Settled(tree.roots(&Values::none())?)
        },
        asks_backend,
    })
}

fn variable(scope: &Scope<'_>, definition: &parsed::VariableDefinition, at: Pos) -> Variable {
    let ty = definition.var_type.node.clone();
    let default = definition.default_value.as_ref();
    let default = default.and_then(|default| constant(scope, &default.node.clone().into_value(), default.pos, &ty));
    Variable { name: definition.name.node.to_string(), default, ty, at }
}

/// The value of a valid literal; `None` when a variable is in it.
fn constant(scope: &Scope<'_>, literal: &Literal, at: Pos, ty: &Type) -> Option<Value> {
    match literal {
        // The parser's own reading of block strings is not to be relied on.
        Literal::String(text) => Some(Value::String(scope.document.string_at(at).unwrap_or_else(|| text.clone()))),
        other => {
            let value = other.clone().into_json().ok()?;
            Some(coerce::coerce(ty, &value).map_or_else(|_| value.clone(), |value| value.into_owned()))
        }
    }
}

struct Builder<'s, 'd> {
    scope: &'s Scope<'d>,
    /// Names, in the order of their definitions.
    variables: Vec<&'d str>,
    fragments: Vec<Vec<Selection>>,
    /// Where among the fragments one is.
    known: HashMap<&'d str, usize>,
    /// A condition asks for a variable.
    asks: bool,
}

impl<'d> Builder<'_, 'd> {
    /// Those that no literal leaves out, of a type of ours.
    fn selections(&mut self, set: &'d SelectionSet, parent: Option<&ObjectType>) -> Vec<Selection> {
        set.items.iter().filter_map(|selection| self.selection(&selection.node, parent)).collect()
    }

    /// Type conditions need no look: in a valid document each names the one type that is possible.
    fn selection(&mut self, selection: &'d parsed::Selection, parent: Option<&ObjectType>) -> Option<Selection> {
        let conditions = self.conditions(selection.directives())?;
        let what = match selection {
            parsed::Selection::Field(field) => What::Field(self.field(field, parent)),
            parsed::Selection::InlineFragment(fragment) => {
                What::Inline(self.selections(&fragment.node.selection_set.node, parent))
            }
            parsed::Selection::FragmentSpread(spread) => {
                What::Spread(self.fragment(&spread.node.fragment_name.node, parent)?)
            }
        };
        Some(Selection { conditions, what })
    }

    fn fragment(&mut self, name: &'d str, parent: Option<&ObjectType>) -> Option<usize> {
        if let Some(index) = self.known.get(name) {
            return Some(*index);
        }
        let fragment = self.scope.fragment(name)?;
        let selections = self.selections(&fragment.definition.selection_set.node, parent);
        self.known.insert(name, self.fragments.len());
        self.fragments.push(selections);
        Some(self.fragments.len() - 1)
    }

    fn field(&mut self, field: &'d Positioned<parsed::Field>, parent: Option<&ObjectType>) -> Field {
        let (schema, name) = (self.scope.schema, field.node.name.node.as_str());
        let definition = parent.and_then(|parent| schema.field(parent, name));
        let object = definition.and_then(|definition| schema.object_of(&definition.ty));
        let is_backends = parent.is_some() && definition.is_none();
        Field {
            key: field.node.response_key().node.to_string(),
            name: name.to_owned(),
            alias_of: definition.and_then(|definition| definition.alias_of),
            at: field.pos,
            is_backends,
            arguments: self.arguments(&field.node, definition),
            inside: object
                .map(|object| self.selections(&field.node.selection_set.node, Some(object)))
                .unwrap_or_default(),
        }
    }

    fn arguments(&self, field: &parsed::Field, definition: Option<&schema::Field>) -> Vec<Argument> {
        let Some(definition) = definition else { return Vec::new() };
        let argument = |(name, known): (&String, &schema::Argument)| {
            let default = || known.default.clone().and_then(|default| default.into_json().ok());
            let literal = field.arguments.iter().find(|(given, _)| given.node.as_str() == name);
            let given = match literal.map(|(_, literal)| (&literal.node, literal.pos)) {
                Some((Literal::Variable(variable), at)) => {
                    let index = self.index_of(variable);
                    Given::Variable { index, default: default(), ty: known.ty.clone(), at }
                }
                Some((literal, at)) => Given::Fixed(constant(self.scope, literal, at, &known.ty).or_else(default)?),
                None => Given::Fixed(default()?),
            };
            Some(Argument { name: name.clone(), given })
        };
        definition.arguments.iter().filter_map(argument).collect()
    }

    /// What is left to ask before a selection is in; `None` when it never is.
    fn conditions(&mut self, directives: &[Positioned<Directive>]) -> Option<Vec<Condition>> {
        let mut conditions = Vec::new();
        for directive in directives {
            let name = directive.node.name.node.as_str();
            if self.scope.schema.condition(name).is_none() {
                continue;
            }
            let wanted = name == "include";
            let condition = directive.node.get_argument("if").map(|literal| (&literal.node, literal.pos));
            match condition {
                Some((Literal::Variable(variable), at)) => {
                    self.asks = true;
                    conditions.push(Condition::Variable { index: self.index_of(variable), wanted, at });
                }
                Some((Literal::Boolean(value), _)) if *value == wanted => {}
                _ if conditions.is_empty() => return None,
                _ => conditions.push(Condition::Never),
            }
        }
        Some(conditions)
    }

    /// One that is not defined, which no valid document has, is behind the last: it has no value.
    fn index_of(&self, variable: &str) -> usize {
        self.variables.iter().position(|name| *name == variable).unwrap_or(self.variables.len())
    }
}
