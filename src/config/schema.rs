//! The JSON Schema of `proxy.toml` (draft 2020-12), for editors: what each key may hold, what it is by default, and what the
//! sample says of it.
//!
//! It knows less than `railgate check`: nothing of how keys go together, and not what a text has to look like. Nothing is
//! required, since a variable may say it. An instant counts as a text, as in editors.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{
    comments::comments,
    keys::keys,
    reader::{Key, Kind, first_place, spell_duration, spell_size, variable},
};

/// The schema.
#[must_use]
pub fn schema() -> Value {
    let mut root = object("", &comments());
    root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".into(), json!("proxy.toml of railgate"));
    let word = json!({ "type": "string", "minLength": 1 });
    root.insert(
        "$defs".into(),
        json!({
            "variable": {
                "description": "What an environment variable holds.",
                "type": "object",
                "properties": { "env": { "type": "string", "pattern": "^[A-Za-z0-9_]+$" }, "default": true },
                "required": ["env"],
                "additionalProperties": false,
            },
            "file": {
                "description": "What a file holds.",
                "type": "object",
                "properties": { "file": word },
                "required": ["file"],
                "additionalProperties": false,
            },
        }),
    );
    root.sort_keys();
    Value::Object(root)
}

/// The table at `path`.
fn object(path: &str, comments: &IndexMap<String, String>) -> Map<String, Value> {
    let properties: Map<String, Value> = keys()
        .iter()
        .filter_map(|(key, known)| Some((name_below(path, key)?.to_owned(), property(key, known, comments))))
        .collect();
    let mut object = Map::new();
    object.insert("type".into(), json!("object"));
    object.insert("properties".into(), Value::Object(properties));
    object.insert("additionalProperties".into(), json!(false));
    object
}

/// The name of `key`, if it is one of the table at `path`.
pub(super) fn name_below<'k>(path: &str, key: &'k str) -> Option<&'k str> {
    match key.rsplit_once('.') {
        Some((table, name)) if table == path => Some(name),
        None if path.is_empty() => Some(key),
        _ => None,
    }
}

fn property(path: &str, key: &Key, comments: &IndexMap<String, String>) -> Value {
    let mut property = match &key.kind {
        Kind::Table => Value::Object(object(path, comments)),
        Kind::Tables => json!({ "type": "array", "minItems": 1, "items": object(path, comments) }),
        kind => of(kind),
    };
    let mut said = comments.get(path).cloned().unwrap_or_default();
    if let Kind::Size { .. } | Kind::Duration { .. } = key.kind {
        said = format!("{said}\n{}", spell_bounds(&key.kind).unwrap_or_default());
    }
    if !matches!(key.kind, Kind::Table | Kind::Tables) {
        said = format!("{said}\nVariable: {}", variable(&first_place(keys(), path)));
    }
    property["description"] = json!(said.trim());
    if let Some(default) = &key.default {
        property["default"] = default.json();
    }
    property
}

/// Between which values one has to be.
pub(super) fn spell_bounds(kind: &Kind) -> Option<String> {
    let (least, most) = match kind {
        Kind::Number { least, most } => (least.clone(), most.clone()),
        Kind::Size { least, most } => (spell_size(*least), spell_size(*most)),
        Kind::Duration { least, most } => (spell_duration(*least), spell_duration(*most)),
        _ => return None,
    };
    Some(format!("From {least} to {most}."))
}

/// What one value may be.
fn of(kind: &Kind) -> Value {
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let references = [json!({ "$ref": "#/$defs/variable" }), json!({ "$ref": "#/$defs/file" })];
    let [variable, file] = &references;
    let plain = match kind {
        Kind::Number { least, most } => json!({ "type": "integer", "minimum": number(least), "maximum": number(most) }),
        Kind::Size { .. } => json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" }),
        Kind::Duration { .. } => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Text(_) => json!({ "type": "string" }),
        Kind::Instant => json!({ "type": "string", "format": "date-time" }),
        Kind::List(item) => return json!({ "type": "array", "items": of(item) }),
        Kind::Named { values, .. } => return json!({ "type": "object", "additionalProperties": of(values) }),
        Kind::Secret(_) => return json!({ "anyOf": [{ "type": "string" }, variable, file] }),
        Kind::Secrets(_) => {
            let one = of(&Kind::Secret(String::new()));
            return json!({ "anyOf": [{ "type": "string" }, variable, file, { "type": "array", "minItems": 1, "items": one }] });
        }
        Kind::Table | Kind::Tables => json!({}),
    };
    json!({ "anyOf": [plain, variable] })
}
