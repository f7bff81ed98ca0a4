//! The lexer that runs before the parser: tokens, limits, and a refusal of what the parser would read differently.
//!
//! It reads what graphql-core reads, and reports mistakes where graphql-core does, with one exception: control
//! characters in strings are refused, as the specification says.

use async_graphql_parser::Pos;

use super::{
    super::error::{GraphqlError, too_complex},
    strings,
    token::{Kind, Token},
};
use crate::graphql::Limits;

/// The tokens of a document, without ignored ones (white space, commas, comments).
pub(super) fn tokens(text: &str, limits: &Limits) -> Result<Vec<Token>, GraphqlError> {
    if text.len() > limits.bytes {
        return Err(too_complex("it is too long in bytes", limits.bytes));
    }
    let mut lexer = Lexer { text, at: 0, counted: 0, line: 1, column: 1 };
    let (mut tokens, mut depth, deepest) = (Vec::new(), 0_usize, limits.deepest());
    while let Some(token) = lexer.next()? {
        if token.opens() {
            depth += 1;
        } else if token.closes() {
            depth = depth.saturating_sub(1);
        }
        if depth > deepest {
            return Err(GraphqlError { locations: vec![token.at], ..too_complex("it is nested too deeply", deepest) });
        }
        if tokens.len() == limits.tokens {
            return Err(too_complex("it has too many tokens", limits.tokens));
        }
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    /// Everything before this byte has been read.
    at: usize,
    /// Everything before this byte has been counted into `line` and `column`.
    counted: usize,
    line: usize,
    column: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Token>, GraphqlError> {
        self.skip_ignored();
        let start = self.at;
        let Some(first) = self.peek(0) else { return Ok(None) };
        let at = self.position(start);
        let (kind, end) = match first {
            b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}' => {
                (Kind::Mark(first), start + 1)
            }
            b'.' if self.rest().starts_with(b"...") => (Kind::Spread, start + 3),
            b'"' if self.rest().starts_with(b"\"\"\"") => (Kind::BlockString, self.block_string_end()?),
            b'"' => (Kind::String, self.string_end()?),
            b'-' | b'0'..=b'9' => (Kind::Number, self.number_end()?),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => (Kind::Name, self.name_end()),
            _ => return Err(self.error(start, "Unexpected character.")),
        };
        self.at = end;
        Ok(Some(Token { kind, start, end, at }))
    }

    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_ignored(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b',' | b'\n' | b'\r' => self.at += 1,
                b'#' => {
                    let line = self.rest().iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.at += line.unwrap_or(self.rest().len());
                }
                _ if self.rest().starts_with("\u{feff}".as_bytes()) => self.at += '\u{feff}'.len_utf8(),
                _ => break,
            }
        }
    }

    /// Line and column of this byte, which is not before any asked for earlier.
    fn position(&mut self, byte: usize) -> Pos {
        for character in self.text[self.counted..byte].chars() {
            match character {
                '\n' => (self.line, self.column) = (self.line + 1, 1),
                '\r' => self.column = 1,
                _ => self.column += 1,
            }
        }
        self.counted = byte;
        Pos { line: self.line, column: self.column }
    }

    fn error(&mut self, byte: usize, message: &str) -> GraphqlError {
        let position = self.position(byte);
        syntax_error(message, position)
    }

    fn name_end(&self) -> usize {
        let length = self.rest().iter().position(|byte| !(*byte == b'_' || byte.is_ascii_alphanumeric()));
        self.at + length.unwrap_or(self.rest().len())
    }

    fn number_end(&mut self) -> Result<usize, GraphqlError> {
        let mut ahead = usize::from(self.peek(0) == Some(b'-'));
        if self.peek(ahead) == Some(b'0') {
            ahead += 1;
            if self.peek(ahead).is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.error(self.at + ahead, "Invalid number, unexpected digit after 0."));
            }
        } else {
            ahead = self.digits(ahead)?;
        }
        if self.peek(ahead) == Some(b'.') {
            ahead = self.digits(ahead + 1)?;
        }
        if matches!(self.peek(ahead), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek(ahead + 1), Some(b'+' | b'-')));
            ahead = self.digits(ahead + 1 + sign)?;
        }
        match self.peek(ahead) {
            Some(b'.' | b'_' | b'a'..=b'z' | b'A'..=b'Z') => {
                Err(self.error(self.at + ahead, "Invalid number, expected digit."))
            }
            _ => Ok(self.at + ahead),
        }
    }

    fn digits(&mut self, from: usize) -> Result<usize, GraphqlError> {
        let mut ahead = from;
        while self.peek(ahead).is_some_and(|byte| byte.is_ascii_digit()) {
            ahead += 1;
        }
        if ahead == from {
            return Err(self.error(self.at + from, "Invalid number, expected digit."));
        }
        Ok(ahead)
    }

    fn string_end(&mut self) -> Result<usize, GraphqlError> {
        let mut ahead = 1;
        loop {
            let here = self.at + ahead;
            match self.peek(ahead) {
                Some(b'"') => return Ok(here + 1),
                None | Some(b'\n' | b'\r') => return Err(self.error(here, "Unterminated string.")),
                Some(b'\\') => ahead += self.escape(ahead)?,
                Some(0..=8 | 11..=31) => return Err(self.error(here, "Invalid character within String.")),
                Some(_) => ahead += 1,
            }
        }
    }

    /// The length of the escape sequence that begins `ahead`.
    fn escape(&mut self, ahead: usize) -> Result<usize, GraphqlError> {
        let here = self.at + ahead;
        match self.peek(ahead + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
            Some(b'u') => match strings::unicode(&self.text.as_bytes()[here + 2..]) {
                Some((_, length)) => Ok(2 + length),
                None => Err(self.error(here, "Invalid Unicode escape sequence.")),
            },
            _ => Err(self.error(here, "Invalid character escape sequence.")),
        }
    }

    fn block_string_end(&mut self) -> Result<usize, GraphqlError> {
        let mut ahead = 3;
        while self.at + ahead < self.text.len() {
            let rest = &self.rest()[ahead..];
            if rest.starts_with(b"\"\"\"") {
                return Ok(self.at + ahead + 3);
            }
            ahead += if rest.starts_with(b"\\\"\"\"") { 4 } else { 1 };
        }
        Err(self.error(self.text.len(), "Unterminated string."))
    }
}

/// A document that is not GraphQL.
pub(super) fn syntax_error(message: &str, position: Pos) -> GraphqlError {
    GraphqlError::at(format!("Syntax Error: {message}"), position)
}
