//! What a table's keys can hold, and how each kind is read: the default where a key is absent, a note where it can't be
//! used.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use toml::{Spanned, de::DeValue};

use super::{
    Severity, Spot, Table, forms,
    given::{Files, Given, Value},
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

/// What a variable or a file that stands for secrets may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Outside {
    /// One secret, line ends and all.
    Whole,
    /// Several, one a line.
    OneALine,
}

impl<'r> Table<'r> {
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
        self.text(key, &one_of(words), |text| choose(text, words)).unwrap_or(default)
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
        all(self.items(key)?.iter().map(|item| self.item(key, expected, item, &parse)))
    }

    /// A list of some of a few words.
    pub(in crate::config) fn choices<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<Vec<T>> {
        self.texts(key, &one_of(words), |text| choose(text, words))
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
        self.secrets.borrow_mut().push(key);
        self.checked_secret(key, expected, self.get(key)?, &check)
    }

    /// One secret or a list of them.
    pub(in crate::config) fn secrets(
        &self,
        key: &'static str,
        expected: &str,
        outside: Outside,
        check: impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Option<Vec<Secret>> {
        self.secrets.borrow_mut().push(key);
        let value = self.get(key)?;
        let items = value.get_ref().as_array().map_or(std::slice::from_ref(value), |items| &**items);
        let each = items.iter().map(|item| self.checked_secrets(key, expected, item, outside, &check));
        all(each).map(|secrets| secrets.concat())
    }

    fn value<T>(&self, key: &'static str, expected: &str, parse: impl Fn(&Given<'_>) -> Result<T, Fault>) -> Option<T> {
        self.item(key, expected, self.get(key)?, &parse)
    }

    fn items(&self, key: &'static str) -> Option<&'r [Spanned<DeValue<'r>>]> {
        let value = self.get(key)?;
        let items = value.get_ref().as_array();
        if items.is_none() {
            let path = join(&self.path, key);
            let given = Given { value: Value::Literal(value.get_ref()), span: value.span() };
            let message = format!("`{path}`: expected a list, found {}", given.describe(false));
            let help = format!("write `{key} = [\"…\"]`, also for one; each item may be {{ env = \"NAME\" }}");
            self.reader.error(&Spot::at(given.span), message, Some(help));
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
        let given = Given::of(self.reader, &join(&self.path, key), item, Files::Allowed)?;
        self.check_secret(key, expected, &given, given.text(), check)
    }

    fn checked_secrets(
        &self,
        key: &str,
        expected: &str,
        item: &'r Spanned<DeValue<'r>>,
        outside: Outside,
        check: &impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Option<Vec<Secret>> {
        let given = Given::of(self.reader, &join(&self.path, key), item, Files::Allowed)?;
        let lines: Vec<&str> = match outside {
            Outside::OneALine if !given.is_literal() => {
                let lines = given.text().unwrap_or_default().lines().map(str::trim);
                lines.filter(|line| !line.is_empty()).collect()
            }
            Outside::OneALine | Outside::Whole => Vec::new(),
        };
        if lines.is_empty() {
            return self.check_secret(key, expected, &given, given.text(), check).map(|secret| vec![secret]);
        }
        all(lines.into_iter().map(|line| self.check_secret(key, expected, &given, Some(line), check)))
    }

    /// `text` is what was given, or a part of it.
    fn check_secret(
        &self,
        key: &str,
        expected: &str,
        given: &Given<'r>,
        text: Option<&str>,
        check: &impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Option<Secret> {
        let path = join(&self.path, key);
        let spot = if given.is_literal() { Spot::hidden(given.span.clone()) } else { Spot::at(given.span.clone()) };
        match text.ok_or(Fault::Form).and_then(check) {
            Ok(holds) => {
                if given.is_literal() && holds == Holds::Secret {
                    let message = format!("`{path}`: a secret stands in the file");
                    let help = "{ env = \"NAME\" } or { file = \"/run/secrets/name\" } keeps it out of backups and repositories";
                    self.reader.note(Severity::Warning, &spot, message, Some(help.to_owned()));
                }
                text.map(Secret::new)
            }
            Err(fault) => {
                let why = explain(fault, expected, &given.describe(true));
                self.reader.error(&spot, format!("`{path}`: {why}"), None);
                None
            }
        }
    }
}

/// Everything, once all of it was looked at.
fn all<T>(items: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    items.collect::<Vec<_>>().into_iter().collect()
}

fn one_of<T>(words: &[(&str, T)]) -> String {
    let words: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    format!("one of {}", words.join(", "))
}

fn choose<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, Fault> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let near = nearest(text, words.iter().map(|(word, _)| *word)).ok_or(Fault::Form)?;
    Err(Fault::Because(format!("expected {}; did you mean \"{near}\"?", one_of(words))))
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
