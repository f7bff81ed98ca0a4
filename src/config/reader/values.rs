//! What a table's keys can hold, and how each kind is read: the default where a key is absent, a note where it can't be
//! used.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use toml::{Spanned, de::DeValue};

use super::{
    Spot, Table, forms,
    given::{Files, Given, Value},
    join,
    key::{Kind, Setting},
    nearest,
    written::Written,
};
use crate::model::Timestamp;

/// Why a value can't be used.
pub(in crate::config) enum Fault {
    /// It is not of the expected form.
    Form,
    /// It is, but this is wrong with it. Ends up in `key: …`; must not repeat a secret.
    Because(String),
}

/// What was read, how the file would say it, and where it came from.
pub(super) struct Read<T> {
    pub(super) value: T,
    pub(super) written: Written,
    pub(super) from: String,
}

impl<'r> Table<'r> {
    /// A whole number.
    pub(in crate::config) fn number<T>(&self, key: &'static str, default: T, range: &RangeInclusive<T>) -> T
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let kind = Kind::Number { least: range.start().to_string(), most: range.end().to_string() };
        let written = Written::Bare(default.to_string());
        self.one(key, &kind, Some(written), |given| {
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
        let kind = Kind::Size { least: *range.start(), most: *range.end() };
        let bytes = self.one(key, &kind, Some(Written::Text(forms::spell_size(default))), |given| {
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
        let written = Written::Text(forms::spell_duration(default));
        self.span(key, Some(written), range).unwrap_or(default)
    }

    /// A span of time, if it is given.
    pub(in crate::config) fn optional_duration(
        &self,
        key: &'static str,
        range: &RangeInclusive<Duration>,
    ) -> Option<Duration> {
        self.span(key, None, range)
    }

    fn span(&self, key: &'static str, default: Option<Written>, range: &RangeInclusive<Duration>) -> Option<Duration> {
        let kind = Kind::Duration { least: *range.start(), most: *range.end() };
        self.one(key, &kind, default, |given| {
            let span = given.text().and_then(forms::duration).ok_or(Fault::Form)?;
            if range.contains(&span) {
                return Ok(span);
            }
            let [start, end, found] = [*range.start(), *range.end(), span].map(forms::spell_duration);
            Err(out_of_range(start, end, found))
        })
    }

    /// `true` or `false`.
    pub(in crate::config) fn flag(&self, key: &'static str, default: bool) -> bool {
        let written = Written::Bare(default.to_string());
        self.one(key, &Kind::Flag, Some(written), |given| given.flag().ok_or(Fault::Form)).unwrap_or(default)
    }

    /// One of a few words.
    pub(in crate::config) fn choice<T>(&self, key: &'static str, default: T, words: &[(&str, T)]) -> T
    where
        T: Copy + PartialEq,
    {
        let written = words.iter().find(|(_, value)| *value == default).map(|(word, _)| Written::text(word));
        self.one(key, &choice_of(words), written, |given| choose(given, words)).unwrap_or(default)
    }

    /// One of a few words, if it is given.
    pub(in crate::config) fn optional_choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.one(key, &choice_of(words), None, |given| choose(given, words))
    }

    /// A list of some of a few words; these `default` ones where it is absent.
    pub(in crate::config) fn choices<T>(&self, key: &'static str, default: &[T], words: &[(&str, T)]) -> Vec<T>
    where
        T: Copy + PartialEq,
    {
        let is_default = |(_, value): &&(&str, T)| default.contains(value);
        let written = Written::texts(words.iter().filter(is_default).map(|(word, _)| *word));
        let chosen = self.many(key, choice_of(words), Some(written), |given| choose(given, words));
        chosen.unwrap_or_else(|| default.to_vec())
    }

    /// A text that `parse` understands, if it is given.
    pub(in crate::config) fn text<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let kind = Kind::Text(expected.to_owned());
        self.one(key, &kind, None, |given| parse(given.text().ok_or(Fault::Form)?))
    }

    /// A text that `parse` understands, as it does the `default`.
    pub(in crate::config) fn text_or<T: Default>(
        &self,
        key: &'static str,
        expected: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> T {
        let kind = Kind::Text(expected.to_owned());
        let given = self.one(key, &kind, Some(Written::text(default)), |given| parse(given.text().ok_or(Fault::Form)?));
        given.unwrap_or_else(|| parse(default).unwrap_or_default())
    }

    /// A list of texts that `parse` understands, if it is given.
    pub(in crate::config) fn texts<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Vec<T>> {
        let kind = Kind::Text(expected.to_owned());
        self.many(key, kind, None, |given| parse(given.text().ok_or(Fault::Form)?))
    }

    /// A list of texts that `parse` understands, as it does the `default` ones.
    pub(in crate::config) fn texts_or<T>(
        &self,
        key: &'static str,
        expected: &str,
        default: &[&str],
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Vec<T> {
        let kind = Kind::Text(expected.to_owned());
        let written = Written::texts(default.iter().copied());
        let given = self.many(key, kind, Some(written), |given| parse(given.text().ok_or(Fault::Form)?));
        given.unwrap_or_else(|| default.iter().filter_map(|text| parse(text).ok()).collect())
    }

    /// An instant with its offset from UTC.
    pub(in crate::config) fn instant(&self, key: &'static str) -> Option<Timestamp> {
        self.one(key, &Kind::Instant, None, |given| {
            let text = given.instant().ok_or(Fault::Form)?;
            OffsetDateTime::parse(&text, &Rfc3339).map(Timestamp::from).map_err(|_| Fault::Form)
        })
    }

    fn one<T>(
        &self,
        key: &'static str,
        kind: &Kind,
        default: Option<Written>,
        parse: impl Fn(&Given<'_>) -> Result<T, Fault>,
    ) -> Option<T> {
        let read = self.item(key, self.declare(key, kind, default)?, kind, &parse)?;
        self.settle(key, Setting::Given { written: read.written, from: read.from });
        Some(read.value)
    }

    fn many<T>(
        &self,
        key: &'static str,
        kind: Kind,
        default: Option<Written>,
        parse: impl Fn(&Given<'_>) -> Result<T, Fault>,
    ) -> Option<Vec<T>> {
        let value = self.declare(key, &Kind::List(Box::new(kind.clone())), default)?;
        let items = self.items(key, value)?;
        let read = all(items.iter().map(|item| self.item(key, item, &kind, &parse)))?;
        let (written, values) = read.into_iter().map(|read| ((read.written, read.from), read.value)).unzip();
        self.settle_list(key, value, written);
        Some(values)
    }

    /// Takes down what a list says, and where it and its items came from.
    pub(super) fn settle_list(&self, key: &str, value: &Spanned<DeValue<'r>>, items: Vec<(Written, String)>) {
        let (written, from): (_, Vec<String>) = items.into_iter().unzip();
        let from = self.places(value, from);
        self.settle(key, Setting::Given { written: Written::List(written), from });
    }

    /// Where a value came from, and what is in it.
    pub(super) fn places(&self, value: &Spanned<DeValue<'r>>, inside: Vec<String>) -> String {
        let mut places = vec![self.reader.spoken_place(value.span().start)];
        for from in inside {
            if places.last() != Some(&from) {
                places.push(from);
            }
        }
        places.join("; ")
    }

    fn items(&self, key: &str, value: &'r Spanned<DeValue<'r>>) -> Option<&'r [Spanned<DeValue<'r>>]> {
        let items = value.get_ref().as_array();
        if items.is_none() {
            let given = Given { value: Value::Literal(value.get_ref()), span: value.span() };
            let found = given.describe(self.reader.is_variable(&given.span));
            let message = format!("`{}`: expected a list, found {found}", join(&self.path, key));
            let help = format!("write `{key} = [\"…\"]`, also for one; each item may be {{ env = \"NAME\" }}");
            self.reader.error(&Spot::at(given.span), message, Some(help));
        }
        items.map(|items| &**items)
    }

    pub(super) fn item<T>(
        &self,
        key: &str,
        item: &'r Spanned<DeValue<'r>>,
        kind: &Kind,
        parse: &impl Fn(&Given<'_>) -> Result<T, Fault>,
    ) -> Option<Read<T>> {
        let path = join(&self.path, key);
        let given = Given::of(self.reader, &path, item, Files::Refused)?;
        match parse(&given) {
            Ok(value) => Some(Read { value, written: given.written(kind), from: given.from(self.reader) }),
            Err(fault) => {
                let why = explain(fault, &kind.expected(), &given.describe(self.reader.is_variable(&given.span)));
                self.reader.error(&Spot::at(given.span), format!("`{path}`: {why}"), None);
                None
            }
        }
    }
}

/// Everything, once all of it was looked at.
pub(super) fn all<T>(items: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    items.collect::<Vec<_>>().into_iter().collect()
}

pub(super) fn choice_of<T>(words: &[(&str, T)]) -> Kind {
    Kind::Choice(words.iter().map(|(word, _)| (*word).to_owned()).collect())
}

pub(super) fn choose<T: Copy>(given: &Given<'_>, words: &[(&str, T)]) -> Result<T, Fault> {
    let text = given.text().ok_or(Fault::Form)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let near = nearest(text, words.iter().map(|(word, _)| *word)).ok_or(Fault::Form)?;
    Err(Fault::Because(format!("expected {}; did you mean \"{near}\"?", choice_of(words).expected())))
}

fn out_of_range(start: impl Display, end: impl Display, found: impl Display) -> Fault {
    Fault::Because(format!("must be from {start} to {end}, not {found}"))
}

pub(super) fn explain(fault: Fault, expected: &str, found: &str) -> String {
    match fault {
        Fault::Form => format!("expected {expected}, found {found}"),
        Fault::Because(why) => why,
    }
}
