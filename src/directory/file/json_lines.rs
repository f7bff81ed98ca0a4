//! A users file in JSON lines: an object a line, a user by its `username` or a role by its `name`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{
    entry::{Entry, Field, Kind},
    form::Text,
    problem::Problem,
};

/// The objects of a text.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, Vec<Problem>> {
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    for (at, content) in text.lines().enumerate().filter(|(_, content)| !content.trim().is_empty()) {
        match entry(content, at + 1) {
            Ok(entry) => entries.push(entry),
            Err(message) => problems.push(Problem { line: at + 1, message }),
        }
    }
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

fn entry(content: &str, line: usize) -> Result<Entry, String> {
    // The error's own text may repeat what stands there.
    let Pairs(pairs) =
        serde_json::from_str(content).map_err(|error| format!("no JSON object, from column {} on", error.column()))?;
    let has = |key: &str| pairs.iter().any(|(known, _)| known == key);
    let kind = [Kind::User, Kind::Role].into_iter().find(|kind| has(kind.name_key()));
    let kind = kind.ok_or("has neither `username`, as a user has, nor `name`, as a role")?;
    let fields = pairs.into_iter().map(|(key, value)| Field { key, line, value });
    Ok(Entry { kind, line, fields: fields.collect() })
}

/// The keys of an object and their values, also those that stand there twice.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// A text that is being changed, line by line.
pub(super) struct JsonLines(Vec<String>);

impl JsonLines {
    pub(super) fn open(text: &str) -> Self {
        Self(text.lines().map(str::to_owned).collect())
    }

    fn find(&mut self, kind: Kind, name: &str) -> Option<(&mut String, Map<String, Value>)> {
        self.0.iter_mut().find_map(|line| {
            let object: Map<String, Value> = serde_json::from_str(line).ok()?;
            let is_it = object.get(kind.name_key()).and_then(Value::as_str) == Some(name)
                && (kind == Kind::User || !object.contains_key(Kind::User.name_key()));
            is_it.then_some((line, object))
        })
    }
}

impl Text for JsonLines {
    fn put(&mut self, kind: Kind, name: &str, fields: &[(&'static str, Value)]) {
        let object = fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let written = Value::Object(object).to_string();
        match self.find(kind, name) {
            Some((line, _)) => *line = written,
            None => self.0.push(written),
        }
    }

    fn set(&mut self, username: &str, key: &'static str, value: Value) {
        if let Some((line, mut object)) = self.find(Kind::User, username) {
            object.insert(key.to_owned(), value);
            *line = Value::Object(object).to_string();
        }
    }

    fn text(&self) -> String {
        self.0.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}
