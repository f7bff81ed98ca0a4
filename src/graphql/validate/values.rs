//! Whether a literal can stand where a type is expected (GraphQL October 2021 §5.6.1).

use async_graphql_parser::types::{BaseType, Type};
use async_graphql_value::{Number, Value};

use super::super::schema::{Schema, TypeKind};

/// Why it can't, in words that do not repeat it; `None` when it can. Variables are looked at elsewhere.
pub(super) fn mistake(schema: &Schema, expected: &Type, value: &Value) -> Option<String> {
    match (value, &expected.base) {
        (Value::Variable(_), _) => None,
        (Value::Null, _) => (!expected.nullable).then(|| format!("Expected value of type '{expected}', found null.")),
        (Value::List(items), BaseType::List(item)) => items.iter().find_map(|value| mistake(schema, item, value)),
        // One value stands for a list of it (§3.11).
        (_, BaseType::List(item)) => mistake(schema, item, value),
        (_, BaseType::Named(name)) => match schema.get(name) {
            Some(TypeKind::Scalar) => scalar_mistake(name, value).map(str::to_owned),
            Some(TypeKind::Object(_)) | None => Some(format!("Expected value of type '{expected}'.")),
        },
    }
}

fn scalar_mistake(name: &str, value: &Value) -> Option<&'static str> {
    let (fits, message) = match name {
        "String" => (matches!(value, Value::String(_)), "String cannot represent a non string value."),
        "Boolean" => (matches!(value, Value::Boolean(_)), "Boolean cannot represent a non boolean value."),
        "ID" => (
            matches!(value, Value::String(_)) || integer(value).is_some(),
            "ID cannot represent a non-string and non-integer value.",
        ),
        "Int" => (
            integer(value).is_some_and(|number| number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())),
            "Int cannot represent a value that is not a 32-bit integer.",
        ),
        "Float" => (matches!(value, Value::Number(_)), "Float cannot represent a non numeric value."),
        // What a scalar of the schema's own takes is for its resolver to say.
        _ => (true, ""),
    };
    (!fits).then_some(message)
}

fn integer(value: &Value) -> Option<&Number> {
    match value {
        Value::Number(number) => Some(number).filter(|number| !number.to_string().contains(['.', 'e', 'E'])),
        _ => None,
    }
}
