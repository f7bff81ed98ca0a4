//! The backend's part of a document that has owned fields, too: the rest is blanked, line ends kept, so that everything
//! stands where it stood.

use std::collections::{HashMap, HashSet};

use super::{Excerpt, SKIPPED, Writer, variables};
use crate::graphql::{
    Variables,
    document::{self, Operation, Selected, Source, Token, What},
    schema::ObjectType,
    validate::Scope,
};

/// An operation for when the one that is asked for is the gateway's alone: it runs nothing.
const NOTHING: &str = " query railgate_nothing { ... @skip(if: true) { __typename } }";
const NOTHING_NAME: &str = "railgate_nothing";

/// A fragment has fields of the gateway's at the root and is used below it, too: no one text is right in both places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::graphql) struct Shared;

/// Which root fields are left.
#[derive(Clone, Copy, Debug)]
pub(in crate::graphql) enum Wanted<'k> {
    /// All of the backend's.
    Backend,
    /// Those of the backend's under these response keys.
    Keys(&'k [String]),
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

    /// These root fields, and what they need. The backend runs it.
    ///
    /// # Errors
    /// When a fragment stands in the way.
    pub(in crate::graphql) fn part(&self, wanted: Wanted<'_>, given: &Variables) -> Result<Excerpt, Shared> {
        let mut cut = Cut::new(self.scope, wanted);
        let kept = self.operation(self.operation, &mut cut).unwrap_or_default();
        let mut tokens = kept.tokens;
        tokens.extend(cut.fragments()?);
        tokens.sort_unstable_by_key(|token| token.start);
        let mut writer = Writer::new(self.scope.document.text());
        tokens.iter().for_each(|token| writer.copy_in_place(token));
        Ok(Excerpt::new(writer, self.operation.name.map(str::to_owned), &kept.variables, given))
    }

    /// All that is the backend's, in other operations, too, to be validated: the operation itself runs nothing. `None`
    /// when nothing is.
    ///
    /// # Errors
    /// The same.
    pub(in crate::graphql) fn check(&self, given: &Variables) -> Result<Option<Excerpt>, Shared> {
        // One cut for all operations, so that a fragment is looked at once, however many use it.
        let mut cut = Cut::new(self.scope, Wanted::Backend);
        let own = self.operation(self.operation, &mut cut);
        let mut tokens = own.as_ref().map(|kept| kept.tokens.clone()).unwrap_or_default();
        for other in self.scope.operations.iter().filter(|other| other.at != self.operation.at) {
            tokens.extend(self.operation(other, &mut cut).map(|kept| kept.tokens).unwrap_or_default());
        }
        if tokens.is_empty() {
            return Ok(None);
        }
        tokens.extend(cut.fragments()?);
        tokens.sort_unstable_by_key(|token| token.start);
        let (head, _, end) = self.operation.source.set();
        let at = |tokens: &[Token]| own.as_ref().and(tokens.last()).map(|token| token.start);
        let (open, close) = (at(head), at(end));
        let mut writer = Writer::new(self.scope.document.text());
        for token in &tokens {
            if Some(token.start) == close {
                writer.glue("}");
            }
            writer.copy_in_place(token);
            if Some(token.start) == open {
                writer.glue(SKIPPED);
            }
        }
        let Some(own) = own else {
            writer.glue(NOTHING);
            return Ok(Some(Excerpt::new(writer, Some(NOTHING_NAME.to_owned()), &HashSet::new(), given)));
        };
        Ok(Some(Excerpt::new(writer, self.operation.name.map(str::to_owned), &own.variables, given)))
    }

    /// What is wanted of one operation, its fragments aside; `None` when nothing is.
    fn operation(&self, operation: &Operation<'d>, cut: &mut Cut<'_, 'd>) -> Option<Kept<'d>> {
        let (head, inside, end) = operation.source.set();
        cut.root = self.scope.schema.root(operation.definition.ty);
        let is_kept = cut.set(inside);
        let mut tokens = std::mem::take(&mut cut.kept);
        if !is_kept {
            return None;
        }
        let mut variables = cut.variables(&tokens);
        tokens.extend(self.head(operation, head, &mut variables));
        tokens.extend(end);
        Some(Kept { tokens, variables })
    }

    /// An operation's beginning without the variables that nothing uses any more; what its directives use is added.
    fn head(&self, operation: &Operation<'d>, head: &[Token], used: &mut HashSet<&'d str>) -> Vec<Token> {
        let defined = operation.source.defined_variables();
        let end_of_variables = defined.last().and_then(|(_, tokens)| tokens.last()).map_or(0, |token| token.start);
        let behind = head.iter().position(|token| token.start > end_of_variables).unwrap_or_default();
        let text = self.scope.document.text();
        used.extend(variables(text, &head[behind..]));
        let unused = defined.iter().filter(|(name, _)| !used.contains(name));
        let unused: HashSet<usize> = unused.flat_map(|(_, tokens)| tokens.iter().map(|token| token.start)).collect();
        let mut kept: Vec<Token> = head.iter().filter(|token| !unused.contains(&token.start)).copied().collect();
        if let Some(empty) = kept.windows(2).position(|pair| pair[0].is(b'(') && pair[1].is(b')')) {
            kept.drain(empty..empty + 2);
        }
        kept
    }
}

/// What is left of an operation.
#[derive(Default)]
struct Kept<'d> {
    /// Its own, in no order.
    tokens: Vec<Token>,
    /// The variables that it uses, those of its fragments among them.
    variables: HashSet<&'d str>,
}

