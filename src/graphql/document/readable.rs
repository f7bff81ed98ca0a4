//! The text that the parser gets: the client's tokens at their places, without what it can't read and need not know.
//!
//! Comments and the insides of strings are left out, and types are closed up, since the parser knows no comment after
//! `on`, no `\u{…}` or surrogate pair, and no white space in `[Int !]`. Positions in the syntax tree are those of the
//! client's text.
//!
//! Caveat: strings in the syntax tree are empty. What they say is read from the tokens, by
//! [`Document::string_at`](super::Document::string_at).

use async_graphql_parser::Pos;

use super::token::{Kind, Token};

pub(super) fn for_the_parser(text: &str, tokens: &[Token]) -> String {
    let mut readable = Readable { text: String::with_capacity(text.len()), at: Pos { line: 1, column: 1 } };
    let mut is_in_type = false;
    for (index, token) in tokens.iter().enumerate() {
        let before = &tokens[..index];
        let goes_on = is_in_type && before.last().is_some_and(|last| goes_on_with_a_type(last, token));
        is_in_type = goes_on || is_behind_a_definition(before);
        if !goes_on {
            readable.move_to(token.at);
        }
        readable.word(match token.kind {
            Kind::String => "\"\"",
            Kind::BlockString => "\"\"\"\"\"\"",
            Kind::Name | Kind::Number | Kind::Spread | Kind::Mark(_) => &text[token.start..token.end],
        });
    }
    readable.text
}

struct Readable {
    text: String,
    at: Pos,
}

impl Readable {
    /// Never backwards: what was left out took more room than what stands in for it.
    fn move_to(&mut self, place: Pos) {
        while self.at.line < place.line {
            self.text.push('\n');
            self.at = Pos { line: self.at.line + 1, column: 1 };
        }
        while self.at.column < place.column {
            self.word(" ");
        }
    }

    /// One that has no line ends and is ASCII, as all are but strings.
    fn word(&mut self, word: &str) {
        self.text.push_str(word);
        self.at.column += word.len();
    }
}

/// Whether a type stands next: behind `$name:`.
fn is_behind_a_definition(before: &[Token]) -> bool {
    matches!(before, [.., dollar, name, colon] if dollar.is(b'$') && name.kind == Kind::Name && colon.is(b':'))
}

/// Whether both belong to one type: `[`, a name, `]` and `!`.
fn goes_on_with_a_type(last: &Token, token: &Token) -> bool {
    match last.kind {
        Kind::Mark(b'[') => token.is(b'[') || token.kind == Kind::Name,
        Kind::Name | Kind::Mark(b']') => token.is(b']') || token.is(b'!'),
        Kind::Mark(b'!') => token.is(b']'),
        _ => false,
    }
}
