//! A table whose keys are names of the operator's own, each with a value of one kind.
//!
//! Such a name is no key of the file's: it has no variable, and none is nearest to it. A variable of the table's own name
//! holds all of it, as the file has it on one line.

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::{
    Fault, Kind, Setting, Spot, Table, join,
    values::{Read, all, choice_of, choose, explain},
    written::Written,
};

impl<'r> Table<'r> {
    /// A table of names that `parse` understands, each with one of a few words, in the file's order; nothing where it is
    /// absent.
    pub(in crate::config) fn named_choices<T: Copy>(
        &self,
        key: &'static str,
        names: &str,
        parse: impl Fn(&str) -> Result<String, Fault>,
        words: &[(&str, T)],
    ) -> Vec<(String, T)> {
        let values = choice_of(words);
        let kind = Kind::Named { names: names.to_owned(), values: Box::new(values.clone()) };
        let Some(value) = self.declare(key, &kind, Some(Written::Named(Vec::new()))) else { return Vec::new() };
        let Some(entries) = self.entries_of(key, value) else { return Vec::new() };
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let read = all(entries.into_iter().map(|(name, value)| {
            let name = self.name(key, name, names, &parse);
            // What is wrong with either is told.
            let place = name.as_ref().map_or_else(|| key.to_owned(), |name| join(key, name));
            let read = self.item(&place, value, &values, &|given| choose(given, words));
            Some((name?, read?))
        }));
        let (mut named, mut written, mut inside) = (Vec::new(), Vec::new(), Vec::new());
        for (name, Read { value, written: as_written, from }) in read.unwrap_or_default() {
            written.push((name.clone(), as_written));
            inside.push(from);
            named.push((name, value));
        }
        let from = self.places(value, inside);
        self.settle(key, Setting::Given { written: Written::Named(written), from });
        named
    }

    fn entries_of(&self, key: &str, value: &'r Spanned<DeValue<'r>>) -> Option<&'r DeTable<'r>> {
        let entries = value.get_ref().as_table();
        if entries.is_none() {
            let path = join(&self.path, key);
            let help = format!("write `[{path}]` and a line for each name below that, or `{key} = {{ name = \"…\" }}`");
            self.reader.error(&Spot::hidden(value.span()), format!("`{path}`: expected a table"), Some(help));
        }
        entries
    }

    fn name(
        &self,
        key: &str,
        name: &Spanned<DeString<'r>>,
        names: &str,
        parse: &impl Fn(&str) -> Result<String, Fault>,
    ) -> Option<String> {
        let fault = match parse(name.get_ref()) {
            Ok(name) => return Some(name),
            Err(fault) => fault,
        };
        let shown: String = name.get_ref().chars().take(60).flat_map(char::escape_debug).collect();
        let why = explain(fault, names, &format!("the name \"{shown}\""));
        self.reader.error(&Spot::at(name.span()), format!("`{}`: {why}", join(&self.path, key)), None);
        None
    }
}