/// One cut in the making.
struct Cut<'s, 'd> {
    scope: &'s Scope<'d>,
    root: Option<&'s ObjectType>,
    wanted: Wanted<'s>,
    /// Of the definition that is being cut.
    kept: Vec<Token>,
    /// Fields that are kept with everything in them.
    whole: Vec<Source<'d>>,
    /// Fragments met at the root, and what is left of them, if anything is.
    met: HashMap<&'d str, Option<Vec<Token>>>,
    /// What fragments use.
    uses: HashMap<&'d str, Uses<'d>>,
}

/// What tokens name.
struct Uses<'d> {
    spreads: Vec<&'d str>,
    variables: Vec<&'d str>,
}

impl<'d> Uses<'d> {
    fn of(text: &'d str, tokens: &[Token]) -> Self {
        let spreads = document::spreads(text, tokens).map(|spread| spread.name).collect();
        Self { spreads, variables: variables(text, tokens).into_iter().collect() }
    }
}

impl<'s, 'd> Cut<'s, 'd> {
    fn new(scope: &'s Scope<'d>, wanted: Wanted<'s>) -> Self {
        let (met, uses) = (HashMap::new(), HashMap::new());
        Self { scope, root: None, wanted, kept: Vec::new(), whole: Vec::new(), met, uses }
    }

    /// All that is left of fragments.
    fn fragments(&self) -> Result<Vec<Token>, Shared> {
        let mut tokens: Vec<Token> = self.met.values().flatten().flatten().copied().collect();
        for fragment in self.scope.reached_from(self.whole.iter().copied()) {
            let all = fragment.source.tokens();
            match self.met.get(fragment.name) {
                None => tokens.extend(all),
                Some(Some(kept)) if kept.len() == all.len() => {}
                Some(_) => return Err(Shared),
            }
        }
        Ok(tokens)
    }

    /// The variables that these tokens use, or the fragments that they reach.
    fn variables(&mut self, tokens: &[Token]) -> HashSet<&'d str> {
        let Uses { spreads: mut open, variables } = Uses::of(self.scope.document.text(), tokens);
        let (mut used, mut seen) = (HashSet::from_iter(variables), HashSet::new());
        while let Some(name) = open.pop() {
            if seen.insert(name) {
                let uses = self.used_by(name);
                used.extend(&uses.variables);
                open.extend(&uses.spreads);
            }
        }
        used
    }

    fn used_by(&mut self, name: &'d str) -> &Uses<'d> {
        let (scope, met) = (self.scope, &self.met);
        self.uses.entry(name).or_insert_with(|| {
            let whole = || scope.fragment(name).map(|fragment| fragment.source.tokens()).unwrap_or_default();
            Uses::of(scope.document.text(), met.get(name).and_then(Option::as_deref).unwrap_or_else(whole))
        })
    }

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
                let is_backends =
                    name != "__typename" && self.root.is_none_or(|root| schema.field(root, name).is_none());
                let is_wanted = match self.wanted {
                    Wanted::Backend => is_backends,
                    Wanted::Keys(keys) => is_backends && keys.iter().any(|kept| kept == key),
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
        if let Some(left) = self.met.get(name) {
            return left.is_some();
        }
        let Some(fragment) = self.scope.fragment(name) else { return false };
        let (before, inside, after) = fragment.source.set();
        let around = std::mem::take(&mut self.kept);
        let keeps = self.framed(before, inside, after);
        let kept = std::mem::replace(&mut self.kept, around);
        self.met.insert(name, keeps.then_some(kept));
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
