//! Documents for the backend, made of the client's own text: literals stay to the letter, and a place that the backend
//! names in an error is found again in what the client sent.
//!
//! - [`part`]: the client's document with everything blanked that is not the backend's
//! - [`user`]: what a login asks of its user beyond what the directory knows, as a query of the backend's `me`
//!
//! Either can be made to be checked only ([`Purpose::Check`]): the same fields under `@skip(if: true)`, which a backend
//! validates, together with the variables, and of which it runs nothing.

use std::collections::HashSet;

use async_graphql_parser::Pos;
use serde_json::Value;

use super::{
    Request, Variables,
    document::{self, Token},
};

mod part;
mod user;
mod writer;

pub(super) use part::{Cutter, Shared, Wanted};
pub(super) use user::{Group, USER_ID, user, user_key};
use writer::Writer;

/// What an excerpt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The backend runs it.
    Run,
    /// The backend validates it.
    Check,
}

/// What precedes the selections of an operation that is only checked; a closing brace follows them.
const SKIPPED: &str = "... @skip(if: true) {";

/// A request made of the client's.
#[derive(Debug)]
pub(super) struct Excerpt {
    pub(super) request: Request,
    /// Where tokens stand in it, in order, and where they stood in the client's document.
    places: Vec<(Pos, Pos)>,
}

impl Excerpt {
    fn new(writer: Writer<'_>, operation_name: Option<String>, used: &HashSet<&str>, given: &Variables) -> Self {
        let variables = given.iter().filter(|(name, _)| used.contains(name.as_str()));
        let variables = variables.map(|(name, value)| (name.clone(), value.clone())).collect();
        let (document, places) = writer.finish();
        Self { request: Request { document, variables, operation_name }, places }
    }

    /// The places in the client's document that it is made of.
    #[cfg(test)]
    pub(super) fn came_from(&self) -> impl Iterator<Item = Pos> {
        self.places.iter().map(|(_, there)| *there)
    }

    /// Where in the client's document a location of an error is; `None` for what the gateway wrote itself.
    pub(super) fn place(&self, location: &Value) -> Option<Pos> {
        let number = |key: &str| usize::try_from(location.get(key)?.as_u64()?).ok();
        let at = Pos { line: number("line")?, column: number("column")? };
        let index = self.places.binary_search_by_key(&at, |(here, _)| *here).ok()?;
        Some(self.places[index].1)
    }
}

/// The names of the variables that occur among these tokens.
fn variables<'d>(text: &'d str, tokens: &[Token]) -> HashSet<&'d str> {
    document::variables(text, tokens).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests;
