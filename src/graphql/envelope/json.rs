//! JSON, read more strictly than any library of ours would by itself.
//!
//! serde_json keeps the last of duplicate keys, and where it keeps numbers to the letter it takes an object with one certain
//! private key for a number. So values are read level by level: each level yields keys and raw texts, which its parser has
//! checked without recursion, and the depth is bounded before the next level is looked at.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Number, Value, value::RawValue};

use super::{EnvelopeError, parts::Parts};

/// Deeper values than this are no variables that anybody has.
const DEEPEST: usize = 64;

/// The envelope in a body.
pub(super) fn parts(body: &str) -> Result<Parts, EnvelopeError> {
    let raw: &RawValue = serde_json::from_str(body).map_err(|_| EnvelopeError::NotJson)?;
    match raw.get().as_bytes().first() {
        Some(b'{') => Parts::from_members(members(raw, 1)?),
        Some(b'[') => Err(EnvelopeError::Batch),
        _ => Err(EnvelopeError::NotAnObject),
    }
}

/// One value, and nothing behind it.
pub(super) fn value(text: &str) -> Result<Value, EnvelopeError> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| EnvelopeError::NotJson)?;
    read(raw, 1)
}

fn read(raw: &RawValue, depth: usize) -> Result<Value, EnvelopeError> {
    if depth > DEEPEST {
        return Err(EnvelopeError::TooDeep);
    }
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => Value::Object(members(raw, depth)?.into_iter().collect::<Map<String, Value>>()),
        Some(b'[') => {
            let items: Vec<&RawValue> = parse(text)?;
            Value::Array(items.into_iter().map(|item| read(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(b'"') => Value::String(parse(text)?),
        Some(b't' | b'f') => Value::Bool(parse(text)?),
        Some(b'n') => Value::Null,
        // To the letter, but for the sign that the library writes before an exponent (`1e5` becomes `1e+5`).
        _ => Value::Number(text.parse::<Number>().map_err(|_| EnvelopeError::NotJson)?),
    })
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, EnvelopeError> {
    serde_json::from_str(text).map_err(|_| EnvelopeError::NotJson)
}

fn members(raw: &RawValue, depth: usize) -> Result<Vec<(String, Value)>, EnvelopeError> {
    let Members(raw) = parse(raw.get())?;
    let mut seen = std::collections::HashSet::new();
    if let Some((key, _)) = raw.iter().find(|(key, _)| !seen.insert(key.as_str())) {
        return Err(EnvelopeError::Repeated(key.clone()));
    }
    raw.into_iter().map(|(key, value)| Ok((key, read(value, depth + 1)?))).collect()
}

/// The members of an object as they stand there, repeated keys included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Members(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
