//! One value of the file: what stands there, or what it refers to.
//!
//! ```toml
//! timeout = "2s"                                       # literal
//! timeout = { env = "STORE_TIMEOUT" }                  # an environment variable
//! timeout = { env = "STORE_TIMEOUT", default = "2s" }  # … with a default; an empty variable counts as unset
//! secret = { file = "/run/secrets/name" }              # a file, without the line end at its end; secrets only
//! ```
//!
//! What comes from outside the file is text, and is read as if it stood in the file without quotes. It is never shown:
//! a variable may hold what somebody took for something else.

use std::{env::VarError, fs, ops::Range};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Keys, Kind, Reader, Spot, Written, overrides::spoken};

/// A value after its reference, if it is one, was followed.
pub(super) struct Given<'r> {
    pub(super) value: Value<'r>,
    pub(super) span: Range<usize>,
}

pub(super) enum Value<'r> {
    /// What stands in the file.
    Literal(&'r DeValue<'r>),
    /// What a variable or a file holds, and which. A secret is `hidden` by the reference to it.
    Outside { text: String, origin: String, hidden: Written },
}

/// Whether `{ file = … }` may be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    Allowed,
    Refused,
}

impl<'r> Given<'r> {
    /// Follows a reference. `None`: it can't be, which is reported.
    pub(super) fn of(reader: &Reader<'r>, key: &str, value: &'r Spanned<DeValue<'r>>, files: Files) -> Option<Self> {
        let span = value.span();
        match (value.get_ref(), reader.overrides.name(span.start)) {
            (DeValue::Table(reference), _) => follow(reader, key, reference, span, files),
            (DeValue::String(text), Some(variable)) => {
                let (text, origin) = (text.clone().into_owned(), spoken(variable));
                Some(Self { value: Value::Outside { text, origin, hidden: Written::Hidden }, span })
            }
            (literal, _) => Some(Self { value: Value::Literal(literal), span }),
        }
    }

    /// As the file would say it.
    pub(super) fn written(&self, kind: &Kind) -> Written {
        match &self.value {
            Value::Literal(DeValue::String(text)) => Written::text(text),
            Value::Literal(DeValue::Boolean(flag)) => Written::Bare(flag.to_string()),
            Value::Literal(DeValue::Datetime(instant)) => Written::Bare(instant.to_string()),
            Value::Literal(_) => Written::Bare(self.integer().unwrap_or_default().to_string()),
            Value::Outside { text, .. } if kind.is_bare() => Written::Bare(text.clone()),
            Value::Outside { text, .. } => Written::text(text),
        }
    }

    /// As the file would say it, if it is a secret.
    pub(super) fn hidden(&self) -> Written {
        match &self.value {
            Value::Literal(_) => Written::Hidden,
            Value::Outside { hidden, .. } => hidden.clone(),
        }
    }

    /// Where it came from, for people.
    pub(super) fn from(&self, reader: &Reader<'_>) -> String {
        let place = reader.spoken_place(self.span.start);
        match &self.value {
            Value::Outside { origin, .. } if *origin != place => format!("{origin}, by {place}"),
            Value::Outside { .. } | Value::Literal(_) => place,
        }
    }

