//! `[sessions] accept_django` and `[sessions.django]`: the backend's own sessions.
//!
//! The keys are named after Django's settings and say what those say: `SECRET_KEY` and `SECRET_KEY_FALLBACKS`,
//! `SESSION_ENGINE`, `SESSION_COOKIE_NAME`, `SESSION_COOKIE_AGE`, `AUTHENTICATION_BACKENDS`. Whether sessions are accepted is a
//! key of its own, because the cookie's name counts either way: on GraphQL paths the cookie never reaches the backend.

use std::time::Duration;

use super::{
    cookies::parse_name,
    directory::DirectorySettings,
    reader::{Fault, Holds, Outside, Table, days, seconds},
};
use crate::model::Secret;

/// What Django sets its session cookie as, and whether that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DjangoSessionSettings {
    /// `SESSION_COOKIE_NAME`.
    pub cookie_name: String,
    /// How those that count are judged; `None`: none counts.
    pub accepted: Option<AcceptedSessions>,
}

/// How Django's sessions are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedSessions {
    /// `SECRET_KEY`, then `SECRET_KEY_FALLBACKS`; at least one.
    pub secrets: Vec<Secret>,
    /// Where sessions are.
    pub engine: SessionEngine,
    /// Classes of `AUTHENTICATION_BACKENDS` whose logins count.
    pub backends: Vec<String>,
}

/// Django's `SESSION_ENGINE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEngine {
    /// `db` and `cached_db`: in the table `django_session`.
    Database,
    /// `signed_cookies`: in the cookie itself.
    SignedCookies {
        /// `SESSION_COOKIE_AGE`: how long one counts after Django wrote it.
        lifetime: Duration,
    },
}

/// What one key says, before it is known what the others do.
#[derive(Clone, Copy, PartialEq)]
enum Engine {
    Database,
    SignedCookies,
}

impl DjangoSessionSettings {
    /// Reads both from `[sessions]`. `directory`: where users come from, if that is known.
    pub(super) fn read(table: &Table<'_>, directory: Option<&DirectorySettings>) -> Self {
        let accept = table.flag("accept_django", false);
        let (cookie_name, accepted, has_secret) = table.table("django", |table| {
            let accepted = AcceptedSessions::read(table, accept);
            (cookie_name(table), accepted, table.has("secret_key"))
        });
        if accept && !has_secret {
            let help =
                "add `secret_key = { env = \"DJANGO_SECRET_KEY\" }` below [sessions.django]: it signs the sessions";
            table.reject("accept_django", "is true, which needs `sessions.django.secret_key`", help);
        }
        let accepted = accepted.filter(|_| accept);
        let in_database = accepted.as_ref().is_some_and(|accepted| accepted.engine == SessionEngine::Database);
        if in_database && directory.is_some_and(|directory| !directory.has_django_sessions()) {
            let why = "is true, but the directory of this kind has no sessions of Django's";
            table.reject("accept_django", why, "remove it, or `engine = \"signed_cookies\"` if Django's are");
        }
        Self { cookie_name, accepted }
    }
}

impl AcceptedSessions {
    fn read(table: &Table<'_>, accept: bool) -> Option<Self> {
        let secrets = table.secrets("secret_key", "Django's SECRET_KEY", Outside::Whole, check_secret);
        let engine = table.choice(
            "engine",
            Engine::Database,
            &[("database", Engine::Database), ("signed_cookies", Engine::SignedCookies)],
        );
        let lifetime = table.duration("cookie_age", days(14), &(seconds(1)..=days(3650)));
        let class = "a class such as \"myproject.auth.LdapBackend\"";
        let default = ["django.contrib.auth.backends.ModelBackend"];
        let backends = table.texts_or("backends", class, &default, parse_class);
        if !accept {
            let keys = ["secret_key", "engine", "cookie_age", "backends"];
            table.warn_ineffective(&keys, "set `accept_django = true` below [sessions], or remove it");
        } else if matches!(engine, Engine::Database) {
            let help = "set `engine = \"signed_cookies\"` if Django's is, or remove it";
            table.warn_ineffective(&["cookie_age"], help);
        }
        if secrets.as_ref().is_some_and(Vec::is_empty) {
            table.reject(
                "secret_key",
                "is empty",
                "write `{ env = \"DJANGO_SECRET_KEY\" }`; fallbacks may follow in a list",
            );
        }
        if backends.is_empty() {
            table.reject("backends", "is empty, so no session would count", "remove it, or `accept_django`");
        }
        let engine = match engine {
            Engine::Database => SessionEngine::Database,
            Engine::SignedCookies => SessionEngine::SignedCookies { lifetime },
        };
        Some(Self { secrets: secrets?, engine, backends })
    }
}

