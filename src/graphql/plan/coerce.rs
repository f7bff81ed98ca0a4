//! Values of variables and arguments (GraphQL October 2021 §6.1.2, §6.4.1), as graphql-core coerces them.
//!
//! Literals were validated before, so only what a variable brings at run time can still be wrong here.

use std::borrow::Cow;

use async_graphql_parser::{
    Pos,
    types::{BaseType, Type},
};
use serde_json::{Number, Value};

use super::{
    super::{envelope::Variables, error::GraphqlError},
    prepared::{Argument, Condition, Given, Variable},
};

/// The variables of an operation, coerced, in the order of their definitions. One that was not given and has no default
/// has no value. What needs no coercion is borrowed: a password has copies enough.
pub(super) struct Values<'v>(Vec<Option<Cow<'v, Value>>>);

/// Arguments that have a value, null included.
pub(super) struct Arguments<'p>(Vec<(&'p str, Value)>);

impl Arguments<'_> {
    /// Takes the value of this argument.
    pub(super) fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.swap_remove(index).1)
    }
}

impl<'v> Values<'v> {
    /// Coerces the variables of a request.
    ///
    /// # Errors
    /// One for each variable that has no value of its type.
    pub(super) fn new(defined: &'v [Variable], given: &'v Variables) -> Result<Self, Vec<GraphqlError>> {
        let (mut values, mut errors) = (Vec::with_capacity(defined.len()), Vec::new());
        for variable in defined {
            match value(variable, given.get(&variable.name)) {
                Ok(value) => values.push(value),
                Err(message) => {
                    errors.push(GraphqlError::at(format!("Variable '${}' {message}", variable.name), variable.at));
                }
            }
        }
        if errors.is_empty() { Ok(Self(values)) } else { Err(errors) }
    }

    /// The same; a variable that has no value of its type has none at all.
    pub(super) fn that_fit(defined: &'v [Variable], given: &'v Variables) -> Self {
        Self(defined.iter().map(|variable| value(variable, given.get(&variable.name)).ok().flatten()).collect())
    }

    /// No variable has a value.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    fn get(&self, index: usize) -> Option<&Value> {
        self.0.get(index)?.as_deref()
    }

    /// The arguments of a field.
    ///
    /// # Errors
    /// When a variable brings null, or nothing, where the type forbids it.
    pub(super) fn arguments<'p>(&self, arguments: &'p [Argument]) -> Result<Arguments<'p>, GraphqlError> {
        let mut values = Vec::with_capacity(arguments.len());
        for Argument { name, given } in arguments {
            let value = match given {
                Given::Fixed(value) => Some(value.clone()),
                Given::Variable { index, default, ty, at } => {
                    let value = self.get(*index).or(default.as_ref());
                    if !ty.nullable && value.is_none_or(Value::is_null) {
                        return Err(null(name, &ty.to_string(), *at));
                    }
                    value.cloned()
                }
            };
            values.extend(value.map(|value| (name.as_str(), value)));
        }
        Ok(Arguments(values))
    }

    /// Whether `@skip` and `@include` leave a selection in (§3.13).
    ///
    /// # Errors
    /// As for arguments.
    pub(super) fn includes(&self, conditions: &[Condition]) -> Result<bool, GraphqlError> {
        for condition in conditions {
            let Condition::Variable { index, wanted, at } = *condition else { return Ok(false) };
            let value = self.get(index).filter(|value| !value.is_null()).ok_or_else(|| null("if", "Boolean!", at))?;
            if *value == Value::Bool(!wanted) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn null(argument: &str, ty: &str, at: Pos) -> GraphqlError {
    GraphqlError::at(format!("Argument '{argument}' of non-null type '{ty}' must not be null."), at)
}

fn value<'v>(variable: &'v Variable, given: Option<&'v Value>) -> Result<Option<Cow<'v, Value>>, String> {
    let ty = &variable.ty;
    match (given, &variable.default) {
        (None, Some(default)) => Ok(Some(Cow::Borrowed(default))),
        (None, None) if ty.nullable => Ok(None),
        (None, None) => Err(format!("of required type '{ty}' was not provided.")),
        (Some(Value::Null), _) if !ty.nullable => Err(format!("of non-null type '{ty}' must not be null.")),
        (Some(value), _) => coerce(ty, value).map(Some).map_err(|mistake| format!("got an invalid value; {mistake}")),
    }
}

/// A value of this type; why there is none, in words that do not repeat it.
pub(super) fn coerce<'v>(ty: &Type, value: &'v Value) -> Result<Cow<'v, Value>, String> {
    match (&ty.base, value) {
        (_, Value::Null) if ty.nullable => Ok(Cow::Borrowed(value)),
        (_, Value::Null) => Err(format!("Expected non-nullable type '{ty}' not to be null.")),
        (BaseType::List(item), Value::Array(values)) => {
            let values = values.iter().map(|value| coerce(item, value).map(Cow::into_owned));
            Ok(Cow::Owned(values.collect::<Result<_, _>>()?))
        }
        // One value stands for a list of it (§3.11).
        (BaseType::List(item), value) => Ok(Cow::Owned(Value::Array(vec![coerce(item, value)?.into_owned()]))),
        (BaseType::Named(name), value) => scalar(name, value),
    }
}

fn scalar<'v>(name: &str, value: &'v Value) -> Result<Cow<'v, Value>, String> {
    let found = match (name, value) {
        ("String" | "ID", Value::String(_)) | ("Boolean", Value::Bool(_)) | ("Float", Value::Number(_)) => {
            Some(Cow::Borrowed(value))
        }
        ("ID", Value::Number(number)) => integer(number).map(|digits| Cow::Owned(Value::String(digits))),
        ("Int", Value::Number(number)) => integer(number)
            .and_then(|digits| digits.parse::<i32>().ok())
            .map(|number| Cow::Owned(Value::Number(Number::from(number)))),
        ("String" | "ID" | "Boolean" | "Float" | "Int", _) => None,
        // What a scalar of the schema's own takes is for its resolver to say.
        _ => Some(Cow::Borrowed(value)),
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
