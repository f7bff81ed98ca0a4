//! `[graphql.owned_aliases]`: other names of auth operations, beside their own.
//!
//! ```toml
//! [graphql.owned_aliases]
//! tokenAuth = "login"
//! ```
//!
//! A backend may call its login otherwise, and clients go by its name: under a name that the gateway doesn't know, they would
//! log in past it. An operation keeps its own name, and has as many others as are given.

use super::{
    directory::Registered,
    fields::is_name,
    graphql::Register,
    reader::{Fault, Table},
};
use crate::model::{OWNED_FIELDS, OwnedAlias};

/// `register`: what becomes of that operation, and what whoever has `registered` is here.
pub(super) fn read(table: &Table<'_>, register: Register, registered: Registered) -> Vec<OwnedAlias> {
    let words = OWNED_FIELDS.map(|field| (field, field));
    let names = "a root field of GraphQL such as tokenAuth, without __ at its beginning";
    let read = table.named_choices("owned_aliases", names, parse_name, &words);
    let aliases: Vec<OwnedAlias> = read.into_iter().map(|(name, field)| OwnedAlias { name, field }).collect();
    if register == Register::Forward && aliases.iter().any(|alias| alias.field == "register") {
        let why = "has a name for `register`, which `register = \"forward\"` leaves to the backend";
        let possible = match registered {
            Registered::LogsIn => "adopt",
            Registered::HasAnotherName => "create",
            Registered::IsNobody => "refuse",
        };
        table.reject("owned_aliases", why, &format!("take it out, or set `register = \"{possible}\"`"));
    }
    aliases
}

fn parse_name(text: &str) -> Result<String, Fault> {
    if OWNED_FIELDS.contains(&text) {
        return Err(Fault::Because(format!("`{text}` is owned already, and means itself")));
    }
    if is_name(text) && !text.starts_with("__") { Ok(text.to_owned()) } else { Err(Fault::Form) }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{config, help_of, messages, messages_of};

    fn aliases(lines: &str) -> Vec<(String, &'static str)> {
        let aliases = config(&format!("[graphql]\n{lines}")).graphql.owned_aliases;
        aliases.into_iter().map(|alias| (alias.name, alias.field)).collect()
    }

    #[test]
    fn an_operation_has_as_many_names_as_are_given() {
        assert!(aliases("").is_empty() && aliases("owned_aliases = {}").is_empty());
        let table = "[graphql.owned_aliases]\ntokenAuth = 'login'\nsignIn = 'login'\nme2fa = 'authDevices'";
        let expected = [("tokenAuth", "login"), ("signIn", "login"), ("me2fa", "authDevices")];
        assert_eq!(aliases(table), expected.map(|(name, field)| (name.to_owned(), field)));
        assert_eq!(aliases("owned_aliases.tokenAuth = 'login'"), [("tokenAuth".to_owned(), "login")]);
    }

    #[test]
    fn what_is_no_operation_is_refused_with_the_nearest() {
        let found = messages("[graphql.owned_aliases]\ntokenAuth = 'logni'\nrenew = 7");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("`graphql.owned_aliases.tokenAuth`: expected one of \"login\""), "{found:?}");
        assert!(found[0].ends_with("did you mean \"login\"?"), "{found:?}");
        assert!(found[1].starts_with("`graphql.owned_aliases.renew`: expected one of"), "{found:?}");
        assert_eq!(messages("[graphql]\nowned_aliases = 'login'"), ["`graphql.owned_aliases`: expected a table"]);
    }

    #[test]
    fn a_name_is_one_of_graphql_that_is_not_owned() {
        for (name, why) in [
            ("login", "`login` is owned already, and means itself"),
            ("authSessions", "`authSessions` is owned already, and means itself"),
            ("__schema", "found the name \"__schema\""),
            ("__login", "found the name \"__login\""),
            ("9a", "found the name \"9a\""),
            ("token-auth", "found the name \"token-auth\""),
            ("", "found the name \"\""),
            ("é", "found the name \"é\""),
        ] {
            let found = messages(&format!("[graphql.owned_aliases]\n\"{name}\" = 'logout'"));
            let [found] = &found[..] else { panic!("{name}: {found:?}") };
            assert!(found.starts_with("`graphql.owned_aliases`: ") && found.ends_with(why), "{found}");
        }
        assert!(messages("[graphql.owned_aliases]\n_a9 = 'logout'\nLogin = 'login'").is_empty(), "case counts");
    }

    #[test]
    fn what_is_left_to_the_backend_has_no_other_name_here() {
        let found = messages("[graphql]\nregister = 'forward'\nowned_aliases = { signUp = 'register', a = 'login' }");
        let why =
            "`graphql.owned_aliases` has a name for `register`, which `register = \"forward\"` leaves to the backend";
        assert!(found.iter().any(|found| found == why), "{found:?}");
        assert!(messages("[graphql]\nowned_aliases = { signUp = 'register' }").is_empty());
    }

    #[test]
    fn what_is_told_to_do_then_is_possible() {
        for (directory, possible) in [
            ("url = 'sqlite:///db'", "adopt"),
            ("kind = 'upstream'", "adopt"),
            ("kind = 'upstream'\nfields.username = 'email'", "create"),
            ("kind = 'file'\npath = '/users.toml'", "refuse"),
        ] {
            let file = |register: &str| {
                format!(
                    "[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\n{directory}\n\
                     [graphql]\nregister = '{register}'\nowned_aliases.signUp = 'register'\n"
                )
            };
            let told = help_of(&file("forward"));
            let expected = format!("take it out, or set `register = \"{possible}\"`");
            assert!(told.contains(&expected), "{directory}: {told:?}");
            assert!(messages_of(&file(possible)).is_empty(), "{directory}: {:?}", messages_of(&file(possible)));
        }
    }
}
