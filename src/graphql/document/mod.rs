//! A document: lexed by us, parsed by async-graphql-parser, with the places that only tokens know.
//!
//! Nothing reaches the parser that is over a limit or that it reads differently from graphql-core. Positions of the
//! parser, of the lexer and of graphql-core agree (lines end at `\n`, `\r\n` or `\r`; columns count characters), so a
//! place in the syntax tree finds its token.

use std::borrow::Cow;

use async_graphql_parser::{
    Error, Pos, Positioned, parse_query,
    types::{DocumentOperations, ExecutableDocument, FragmentDefinition, OperationDefinition},
};

use super::{
    Limits,
    error::{GraphqlError, too_complex},
};

mod guard;
mod lexer;
mod readable;
mod selections;
mod strings;
mod token;
mod unique;

use guard::{DefinitionKind, Outline};
pub(super) use selections::{Selected, What};
pub(super) use token::{Kind, Token};

/// Deeper documents would need more stack than the parser may take, whatever the configuration says.
pub(super) const DEEPEST: usize = 64;

/// A document that parses.
pub(super) struct Document<'a> {
    text: Cow<'a, str>,
    tokens: Vec<Token>,
    outlines: Vec<Outline>,
    ast: ExecutableDocument,
}

/// One operation of a document.
#[derive(Clone, Copy)]
pub(super) struct Operation<'d> {
    pub(super) name: Option<&'d str>,
    pub(super) at: Pos,
    pub(super) definition: &'d OperationDefinition,
    pub(super) source: Source<'d>,
}

/// One fragment definition of a document.
#[derive(Clone, Copy)]
pub(super) struct Fragment<'d> {
    pub(super) name: &'d str,
    pub(super) at: Pos,
    pub(super) definition: &'d FragmentDefinition,
    pub(super) source: Source<'d>,
}

/// The tokens of one definition.
#[derive(Clone, Copy)]
pub(super) struct Source<'d> {
    text: &'d str,
    tokens: &'d [Token],
}

/// A use of a fragment: `...Name`.
#[derive(Clone, Copy)]
pub(super) struct Spread<'d> {
    pub(super) name: &'d str,
    /// Of the dots.
    pub(super) at: Pos,
    pub(super) name_at: Pos,
}

impl<'a> Document<'a> {
    /// Reads a document.
    pub(super) fn parse(text: &'a str, limits: &Limits) -> Result<Self, Vec<GraphqlError>> {
        let text = with_known_line_ends(text);
        let tokens = lexer::tokens(&text, limits).map_err(|error| vec![error])?;
        let parsed = parse_query(readable::for_the_parser(&text, &tokens));
        match (guard::outline(&text, &tokens), parsed) {
            (Ok(outlines), Ok(ast)) => Ok(Self { text, tokens, outlines, ast }),
            // Of two mistakes the first is told, as by a parser that reads once.
            (outlines, Err(Error::Syntax { start, .. })) => {
                let error = unexpected(&text, &tokens, start);
                Err(vec![outlines.err().filter(|guarded| guarded.locations < error.locations).unwrap_or(error)])
            }
            (Err(error), _) => Err(vec![error]),
            (Ok(_), Err(Error::RecursionLimitExceeded)) => {
                Err(vec![too_complex("it is nested too deeply", limits.deepest())])
            }
            // The parser stops at the first of these; the tokens know all of them.
            (Ok(outlines), Err(_)) => Err(unique::errors(&text, &tokens, &outlines)),
        }
    }

    /// The operations, as they stand in the document.
    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
        let found = |outline: &Outline| {
            let name = self.name_of(outline);
            let node = match (&self.ast.operations, name) {
                (DocumentOperations::Single(operation), _) => operation,
                (DocumentOperations::Multiple(operations), name) => operations.get(name?)?,
            };
            Some(Operation { name, at: node.pos, definition: &node.node, source: self.source(outline) })
        };
        self.outlines.iter().filter(|outline| outline.kind == DefinitionKind::Operation).filter_map(found).collect()
    }

    /// The fragments, as they stand in the document.
    pub(super) fn fragments(&self) -> Vec<Fragment<'_>> {
        let found = |outline: &Outline| {
            let name = self.name_of(outline)?;
            let node: &Positioned<FragmentDefinition> = self.ast.fragments.get(name)?;
            Some(Fragment { name, at: node.pos, definition: &node.node, source: self.source(outline) })
        };
        self.outlines.iter().filter(|outline| outline.kind == DefinitionKind::Fragment).filter_map(found).collect()
    }

    /// The text that places and tokens are of.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The selection that begins at this place.
    pub(super) fn selection_at(&self, position: Pos) -> Option<Source<'_>> {
        let rest = Source { text: &self.text, tokens: &self.tokens[self.index_of(position)?..] };
        rest.first().map(|(selected, _)| selected.source)
    }

    /// The value of the string literal at this place; `None` when there is none.
    pub(super) fn string_at(&self, position: Pos) -> Option<String> {
        let token = &self.tokens[self.index_of(position)?];
        matches!(token.kind, Kind::String | Kind::BlockString).then(|| strings::value(token, &self.text))
    }

    /// The tokens of the value at this place, so that two values can be compared. Strings count by what they say and by
    /// their quotes, as in graphql-core: `"a"` and `"\u0061"` are one value, `"""a"""` is another.
    pub(super) fn value_at(&self, position: Pos) -> Vec<(Kind, Cow<'_, str>)> {
        let (mut words, mut depth) = (Vec::new(), 0_usize);
        for token in self.index_of(position).map(|first| &self.tokens[first..]).unwrap_or_default() {
            let word = match token.kind {
                Kind::String | Kind::BlockString => Cow::Owned(strings::value(token, &self.text)),
                Kind::Name | Kind::Number | Kind::Spread | Kind::Mark(_) => {
                    Cow::Borrowed(&self.text[token.start..token.end])
                }
            };
            words.push((token.kind, word));
            depth += usize::from(token.opens());
            depth = depth.saturating_sub(usize::from(token.closes()));
            if depth == 0 && !token.is(b'$') {
                break;
            }
        }
        words
    }

    /// Where the name of the type is that begins at this place, behind its `[`.
    pub(super) fn name_from(&self, position: Pos) -> Pos {
        let tokens = self.index_of(position).map(|first| &self.tokens[first..]).unwrap_or_default();
        tokens.iter().find(|token| !token.is(b'[')).map_or(position, |name| name.at)
    }

    fn index_of(&self, position: Pos) -> Option<usize> {
        self.tokens.binary_search_by_key(&position, |token| token.at).ok()
    }

    fn name_of(&self, outline: &Outline) -> Option<&str> {
        let token = &self.tokens[outline.name?];
        Some(&self.text[token.start..token.end])
    }

    fn source(&self, outline: &Outline) -> Source<'_> {
        Source { text: &self.text, tokens: &self.tokens[outline.tokens.clone()] }
    }
}

