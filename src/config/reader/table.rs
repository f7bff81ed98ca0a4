//! One table of the file, from which a section takes its keys.

use std::{cell::RefCell, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Reader, Severity, Spot, join,
    key::{Key, Kind, Setting},
    written::Written,
};

/// A table. An absent one gives the defaults.
pub(in crate::config) struct Table<'r> {
    pub(super) reader: &'r Reader<'r>,
    pub(super) path: String,
    /// The same, with numbers: `listeners.0`.
    place: String,
    entries: Option<&'r DeTable<'r>>,
    /// Where its head stands; all of it, when it is written inline.
    head: Option<Range<usize>>,
    /// Something else stands in its place, which is reported: what it lacks is no news.
    misplaced: bool,
    asked: RefCell<Vec<&'static str>>,
    /// Those of them whose values are secrets.
    pub(super) secrets: RefCell<Vec<&'static str>>,
}

impl<'r> Table<'r> {
    pub(super) fn root(reader: &'r Reader<'r>, entries: &'r DeTable<'r>) -> Self {
        Self { entries: Some(entries), ..Self::empty(reader, String::new(), String::new()) }
    }

    fn empty(reader: &'r Reader<'r>, path: String, place: String) -> Self {
        Self {
            reader,
            path,
            place,
            entries: None,
            head: None,
            misplaced: false,
            asked: RefCell::default(),
            secrets: RefCell::default(),
        }
    }

    fn absent(&self, key: &str) -> Self {
        Self::empty(self.reader, join(&self.path, key), join(&self.place, key))
    }

    /// One of several.
    fn numbered(self, number: usize) -> Self {
        Self { place: join(&self.place, &number.to_string()), ..self }
    }

    /// The table that `value` is; else reported, and read as an absent one.
    fn inner(&self, key: &str, value: &'r Spanned<DeValue<'r>>) -> Self {
        match value.get_ref().as_table() {
            Some(entries) => {
                // One that only variables have made has no head.
                let head = Some(value.span()).filter(|span| !self.reader.is_variable(span));
                Self { entries: Some(entries), head, ..self.absent(key) }
            }
            None => {
                let path = join(&self.path, key);
                let message = format!("`{path}`: expected a table");
                let help = format!("write `[{path}]` and its keys below that, or `{key} = {{ … }}`");
                self.reader.error(&Spot::hidden(value.span()), message, Some(help));
                Self { misplaced: true, ..self.absent(key) }
            }
        }
    }

    /// Reads the table, then refuses what nobody asked for.
    pub(super) fn read<T>(self, section: impl FnOnce(&Self) -> T) -> T {
        let value = section(&self);
        let asked = self.asked.into_inner();
        for key in self.entries.iter().flat_map(|entries| entries.keys()) {
            self.reader.refuse_unknown(&self.path, key, &asked, self.reader.all_keys);
        }
        let mut settings = self.reader.settings.borrow_mut();
        for key in &asked {
            settings.entry(join(&self.place, key)).or_insert(Setting::Unset);
        }
        value
    }

    /// Takes down which kind of value `key` has, and what it is while nothing is said. What is said, if anything.
    pub(super) fn declare(
        &self,
        key: &'static str,
        kind: &Kind,
        default: Option<Written>,
    ) -> Option<&'r Spanned<DeValue<'r>>> {
        let value = self.get(key);
        if value.is_none() {
            self.settle(key, default.clone().map_or(Setting::Unset, Setting::Default));
        }
        let declared = || Key { kind: kind.clone(), default, varies: false, required: false };
        self.reader.keys.borrow_mut().entry(join(&self.path, key)).or_insert_with(declared);
        value
    }

    /// Takes down what is in force for `key`.
    pub(super) fn settle(&self, key: &str, setting: Setting) {
        self.reader.settings.borrow_mut().insert(join(&self.place, key), setting);
    }

    /// Processors of the machine.
    pub(in crate::config) fn processors(&self) -> usize {
        self.reader.processors
    }

    pub(super) fn get(&self, key: &'static str) -> Option<&'r Spanned<DeValue<'r>>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        self.entries?.get(key)
    }

