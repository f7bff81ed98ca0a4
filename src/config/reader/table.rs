//! One table of the file, from which a section takes its keys.

use std::{cell::RefCell, fmt::Display, ops::RangeInclusive, time::Duration};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{
    Reader, Severity, Spot, forms,
    given::{Files, Given},
    join, nearest,
};
use crate::model::{Secret, Timestamp};

/// Why a value can't be used.
pub(in crate::config) enum Fault {
    /// It is not of the expected form.
    Form,
    /// It is, but this is wrong with it. Ends up in `key: …`; must not repeat a secret.
    Because(String),
}

/// Whether a text that stands in the file gives something away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Holds {
    Secret,
    Nothing,
}

/// A table. An absent one gives the defaults.
pub(in crate::config) struct Table<'r> {
    reader: &'r Reader<'r>,
    path: String,
    entries: Option<&'r DeTable<'r>>,
    /// Where its head stands.
    head: Spot,
    asked: RefCell<Vec<&'static str>>,
}

impl<'r> Table<'r> {
    pub(super) const fn root(reader: &'r Reader<'r>, entries: &'r DeTable<'r>) -> Self {
        let head = Spot { span: None, reveal: true };
        Self { reader, path: String::new(), entries: Some(entries), head, asked: RefCell::new(Vec::new()) }
    }

    fn absent(&self, key: &str) -> Self {
        let head = Spot { span: None, reveal: true };
        let path = join(&self.path, key);
        Self { reader: self.reader, path, entries: None, head, asked: RefCell::default() }
    }

