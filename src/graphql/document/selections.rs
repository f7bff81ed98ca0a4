//! Selections among the tokens, from first to last: the syntax tree knows where they begin, and nothing of their ends.

use super::{Kind, Source, Token};

/// One selection of a set.
#[derive(Clone, Copy)]
pub(in crate::graphql) struct Selected<'d> {
    pub(in crate::graphql) what: What<'d>,
    /// All of it.
    pub(in crate::graphql) source: Source<'d>,
    /// What stands between its braces, if it has any.
    pub(in crate::graphql) inside: Option<Source<'d>>,
}

/// What a selection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::graphql) enum What<'d> {
    Field { key: &'d str, name: &'d str },
    Spread(&'d str),
    Inline,
}

impl<'d> Selected<'d> {
    /// What is left of it without what stands between its braces: what comes before, the opening brace included, and the
    /// closing brace.
    pub(in crate::graphql) fn frame(self) -> Option<(&'d [Token], &'d [Token])> {
        let tokens = self.source.tokens;
        let inside = self.inside?.tokens.len();
        Some((&tokens[..tokens.len() - inside - 1], &tokens[tokens.len() - 1..]))
    }
}

impl<'d> Source<'d> {
    /// The selection set of a definition: its tokens up to and with the opening brace, what stands inside, and the
    /// closing brace.
    pub(in crate::graphql) fn set(self) -> (&'d [Token], Self, &'d [Token]) {
        let mut depth = 0_usize;
        let opening = self.tokens.iter().position(|token| {
            let is_set = depth == 0 && token.is(b'{');
            depth += usize::from(token.opens());
            depth = depth.saturating_sub(usize::from(token.closes()));
            is_set
        });
        let first = opening.map_or(self.tokens.len(), |index| index + 1);
        let last = self.tokens.len().saturating_sub(1).max(first);
        (&self.tokens[..first], Self { tokens: &self.tokens[first..last], ..self }, &self.tokens[last..])
    }

    /// The selections that these tokens, the inside of a set, are.
    pub(in crate::graphql) fn selections(self) -> impl Iterator<Item = Selected<'d>> {
        let mut rest = self.tokens;
        std::iter::from_fn(move || {
            let (selected, length) = Self { tokens: rest, ..self }.first()?;
            rest = &rest[length..];
            Some(selected)
        })
    }

    /// The selection that begins here, and how many tokens it takes.
    pub(super) fn first(self) -> Option<(Selected<'d>, usize)> {
        let mut at = 1;
        let what = if self.tokens.first()?.kind == Kind::Spread {
            match self.name_at(1) {
                Some("on") => {
                    at = 3;
                    What::Inline
                }
                Some(name) => {
                    at = 2;
                    What::Spread(name)
                }
                None => What::Inline,
            }
        } else {
            let key = self.name_at(0)?;
            let name = if self.is(1, b':') { self.name_at(2)? } else { key };
            at += if self.is(1, b':') { 2 } else { 0 };
            What::Field { key, name }
        };
        at = self.behind_group(at, b'(');
        while self.is(at, b'@') {
            at = self.behind_group(at + 2, b'(');
        }
        let end = self.behind_group(at, b'{');
        let inside = (end > at).then(|| Self { tokens: &self.tokens[at + 1..end - 1], ..self });
        Some((Selected { what, source: Self { tokens: &self.tokens[..end], ..self }, inside }, end))
    }

    /// The variables that a definition's head defines: the name, and the tokens of the definition.
    pub(in crate::graphql) fn defined_variables(self) -> Vec<(&'d str, &'d [Token])> {
        let (head, ..) = self.set();
        let head = Self { tokens: head, ..self };
        let open = usize::from(head.name_at(1).is_some()) + 1;
        if !head.is(open, b'(') {
            return Vec::new();
        }
        let close = head.behind_group(open, b'(') - 1;
        // A default holds no variable, so a dollar sign begins a definition.
        let begins: Vec<usize> = (open + 1..close).filter(|index| head.is(*index, b'$')).collect();
        let ends = begins.iter().skip(1).copied().chain([close]);
        let named =
            begins.iter().zip(ends).map(|(begin, end)| Some((head.name_at(begin + 1)?, &head.tokens[*begin..end])));
        named.collect::<Option<_>>().unwrap_or_default()
    }

    /// The index behind a group that opens here; this one, if none does.
    fn behind_group(self, at: usize, open: u8) -> usize {
        if !self.is(at, open) {
            return at;
        }
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(at) {
            depth += usize::from(token.opens());
            depth = depth.saturating_sub(usize::from(token.closes()));
            if depth == 0 {
                return index + 1;
            }
        }
        self.tokens.len()
    }

    fn is(self, index: usize, mark: u8) -> bool {
        self.tokens.get(index).is_some_and(|token| token.is(mark))
    }

    fn name_at(self, index: usize) -> Option<&'d str> {
        let token = self.tokens.get(index)?;
        (token.kind == Kind::Name).then(|| &self.text[token.start..token.end])
    }
}
