//! What the parser behind the lexer is known to read differently from graphql-core, found in the tokens and refused.
//!
//! The parser knows keywords by their first letters only (`mutationLogin{a}` is a mutation called `Login` to it,
//! `[trueFoo]` two values), and allows empty variable lists and directives before a default. What it refuses although
//! graphql-core takes it (from 3.3 on descriptions of operations) is an error in either case and needs no rule here, but
//! gets a clearer message where that is cheap.

use std::ops::Range;

use super::{
    super::error::GraphqlError,
    lexer::syntax_error,
    token::{Kind, Token},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DefinitionKind {
    Operation,
    Fragment,
}

/// One definition, as far as tokens tell.
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) kind: DefinitionKind,
    /// Index of the token that is its name.
    pub(super) name: Option<usize>,
    /// Indices of its tokens.
    pub(super) tokens: Range<usize>,
}

/// The definitions of a document that the parser reads as graphql-core would, or not at all.
pub(super) fn outline(text: &str, tokens: &[Token]) -> Result<Vec<Outline>, GraphqlError> {
    let mut guard = Guard { text, tokens, parentheses: 0, depth: 0 };
    let (mut definitions, mut at_start) = (Vec::<Outline>::new(), true);
    for index in 0..tokens.len() {
        if at_start {
            definitions.push(guard.definition(index)?);
        }
        guard.check(index)?;
        at_start = guard.step(index);
        if let Some(last) = definitions.last_mut() {
            last.tokens.end = index + 1;
        }
    }
    Ok(definitions)
}

struct Guard<'a> {
    text: &'a str,
    tokens: &'a [Token],
    parentheses: usize,
    depth: usize,
}

impl Guard<'_> {
    fn word(&self, index: usize) -> Option<&str> {
        let token = self.tokens.get(index)?;
        (token.kind == Kind::Name).then(|| &self.text[token.start..token.end])
    }

    fn is(&self, index: usize, mark: u8) -> bool {
        self.tokens.get(index).is_some_and(|token| token.is(mark))
    }

    fn refuse<T>(&self, index: usize, message: &str) -> Result<T, GraphqlError> {
        Err(syntax_error(message, self.tokens[index].at))
    }

    /// A definition begins with a brace or with exactly one of four words.
    fn definition(&self, index: usize) -> Result<Outline, GraphqlError> {
        let named = |kind| {
            let name = self.word(index + 1).map(|_| index + 1);
            Ok(Outline { kind, name, tokens: index..index + 1 })
        };
        match (self.word(index), self.tokens[index].kind) {
            (Some("query" | "mutation" | "subscription"), _) => named(DefinitionKind::Operation),
            (Some("fragment"), _) if self.word(index + 1) == Some("on") => {
                self.refuse(index + 1, "Unexpected Name 'on'.")
            }
            (Some("fragment"), _) => named(DefinitionKind::Fragment),
            (None, Kind::Mark(b'{')) => {
                Ok(Outline { kind: DefinitionKind::Operation, name: None, tokens: index..index + 1 })
            }
            (None, Kind::String | Kind::BlockString) => {
                self.refuse(index, "Descriptions are not understood here: remove it, or make it a comment.")
            }
            _ => self.refuse(index, "Expected an operation or a fragment."),
        }
    }

    /// Counts brackets; whether the definition ends with this token.
    fn step(&mut self, index: usize) -> bool {
        let token = &self.tokens[index];
        self.parentheses += usize::from(token.is(b'('));
        self.parentheses = self.parentheses.saturating_sub(usize::from(token.is(b')')));
        if token.opens() {
            self.depth += 1;
        } else if token.closes() {
            self.depth = self.depth.saturating_sub(1);
        }
        token.is(b'}') && self.depth == 0
    }

    fn check(&self, index: usize) -> Result<(), GraphqlError> {
        if self.is(index, b'(') && self.is(index + 1, b')') {
            return self.refuse(index + 1, "Unexpected ')'.");
        }
        if self.parentheses > 0 && self.is(index, b'@') {
            return self.refuse(index, "Directives on variables are not understood here.");
        }
        if self.tokens[index].kind == Kind::Spread && self.word(index + 1) == Some("on") {
            return self.type_condition(index + 1);
        }
        self.value_keyword(index)
    }

    /// `on` is followed by a name.
    fn type_condition(&self, on: usize) -> Result<(), GraphqlError> {
        if self.word(on + 1).is_none() {
            return self.refuse((on + 1).min(self.tokens.len() - 1), "Expected a type after 'on'.");
        }
        Ok(())
    }

    /// An enum value may not begin with `true`, `false` or `null`. Names of arguments and fields may: a colon follows
    /// them, and none stands before them.
    fn value_keyword(&self, index: usize) -> Result<(), GraphqlError> {
        let Some(word) = self.word(index).filter(|_| self.parentheses > 0) else { return Ok(()) };
        let before = |mark| index.checked_sub(1).is_some_and(|before| self.is(before, mark));
        let is_name = before(b'$') || (self.is(index + 1, b':') && !before(b':'));
        let begins = |keyword| word.len() > str::len(keyword) && word.starts_with(keyword);
        if !is_name && ["true", "false", "null"].into_iter().any(begins) {
            return self.refuse(index, "Values that begin with 'true', 'false' or 'null' are not understood here.");
        }
        Ok(())
    }
}