    /// The table that `value` is; else reported, and read as an absent one.
    fn inner(&self, key: &str, value: &'r Spanned<DeValue<'r>>) -> Self {
        let entries = value.get_ref().as_table();
        if entries.is_none() {
            let expected = format!("`{}`: expected a table", join(&self.path, key));
            self.reader.error(&Spot::at(value.span()), expected, None);
        }
        Self { entries, head: Spot::at(value.span()), ..self.absent(key) }
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

    fn get(&self, key: &'static str) -> Option<&'r Spanned<DeValue<'r>>> {
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

    // Tables inside.

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
                let message = format!("`{key}`: expected at least one table `[[{key}]]`");
                self.reader.error(&Spot::at(value.span()), message, None);
                Vec::new()
            }
        }
    }

    // Values.

    /// A whole number.
    pub(in crate::config) fn number<T>(&self, key: &'static str, default: T, range: &RangeInclusive<T>) -> T
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        self.value(key, "a whole number", |given| {
            let number = given.integer().ok_or(Fault::Form)?;
            let fits = T::try_from(number).ok().filter(|number| range.contains(number));
            fits.ok_or_else(|| out_of_range(range.start(), range.end(), number))
        })
        .unwrap_or(default)
    }

    /// A number of bytes.
    pub(in crate::config) fn size<T>(&self, key: &'static str, default: u64, range: &RangeInclusive<u64>) -> T
    where
        T: TryFrom<u64> + Default,
    {
        let bytes = self.value(key, forms::SIZE, |given| {
            let bytes = given.text().and_then(forms::size).ok_or(Fault::Form)?;
            if range.contains(&bytes) {
                return Ok(bytes);
            }
            let [start, end, found] = [*range.start(), *range.end(), bytes].map(forms::spell_size);
            Err(out_of_range(start, end, found))
        });
        // Sections allow no size that a usize of 32 bits couldn't hold.
        T::try_from(bytes.unwrap_or(default)).unwrap_or_default()
    }

    /// A span of time.
    pub(in crate::config) fn duration(
        &self,
        key: &'static str,
        default: Duration,
        range: &RangeInclusive<Duration>,
    ) -> Duration {
        self.value(key, forms::DURATION, |given| {
            let span = given.text().and_then(forms::duration).ok_or(Fault::Form)?;
            if range.contains(&span) {
                return Ok(span);
            }
            let [start, end, found] = [*range.start(), *range.end(), span].map(forms::spell_duration);
            Err(out_of_range(start, end, found))
        })
        .unwrap_or(default)
    }

    /// `true` or `false`.
    pub(in crate::config) fn flag(&self, key: &'static str, default: bool) -> bool {
        self.value(key, "true or false", |given| given.flag().ok_or(Fault::Form)).unwrap_or(default)
    }

    /// One of a few words.
    pub(in crate::config) fn choice<T: Copy>(&self, key: &'static str, default: T, words: &[(&str, T)]) -> T {
        self.value(key, "a text", |given| choose(given.text().ok_or(Fault::Form)?, words)).unwrap_or(default)
    }

    /// A text that `parse` understands.
    pub(in crate::config) fn text<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.value(key, expected, |given| parse(given.text().ok_or(Fault::Form)?))
    }

    /// A list of texts that `parse` understands.
    pub(in crate::config) fn texts<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Vec<T>> {
        let parse = |given: &Given<'_>| parse(given.text().ok_or(Fault::Form)?);
        self.items(key)?.iter().map(|item| self.item(key, expected, item, &parse)).collect()
    }

    /// A list of some of a few words.
    pub(in crate::config) fn choices<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<Vec<T>> {
        self.texts(key, "a text", |text| choose(text, words))
    }

    /// An instant with its offset from UTC.
    pub(in crate::config) fn instant(&self, key: &'static str) -> Option<Timestamp> {
        self.value(key, "an instant with its offset, such as 2026-03-01T00:00:00Z", |given| {
            let text = given.instant().ok_or(Fault::Form)?;
            OffsetDateTime::parse(&text, &Rfc3339).map(Timestamp::from).map_err(|_| Fault::Form)
        })
    }

    /// A secret, which may come from a file, and of which no message shows anything.
    pub(in crate::config) fn secret(
        &self,
        key: &'static str,
        expected: &str,
        check: impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Option<Secret> {
        self.checked_secret(key, expected, self.get(key)?, &check)
    }

    /// A list of secrets.
    pub(in crate::config) fn secrets(
        &self,
        key: &'static str,
        expected: &str,
        check: impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Option<Vec<Secret>> {
        self.items(key)?.iter().map(|item| self.checked_secret(key, expected, item, &check)).collect()
    }

    // What concerns several keys.

    /// Reports that `key` is missing unless it is there; `example` says how to write it.
    pub(in crate::config) fn require(&self, key: &'static str, example: &str) {
        if !self.has(key) {
            let below = if self.path.is_empty() { String::new() } else { format!(" below [{}]", self.path) };
            let message = format!("`{}` is missing", join(&self.path, key));
            self.reader.error(&self.head, message, Some(format!("add `{key} = {example}`{below}")));
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

    /// Where `key` stands, else the head of the table. A value is hidden: it may be a secret.
    fn spot(&self, key: &'static str) -> Spot {
        match self.entries.and_then(|entries| entries.get_key_value(key)) {
            Some((key, _)) => Spot::at(key.span()),
            None => Spot { span: self.head.span.clone(), reveal: true },
        }
    }

    fn value<T>(&self, key: &'static str, expected: &str, parse: impl Fn(&Given<'_>) -> Result<T, Fault>) -> Option<T> {
        self.item(key, expected, self.get(key)?, &parse)
    }

    fn items(&self, key: &'static str) -> Option<&'r [Spanned<DeValue<'r>>]> {
        let value = self.get(key)?;
        let items = value.get_ref().as_array();
        if items.is_none() {
            let message = format!("`{}`: expected a list `[…]`", join(&self.path, key));
            self.reader.error(&Spot::hidden(value.span()), message, None);
        }
        items.map(|items| &**items)
    }

    fn item<T>(
        &self,
        key: &str,
        expected: &str,
        item: &'r Spanned<DeValue<'r>>,
        parse: &impl Fn(&Given<'_>) -> Result<T, Fault>,
    ) -> Option<T> {
        let path = join(&self.path, key);
        let given = Given::of(self.reader, &path, item, Files::Refused)?;
        match parse(&given) {
            Ok(value) => Some(value),
            Err(fault) => {
                let why = explain(fault, expected, &given.describe(false));
                self.reader.error(&Spot::at(given.span), format!("`{path}`: {why}"), None);
                None
            }
        }
    }

    fn checked_secret(
        &self,
        key: &str,
        expected: &str,
        item: &'r Spanned<DeValue<'r>>,
        check: &impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Option<Secret> {
        let path = join(&self.path, key);
        let given = Given::of(self.reader, &path, item, Files::Allowed)?;
        let spot = if given.is_literal() { Spot::hidden(given.span.clone()) } else { Spot::at(given.span.clone()) };
        match given.text().ok_or(Fault::Form).and_then(check) {
            Ok(holds) => {
                if given.is_literal() && holds == Holds::Secret {
                    let message = format!("`{path}`: a secret stands in the file");
                    let help = "{ env = \"NAME\" } or { file = \"/run/secrets/name\" } keeps it out of backups and repositories";
                    self.reader.note(Severity::Warning, &spot, message, Some(help.to_owned()));
                }
                given.text().map(Secret::new)
            }
            Err(fault) => {
                let why = explain(fault, expected, &given.describe(true));
                self.reader.error(&spot, format!("`{path}`: {why}"), None);
                None
            }
        }
    }
}

fn choose<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, Fault> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let near = nearest(text, words.iter().map(|(word, _)| *word));
    let guess = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
    Err(Fault::Because(format!("expected one of {}{guess}", all.join(", "))))
}

fn out_of_range(start: impl Display, end: impl Display, found: impl Display) -> Fault {
    Fault::Because(format!("must be from {start} to {end}, not {found}"))
}

fn explain(fault: Fault, expected: &str, found: &str) -> String {
    match fault {
        Fault::Form => format!("expected {expected}, found {found}"),
        Fault::Because(why) => why,
    }
}
