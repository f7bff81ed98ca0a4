//! The backend's part of a document that has owned fields, too: the rest is blanked, line ends kept, so that everything
//! stands where it stood.

use std::collections::HashMap;

use super::{Excerpt, Purpose, SKIPPED, Writer, variables};
use crate::graphql::{
    Variables,
    document::{Operation, Selected, Source, Token, What},
    schema::ObjectType,
    validate::Scope,
};

/// A fragment has fields of the gateway's at the root and is used below it, too: no one text is right in both places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::graphql) struct Shared;

/// Which root fields are left.
#[derive(Clone, Copy, Debug)]
pub(in crate::graphql) enum Wanted<'k> {
    /// All of the backend's.
    Backend,
    /// Those of the backend's under these response keys.
    Keys(&'k [&'k str]),
    /// Introspection.
    Introspection,
}

/// Cuts parts out of an operation.
pub(in crate::graphql) struct Cutter<'s, 'd> {
    scope: &'s Scope<'d>,
    operation: &'s Operation<'d>,
}

impl<'s, 'd> Cutter<'s, 'd> {
    pub(in crate::graphql) const fn new(scope: &'s Scope<'d>, operation: &'s Operation<'d>) -> Self {
        Self { scope, operation }
    }

    /// These root fields, and what they need.
    ///
    /// # Errors
    /// When a fragment stands in the way.
    pub(in crate::graphql) fn part(
        &self,
        wanted: Wanted<'_>,
        purpose: Purpose,
        given: &Variables,
    ) -> Result<Excerpt, Shared> {
        let (head, inside, end) = self.operation.source.set();
        let mut cut = Cut {
            scope: self.scope,
            root: self.scope.schema.root(self.operation.definition.ty),
            wanted,
            kept: Vec::new(),
            whole: Vec::new(),
            fragments: HashMap::new(),
        };
        cut.set(inside);
        let reached = self.scope.reached_from(cut.whole.iter().copied());
        if reached.iter().any(|fragment| cut.fragments.contains_key(fragment.name)) {
            return Err(Shared);
        }
        let mut kept = cut.kept;
        kept.extend(reached.iter().flat_map(|fragment| fragment.source.tokens()));
        kept.sort_unstable_by_key(|token| token.start);
        let text = self.scope.document.text();
        let mut used = variables(text, &kept);
        let head = self.head(head, &mut used);
        let (open, close) = (head.last().map(|token| token.start), end.first().map(|token| token.start));
        kept.extend(head);
        kept.extend(end);
        kept.sort_unstable_by_key(|token| token.start);

        let mut writer = Writer::new(text);
        for token in &kept {
            if purpose == Purpose::Check && Some(token.start) == close {
                writer.glue("}");
            }
            writer.copy_in_place(token);
            if purpose == Purpose::Check && Some(token.start) == open {
                writer.glue(SKIPPED);
            }
        }
        Ok(Excerpt::new(writer, self.operation.name.map(str::to_owned), &used, given))
    }

    /// The operation's beginning without the variables that nothing uses any more; what its directives use is added.
    fn head(&self, head: &[Token], used: &mut Vec<&'d str>) -> Vec<Token> {
        let defined = self.operation.source.defined_variables();
        let end_of_variables = defined.last().and_then(|(_, tokens)| tokens.last()).map_or(0, |token| token.start);
        let behind = head.iter().position(|token| token.start > end_of_variables).unwrap_or_default();
        let text = self.scope.document.text();
        for name in variables(text, &head[behind..]) {
            if !used.contains(&name) {
                used.push(name);
            }
        }
        let unused = defined.iter().filter(|(name, _)| !used.contains(name));
        let unused: Vec<usize> = unused.flat_map(|(_, tokens)| tokens.iter().map(|token| token.start)).collect();
        let mut kept: Vec<Token> = head.iter().filter(|token| !unused.contains(&token.start)).copied().collect();
        if let Some(empty) = kept.windows(2).position(|pair| pair[0].is(b'(') && pair[1].is(b')')) {
            kept.drain(empty..empty + 2);
        }
        kept
    }
}

/// One cut in the making.
struct Cut<'s, 'd> {
    scope: &'s Scope<'d>,
    root: Option<&'s ObjectType>,
    wanted: Wanted<'s>,
    kept: Vec<Token>,
    /// Fields that are kept with everything in them.
    whole: Vec<Source<'d>>,
    /// Fragments met at the root, and whether anything is left of them.
    fragments: HashMap<&'d str, bool>,
}

impl<'d> Cut<'_, 'd> {
    /// Keeps what is to be kept of a set at the root; tells whether that is anything.
    fn set(&mut self, inside: Source<'d>) -> bool {
        let mut any = false;
        for selected in inside.selections() {
            any |= self.selection(selected);
        }
        any
    }

    fn selection(&mut self, selected: Selected<'d>) -> bool {
        let keeps = match selected.what {
            What::Field { key, name } => {
                let schema = self.scope.schema;
                let is_backends = self.root.is_none_or(|root| schema.field(root, name).is_none());
                let is_wanted = match self.wanted {
                    Wanted::Backend => is_backends,
                    Wanted::Keys(keys) => is_backends && keys.contains(&key),
                    Wanted::Introspection => self.root.is_some_and(|root| schema.introspection(root, name).is_some()),
                };
                if !is_wanted {
                    return false;
                }
                self.whole.push(selected.source);
                true
            }
            What::Spread(name) => self.fragment(name),
            What::Inline => {
                let (Some((before, after)), Some(inside)) = (selected.frame(), selected.inside) else { return false };
                return self.framed(before, inside, after);
            }
        };
        if keeps {
            self.kept.extend(selected.source.tokens());
        }
        keeps
    }

    fn fragment(&mut self, name: &'d str) -> bool {
        if let Some(keeps) = self.fragments.get(name) {
            return *keeps;
        }
        let Some(fragment) = self.scope.fragment(name) else { return false };
        let (before, inside, after) = fragment.source.set();
        let keeps = self.framed(before, inside, after);
        self.fragments.insert(name, keeps);
        keeps
    }

    fn framed(&mut self, before: &[Token], inside: Source<'d>, after: &[Token]) -> bool {
        let so_far = self.kept.len();
        self.kept.extend(before);
        let keeps = self.set(inside);
        if keeps {
            self.kept.extend(after);
        } else {
            self.kept.truncate(so_far);
        }
        keeps
    }
}
