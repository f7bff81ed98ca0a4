//! What `[[routes]]` and `[[fields]]` ask of a caller, in the same words.

use std::time::Duration;

use super::{
    reader::{Fault, Table, days, seconds},
    tokens::Claim,
};
use crate::model::Demands;

/// Longer than any session has been known to live.
const LONGEST: Duration = days(3650);

/// Reads what a table asks for. `claims` are those of access tokens, by which roles and permissions are known; `None`
/// where they could not be read.
pub(super) fn read(table: &Table<'_>, claims: Option<&[Claim]>) -> Demands {
    let names = |key: &'static str, expected: &str, claim: Claim, word: &str| {
        let names = table.texts(key, expected, parse_name);
        if names.as_ref().is_some_and(Vec::is_empty) {
            table.reject(key, "is empty", "take it out, or name some");
        }
        if names.is_some() && claims.is_some_and(|claims| !claims.contains(&claim)) {
            let why = format!("are not known of callers: `tokens.claims` lacks \"{word}\"");
            table.reject(key, &why, &format!("add \"{word}\" to `claims` of [tokens]"));
        }
        names.unwrap_or_default()
    };
    Demands {
        roles: names("roles", "the name of a role", Claim::Roles, "roles"),
        permissions: names(
            "permissions",
            "a permission such as \"news.add_article\"",
            Claim::Permissions,
            "permissions",
        ),
        mfa: table.flag("mfa", false),
        max_auth_age: table.optional_duration("max_auth_age", &(seconds(1)..=LONGEST)),
    }
}

fn parse_name(text: &str) -> Result<String, Fault> {
    if text.is_empty() { Err(Fault::Form) } else { Ok(text.to_owned()) }
}
