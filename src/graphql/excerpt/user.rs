//! What a login asks of its user beyond what the directory knows, as a query of the backend's `me`.
//!
//! The fields stand side by side, whatever fragments they came in: the backend's user type has another name than the
//! payload's, so conditions on that are gone, and have been applied before.

use super::{Excerpt, Purpose, SKIPPED, Writer, variables};
use crate::graphql::{
    Variables,
    document::{Operation, Source, Token},
    validate::Scope,
};

/// The backend's root field that gives the caller's own user, as Rail Django has it.
const USER_FIELD: &str = "me";

/// The response key under which the user says who it is.
pub(in crate::graphql) const USER_ID: &str = "railgate_id";

const OPERATION: &str = "railgate_user";

/// The fields that are asked of one `user`.
pub(in crate::graphql) type Group<'d> = Vec<Source<'d>>;

/// The response key under which the user of one group is.
pub(in crate::graphql) fn user_key(index: usize) -> String {
    format!("railgate_{index}")
}

/// A query of these groups, the first under the response key `railgate_0`.
pub(in crate::graphql) fn user<'d>(
    scope: &Scope<'d>,
    operation: &Operation<'d>,
    groups: &[Group<'d>],
    purpose: Purpose,
    given: &Variables,
) -> Excerpt {
    let fragments = scope.reached_from(groups.iter().flatten().copied());
    let all = groups.iter().flatten().copied().chain(fragments.iter().map(|fragment| fragment.source));
    let tokens: Vec<Token> = all.flat_map(|source| source.tokens()).copied().collect();
    let text = scope.document.text();
    let used = variables(text, &tokens);

    let mut writer = Writer::new(text);
    writer.glue("query ");
    writer.glue(OPERATION);
    let defined = operation.source.defined_variables();
    let mut needed = defined.iter().filter(|(name, _)| used.contains(name)).peekable();
    if needed.peek().is_some() {
        writer.glue("(");
        needed.for_each(|(_, tokens)| spaced(&mut writer, tokens));
        writer.glue(")");
    }
    writer.glue(" { ");
    if purpose == Purpose::Check {
        writer.glue(SKIPPED);
    }
    for (index, group) in groups.iter().enumerate() {
        writer.glue(&format!("{}: {USER_FIELD} {{ {USER_ID}: id ", user_key(index)));
        group.iter().for_each(|field| spaced(&mut writer, field.tokens()));
        writer.glue("} ");
    }
    if purpose == Purpose::Check {
        writer.glue("}");
    }
    writer.glue("} ");
    fragments.iter().for_each(|fragment| spaced(&mut writer, fragment.source.tokens()));
    Excerpt::new(writer, Some(OPERATION.to_owned()), &used, given)
}

fn spaced(writer: &mut Writer<'_>, tokens: &[Token]) {
    for token in tokens {
        writer.copy(token);
        writer.glue(" ");
    }
}
