//! The two forms of a users file.

use std::path::Path;

use serde_json::Value;

use super::{
    entry::{Entry, Kind},
    json_lines::JsonLines,
    problem::Problem,
    toml::{self, Toml},
};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Toml,
    JsonLines,
}

impl Form {
    /// JSON lines where the name ends in `.jsonl` or `.ndjson`, else TOML.
    pub(super) fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "ndjson") => Self::JsonLines,
            Some(_) | None => Self::Toml,
        }
    }

    /// What stands in a text of this form.
    pub(super) fn entries(self, text: &str) -> Result<Vec<Entry>, Vec<Problem>> {
        match self {
            Self::Toml => toml::entries(text),
            Self::JsonLines => super::json_lines::entries(text),
        }
    }

    /// A text of this form, to be changed. `None` for one that isn't of this form.
    pub(super) fn open(self, text: &str) -> Option<Box<dyn Text>> {
        match self {
            Self::Toml => Toml::open(text).map(|text| Box::new(text) as _),
            Self::JsonLines => Some(Box::new(JsonLines::open(text))),
        }
    }

    /// What a new file says before its first user.
    pub(super) const fn header(self) -> &'static str {
        match self {
            Self::Toml => toml::HEADER,
            Self::JsonLines => "",
        }
    }
}

/// A text that is changed and otherwise stays as it is, comments included.
pub(super) trait Text {
    /// Gives the entry of this name exactly these keys, or adds one at the end.
    fn put(&mut self, kind: Kind, name: &str, fields: &[(&'static str, Value)]);

    /// Sets one key of the user of this name, who is there.
    fn set(&mut self, username: &str, key: &'static str, value: Value);

    fn text(&self) -> String;
}
