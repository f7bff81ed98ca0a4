//! `[[fields]]`: which root fields of GraphQL are for whom.
//!
//! Of several rules for a field the most specific counts: a name before `*`, with `type` before without. What the listener
//! and the route ask for is asked beside that.

use std::collections::HashSet;

use super::{
    demands,
    listener::{AuthPolicy, Listener},
    reader::{Fault, Table},
    tokens::Claim,
};
use crate::model::{Access, Demands, FieldRule, OperationKind, OwnedAlias};

/// What a rule is for: `None` for every field, and for operations of all kinds.
type Meant = (Option<String>, Option<OperationKind>);

/// `claims` are those of access tokens, `aliases` other names of auth operations.
pub(super) fn read_all(
    root: &Table<'_>,
    claims: Option<&[Claim]>,
    aliases: &[OwnedAlias],
    listeners: &[Listener],
) -> Vec<FieldRule> {
    let mut known = HashSet::new();
    let fields = root.optional_tables("fields", |table| {
        let rule = read(table, claims, &mut known);
        let alias =
            aliases.iter().find(|alias| rule.as_ref().is_some_and(|rule| rule.field.as_ref() == Some(&alias.name)));
        if let Some(OwnedAlias { field, .. }) = alias {
            let why = format!("is another name of `{field}`, by `graphql.owned_aliases`");
            table.reject("field", &why, &format!("name `{field}`: a rule for it is one for its other names, too"));
        }
        rule
    });
    let fields: Vec<FieldRule> = fields.into_iter().flatten().collect();
    if !fields.is_empty() && listeners.iter().any(|listener| listener.auth == AuthPolicy::None) {
        let why = "have no say at a listener with auth = \"none\": no document is looked into there";
        root.warn(
            "fields",
            why,
            "use \"optional\" for the listener, or let nobody reach it who is not to use all fields",
        );
    }
    fields
}

fn read(table: &Table<'_>, claims: Option<&[Claim]>, known: &mut HashSet<Meant>) -> Option<FieldRule> {
    table.require("field", "\"deletePost\"");
    let field = table.text("field", "the name of a root field, or \"*\" for all that are the backend's", parse_name);
    let kinds = [
        ("Query", Some(OperationKind::Query)),
        ("Mutation", Some(OperationKind::Mutation)),
        ("Subscription", Some(OperationKind::Subscription)),
    ];
    let kind = table.choice("type", None, &kinds);
    let access = access(table, demands::read(table, claims));
    let field = field?;
    if !known.insert((field.clone(), kind)) {
        table.reject(
            "field",
            "has another rule already",
            "take one of the two out, or give them a `type` of their own",
        );
    }
    Some(FieldRule { field, kind, access })
}

/// Who may use it. What is asked of a caller takes one, unless it is said that everybody may.
fn access(table: &Table<'_>, demands: Demands) -> Access {
    let words = [("required", true), ("optional", false)];
    // What is no such word is reported, and says something.
    let takes_caller = table.optional_choice("auth", &words).or_else(|| table.has("auth").then_some(true));
    let is_denied = table.flag("deny", false);
    if is_denied && (takes_caller.is_some() || !demands.is_empty()) {
        table.reject("deny", "keeps everybody out, while more is said of who may", "take one of the two out");
    }
    match (is_denied, takes_caller) {
        (true, _) => Access::Denied,
        (false, Some(false)) if !demands.is_empty() => {
            let why = "lets everybody in, while something is asked of the caller";
            table.reject("auth", why, "use \"required\", or take the rest out");
            Access::Open
        }
        (false, Some(false)) => Access::Open,
        (false, None) if demands.is_empty() => {
            let help = "add `auth`, `roles`, `permissions`, `mfa`, `max_auth_age` or `deny = true`";
            table.reject("field", "has a rule that says nothing", help);
            Access::Open
        }
        (false, Some(true) | None) => Access::Known(demands),
    }
}

