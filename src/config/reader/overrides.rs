//! Environment variables that stand for keys.
//!
//! ```text
//! RAILGATE__UPSTREAM__URL=http://backend:8000      [upstream] url
//! RAILGATE__GRAPHQL__PATHS=["/graphql*", "/api"]   a list or a table, as the file has it
//! RAILGATE__LISTENERS__0__ADDRESS=0.0.0.0:8080     the first of [[listeners]]
//! ```
//!
//! One that is not empty wins over the file. It is put in the key's place as the reference `{ env = "RAILGATE__…" }`, or as
//! what its TOML says, before anything is read; from there on nothing knows the difference, but for the place that is told
//! when something is wrong: positions behind the end of the file are those of variables.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    Environment,
    key::{Keys, Kind, first_place},
    nearest,
};

/// What such a variable begins with.
const PREFIX: &str = "RAILGATE__";

/// The variables that stand for keys, and those that only look so.
pub(super) struct Overrides {
    found: Vec<Override>,
    /// The position of the first.
    base: usize,
}

struct Override {
    name: String,
    /// What is in it, if that is TOML.
    text: String,
    target: Option<Target>,
}

struct Target {
    path: String,
    steps: Vec<Step>,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Item(usize),
}

/// What is wrong with a variable.
pub(super) struct Mistake {
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// The variable of what stands at `place`: `listeners.0.address`.
pub(in crate::config) fn variable(place: &str) -> String {
    format!("{PREFIX}{}", place.to_ascii_uppercase().replace('.', "__"))
}

/// How the message calls it.
pub(super) fn spoken(name: &str) -> String {
    format!("the environment variable {name}")
}

impl Overrides {
    /// Those of `environment`. The file has `length` bytes.
    pub(super) fn of(environment: &Environment<'_>, keys: &Keys, length: usize) -> Self {
        let names = environment.names().into_iter().filter(|name| name.starts_with(PREFIX));
        let mut found: Vec<Override> = names
            .filter_map(|name| {
                let text = environment.variable(&name);
                let is_unset = text.as_ref().is_ok_and(String::is_empty);
                let target = Target::of(&name, keys);
                (!is_unset).then(|| Override { text: text.unwrap_or_default(), target, name })
            })
            .collect();
        // A table comes before what is in it, and an item before the next one.
        found.sort_by(|one, other| (one.steps(), &one.name).cmp(&(other.steps(), &other.name)));
        Self { found, base: length + 1 }
    }

    /// The variable at a position, if it is one's.
    pub(super) fn name(&self, at: usize) -> Option<&str> {
        let index = at.checked_sub(self.base)?;
        self.found.get(index).map(|found| found.name.as_str())
    }

    /// Puts them in their places.
    pub(super) fn apply<'o>(&'o self, root: &mut DeTable<'o>, keys: &Keys) -> Vec<Mistake> {
        let placed = self.found.iter().enumerate().filter_map(|(index, found)| {
            let at = self.base + index;
            let put = match &found.target {
                Some(target) => found.value(target, at).and_then(|value| put(root, &target.steps, value, at)),
                None => Err(found.unknown(keys)),
            };
            put.err().map(|(message, help)| Mistake { at, message, help })
        });
        placed.collect()
    }
}

impl Target {
    fn of(name: &str, keys: &Keys) -> Option<Self> {
        let mut path = String::new();
        let mut steps = Vec::new();
        let mut kind = &Kind::Table;
        for segment in name.strip_prefix(PREFIX)?.split("__") {
            if matches!((kind, steps.last()), (Kind::Tables, Some(Step::Key(_)))) {
                let is_number = segment.bytes().all(|byte| byte.is_ascii_digit());
                steps.push(Step::Item(segment.parse().ok().filter(|_| is_number)?));
                continue;
            }
            if segment.bytes().any(|byte| byte.is_ascii_lowercase()) {
                return None;
            }
            let key = segment.to_ascii_lowercase();
            path = super::join(&path, &key);
            kind = &keys.get(&path)?.kind;
            steps.push(Step::Key(key));
        }
        let kind = if matches!(steps.last(), Some(Step::Item(_))) { Kind::Table } else { kind.clone() };
        Some(Self { path, steps, kind })
    }
}

type Problem = (String, Option<String>);

impl Override {
    fn steps(&self) -> &[Step] {
        self.target.as_ref().map(|target| target.steps.as_slice()).unwrap_or_default()
    }

