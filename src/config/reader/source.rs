//! The text of a file, and what of it may be shown.
//!
//! An excerpt is printed in terminals, CI logs and tickets, so it shows only the value it is about: every other value
//! of the line becomes `…`, comments are cut off, and a secret is hidden even where it is the one that is wrong. Of a
//! text that is no TOML nothing is known, so there whatever could be a value is hidden.

use std::{cell::Cell, ops::Range};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Bytes of a line that are shown before what is meant, and twice as many from there.
const AROUND: usize = 200;

/// One line of a file, and the part of it that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Counted from 1.
    pub(super) line: usize,
    /// In characters, counted from 1.
    pub(super) column: usize,
    /// The line with its values hidden; of a very long one what is about the meant part.
    pub(super) text: String,
    /// Characters of `text` before the meant part.
    pub(super) indent: usize,
    /// Characters of the meant part; at least 1.
    pub(super) width: usize,
}

/// A file's text. An excerpt takes time by the length of what it shows, and not by that of the line or of the file: a list
/// of a hundred thousand secrets on one line is told about as many times.
pub(super) struct Source<'a> {
    text: &'a str,
    /// Where lines begin.
    lines: Vec<usize>,
    /// Where its values stand, one after the other; `None` for a text that is no TOML.
    values: Option<Vec<Range<usize>>>,
    counted: Cell<Counted>,
}

/// Up to which byte the characters of a line were counted, and how many there are. Findings come mostly in the order of the
/// file.
#[derive(Clone, Copy, Default)]
struct Counted {
    start: usize,
    until: usize,
    characters: usize,
}

impl<'a> Source<'a> {
    pub(super) fn parsed(text: &'a str, root: &DeTable<'_>) -> Self {
        let mut values = Vec::new();
        collect(root, &mut values);
        values.sort_unstable_by_key(|value| value.start);
        Self { values: Some(values), ..Self::broken(text) }
    }

    pub(super) fn broken(text: &'a str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, lines: std::iter::once(0).chain(starts).collect(), values: None, counted: Cell::default() }
    }

    /// The number of the line that `at` is in, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// The line in which `meant` begins. With `reveal`, the values inside `meant` are shown.
    pub(super) fn excerpt(&self, meant: &Range<usize>, reveal: bool) -> Excerpt {
        let at = self.text.floor_char_boundary(meant.start.min(self.text.len()));
        let line = self.line(at);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        let end = if self.text[start..end].ends_with('\r') { end - 1 } else { end };
        let shown = self.show(start..end, meant, reveal);
        Excerpt {
            line,
            column: self.characters(start, at) + 1,
            text: shown.text.trim_end().to_owned(),
            indent: shown.indent,
            width: shown.width.max(1),
        }
    }

    /// Characters between the beginning of a line and `at`.
    fn characters(&self, start: usize, at: usize) -> usize {
        let counted = self.counted.get();
        let goes_on = counted.start == start && counted.until <= at;
        let from = if goes_on { counted } else { Counted { start, until: start, characters: 0 } };
        let characters = from.characters + self.text[from.until..at].chars().count();
        self.counted.set(Counted { start, until: at, characters });
        characters
    }

    fn show(&self, line: Range<usize>, meant: &Range<usize>, reveal: bool) -> Shown {
        let part = self.part(&line, meant.start);
        let mut hiding = Hiding::of(self, &line, part.start);
        let mut shown = Shown::default();
        let mut was_hidden = part.start > line.start;
        if was_hidden {
            shown.push('…');
        }
        for (offset, character) in self.text[part.clone()].char_indices() {
            let at = part.start + offset;
            let (inside, hidden) = hiding.at(at, character, |value| reveal && encloses(meant, value));
            if character == '#' && !inside && at > meant.start {
                return shown;
            }
            if !(hidden && was_hidden) {
                shown.push(if hidden { '…' } else { printable(character) });
            }
            was_hidden = hidden;
            if at < meant.start {
                shown.indent = shown.length;
            } else if at == meant.start && hidden {
                shown.indent = shown.length - 1;
            }
            if at >= meant.start && at < meant.end {
                shown.width = shown.length - shown.indent;
            }
        }
        if part.end < line.end && !was_hidden {
            shown.push('…');
        }
        shown
    }

    /// What of a line is shown.
    fn part(&self, line: &Range<usize>, at: usize) -> Range<usize> {
        let start = self.text.floor_char_boundary(at.saturating_sub(AROUND)).max(line.start);
        let end = self.text.floor_char_boundary(at.saturating_add(2 * AROUND).min(line.end));
        start.min(end)..end
    }
}

/// What of a line is hidden.
enum Hiding<'s> {
    /// The first of these, and then the others.
    Values(&'s [Range<usize>]),
    /// Whatever could be a value, from here on.
    From(usize),
}

impl<'s> Hiding<'s> {
    fn of(source: &'s Source<'_>, line: &Range<usize>, start: usize) -> Self {
        match &source.values {
            Some(values) => Self::Values(&values[values.partition_point(|value| value.end <= start)..]),
            None => Self::From(line.start + could_be_a_value(&source.text[line.clone()])),
        }
    }