    /// Whether the file says anything of `key`.
    pub(in crate::config) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// The table `key`; its defaults when it is absent.
    pub(in crate::config) fn table<T>(&self, key: &'static str, section: impl FnOnce(&Table<'r>) -> T) -> T {
        let value = self.declare(key, &Kind::Table, None);
        self.settle(key, Setting::Table);
        value.map_or_else(|| self.absent(key), |value| self.inner(key, value)).read(section)
    }

    /// The table `key` once more, for those who look at what it says beside sections that are read after it.
    pub(in crate::config) fn again<T>(&self, key: &'static str, look: impl FnOnce(&Table<'r>) -> T) -> T {
        look(&self.get(key).map_or_else(|| self.absent(key), |value| self.inner(key, value)))
    }

    /// The table `key`, if it is there.
    pub(in crate::config) fn optional<T>(&self, key: &'static str, section: impl FnOnce(&Table<'r>) -> T) -> Option<T> {
        let Some(value) = self.declare(key, &Kind::Table, None) else {
            self.probe(key, section);
            return None;
        };
        self.settle(key, Setting::Table);
        Some(self.inner(key, value).read(section))
    }

    /// Asks for the keys of a table that is not there, if it is about keys.
    fn probe<T>(&self, key: &str, section: impl FnOnce(&Table<'r>) -> T) {
        if self.reader.is_probe {
            drop(self.absent(key).read(section));
        }
    }

    /// The tables `[[key]]`; one of defaults when there are none.
    pub(in crate::config) fn tables<T>(&self, key: &'static str, mut section: impl FnMut(&Table<'r>) -> T) -> Vec<T> {
        let value = self.declare(key, &Kind::Tables, None);
        self.settle(key, Setting::Table);
        let item = |number: usize| join(key, &number.to_string());
        let Some(value) = value else {
            self.settle(&item(0), Setting::Item { given: false });
            return vec![self.absent(key).numbered(0).read(section)];
        };
        match value.get_ref().as_array() {
            Some(array) if !array.is_empty() => {
                let read = array.iter().enumerate().map(|(number, value)| {
                    self.settle(&item(number), Setting::Item { given: true });
                    self.inner(key, value).numbered(number).read(&mut section)
                });
                read.collect()
            }
            _ => {
                let path = join(&self.path, key);
                let message = format!("`{path}`: expected at least one table `[[{path}]]`");
                let help = format!("write `[[{path}]]`, with two brackets, before the keys of each");
                self.reader.error(&Spot::hidden(value.span()), message, Some(help));
                Vec::new()
            }
        }
    }

    /// The tables `[[key]]`; none when there are none.
    pub(in crate::config) fn optional_tables<T>(
        &self,
        key: &'static str,
        section: impl FnMut(&Table<'r>) -> T,
    ) -> Vec<T> {
        if self.has(key) {
            return self.tables(key, section);
        }
        self.declare(key, &Kind::Tables, None);
        self.probe(key, section);
        Vec::new()
    }

    /// Reports that `key` is missing unless it is there; `example` says how to write it.
    pub(in crate::config) fn require(&self, key: &'static str, example: &str) {
        self.reader.required.borrow_mut().insert(join(&self.path, key));
        if !self.has(key) && !self.misplaced {
            let below = match self.path.as_str() {
                "" => String::new(),
                path if self.place.ends_with(|last: char| last.is_ascii_digit()) => format!(" below [[{path}]]"),
                path => format!(" below [{path}]"),
            };
            let message = format!("`{}` is missing", join(&self.path, key));
            self.reader.error(&self.head_spot(), message, Some(format!("add `{key} = {example}`{below}")));
        }
    }

    /// Reports that what `key` says, or leaves unsaid, does not go with the rest.
    pub(in crate::config) fn reject(&self, key: &'static str, why: &str, help: &str) {
        let message = format!("`{}` {why}", join(&self.path, key));
        self.reader.error(&self.spot(key), message, Some(help.to_owned()));
    }

    /// Reports that what `key` says is unwise.
    pub(in crate::config) fn warn(&self, key: &'static str, why: &str, help: &str) {
        let message = format!("`{}` {why}", join(&self.path, key));
        self.reader.note(Severity::Warning, &self.spot(key), message, Some(help.to_owned()));
    }

    /// Warns of each of `keys` that is there, since nothing comes of it.
    pub(in crate::config) fn warn_ineffective(&self, keys: &[&'static str], help: &str) {
        for key in keys.iter().filter(|key| self.has(key)) {
            self.warn(key, "has no effect", help);
        }
    }

    /// Reports that `key` has no place here. Shows nothing of its value, which nobody has looked at.
    pub(in crate::config) fn refuse(&self, key: &'static str, why: &str, help: &str) {
        let span = self.entries.and_then(|entries| entries.get_key_value(key)).map(|(key, _)| key.span());
        let message = format!("`{}` {why}", join(&self.path, key));
        self.reader.error(&Spot { span, reveal: false }, message, Some(help.to_owned()));
    }

    /// Where `key` and its value stand, else the head of the table.
    fn spot(&self, key: &'static str) -> Spot {
        match self.entries.and_then(|entries| entries.get_key_value(key)) {
            Some((key, _)) if self.secrets.borrow().contains(&key.get_ref().as_ref()) => Spot::hidden(key.span()),
            Some((key, value)) => Spot::at(key.span().start..value.span().end),
            None => self.head_spot(),
        }
    }

    /// Shows no values: an inline table may hold secrets.
    fn head_spot(&self) -> Spot {
        Spot { span: self.head.clone(), reveal: false }
    }
}
