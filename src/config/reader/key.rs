//! What the sections say of their keys by asking for them: which kind of value, within which bounds, and what it is by
//! default. Nothing of it is written down a second time: a probe runs the sections on an empty file and takes it down.

use std::time::Duration;

use indexmap::IndexMap;

use super::{forms, written::Written};

/// Keys by their paths, `listeners.tls.certificate`, in the order in which they are asked for.
pub(in crate::config) type Keys = IndexMap<String, Key>;

/// What is known of a key.
#[derive(Clone, Debug)]
pub(in crate::config) struct Key {
    pub(in crate::config) kind: Kind,
    /// `None` where there is none, and where it varies.
    pub(in crate::config) default: Option<Written>,
    /// The default hangs on other keys, or on the machine.
    pub(in crate::config) varies: bool,
    /// There is nothing without it.
    pub(in crate::config) required: bool,
}

/// Which kind of value a key has.
#[derive(Clone, Debug)]
pub(in crate::config) enum Kind {
    /// A whole number between these two.
    Number { least: String, most: String },
    /// A number of bytes.
    Size { least: u64, most: u64 },
    /// A span of time.
    Duration { least: Duration, most: Duration },
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(Vec<String>),
    /// A text; which, in words.
    Text(String),
    /// An instant with its offset.
    Instant,
    /// A secret; which, in words.
    Secret(String),
    /// One of these or several.
    Secrets(String),
    /// A list of values of one kind.
    List(Box<Self>),
    /// A table whose keys are names of the operator's own; which, in words, and the one kind of their values.
    Named { names: String, values: Box<Self> },
    /// `[key]`
    Table,
    /// `[[key]]`
    Tables,
}

/// What is in force for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum Setting {
    /// Nothing, and there is no default.
    Unset,
    /// The default.
    Default(Written),
    /// What was given, and where.
    Given { written: Written, from: String },
    /// It has keys of its own.
    Table,
    /// One of several tables, which is there or is the one that there is by default.
    Item { given: bool },
}

/// What is in force, by the place of each key: `listeners.0.tls.certificate`.
pub(in crate::config) type Settings = IndexMap<String, Setting>;

impl Kind {
    /// What a value should be, in words.
    pub(in crate::config) fn expected(&self) -> String {
        match self {
            Self::Number { .. } => "a whole number".to_owned(),
            Self::Size { .. } => forms::SIZE.to_owned(),
            Self::Duration { .. } => forms::DURATION.to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Choice(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Instant => "an instant with its offset, such as 2026-03-01T00:00:00Z".to_owned(),
            Self::Text(what) | Self::Secret(what) | Self::Secrets(what) => what.clone(),
            Self::List(item) => item.expected(),
            Self::Table | Self::Named { .. } => "a table".to_owned(),
            Self::Tables => "tables".to_owned(),
        }
    }

    /// Whether what comes from outside the file is quoted in it.
    pub(super) const fn is_bare(&self) -> bool {
        matches!(self, Self::Number { .. } | Self::Flag | Self::Instant)
    }
}

/// Adds what another probe found. A default counts only if all agree.
pub(in crate::config) fn merge(keys: &mut Keys, found: Keys) {
    for (path, key) in found {
        match keys.get_mut(&path) {
            Some(known) => {
                known.varies |= key.varies || known.default != key.default;
                known.required |= key.required;
                known.default.take_if(|_| known.varies);
            }
            None => drop(keys.insert(path, key)),
        }
    }
}

/// Where a key stands that is in the first of several tables, if it is in one: `listeners.0.tls.certificate`.
pub(in crate::config) fn first_place(keys: &Keys, path: &str) -> String {
    let mut place = String::new();
    for (end, _) in path.match_indices('.') {
        let name = path[..end].rsplit('.').next().unwrap_or_default();
        place.push_str(name);
        place.push('.');
        if keys.get(&path[..end]).is_some_and(|key| matches!(key.kind, Kind::Tables)) {
            place.push_str("0.");
        }
    }
    place + path.rsplit('.').next().unwrap_or_default()
}