    /// Whether a value is at `at`, which is after the one before, and whether it is hidden.
    fn at(&mut self, at: usize, character: char, is_shown: impl Fn(&Range<usize>) -> bool) -> (bool, bool) {
        match self {
            Self::Values(values) => {
                while values.first().is_some_and(|value| value.end <= at) {
                    *values = &values[1..];
                }
                let value = values.first().filter(|value| value.contains(&at));
                (value.is_some(), value.is_some_and(|value| !is_shown(value)))
            }
            Self::From(start) => {
                (false, at >= *start && !(character.is_whitespace() || "\"'[]{},=#".contains(character)))
            }
        }
    }
}

#[derive(Default)]
struct Shown {
    text: String,
    length: usize,
    indent: usize,
    width: usize,
}

impl Shown {
    fn push(&mut self, character: char) {
        self.text.push(character);
        self.length += 1;
    }
}

/// A tab would shift the marker below it, and a control character could steer a terminal.
fn printable(character: char) -> char {
    match character {
        '\t' => ' ',
        character if character.is_control() => '\u{fffd}',
        character => character,
    }
}

const fn encloses(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Where in a line of a text that is no TOML values could begin: after the first `=`, and on a line without one at its
/// beginning, unless it is a `[table]` head.
fn could_be_a_value(line: &str) -> usize {
    match line.find('=') {
        Some(equals) => equals + 1,
        None if line.trim_start().starts_with('[') && !line.contains(['"', '\'']) => line.len(),
        None => 0,
    }
}

fn collect(table: &DeTable<'_>, into: &mut Vec<Range<usize>>) {
    for value in table.values() {
        collect_value(value, into);
    }
}

fn collect_value(value: &Spanned<DeValue<'_>>, into: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => collect(table, into),
        DeValue::Array(array) => array.iter().for_each(|item| collect_value(item, into)),
        _ => into.push(value.span()),
    }
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::Source;

    fn line(text: &str, meant: &str, reveal: bool) -> (String, String) {
        let root = DeTable::parse(text).unwrap();
        let start = text.find(meant).unwrap();
        let excerpt = Source::parsed(text, root.get_ref()).excerpt(&(start..start + meant.len()), reveal);
        let marker = " ".repeat(excerpt.indent) + &"^".repeat(excerpt.width);
        (excerpt.text, marker)
    }

    #[test]
    fn only_the_value_that_is_meant_is_shown() {
        let text = "a = { secret = \"hunter2\", b = \"x\" } # was hunter1";
        assert_eq!(
            line(text, "\"x\"", true),
            ("a = { secret = …, b = \"x\" }".to_owned(), "                      ^^^".to_owned())
        );
        assert_eq!(line("sekret = \"hunter2\"", "sekret", true), ("sekret = …".to_owned(), "^^^^^^".to_owned()));
        assert_eq!(line("s = \"hunter2\"", "\"hunter2\"", false), ("s = …".to_owned(), "    ^".to_owned()));
    }

    #[test]
    fn a_broken_text_shows_no_value() {
        for text in ["secret = hunter2\"", "secret = \"hunter2", "\"hunter2\"", "hunter2", "x = \"\"\"\nhunter2"] {
            for at in 0..text.len() {
                let excerpt = Source::broken(text).excerpt(&(at..at + 1), true);
                assert!(!excerpt.text.contains("hunter2"), "{text:?}: {excerpt:?}");
            }
        }
        let head = Source::broken("[[store]").excerpt(&(7..8), true);
        assert_eq!((head.text.as_str(), head.indent, head.column), ("[[store]", 7, 8));
    }

    #[test]
    fn of_a_long_line_is_shown_what_is_about_the_meant_part() {
        let many = (0..100).map(|n| format!("\"hunter{n}\"")).collect::<Vec<_>>().join(", ");
        let text = format!("a = [{many}, 7, {many}] # hunter");
        let (shown, marker) = line(&text, "7, \"", true);
        assert!(shown.starts_with("…, …, ") && shown.ends_with('…'), "{shown}");
        let meant: String = shown.chars().skip(marker.find('^').unwrap()).collect();
        assert!(meant.starts_with("7, …, "), "{meant}");
        let root = DeTable::parse(&text).unwrap();
        let source = Source::parsed(&text, root.get_ref());
        let columns = [5, 40, 6].map(|at| source.excerpt(&(at..at + 1), false).column);
        assert_eq!(columns, [6, 41, 7], "in whatever order they are asked for");
    }

    #[test]
    fn columns_count_characters_and_controls_are_not_printed() {
        let excerpt = Source::broken("é\u{1b} = 1").excerpt(&(3..4), true);
        assert_eq!((excerpt.line, excerpt.column), (1, 3));
        assert!(!excerpt.text.contains('\u{1b}'));
        let end = Source::broken("a = 1\n").excerpt(&(6..6), true);
        assert_eq!((end.line, end.column, end.width), (2, 1, 1));
    }
}