impl<'d> Source<'d> {
    /// The tokens themselves.
    pub(super) const fn tokens(self) -> &'d [Token] {
        self.tokens
    }

    /// The named fragments that this definition uses, wherever in it.
    pub(super) fn spreads(self) -> impl Iterator<Item = Spread<'d>> {
        spreads(self.text, self.tokens)
    }

    /// The variables that this definition uses, wherever in it: name and place.
    pub(super) fn variables(self) -> impl Iterator<Item = (&'d str, Pos)> {
        variables(self.text, self.tokens)
    }
}

/// The named fragments that are spread among these tokens.
pub(super) fn spreads<'d, 't>(text: &'d str, tokens: &'t [Token]) -> impl Iterator<Item = Spread<'d>> + use<'d, 't> {
    tokens.windows(2).filter_map(move |pair| {
        let name = &text[pair[1].start..pair[1].end];
        let is_spread = pair[0].kind == Kind::Spread && pair[1].kind == Kind::Name && name != "on";
        is_spread.then_some(Spread { name, at: pair[0].at, name_at: pair[1].at })
    })
}

/// The variables that are used among these tokens: name and place. A colon follows only where one is defined.
pub(super) fn variables<'d, 't>(
    text: &'d str,
    tokens: &'t [Token],
) -> impl Iterator<Item = (&'d str, Pos)> + use<'d, 't> {
    tokens.windows(2).enumerate().filter_map(move |(index, pair)| {
        let is_defined_here = tokens.get(index + 2).is_some_and(|token| token.is(b':'));
        let is_use = pair[0].is(b'$') && pair[1].kind == Kind::Name && !is_defined_here;
        is_use.then_some((&text[pair[1].start..pair[1].end], pair[0].at))
    })
}

/// A lone carriage return ends a line, but the parser does not count it as one. Lengths and values stay as they are: no
/// string but a block string may hold one, and in those every line end reads as `\n`.
fn with_known_line_ends(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return Cow::Borrowed(text);
    }
    let mut known = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        known.push(if character == '\r' && characters.peek() != Some(&'\n') { '\n' } else { character });
    }
    Cow::Owned(known)
}

/// The parser names the place where it gave up: before the token that is wrong, or before a name or variable that lacks
/// its colon.
fn unexpected(text: &str, tokens: &[Token], from: Pos) -> GraphqlError {
    let index = tokens.partition_point(|token| token.at < from);
    let is = |index: usize, mark| tokens.get(index).is_some_and(|token| token.is(mark));
    let open = tokens[..index].iter().filter(|token| token.is(b'(')).count();
    let closed = tokens[..index].iter().filter(|token| token.is(b')')).count();
    let lacks_colon = open > closed && !is(index + 1, b':') && index > 0 && !is(index - 1, b':');
    let is_name = |index: usize| tokens.get(index).is_some_and(|token| token.kind == Kind::Name);
    let is_value = index > 0 && [b':', b'=', b'['].into_iter().any(|mark| is(index - 1, mark));
    let index = match is(index, b'$') && !is_value && is_name(index + 1) && !is(index + 2, b':') {
        true => index + 2,
        false => index + usize::from(is_name(index) && lacks_colon),
    };
    let Some(token) = tokens.get(index) else {
        return lexer::syntax_error("Unexpected end of the document.", end_of(text));
    };
    let what = match token.kind {
        Kind::Name => format!("Unexpected Name '{}'.", &text[token.start..token.end]),
        Kind::Number => "Unexpected number.".to_owned(),
        Kind::String | Kind::BlockString => "Unexpected string.".to_owned(),
        Kind::Spread | Kind::Mark(_) => format!("Unexpected '{}'.", &text[token.start..token.end]),
    };
    lexer::syntax_error(&what, token.at)
}

fn end_of(text: &str) -> Pos {
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    Pos { line: text.matches('\n').count() + 1, column: last_line.chars().count() + 1 }
}

#[cfg(test)]
mod tests;
