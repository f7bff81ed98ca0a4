//! Values of variables and arguments (GraphQL October 2021 §6.1.2, §6.4.1), as graphql-core coerces them.
//!
//! Literals were validated before, so only what a variable brings at run time can still be wrong here.

use std::collections::HashMap;

use async_graphql_parser::{
    Positioned,
    types::{BaseType, Directive, Field, Type, VariableDefinition},
};
use async_graphql_value::Value as Literal;
use indexmap::IndexMap;
use serde_json::{Number, Value};

use super::super::{
    document::{Document, Operation},
    envelope::Variables,
    error::GraphqlError,
    schema::{Argument, Schema},
};

/// The variables of an operation, coerced. One that was not given and has no default is not in it.
pub(super) struct Values<'d> {
    schema: &'d Schema,
    document: &'d Document<'d>,
    variables: HashMap<&'d str, Value>,
}

/// Arguments that have a value, null included.
pub(super) type Arguments = HashMap<String, Value>;

impl<'d> Values<'d> {
    /// Coerces the variables of a request.
    ///
    /// # Errors
    /// One for each variable that has no value of its type.
    pub(super) fn new(
        schema: &'d Schema,
        document: &'d Document<'d>,
        operation: &Operation<'d>,
        given: &Variables,
    ) -> Result<Self, Vec<GraphqlError>> {
        let (mut values, mut errors) = (Self { schema, document, variables: HashMap::new() }, Vec::new());
        for definition in &operation.definition.variable_definitions {
            let name = definition.node.name.node.as_str();
            match values.variable(&definition.node, given.get(name)) {
                Ok(Some(value)) => drop(values.variables.insert(name, value)),
                Ok(None) => {}
                Err(message) => errors.push(GraphqlError::at(format!("Variable '${name}' {message}"), definition.pos)),
            }
        }
        if errors.is_empty() { Ok(values) } else { Err(errors) }
    }

    fn variable(&self, definition: &VariableDefinition, given: Option<&Value>) -> Result<Option<Value>, String> {
        let ty = &definition.var_type.node;
        match (given, &definition.default_value) {
            (None, Some(default)) => {
                let literal = Positioned::new(default.node.clone().into_value(), default.pos);
                Ok(self.literal(&literal, ty))
            }
            (None, None) if ty.nullable => Ok(None),
            (None, None) => Err(format!("of required type '{ty}' was not provided.")),
            (Some(Value::Null), _) if !ty.nullable => Err(format!("of non-null type '{ty}' must not be null.")),
            (Some(value), _) => {
                coerce(ty, value).map(Some).map_err(|mistake| format!("got an invalid value; {mistake}"))
            }
        }
    }

    /// The arguments of a field.
    ///
    /// # Errors
    /// When a variable brings null, or nothing, where the type forbids it.
    pub(super) fn arguments(
        &self,
        field: &Field,
        known: &IndexMap<String, Argument>,
    ) -> Result<Arguments, GraphqlError> {
        self.given(&field.arguments, known)
    }

    /// Whether `@skip` and `@include` leave a selection in (§3.13).
    ///
    /// # Errors
    /// As for arguments.
    pub(super) fn includes(&self, directives: &[Positioned<Directive>]) -> Result<bool, GraphqlError> {
        for directive in directives {
            let name = directive.node.name.node.as_str();
            let Some(known) = self.schema.condition(name) else { continue };
            let condition = self.given(&directive.node.arguments, known)?;
            if condition.get("if") == Some(&Value::Bool(name == "skip")) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn given(
        &self,
        given: &[(Positioned<async_graphql_value::Name>, Positioned<Literal>)],
        known: &IndexMap<String, Argument>,
    ) -> Result<Arguments, GraphqlError> {
        let mut arguments = Arguments::new();
        for (name, argument) in known {
            let literal = given.iter().find(|(given, _)| given.node.as_str() == name).map(|(_, literal)| literal);
            let value = literal.and_then(|literal| self.literal(literal, &argument.ty)).or_else(|| default(argument));
            match (value, literal) {
                (Some(Value::Null) | None, Some(literal)) if !argument.ty.nullable => {
                    let message = format!("Argument '{name}' of non-null type '{}' must not be null.", argument.ty);
                    return Err(GraphqlError::at(message, literal.pos));
                }
                (Some(value), _) => drop(arguments.insert(name.clone(), value)),
                (None, _) => {}
            }
        }
        Ok(arguments)
    }

    /// The value of a valid literal; `None` for a variable without one.
    fn literal(&self, literal: &Positioned<Literal>, ty: &Type) -> Option<Value> {
        match &literal.node {
            Literal::Variable(name) => self.variables.get(name.as_str()).cloned(),
            // The parser's own reading of block strings is not to be relied on.
            Literal::String(text) => {
                Some(Value::String(self.document.string_at(literal.pos).unwrap_or_else(|| text.clone())))
            }
            other => {
                let value = other.clone().into_json().ok()?;
                Some(coerce(ty, &value).unwrap_or(value))
            }
        }
    }
}

fn default(argument: &Argument) -> Option<Value> {
    argument.default.clone().and_then(|default| default.into_json().ok())
}

/// A value of this type; why there is none, in words that do not repeat it.
fn coerce(ty: &Type, value: &Value) -> Result<Value, String> {
    match (&ty.base, value) {
        (_, Value::Null) if ty.nullable => Ok(Value::Null),
        (_, Value::Null) => Err(format!("Expected non-nullable type '{ty}' not to be null.")),
        (BaseType::List(item), Value::Array(values)) => values.iter().map(|value| coerce(item, value)).collect(),
        // One value stands for a list of it (§3.11).
        (BaseType::List(item), value) => Ok(Value::Array(vec![coerce(item, value)?])),
        (BaseType::Named(name), value) => scalar(name, value),
    }
}

fn scalar(name: &str, value: &Value) -> Result<Value, String> {
    let found = match (name, value) {
        ("String" | "ID", Value::String(_)) | ("Boolean", Value::Bool(_)) | ("Float", Value::Number(_)) => {
            Some(value.clone())
        }
        ("ID", Value::Number(number)) => integer(number).map(Value::String),
        ("Int", Value::Number(number)) => integer(number)
            .and_then(|digits| digits.parse::<i32>().ok())
            .map(|number| Value::Number(Number::from(number))),
        ("String" | "ID" | "Boolean" | "Float" | "Int", _) => None,
        // What a scalar of the schema's own takes is for its resolver to say.
        _ => Some(value.clone()),
    };
    found.ok_or_else(|| format!("{name} cannot represent a value of this kind."))
}

/// The digits of a whole number, also of one written `5.0`.
fn integer(number: &Number) -> Option<String> {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let is_whole = fraction.bytes().all(|digit| digit == b'0');
    (is_whole && !whole.contains(['e', 'E'])).then(|| whole.to_owned())
}
