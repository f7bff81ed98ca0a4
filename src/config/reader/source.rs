//! The text of a file, and what of it may be shown.
//!
//! An excerpt is printed in terminals, CI logs and tickets, so it shows only the value it is about: every other value
//! of the line becomes `…`, comments are cut off, and a secret is hidden even where it is the one that is wrong. Of a
//! text that is no TOML nothing is known, so there whatever could be a value is hidden.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One line of a file, and the part of it that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Counted from 1.
    pub(super) line: usize,
    /// In characters, counted from 1.
    pub(super) column: usize,
    /// The line with its values hidden.
    pub(super) text: String,
    /// Characters of `text` before the meant part.
    pub(super) indent: usize,
    /// Characters of the meant part; at least 1.
    pub(super) width: usize,
}

/// A file's text.
pub(super) struct Source<'a> {
    text: &'a str,
    /// Where its values stand; `None` for a text that is no TOML.
    values: Option<Vec<Range<usize>>>,
}

impl<'a> Source<'a> {
    pub(super) fn parsed(text: &'a str, root: &DeTable<'_>) -> Self {
        let mut values = Vec::new();
        collect(root, &mut values);
        Self { text, values: Some(values) }
    }

    pub(super) const fn broken(text: &'a str) -> Self {
        Self { text, values: None }
    }

    /// The line in which `meant` begins. With `reveal`, the values inside `meant` are shown.
    pub(super) fn excerpt(&self, meant: &Range<usize>, reveal: bool) -> Excerpt {
        let at = self.text.floor_char_boundary(meant.start.min(self.text.len()));
        let before = &self.text[..at];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[at..].find(['\r', '\n']).map_or(self.text.len(), |length| at + length);
        let shown = self.show(start..end, meant, reveal);
        Excerpt {
            line: before.matches('\n').count() + 1,
            column: self.text[start..at].chars().count() + 1,
            text: shown.text.trim_end().to_owned(),
            indent: shown.indent,
            width: shown.width.max(1),
        }
    }

    fn show(&self, line: Range<usize>, meant: &Range<usize>, reveal: bool) -> Shown {
        let mut shown = Shown { text: String::new(), length: 0, indent: 0, width: 0 };
        let mut was_hidden = false;
        for (offset, character) in self.text[line.clone()].char_indices() {
            let at = line.start + offset;
            let hidden = match &self.values {
                Some(values) => values.iter().any(|value| value.contains(&at) && !(reveal && encloses(meant, value))),
                None => could_be_a_value(&self.text[line.clone()], offset, character),
            };
            if character == '#' && !self.inside_a_value(at) && at > meant.start {
                break;
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
        shown
    }

    fn inside_a_value(&self, at: usize) -> bool {
        self.values.as_ref().is_some_and(|values| values.iter().any(|value| value.contains(&at)))
    }
}

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

/// In a text that is no TOML: everything after the first `=` but punctuation, and everything on a line without one that
/// is no `[table]` head.
fn could_be_a_value(line: &str, at: usize, character: char) -> bool {
    if character.is_whitespace() || "\"'[]{},=#".contains(character) {
        return false;
    }
    match line.find('=') {
        Some(equals) => at > equals,
        None => !line.trim_start().starts_with('[') || line.contains(['"', '\'']),
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
    fn columns_count_characters_and_controls_are_not_printed() {
        let excerpt = Source::broken("é\u{1b} = 1").excerpt(&(3..4), true);
        assert_eq!((excerpt.line, excerpt.column), (1, 3));
        assert!(!excerpt.text.contains('\u{1b}'));
        let end = Source::broken("a = 1\n").excerpt(&(6..6), true);
        assert_eq!((end.line, end.column, end.width), (2, 1, 1));
    }
}
