//! Rules on variables (GraphQL October 2021 §5.8).

use std::collections::{HashMap, HashSet};

use async_graphql_parser::{
    Pos, Positioned,
    types::{BaseType, Type, VariableDefinition},
};
use async_graphql_value::ConstValue;
use indexmap::IndexMap;

use super::{super::error::GraphqlError, MOST_ERRORS, fields::Usage, scope::Scope, values};
use crate::graphql::{
    document::Operation,
    schema::{TypeKind, named},
};

/// The variables of one operation: defined in it, `used` in it and in the fragments that it reaches; `usages` are those
/// whose expected type is known.
pub(super) fn errors(
    scope: &Scope<'_>,
    operation: &Operation<'_>,
    used: &[(&str, Pos)],
    strict: bool,
    usages: &[Usage<'_>],
) -> Vec<GraphqlError> {
    let mut errors = unique(operation);
    for definition in &operation.definition.variable_definitions {
        errors.extend(definition_mistake(scope, &definition.node, strict));
    }
    errors.extend(undefined(operation, used));
    errors.extend(unused(operation, used));
    errors.extend(misplaced(scope, operation, usages));
    errors
}

fn unique(operation: &Operation<'_>) -> Vec<GraphqlError> {
    let mut places: IndexMap<&str, Vec<Pos>> = IndexMap::new();
    for definition in &operation.definition.variable_definitions {
        let name = &definition.node.name;
        places.entry(name.node.as_str()).or_default().push(name.pos);
    }
    let repeated = places.into_iter().filter(|(_, places)| places.len() > 1);
    repeated
        .map(|(name, places)| GraphqlError::at_all(format!("There can be only one variable named '${name}'."), places))
        .collect()
}

fn definition_mistake(scope: &Scope<'_>, definition: &VariableDefinition, strict: bool) -> Option<GraphqlError> {
    let ty = &definition.var_type;
    match scope.schema.get(named(&ty.node)) {
        Some(TypeKind::Object(_)) => {
            let message = format!("Variable '${}' cannot be non-input type '{}'.", definition.name.node, ty.node);
            Some(GraphqlError::at(message, ty.pos))
        }
        Some(TypeKind::Scalar) => {
            let default = definition.default_value.as_ref()?;
            let mistake = values::mistake(scope.schema, &ty.node, &default.node.clone().into_value())?;
            Some(GraphqlError::at(mistake, default.pos))
        }
        // Perhaps one of the backend's, where its fields are used, too.
        None => strict.then(|| {
            let at = scope.document.name_from(ty.pos);
            GraphqlError::at(format!("Unknown type '{}'.", named(&ty.node)), at)
        }),
    }
}

fn undefined(operation: &Operation<'_>, used: &[(&str, Pos)]) -> Vec<GraphqlError> {
    let defined: HashSet<&str> =
        operation.definition.variable_definitions.iter().map(|definition| definition.node.name.node.as_str()).collect();
    let by = operation.name.map(|name| format!(" by operation '{name}'")).unwrap_or_default();
    let undefined = used.iter().filter(|(name, _)| !defined.contains(name)).take(MOST_ERRORS);
    undefined
        .map(|(name, at)| GraphqlError::at_all(format!("Variable '${name}' is not defined{by}."), [*at, operation.at]))
        .collect()
}

fn unused(operation: &Operation<'_>, used: &[(&str, Pos)]) -> Vec<GraphqlError> {
    let used: HashSet<&str> = used.iter().map(|(name, _)| *name).collect();
    let within = operation.name.map(|name| format!(" in operation '{name}'")).unwrap_or_default();
    let definitions = operation.definition.variable_definitions.iter();
    let unused = definitions.filter(|definition| !used.contains(definition.node.name.node.as_str()));
    unused
        .map(|definition| {
            let message = format!("Variable '${}' is never used{within}.", definition.node.name.node);
            GraphqlError::at(message, definition.pos)
        })
        .collect()
}

fn misplaced(scope: &Scope<'_>, operation: &Operation<'_>, usages: &[Usage<'_>]) -> Vec<GraphqlError> {
    let definitions = operation.definition.variable_definitions.iter();
    let known = definitions.filter(|definition| scope.schema.get(named(&definition.node.var_type.node)).is_some());
    let known: HashMap<&str, &Positioned<VariableDefinition>> =
        known.map(|definition| (definition.node.name.node.as_str(), definition)).collect();
    let mistake = |usage: &Usage<'_>| {
        let definition = known.get(usage.name)?;
        if is_allowed(&definition.node, usage) {
            return None;
        }
        let (name, ty, expected) = (usage.name, &definition.node.var_type.node, usage.expected);
        let message = format!("Variable '${name}' of type '{ty}' used in position expecting type '{expected}'.");
        Some(GraphqlError::at_all(message, [definition.pos, usage.at]))
    };
    usages.iter().filter_map(mistake).take(MOST_ERRORS).collect()
}

/// `IsVariableUsageAllowed()` of the specification (§5.8.5).
fn is_allowed(definition: &VariableDefinition, usage: &Usage<'_>) -> bool {
    let ty = &definition.var_type.node;
    if usage.expected.nullable || !ty.nullable {
        return fits(ty, usage.expected);
    }
    let default = definition.default_value.as_ref().map(|default| &default.node);
    let has_default = default.is_some_and(|default| *default != ConstValue::Null) || usage.has_default;
    has_default && fits(ty, &Type { nullable: true, base: usage.expected.base.clone() })
}

fn fits(ty: &Type, expected: &Type) -> bool {
    let base = match (&ty.base, &expected.base) {
        (BaseType::Named(own), BaseType::Named(other)) => own == other,
        (BaseType::List(own), BaseType::List(other)) => fits(own, other),
        _ => false,
    };
    base && (expected.nullable || !ty.nullable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of a variable's type and a place that takes it, and of one that does not (no place of ours takes a list yet).
    #[test]
    fn a_stricter_type_fits_at_every_level() {
        let fits = |ty: &str, expected: &str| super::fits(&Type::new(ty).unwrap(), &Type::new(expected).unwrap());
        for (ty, expected) in [("A", "A"), ("A!", "A"), ("[A!]!", "[A]"), ("[[A!]]", "[[A]]")] {
            assert!(fits(ty, expected), "{ty} {expected}");
        }
        for (ty, expected) in [("A", "A!"), ("[A]", "[A!]"), ("A", "[A]"), ("[A]", "A"), ("A", "B"), ("[A]!", "[B]")] {
            assert!(!fits(ty, expected), "{ty} {expected}");
        }
    }
}
