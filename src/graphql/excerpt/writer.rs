//! Puts tokens of the client's into a document of ours, and keeps account of where they came from.

use async_graphql_parser::Pos;

use crate::graphql::document::Token;

pub(super) struct Writer<'d> {
    text: &'d str,
    written: String,
    /// Where the next character goes.
    at: Pos,
    places: Vec<(Pos, Pos)>,
    /// The client's text up to here has been copied or blanked.
    done: usize,
}

impl<'d> Writer<'d> {
    pub(super) fn new(text: &'d str) -> Self {
        Self { text, written: String::new(), at: Pos { line: 1, column: 1 }, places: Vec::new(), done: 0 }
    }

    /// Text of the gateway's own.
    pub(super) fn glue(&mut self, text: &str) {
        for character in text.chars() {
            self.push(character);
        }
    }

    /// A token, as the client wrote it.
    pub(super) fn copy(&mut self, token: &Token) {
        self.places.push((self.at, token.at));
        let text = self.text;
        self.glue(&text[token.start..token.end]);
    }

    /// A token in the place where the client wrote it: what was left out before it becomes blank. Tokens come in order.
    pub(super) fn copy_in_place(&mut self, token: &Token) {
        for character in self.text[self.done..token.start].chars() {
            self.push(if matches!(character, '\n' | '\r') { character } else { ' ' });
        }
        self.copy(token);
        self.done = token.end;
    }

    pub(super) fn finish(self) -> (String, Vec<(Pos, Pos)>) {
        (self.written, self.places)
    }

    /// Counts as the lexer does.
    fn push(&mut self, character: char) {
        match character {
            '\n' => self.at = Pos { line: self.at.line + 1, column: 1 },
            '\r' => self.at.column = 1,
            _ => self.at.column += 1,
        }
        self.written.push(character);
    }
}