/// Whether it is a name of GraphQL (October 2021 §2.1.9).
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// A name, or `*`. What begins with two underscores is about every schema, and of that
/// `__typename` tells nothing.
fn parse_name(text: &str) -> Result<Option<String>, Fault> {
    match text {
        "*" => Ok(None),
        _ if text.starts_with("__") && !matches!(text, "__schema" | "__type") => Err(Fault::Form),
        _ if is_name(text) => Ok(Some(text.to_owned())),
        _ => Err(Fault::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, OperationKind};
    use crate::config::tests::{config, messages};

    fn rule(lines: &str) -> Vec<String> {
        messages(&format!("[[fields]]\nfield = 'a'\n{lines}"))
    }

    #[test]
    fn a_rule_says_who_may() {
        assert!(config("").fields.is_empty());
        let read = |lines: &str| config(&format!("[[fields]]\nfield = 'a'\n{lines}")).fields.remove(0);
        assert_eq!(read("auth = 'optional'").access, Access::Open);
        assert_eq!(read("deny = true").access, Access::Denied);
        assert!(matches!(read("auth = 'required'").access, Access::Known(demands) if demands.is_empty()));
        assert!(matches!(read("mfa = true\ntype = 'Mutation'").access, Access::Known(demands) if demands.mfa));
        let every = config("[[fields]]\nfield = '*'\ntype = 'Subscription'\ndeny = true").fields.remove(0);
        assert_eq!((every.field, every.kind), (None, Some(OperationKind::Subscription)));
    }

    #[test]
    fn a_rule_that_contradicts_itself_or_says_nothing_is_none() {
        assert_eq!(rule(""), ["`fields.field` has a rule that says nothing"]);
        assert_eq!(rule("deny = false"), ["`fields.field` has a rule that says nothing"]);
        for more in ["auth = 'optional'", "mfa = true", "roles = ['a']"] {
            let found = rule(&format!("deny = true\n{more}"));
            assert_eq!(found, ["`fields.deny` keeps everybody out, while more is said of who may"]);
        }
        let open = ["`fields.auth` lets everybody in, while something is asked of the caller"];
        assert_eq!(rule("auth = 'optional'\nmax_auth_age = '1h'"), open);
        assert_eq!(rule("auth = 'none'").len(), 1);
        let unknown = ["`fields.permissions` are not known of callers: `tokens.claims` lacks \"permissions\""];
        assert_eq!(rule("permissions = ['a.b']"), unknown);
    }

    #[test]
    fn rules_that_a_listener_does_not_ask_about_are_warned_of() {
        let at =
            |auth: &str| messages(&format!("[[listeners]]\nauth = '{auth}'\n[[fields]]\nfield = 'a'\ndeny = true"));
        let warned = ["`fields` have no say at a listener with auth = \"none\": no document is looked into there"];
        assert_eq!(at("none"), warned);
        assert!(at("optional").is_empty() && at("required").is_empty());
        assert!(messages("[[listeners]]\nauth = 'none'").is_empty());
    }

    #[test]
    fn the_same_is_said_once() {
        let two = |one: &str, other: &str| {
            messages(&format!("[[fields]]\ndeny = true\n{one}\n[[fields]]\ndeny = true\n{other}"))
        };
        for (one, other) in
            [("field = 'a'", "field = 'a'"), ("field = '*'\ntype = 'Query'", "field = '*'\ntype = 'Query'")]
        {
            assert_eq!(two(one, other), ["`fields.field` has another rule already"]);
        }
        assert!(two("field = 'a'", "field = 'a'\ntype = 'Query'").is_empty());
        assert!(two("field = 'a'", "field = 'A'").is_empty(), "names are told apart by case");
    }

    #[test]
    fn an_operation_has_rules_by_its_own_name() {
        let ruled = |field: &str| {
            messages(&format!(
                "[graphql]\nowned_aliases.tokenAuth = 'login'\n[[fields]]\nfield = '{field}'\ndeny = true"
            ))
        };
        assert_eq!(ruled("tokenAuth"), ["`fields.field` is another name of `login`, by `graphql.owned_aliases`"]);
        assert!(ruled("login").is_empty() && ruled("*").is_empty() && ruled("tokenauth").is_empty());
    }

    #[test]
    fn fields_have_names_of_graphql() {
        for good in ["a", "_a9", "__schema", "__type"] {
            assert!(messages(&format!("[[fields]]\nfield = '{good}'\ndeny = true")).is_empty(), "{good}");
        }
        for bad in ["", "9a", "a b", "a*", "é", "__typename", "__x", "a-b"] {
            assert_eq!(messages(&format!("[[fields]]\nfield = '{bad}'\ndeny = true")).len(), 1, "{bad}");
        }
        assert_eq!(messages("[[fields]]\ndeny = true"), ["`fields.field` is missing"]);
    }
}
