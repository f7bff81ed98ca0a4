//! What is in force, and where each value came from: the file, a variable, a file of a secret, or the default.

use std::{fmt, path::Path};

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{
    Environment, Report,
    keys::keys,
    reader::{Origin, Setting, Settings, variable},
};

/// A configuration as it is in force. Shows no secret.
///
/// Printed as TOML, which says the same when it is read in place of the file, but for secrets that stood in it:
///
/// ```toml
/// [upstream]
/// url = "http://127.0.0.1:8000"  # proxy.toml:2
/// #protocol = "http1"  # default
/// ```
#[derive(Clone, Debug)]
pub struct InForce {
    file: String,
    settings: Settings,
}

impl InForce {
    /// What the file at `path` and the variables of `environment` come to.
    ///
    /// # Errors
    /// Everything that is wrong with them: then nothing is in force.
    pub fn load(path: &Path, environment: &Environment<'_>) -> Result<Self, Report> {
        let (text, name) = super::text_of(path)?;
        let origin = Origin { name, folder: super::folder_of(path), environment, keys: keys() };
        let mut reading = super::read(&text, &origin);
        let settings = std::mem::take(&mut reading.settings);
        reading.into_result().map(|_| Self { file: origin.name, settings })
    }

    /// As a list in JSON: `key`, the `variable` that would set it, `value`, and `from`, which is null for a key that says
    /// nothing.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let entries = self.settings.iter().filter_map(|(place, setting)| {
            let (value, from) = match setting {
                Setting::Unset => (Value::Null, Value::Null),
                Setting::Default(written) => (written.json(), json!("default")),
                Setting::Given { written, from } => (written.json(), json!(from)),
                Setting::Table | Setting::Item { .. } => return None,
            };
            Some(json!({ "key": place, "variable": variable(place), "value": value, "from": from }))
        });
        entries.collect()
    }
}

impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# What {} and the environment come to. #key = value is a default.", self.file)?;
        let mut root = Node::default();
        for (place, setting) in &self.settings {
            root.add(&place.split('.').collect::<Vec<_>>(), setting);
        }
        root.print(f, "")
    }
}

/// A table, or several of one name.
#[derive(Default)]
struct Node<'s> {
    /// `Some` for one of several: whether it is there.
    item: Option<bool>,
    lines: Vec<(&'s str, &'s Setting)>,
    below: IndexMap<&'s str, Self>,
}

impl<'s> Node<'s> {
    fn add(&mut self, path: &[&'s str], setting: &'s Setting) {
        match (path, setting) {
            ([] | [_], Setting::Table) => {}
            ([], Setting::Item { given }) => self.item = Some(*given),
            ([last], Setting::Item { given }) => self.below.entry(last).or_default().item = Some(*given),
            ([last], setting) => self.lines.push((last, setting)),
            ([first, rest @ ..], setting) => self.below.entry(first).or_default().add(rest, setting),
            ([], _) => {}
        }
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
        if !path.is_empty() && !self.lines.is_empty() {
            let is_there = self.lines.iter().any(|(_, setting)| matches!(setting, Setting::Given { .. }));
            let (mark, head) = match self.item {
                Some(given) => (if given || is_there { "" } else { "#" }, format!("[[{path}]]")),
                None => (if is_there { "" } else { "#" }, format!("[{path}]")),
            };
            writeln!(f, "\n{mark}{head}")?;
        }
        for (key, setting) in &self.lines {
            match setting {
                Setting::Default(written) => writeln!(f, "#{key} = {}  # default", written.toml())?,
                Setting::Given { written, from } => writeln!(f, "{key} = {}  # {}", written.toml(), printable(from))?,
                Setting::Unset | Setting::Table | Setting::Item { .. } => writeln!(f, "# {key} is not set")?,
            }
        }
        for (name, node) in &self.below {
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
            match (is_number, path) {
                (true, path) => node.print(f, path)?,
                (false, "") => node.print(f, name)?,
                (false, path) => node.print(f, &format!("{path}.{name}"))?,
            }
        }
        Ok(())
    }
}

/// A comment of TOML has no control characters, and a path could.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
