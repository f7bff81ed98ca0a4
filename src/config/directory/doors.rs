//! The backend's own login, where the gateway asks for it: whoever knows its name must not get past the gateway by it.
//!
//! ```toml
//! [directory]
//! kind = "upstream"
//! fields.login = "tokenAuth"
//!
//! [graphql.owned_aliases]
//! tokenAuth = "login"
//! ```
//!
//! What `[directory.fields]` names gives out the backend's own tokens, to clients as to the gateway: past throttle, second factor and
//! audit log. So each such name is one that the gateway answers itself, or one that a rule of `[[fields]]` is for.

use super::DirectorySettings;
use crate::{
    config::reader::Table,
    model::{FieldRule, OWNED_FIELDS, OperationKind, OwnedAlias},
};

const LOGIN: &str = "login";
const REFRESH: &str = "refreshToken";

/// Rejects names of `directory` that clients would reach at the backend.
pub(in crate::config) fn reject_open(
    root: &Table<'_>,
    directory: Option<&DirectorySettings>,
    aliases: &[OwnedAlias],
    rules: &[FieldRule],
) {
    let Some(DirectorySettings::Upstream(settings)) = directory else { return };
    let (login, refresh) = (&settings.fields.login, &settings.fields.refresh);
    for (key, name, operation) in [("login", login, LOGIN), ("refresh", refresh, REFRESH)] {
        if is_answered(name, aliases) || rules.iter().any(|rule| is_for(rule, name)) {
            continue;
        }
        let why = format!("is \"{name}\", by which clients get the backend's own tokens, past the gateway");
        let help = format!(
            "set `{name} = \"{operation}\"` below [graphql.owned_aliases]: the gateway answers it then; or say who may use it, in \
             [[fields]]"
        );
        root.again("directory", |table| table.again("fields", |fields| fields.reject(key, &why, &help)));
    }
}

/// Whether the gateway answers a mutation of this name. One mutation may take a password or a refresh token.
fn is_answered(name: &str, aliases: &[OwnedAlias]) -> bool {
    OWNED_FIELDS.contains(&name)
        || aliases.iter().any(|alias| alias.name == name && [LOGIN, REFRESH].contains(&alias.field))
}

/// Whether a rule means a mutation of the backend's of this name, whatever it says of it.
fn is_for(rule: &FieldRule, mutation: &str) -> bool {
    rule.field.as_ref().is_none_or(|field| field == mutation)
        && rule.kind.is_none_or(|kind| kind == OperationKind::Mutation)
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{config_of, help_of, messages_of};

    const LOGIN: &str = "fields.login = 'tokenAuth'\n";
    const REFRESH: &str = "fields.refresh = 'renew'\n";

    fn of(fields: &str, more: &str) -> String {
        format!("[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\nkind = 'upstream'\n{fields}{more}")
    }

    fn open(key: &str, name: &str) -> String {
        format!(
            "`directory.fields.{key}` is \"{name}\", by which clients get the backend's own tokens, past the gateway"
        )
    }

    #[test]
    fn a_name_that_clients_could_go_by_is_one_that_the_gateway_answers() {
        let (login, refresh) = (open("login", "tokenAuth"), open("refresh", "renew"));
        assert_eq!(messages_of(&of(LOGIN, "")), [login.as_str()]);
        assert_eq!(messages_of(&of(&(LOGIN.to_owned() + REFRESH), "")), [login.as_str(), refresh.as_str()]);
        let names = "[graphql.owned_aliases]\ntokenAuth = 'login'\n";
        assert!(messages_of(&of(LOGIN, names)).is_empty());
        assert_eq!(messages_of(&of(&(LOGIN.to_owned() + REFRESH), names)), [refresh]);
        let both = of(&(LOGIN.to_owned() + REFRESH), &(names.to_owned() + "renew = 'refreshToken'"));
        assert_eq!(config_of(&both).graphql.owned_aliases.len(), 2);
        assert!(messages_of(&of("fields.login = 'login'\nfields.refresh = 'refreshToken'\n", "")).is_empty());
        for other in ["'logout'", "'authSessions'"] {
            let found = messages_of(&of(LOGIN, &format!("[graphql.owned_aliases]\ntokenAuth = {other}")));
            assert_eq!(found, [login.as_str()], "{other}");
        }
        let one = "fields.login = 'auth'\nfields.refresh = 'auth'\n";
        assert!(messages_of(&of(one, "[graphql.owned_aliases]\nauth = 'login'")).is_empty());
    }

    #[test]
    fn a_rule_of_any_kind_says_who_may_use_it() {
        for (rule, is_enough) in [
            ("field = 'tokenAuth'\ndeny = true", true),
            ("field = 'tokenAuth'\ntype = 'Mutation'\nauth = 'required'", true),
            ("field = '*'\nauth = 'required'", true),
            ("field = 'tokenAuth'\ntype = 'Query'\ndeny = true", false),
            ("field = '*'\ntype = 'Subscription'\ndeny = true", false),
            ("field = 'login'\ndeny = true", false),
        ] {
            assert_eq!(messages_of(&of(LOGIN, &format!("[[fields]]\n{rule}"))).is_empty(), is_enough, "{rule}");
        }
    }

    #[test]
    fn the_line_that_shuts_it_is_told_and_does() {
        let told = help_of(&of(LOGIN, ""));
        let line = "`tokenAuth = \"login\"` below [graphql.owned_aliases]";
        assert!(told.len() == 1 && told[0].starts_with(&format!("set {line}")), "{told:?}");
        assert!(messages_of(&of(LOGIN, "[graphql.owned_aliases]\ntokenAuth = \"login\"")).is_empty());
    }
}
