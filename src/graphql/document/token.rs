//! Tokens of a GraphQL document (October 2021 §2.1.6), with where they stand.

use async_graphql_parser::Pos;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::graphql) enum Kind {
    Name,
    Number,
    String,
    BlockString,
    Spread,
    /// One of `! $ & ( ) : = @ [ ] { | }`.
    Mark(u8),
}

/// One token. Its text is `start..end` of the document.
#[derive(Clone, Copy, Debug)]
pub(in crate::graphql) struct Token {
    pub(in crate::graphql) kind: Kind,
    pub(in crate::graphql) start: usize,
    pub(in crate::graphql) end: usize,
    /// 1-based, columns in characters: what the parser and graphql-core call this place.
    pub(in crate::graphql) at: Pos,
}

impl Token {
    pub(in crate::graphql) const fn is(&self, mark: u8) -> bool {
        matches!(self.kind, Kind::Mark(own) if own == mark)
    }

    pub(super) const fn opens(&self) -> bool {
        matches!(self.kind, Kind::Mark(b'(' | b'[' | b'{'))
    }

    pub(super) const fn closes(&self) -> bool {
        matches!(self.kind, Kind::Mark(b')' | b']' | b'}'))
    }
}
