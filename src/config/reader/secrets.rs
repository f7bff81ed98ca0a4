//! Keys that hold secrets, of which no message shows anything.

use toml::{Spanned, de::DeValue};

use super::{
    Severity, Spot, Table,
    given::{Files, Given},
    join,
    key::{Kind, Setting},
    values::{Fault, Read, all, explain},
    written::Written,
};
use crate::model::Secret;

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
    /// A secret, which may come from a file.
    pub(in crate::config) fn secret(
        &self,
        key: &'static str,
        expected: &str,
        check: impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Option<Secret> {
        self.one_secret(key, expected, None, &check)
    }

    /// The same, with a default that gives nothing away.
    pub(in crate::config) fn secret_or(
        &self,
        key: &'static str,
        expected: &str,
        default: &str,
        check: impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Secret {
        let given = self.one_secret(key, expected, Some(Written::text(default)), &check);
        given.unwrap_or_else(|| Secret::new(default))
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
        let value = self.declare(key, &Kind::Secrets(expected.to_owned()), None)?;
        let each = |item| self.checked(key, expected, item, outside, &check);
        let Some(items) = value.get_ref().as_array() else {
            let read = each(value)?;
            self.settle(key, Setting::Given { written: read.written, from: read.from });
            return Some(read.value);
        };
        let read = all(items.iter().map(each))?;
        let (written, secrets): (_, Vec<_>) =
            read.into_iter().map(|read| ((read.written, read.from), read.value)).unzip();
        self.settle_list(key, value, written);
        Some(secrets.concat())
    }

    fn one_secret(
        &self,
        key: &'static str,
        expected: &str,
        default: Option<Written>,
        check: &impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Option<Secret> {
        self.secrets.borrow_mut().push(key);
        let value = self.declare(key, &Kind::Secret(expected.to_owned()), default)?;
        let mut read = self.checked(key, expected, value, Outside::Whole, check)?;
        self.settle(key, Setting::Given { written: read.written, from: read.from });
        read.value.pop()
    }

    fn checked(
        &self,
        key: &str,
        expected: &str,
        item: &'r Spanned<DeValue<'r>>,
        outside: Outside,
        check: &impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Option<Read<Vec<Secret>>> {
        let given = Given::of(self.reader, &join(&self.path, key), item, Files::Allowed)?;
        let lines: Vec<&str> = match outside {
            Outside::OneALine if !given.is_literal() => {
                let lines = given.text().unwrap_or_default().lines().map(str::trim);
                lines.filter(|line| !line.is_empty()).collect()
            }
            Outside::OneALine | Outside::Whole => Vec::new(),
        };
        let each = |text| self.check_secret(key, expected, &given, text, check);
        let checked = if lines.is_empty() {
            vec![each(given.text())?]
        } else {
            all(lines.into_iter().map(|line| each(Some(line))))?
        };
        let is_harmless = checked.iter().all(|(_, holds)| *holds == Holds::Nothing);
        let written = if is_harmless { given.written(&Kind::Text(String::new())) } else { given.hidden() };
        let value = checked.into_iter().map(|(secret, _)| secret).collect();
        Some(Read { value, written, from: given.from(self.reader) })
    }

    /// `text` is what was given, or a part of it.
    fn check_secret(
        &self,
        key: &str,
        expected: &str,
        given: &Given<'r>,
        text: Option<&str>,
        check: &impl Fn(&str) -> Result<Holds, Fault>,
    ) -> Option<(Secret, Holds)> {
        let path = join(&self.path, key);
        let spot = if given.is_literal() { Spot::hidden(given.span.clone()) } else { Spot::at(given.span.clone()) };
        match text.ok_or(Fault::Form).and_then(check) {
            Ok(holds) => {
                if given.is_literal() && holds == Holds::Secret {
                    let message = format!("`{path}`: a secret stands in the file");
                    let help = "{ env = \"NAME\" } or { file = \"/run/secrets/name\" } keeps it out of backups and repositories";
                    self.reader.note(Severity::Warning, &spot, message, Some(help.to_owned()));
                }
                text.map(|text| (Secret::new(text), holds))
            }
            Err(fault) => {
                let why = explain(fault, expected, &given.describe(true));
                self.reader.error(&spot, format!("`{path}`: {why}"), None);
                None
            }
        }
    }
}
