//! The fields of one event, in the order in which the code names them.

use std::{
    error::Error,
    fmt::{self, Write as _},
};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};

use super::Current;

/// The keys of a JSON line that are not fields.
const RESERVED: [&str; 4] = ["timestamp", "level", "target", "message"];

/// The fields of one event.
#[derive(Default)]
pub(super) struct Fields {
    message: String,
    rest: Vec<(&'static str, Shown)>,
}

enum Shown {
    /// A number or a boolean.
    Plain(Value),
    /// What the code gave as a text; quoted in text lines.
    Text(String),
    /// What somebody's `Display` or `Debug` wrote.
    Formatted(String),
}

impl Fields {
    /// `message name=value …`, without control characters.
    pub(super) fn as_text(&self) -> String {
        let mut line = escaped(&self.message);
        for (name, value) in &self.rest {
            let gap = if line.is_empty() { "" } else { " " };
            let value = match value {
                Shown::Plain(value) => value.to_string(),
                Shown::Text(text) => escaped(&format!("{text:?}")),
                Shown::Formatted(text) => escaped(text),
            };
            // Writing to a String can't fail.
            let _ = write!(line, "{gap}{name}={value}");
        }
        line
    }

    /// Adds the ids of the request, where the event doesn't name it itself.
    pub(super) fn add_ids(&mut self, current: &Current) {
        let mut add = |name: &'static str, id: &[u8]| {
            if !self.rest.iter().any(|(known, _)| *known == name) {
                self.rest.push((name, Shown::Formatted(String::from_utf8_lossy(id).into_owned())));
            }
        };
        add("request_id", current.request.as_str().as_bytes());
        if let Some(trace) = current.trace {
            add("trace_id", &trace.trace_hex());
        }
    }

    /// One JSON object. A field that is called like one of the line's own keys gets the prefix `field.`.
    pub(super) fn into_json(self, time: &str, level: &str, target: &str) -> String {
        let mut line = Map::new();
        for (key, text) in RESERVED.into_iter().zip([time, level, target, &self.message]) {
            line.insert(key.to_owned(), text.into());
        }
        for (name, value) in self.rest {
            let name = if RESERVED.contains(&name) { format!("field.{name}") } else { name.to_owned() };
            let value = match value {
                Shown::Plain(value) => value,
                Shown::Text(text) | Shown::Formatted(text) => text.into(),
            };
            line.insert(name, value);
        }
        escape_unusual(&Value::Object(line).to_string())
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.rest.push((field.name(), Shown::Plain(value.into())));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.rest.push((field.name(), Shown::Plain(value.into())));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.rest.push((field.name(), Shown::Plain(value.into())));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.rest.push((field.name(), Shown::Plain(value.into())));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.rest.push((field.name(), Shown::Text(value.to_owned())));
    }

    /// With its causes: `no session: connection refused: …`.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        self.rest.push((field.name(), Shown::Formatted(text)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.message = text,
            name => self.rest.push((name, Shown::Formatted(text))),
        }
    }
}

/// What stands between the quotes of a JSON string of this text.
pub(super) fn json_text(text: &str) -> String {
    let quoted = escape_unusual(&Value::from(text).to_string());
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// Control characters, and the two other line ends of Unicode.
fn is_unusual(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unusual(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// JSON escapes below U+0020 only; the rest of what `escaped` hides stands in strings, where `\uXXXX` means the same.
pub(super) fn escape_unusual(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unusual(character) {
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    safe
}
