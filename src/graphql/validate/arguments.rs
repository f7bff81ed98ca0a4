//! Rules on arguments and directives (GraphQL October 2021 §5.4, §5.6, §5.7).

use std::fmt;

use async_graphql_parser::{
    Pos, Positioned,
    types::{Directive, OperationType},
};
use async_graphql_value::{Name, Value};
use indexmap::IndexMap;

use super::{
    super::error::GraphqlError,
    fields::{Usage, Walker},
    values,
};
use crate::graphql::schema::Argument;

/// Where a directive stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Operation(OperationType),
    FragmentDefinition,
    Field,
    FragmentSpread,
    InlineFragment,
}

impl Place {
    /// `@skip` and `@include` may stand here (§3.13).
    const fn can_be_left_out(self) -> bool {
        match self {
            Self::Field | Self::FragmentSpread | Self::InlineFragment => true,
            Self::Operation(_) | Self::FragmentDefinition => false,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(ty) => write!(f, "a {ty}"),
            Self::FragmentDefinition => f.write_str("a fragment definition"),
            Self::Field => f.write_str("a field"),
            Self::FragmentSpread => f.write_str("a fragment spread"),
            Self::InlineFragment => f.write_str("an inline fragment"),
        }
    }
}

type Given = (Positioned<Name>, Positioned<Value>);

impl<'d> Walker<'_, 'd> {
    /// The arguments of a field or directive that begins at `owner`.
    pub(super) fn arguments(
        &mut self,
        given: &'d [Given],
        known: &'d IndexMap<String, Argument>,
        owner: Pos,
        place: &str,
    ) {
        for (name, value) in given {
            match known.get(name.node.as_str()) {
                Some(argument) => self.value(value, argument),
                None => {
                    self.errors
                        .push(GraphqlError::at(format!("Unknown argument '{}' on {place}.", name.node), name.pos));
                }
            }
        }
        self.unique_arguments(given);
        for (name, argument) in known.iter().filter(|(_, argument)| argument.is_required()) {
            if given.iter().all(|(other, _)| other.node.as_str() != name) {
                let ty = &argument.ty;
                let message =
                    format!("Argument '{name}' of type '{ty}' is required on {place}, but it was not provided.");
                self.errors.push(GraphqlError::at(message, owner));
            }
        }
    }

    fn value(&mut self, value: &'d Positioned<Value>, argument: &'d Argument) {
        if let Value::Variable(name) = &value.node {
            let has_default = argument.default.is_some();
            self.usages.push(Usage { name, at: value.pos, expected: &argument.ty, has_default });
        }
        if let Some(mistake) = values::mistake(self.scope.schema, &argument.ty, &value.node) {
            self.errors.push(GraphqlError::at(mistake, value.pos));
        }
    }

    fn unique_arguments(&mut self, given: &[Given]) {
        let mut places: IndexMap<&str, Vec<Pos>> = IndexMap::new();
        for (name, _) in given {
            places.entry(name.node.as_str()).or_default().push(name.pos);
        }
        for (name, places) in places.into_iter().filter(|(_, places)| places.len() > 1) {
            self.errors.push(GraphqlError::at_all(format!("There can be only one argument named '{name}'."), places));
        }
    }

    pub(super) fn directives(&mut self, directives: &'d [Positioned<Directive>], place: Place) {
        for (index, directive) in directives.iter().enumerate() {
            let name = directive.node.name.node.as_str();
            let Some(arguments) = self.scope.schema.condition(name) else {
                // One of the backend's may stand on a definition that is partly its own.
                if !self.strict && !place.can_be_left_out() {
                    continue;
                }
                let message = format!("Directive '@{name}' is unknown, or not one for {place}.");
                self.errors.push(GraphqlError::at(message, directive.pos));
                continue;
            };
            if !place.can_be_left_out() {
                let message = format!("Directive '@{name}' may not be used on {place}.");
                self.errors.push(GraphqlError::at(message, directive.pos));
            }
            if let Some(first) = directives[..index].iter().find(|other| other.node.name.node == name) {
                let message = format!("The directive '@{name}' can only be used once at this location.");
                self.errors.push(GraphqlError::at_all(message, [first.pos, directive.pos]));
            }
            self.arguments(&directive.node.arguments, arguments, directive.pos, &format!("directive '@{name}'"));
        }
    }
}