fn cookie_name(table: &Table<'_>) -> String {
    let name = table.text_or("cookie_name", "a cookie's name", "sessionid", parse_name);
    if name == "csrftoken" {
        let help = "say what SESSION_COOKIE_NAME says; the default is \"sessionid\"";
        table.reject("cookie_name", "is the name of Django's other cookie", help);
    }
    name
}

/// Whoever guesses it is whom he likes. Django itself makes 50 characters, and warns of fewer (`security.W009`).
fn check_secret(text: &str) -> Result<Holds, Fault> {
    const SHORTEST: usize = 32;
    match text.len() {
        SHORTEST.. => Ok(Holds::Secret),
        short => Err(Fault::Because(format!("has {short} bytes; fewer than {SHORTEST} can be guessed"))),
    }
}

/// A dotted path as `AUTHENTICATION_BACKENDS` has it.
fn parse_class(text: &str) -> Result<String, Fault> {
    let is_name = |part: &str| {
        let mut characters = part.chars();
        let begins = characters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
        begins && characters.all(|other| other.is_alphanumeric() || other == '_')
    };
    if text.contains('.') && text.split('.').all(is_name) { Ok(text.to_owned()) } else { Err(Fault::Form) }
}

#[cfg(test)]
mod tests {
    use super::SessionEngine;
    use crate::config::{
        reader::days,
        tests::{config, messages},
    };

    const KEY: &str = "django-insecure-0123456789-0123456789-0123456789";

    fn accepting(more: &str) -> String {
        format!("[sessions]\naccept_django = true\n[sessions.django]\n{more}")
    }

    #[test]
    fn no_session_of_djangos_counts_unless_asked_for() {
        let settings = config("").django_sessions;
        assert!(settings.accepted.is_none() && settings.cookie_name == "sessionid");
        let settings = config("[sessions.django]\ncookie_name = 'newsroom'").django_sessions;
        assert!(settings.accepted.is_none() && settings.cookie_name == "newsroom", "the name counts either way");
        let ineffective = messages(&format!("[sessions.django]\nsecret_key = '{KEY}'"));
        assert!(ineffective.contains(&"`sessions.django.secret_key` has no effect".to_owned()), "{ineffective:?}");
    }

    #[test]
    fn true_alone_says_what_is_missing() {
        let needs = "`sessions.accept_django` is true, which needs `sessions.django.secret_key`";
        assert_eq!(messages("[sessions]\naccept_django = true"), [needs]);
        assert_eq!(messages(&accepting("")), [needs]);
        let found = messages("[sessions]\naccept_django = 'database'");
        assert_eq!(found, ["`sessions.accept_django`: expected true or false, found the text \"database\""]);
    }

    #[test]
    fn the_rest_is_as_django_has_it() {
        let read = |more: &str| config(&accepting(&format!("secret_key = '{KEY}'\n{more}"))).django_sessions;
        let accepted = read("").accepted.unwrap();
        assert_eq!((accepted.secrets.len(), accepted.engine), (1, SessionEngine::Database));
        assert_eq!(accepted.backends, ["django.contrib.auth.backends.ModelBackend"]);
        let accepted = read("engine = 'signed_cookies'\nbackends = ['a.B', 'c.d.E_f']").accepted.unwrap();
        assert_eq!(accepted.engine, SessionEngine::SignedCookies { lifetime: days(14) });
        assert_eq!(accepted.backends, ["a.B", "c.d.E_f"]);
        let accepted = config(&accepting(&format!("secret_key = ['{KEY}', '{KEY}2']"))).django_sessions.accepted;
        assert_eq!(accepted.unwrap().secrets[1].expose(), format!("{KEY}2"));
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let wrong = |more: &str| messages(&accepting(more)).join("; ");
        assert!(wrong("secret_key = 'short'").contains("has 5 bytes"));
        assert!(wrong("secret_key = []").contains("`sessions.django.secret_key` is empty"));
        let wrong = |more: &str| wrong(&format!("secret_key = '{KEY}'\n{more}"));
        assert!(wrong("engine = 'cache'").contains("`sessions.django.engine`: expected one of"));
        assert!(wrong("backends = []").contains("is empty"));
        assert!(wrong("cookie_name = 'csrftoken'").contains("Django's other cookie"));
        for bad in ["ModelBackend", "a..B", "a.b-c", ".a", "a.1b"] {
            assert!(wrong(&format!("backends = ['{bad}']")).contains("expected a class"), "{bad}");
        }
    }

    #[test]
    fn the_gateways_cookies_have_other_names() {
        let found = messages("[sessions.django]\ncookie_name = 'jwt'");
        assert_eq!(found, ["`cookies.access_name` is the name of one of Django's own cookies"]);
    }
}
