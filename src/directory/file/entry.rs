//! A table or a line of a users file, before it is known whether it makes a user.
//!
//! Both forms of the file become this, so that there is one strict reader ([`Fields`]) whose words point at a line.

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::problem::Problem;
use crate::model::Timestamp;

/// What an entry describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Role,
}

impl Kind {
    /// The key that names one.
    pub(super) const fn name_key(self) -> &'static str {
        match self {
            Self::User => "username",
            Self::Role => "name",
        }
    }

    /// The array of tables that holds them in TOML.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Role => "roles",
        }
    }
}

/// A table or a line.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Where it begins, counted from 1.
    pub(super) line: usize,
    pub(super) fields: Vec<Field>,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Value,
}

/// Takes the keys out of an entry, notes what can't be used, and in the end the keys that nobody asked for.
pub(super) struct Fields<'e> {
    entry: &'e Entry,
    asked: Vec<&'static str>,
    problems: &'e mut Vec<Problem>,
}

impl<'e> Fields<'e> {
    pub(super) fn of(entry: &'e Entry, problems: &'e mut Vec<Problem>) -> Self {
        Self { entry, asked: Vec::new(), problems }
    }

    /// A text that must be there, and that `check` finds no fault with.
    pub(super) fn required(&mut self, key: &'static str, check: impl Fn(&str) -> Result<(), String>) -> Option<String> {
        match self.get(key) {
            Some(field) => self.checked(field, check),
            None => {
                self.note(self.entry.line, format!("`{key}` is missing"));
                None
            }
        }
    }

    /// A text; empty when it isn't there.
    pub(super) fn text(&mut self, key: &'static str, check: impl Fn(&str) -> Result<(), String>) -> String {
        self.get(key).and_then(|field| self.checked(field, check)).unwrap_or_default()
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(field) = self.get(key) else { return default };
        field.value.as_bool().unwrap_or_else(|| {
            self.note(field.line, format!("`{key}`: write true or false"));
            default
        })
    }

    /// A list of texts, none of them twice; empty when it isn't there.
    pub(super) fn list(&mut self, key: &'static str, check: impl Fn(&str) -> Result<(), String>) -> Vec<String> {
        let Some(field) = self.get(key) else { return Vec::new() };
        let texts =
            field.value.as_array().and_then(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let Some(texts) = texts else {
            self.note(field.line, format!("`{key}`: write a list of texts, [\"one\", \"another\"]"));
            return Vec::new();
        };
        for (at, text) in texts.iter().enumerate() {
            if let Err(why) = check(text) {
                self.note(field.line, format!("`{key}`: \"{}\" {why}", text.escape_debug()));
            } else if texts[..at].contains(text) {
                self.note(field.line, format!("`{key}`: \"{}\" stands there twice", text.escape_debug()));
            }
        }
        texts.into_iter().map(str::to_owned).collect()
    }

    /// An instant; the beginning of 1970 when it isn't there.
    pub(super) fn instant(&mut self, key: &'static str) -> Timestamp {
        let Some(field) = self.get(key) else { return Timestamp::default() };
        let instant = field.value.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        if instant.is_none() {
            self.note(field.line, format!("`{key}`: write an instant with its offset, such as 2026-03-01T00:00:00Z"));
        }
        instant.map(Timestamp::from).unwrap_or_default()
    }

    /// Notes the keys that nobody asked for.
    pub(super) fn finish(self) {
        for (at, field) in self.entry.fields.iter().enumerate() {
            let shown: String = field.key.chars().take(60).flat_map(char::escape_debug).collect();
            let message = if !self.asked.contains(&field.key.as_str()) {
                format!("`{shown}` is not a key; valid here: {}", self.asked.join(", "))
            } else if self.entry.fields[..at].iter().any(|other| other.key == field.key) {
                format!("`{shown}` stands there twice")
            } else {
                continue;
            };
            self.problems.push(Problem { line: field.line, message });
        }
    }

    fn get(&mut self, key: &'static str) -> Option<&'e Field> {
        self.asked.push(key);
        self.entry.fields.iter().find(|field| field.key == key)
    }

    /// What `check` says of a text must not repeat it: it may be a secret.
    fn checked(&mut self, field: &Field, check: impl Fn(&str) -> Result<(), String>) -> Option<String> {
        let key = &field.key;
        let Some(text) = field.value.as_str() else {
            self.note(field.line, format!("`{key}`: write a text in quotes"));
            return None;
        };
        match check(text) {
            Ok(()) => Some(text.to_owned()),
            Err(why) => {
                self.note(field.line, format!("`{key}` {why}"));
                None
            }
        }
    }

    fn note(&mut self, line: usize, message: String) {
        self.problems.push(Problem { line, message });
    }
}
