//! A users file in TOML: `[[users]]` and `[[roles]]`.

use std::ops::Range;

use serde_json::Value;
use toml_edit::{Array, ArrayOfTables, Datetime, Document, DocumentMut, Item, Table, Value as TomlValue};

use super::{
    entry::{Entry, Field, Kind},
    form::Text,
    problem::Problem,
};

pub(super) const HEADER: &str = "\
# Users of railgate, which takes changes up while it runs. `railgate user add`, `passwd`, `disable` and the others change this
# file and leave the rest of it as it is, comments included. Whoever can read it can try passwords at home.
";

/// The tables of a text, in its order for each kind.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, Vec<Problem>> {
    let lines = Lines::of(text);
    let document = Document::parse(text).map_err(|error| {
        // The error's own text shows the line, and a password's hash may stand in it.
        vec![Problem { line: lines.at(error.span()), message: format!("not TOML: {}", error.message()) }]
    })?;
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    for (name, item) in document.iter() {
        let line = lines.at(item.span().or_else(|| document.as_table().key(name)?.span()));
        let Some(kind) = [Kind::User, Kind::Role].into_iter().find(|kind| kind.table() == name) else {
            let shown: String = name.chars().take(60).flat_map(char::escape_debug).collect();
            problems
                .push(Problem { line, message: format!("`{shown}` has no place here: write [[users]] or [[roles]]") });
            continue;
        };
        match item.as_array_of_tables() {
            Some(tables) => entries.extend(tables.iter().map(|table| entry(kind, table, &lines))),
            None => problems
                .push(Problem { line, message: format!("write each of them as a table of its own: [[{name}]]") }),
        }
    }
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

fn entry(kind: Kind, table: &Table, lines: &Lines) -> Entry {
    let line = lines.at(table.span());
    let field = |(key, item): (&str, &Item)| Field {
        key: key.to_owned(),
        line: table.key(key).and_then(|key| key.span()).map_or(line, |span| lines.at(Some(span))),
        value: read(item),
    };
    Entry { kind, line, fields: table.iter().map(field).collect() }
}

/// What no key can hold becomes null, which no key takes.
fn read(item: &Item) -> Value {
    item.as_value().map_or(Value::Null, read_value)
}

fn read_value(value: &TomlValue) -> Value {
    match value {
        TomlValue::String(text) => text.value().as_str().into(),
        TomlValue::Boolean(flag) => (*flag.value()).into(),
        TomlValue::Datetime(instant) => instant.value().to_string().into(),
        TomlValue::Array(items) => items.iter().map(read_value).collect(),
        TomlValue::Integer(_) | TomlValue::Float(_) | TomlValue::InlineTable(_) => Value::Null,
    }
}

/// Where lines begin, so that a place is found without counting from the beginning each time.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn at(&self, span: Option<Range<usize>>) -> usize {
        span.map_or(1, |span| self.0.partition_point(|newline| *newline < span.start) + 1)
    }
}

/// A text that is being changed.
pub(super) struct Toml(DocumentMut);

impl Toml {
    pub(super) fn open(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    fn find(&mut self, kind: Kind, name: &str) -> Option<&mut Table> {
        let tables = self.0.get_mut(kind.table())?.as_array_of_tables_mut()?;
        tables.iter_mut().find(|table| table.get(kind.name_key()).and_then(Item::as_str) == Some(name))
    }

    fn add(&mut self, kind: Kind, fields: &[(&'static str, Value)]) {
        let mut table = Table::new();
        for (key, value) in fields {
            table.insert(key, Item::Value(write(key, value)));
        }
        let mut before = "\n".to_owned();
        if self.0.as_table().is_empty() {
            // What a file without tables says stands at its end, and would stay there.
            before.insert_str(0, self.0.trailing().as_str().unwrap_or_default());
            self.0.set_trailing("");
        }
        table.decor_mut().set_prefix(before);
        let none = Item::ArrayOfTables(ArrayOfTables::new());
        if let Some(tables) = self.0.entry(kind.table()).or_insert(none).as_array_of_tables_mut() {
            tables.push(table);
        }
    }
}

impl Text for Toml {
    fn put(&mut self, kind: Kind, name: &str, fields: &[(&'static str, Value)]) {
        let Some(table) = self.find(kind, name) else {
            self.add(kind, fields);
            return;
        };
        table.retain(|known, _| fields.iter().any(|(key, _)| *key == known));
        for (key, value) in fields {
            set(table, key, write(key, value));
        }
    }

    fn set(&mut self, username: &str, key: &'static str, value: Value) {
        if let Some(table) = self.find(Kind::User, username) {
            set(table, key, write(key, &value));
        }
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

/// The comment behind a value stays.
fn set(table: &mut Table, key: &str, value: TomlValue) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

fn write(key: &str, value: &Value) -> TomlValue {
    match value {
        Value::Bool(flag) => (*flag).into(),
        Value::Array(items) => items.iter().map(|item| write("", item)).collect::<Array>().into(),
        other => {
            let text = other.as_str().unwrap_or_default();
            match text.parse::<Datetime>() {
                Ok(instant) if key == "date_joined" => instant.into(),
                Ok(_) | Err(_) => text.into(),
            }
        }
    }
}