    pub(super) const fn is_literal(&self) -> bool {
        matches!(self.value, Value::Literal(_))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Literal(DeValue::String(text)) => Some(text),
            Value::Literal(_) => None,
            Value::Outside { text, .. } => Some(text),
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        match &self.value {
            Value::Literal(DeValue::Integer(number)) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            Value::Literal(_) => None,
            Value::Outside { text, .. } => text.parse().ok(),
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match &self.value {
            Value::Literal(DeValue::Boolean(flag)) => Some(*flag),
            Value::Literal(_) => None,
            Value::Outside { text, .. } => text.parse().ok(),
        }
    }

    /// An instant as RFC 3339 writes it.
    pub(super) fn instant(&self) -> Option<String> {
        match &self.value {
            Value::Literal(DeValue::Datetime(instant)) => Some(instant.to_string()),
            Value::Literal(_) => None,
            Value::Outside { text, .. } => Some(text.clone()),
        }
    }

    /// What stands there, for a message that says what was expected instead. A secret shows its kind only.
    pub(super) fn describe(&self, secret: bool) -> String {
        match &self.value {
            Value::Outside { origin, .. } => format!("something else in {origin}"),
            Value::Literal(DeValue::String(_)) if secret => "another text".to_owned(),
            Value::Literal(DeValue::String(text)) => {
                let cut: String = text.chars().take(40).collect();
                let more = if cut.len() < text.len() { "…" } else { "" };
                format!("the text \"{}{more}\"", cut.escape_debug())
            }
            Value::Literal(DeValue::Integer(number)) if !secret => format!("the number {number}"),
            Value::Literal(DeValue::Float(number)) if !secret => format!("the number {number}"),
            Value::Literal(DeValue::Integer(_) | DeValue::Float(_)) => "a number".to_owned(),
            Value::Literal(DeValue::Boolean(flag)) if !secret => flag.to_string(),
            Value::Literal(DeValue::Boolean(_)) => "true or false".to_owned(),
            Value::Literal(DeValue::Datetime(_)) => "a date".to_owned(),
            Value::Literal(DeValue::Array(_)) => "a list".to_owned(),
            Value::Literal(DeValue::Table(_)) => "a table".to_owned(),
        }
    }
}

fn follow<'r>(
    reader: &Reader<'r>,
    key: &str,
    reference: &'r DeTable<'r>,
    span: Range<usize>,
    files: Files,
) -> Option<Given<'r>> {
    let valid: &[&str] = if files == Files::Allowed { &["env", "default", "file"] } else { &["env", "default"] };
    let known = reference.keys().filter(|name| !reader.refuse_unknown(key, name, valid, &Keys::new())).count();
    if known < reference.len() {
        return None;
    }
    match (reference.get("env"), reference.get("file"), reference.get("default")) {
        (Some(name), None, default) => from_environment(reader, key, name, default),
        (None, Some(path), None) => from_file(reader, key, path),
        _ => {
            let help = match files {
                Files::Allowed => "{ env = \"NAME\" }, { env = \"NAME\", default = … } or { file = \"path\" }",
                Files::Refused => "{ env = \"NAME\" } or { env = \"NAME\", default = … }",
            };
            reader.error(
                &Spot::hidden(span),
                format!("`{key}` is a table that refers to nothing"),
                Some(help.to_owned()),
            );
            None
        }
    }
}

fn from_environment<'r>(
    reader: &Reader<'r>,
    key: &str,
    name: &'r Spanned<DeValue<'r>>,
    default: Option<&'r Spanned<DeValue<'r>>>,
) -> Option<Given<'r>> {
    let variable = word(reader, key, "env", name)?;
    let spot = Spot::at(name.span());
    match (reader.environment.variable(variable), default) {
        (Ok(text), _) if !text.is_empty() => {
            let (origin, hidden) = (spoken(variable), Written::Variable(variable.to_owned()));
            Some(Given { value: Value::Outside { text, origin, hidden }, span: name.span() })
        }
        (Ok(_) | Err(VarError::NotPresent), Some(default)) => {
            Some(Given { value: Value::Literal(default.get_ref()), span: default.span() })
        }
        (Ok(_) | Err(VarError::NotPresent), None) => {
            let help = format!("set {variable} where railgate is started, or add a `default`");
            reader.error(&spot, format!("`{key}`: the environment variable {variable} is not set"), Some(help));
            None
        }
        (Err(VarError::NotUnicode(_)), _) => {
            reader.error(&spot, format!("`{key}`: the environment variable {variable} is not UTF-8"), None);
            None
        }
    }
}

fn from_file<'r>(reader: &Reader<'r>, key: &str, path: &'r Spanned<DeValue<'r>>) -> Option<Given<'r>> {
    let written = word(reader, key, "file", path)?;
    let name = reader.folder.join(written);
    let shown = name.display();
    let found = fs::read_to_string(&name);
    reader.files.borrow_mut().note(&name, found.as_ref().map(String::as_bytes));
    let reason = match found {
        Ok(mut text) => {
            for end in ["\n", "\r"] {
                text.truncate(text.strip_suffix(end).unwrap_or(&text).len());
            }
            if !text.is_empty() {
                let (origin, hidden) = (format!("the file {shown}"), Written::File(written.to_owned()));
                return Some(Given { value: Value::Outside { text, origin, hidden }, span: path.span() });
            }
            format!("`{key}`: the file {shown} is empty")
        }
        Err(error) => format!("`{key}`: the file {shown} can't be read: {error}"),
    };
    let help = "a relative path begins at the folder of this file; the user that runs railgate must be able to read it";
    reader.error(&Spot::at(path.span()), reason, Some(help.to_owned()));
    None
}

/// The name of a variable or a file. One that can't be a name may be a secret in the wrong place, so it isn't shown.
fn word<'r>(reader: &Reader<'r>, key: &str, name: &str, value: &'r Spanned<DeValue<'r>>) -> Option<&'r str> {
    let usable = |text: &&str| match name {
        "env" => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
        _ => !text.is_empty(),
    };
    let text = value.get_ref().as_str().filter(usable);
    if text.is_none() {
        let message = format!("`{key}`: what stands after `{name} =` is no name");
        reader.error(&Spot::hidden(value.span()), message, None);
    }
    text
}