    /// What stands for it in the file.
    fn value(&self, target: &Target, at: usize) -> Result<Spanned<DeValue<'_>>, Problem> {
        let example = match &target.kind {
            Kind::Table | Kind::Named { .. } => "{ … }, as a table on one line of the file",
            Kind::Tables => "[{ … }, { … }], as a list of tables on one line of the file",
            Kind::List(_) => "[\"…\", \"…\"], as a list in the file",
            Kind::Secrets(_) if self.text.trim_start().starts_with('[') => "[\"…\", \"…\"], as a list in the file",
            _ => return Ok(self.reference(at)),
        };
        match DeValue::parse(self.text.trim()) {
            Ok(value) => Ok(moved(value, at)),
            Err(_) => Err((format!("`{}`: expected {example}, found something else", target.path), None)),
        }
    }

    fn reference(&self, at: usize) -> Spanned<DeValue<'_>> {
        let name = Spanned::new(at..at, DeValue::String(self.name.as_str().into()));
        let entries = [(Spanned::new(at..at, "env".into()), name)];
        Spanned::new(at..at, DeValue::Table(entries.into_iter().collect()))
    }

    fn unknown(&self, keys: &Keys) -> Problem {
        let names: Vec<String> = keys.keys().map(|path| variable(&first_place(keys, path))).collect();
        let bare = |name: &'_ str| name.strip_prefix(PREFIX).map(str::to_owned).unwrap_or_default();
        let bare_names: Vec<String> = names.iter().map(|name| bare(name)).collect();
        let near = nearest(&bare(&self.name).to_ascii_uppercase(), bare_names.iter().map(String::as_str));
        let help = near.map_or_else(
            || "a name is that of a table and of its key, as in RAILGATE__UPSTREAM__URL".to_owned(),
            |near| format!("did you mean {PREFIX}{near}?"),
        );
        (format!("{} names no key", self.name), Some(help))
    }
}

/// Puts `value` where `steps` lead. What is in the way is of another kind than its key, which is told when it is read.
fn put<'o>(table: &mut DeTable<'o>, steps: &[Step], value: Spanned<DeValue<'o>>, at: usize) -> Result<(), Problem> {
    let here = at..at;
    match steps {
        [Step::Key(key)] => {
            table.remove(key.as_str());
            table.insert(Spanned::new(here, key.clone().into()), value);
            Ok(())
        }
        [Step::Key(key), Step::Item(index), rest @ ..] => {
            let there_are = table
                .get(key.as_str())
                .map_or(0, |given| given.get_ref().as_array().map_or(usize::MAX, |items| items.len()));
            if *index > there_are {
                let message = format!("`{key}`: there is no table {index}, and the next one is {there_are}");
                return Err((message, Some("they are counted from 0".to_owned())));
            }
            match entry(table, key, &here, DeValue::Array(DeArray::new())) {
                DeValue::Array(items) => put_item(items, *index, rest, value, at),
                _ => Ok(()),
            }
        }
        [Step::Key(key), rest @ ..] => match entry(table, key, &here, DeValue::Table(DeTable::new())) {
            DeValue::Table(inner) => put(inner, rest, value, at),
            _ => Ok(()),
        },
        [] | [Step::Item(_), ..] => Ok(()),
    }
}

fn put_item<'o>(
    items: &mut DeArray<'o>,
    index: usize,
    rest: &[Step],
    value: Spanned<DeValue<'o>>,
    at: usize,
) -> Result<(), Problem> {
    if index == items.len() {
        items.push(Spanned::new(at..at, DeValue::Table(DeTable::new())));
    }
    match items.get_mut(index) {
        Some(item) if rest.is_empty() => *item = value,
        Some(item) => {
            if let DeValue::Table(inner) = item.get_mut() {
                return put(inner, rest, value, at);
            }
        }
        None => {}
    }
    Ok(())
}

fn entry<'t, 'o>(
    table: &'t mut DeTable<'o>,
    key: &str,
    here: &Range<usize>,
    empty: DeValue<'o>,
) -> &'t mut DeValue<'o> {
    table
        .entry(Spanned::new(here.clone(), key.to_owned().into()))
        .or_insert(Spanned::new(here.clone(), empty))
        .get_mut()
}

/// The same value at another position.
fn moved(value: Spanned<DeValue<'_>>, at: usize) -> Spanned<DeValue<'_>> {
    let value = match value.into_inner() {
        DeValue::Array(items) => DeValue::Array(items.into_iter().map(|item| moved(item, at)).collect()),
        DeValue::Table(entries) => {
            let entries = entries.into_iter();
            DeValue::Table(
                entries.map(|(key, value)| (Spanned::new(at..at, key.into_inner()), moved(value, at))).collect(),
            )
        }
        other => other,
    };
    Spanned::new(at..at, value)
}
