//! One table of the file, from which a section takes its keys.

use std::{cell::RefCell, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Reader, Severity, Spot, join};

/// A table. An absent one gives the defaults.
pub(in crate::config) struct Table<'r> {
    pub(super) reader: &'r Reader<'r>,
    pub(super) path: String,
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
        Self { entries: Some(entries), ..Self::empty(reader, String::new()) }
    }

    fn empty(reader: &'r Reader<'r>, path: String) -> Self {
        Self {
            reader,
            path,
            entries: None,
            head: None,
            misplaced: false,
            asked: RefCell::default(),
            secrets: RefCell::default(),
        }
    }

    fn absent(&self, key: &str) -> Self {
        Self::empty(self.reader, join(&self.path, key))
    }

    /// The table that `value` is; else reported, and read as an absent one.
    fn inner(&self, key: &str, value: &'r Spanned<DeValue<'r>>) -> Self {
        match value.get_ref().as_table() {
            Some(entries) => Self { entries: Some(entries), head: Some(value.span()), ..self.absent(key) },
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
            self.reader.refuse_unknown(&self.path, key, &asked);
        }
        self.reader.asked.borrow_mut().extend(asked.iter().map(|key| join(&self.path, key)));
        value
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
        self.get(key).map_or_else(|| self.absent(key), |value| self.inner(key, value)).read(section)
    }

    /// The table `key`, if it is there.
    pub(in crate::config) fn optional<T>(&self, key: &'static str, section: impl FnOnce(&Table<'r>) -> T) -> Option<T> {
        Some(self.inner(key, self.get(key)?).read(section))
    }

    /// The tables `[[key]]`; one of defaults when there are none.
    pub(in crate::config) fn tables<T>(&self, key: &'static str, mut section: impl FnMut(&Table<'r>) -> T) -> Vec<T> {
        let Some(value) = self.get(key) else { return vec![self.absent(key).read(section)] };
        match value.get_ref().as_array() {
            Some(array) if !array.is_empty() => {
                array.iter().map(|item| self.inner(key, item).read(&mut section)).collect()
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
        if self.has(key) { self.tables(key, section) } else { Vec::new() }
    }

    /// Reports that `key` is missing unless it is there; `example` says how to write it.
    pub(in crate::config) fn require(&self, key: &'static str, example: &str) {
        if !self.has(key) && !self.misplaced {
            let below = if self.path.is_empty() { String::new() } else { format!(" below [{}]", self.path) };
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
