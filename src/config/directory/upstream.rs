//! `[directory] kind = "upstream"`: the backend's own login.

use std::time::Duration;

use async_graphql_parser::{parse_query, types::DocumentOperations};
use http::{HeaderValue, uri::PathAndQuery};

use crate::config::reader::{Fault, Table, millis, minutes, seconds};

/// The backend's own login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamDirectorySettings {
    /// Of the GraphQL endpoint that is open to all.
    pub path: String,
    /// What stands in `Host`; `None`: as in `[upstream] url`.
    pub host: Option<String>,
    /// One question's time, connecting included.
    pub timeout: Duration,
    /// Questions at once.
    pub max_connections: usize,
    /// So many wrong passwords and codes may reach the backend …
    pub max_failures: u32,
    /// … within this time.
    pub failure_window: Duration,
    /// Of the backend's own second factors.
    pub second_factor: Vocabulary,
    /// How the backend calls things.
    pub fields: BackendFields,
}

/// In whose words the backend asks for a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// `verifyMfaLogin(code, ephemeralToken)`.
    Framework,
    /// `completeMfaLogin(totpCode, challengeToken)`.
    Tutorial,
    /// It asks for none.
    None,
}

/// `[directory.fields]`: how the backend calls things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendFields {
    /// The mutation that takes a name and a password.
    pub login: String,
    /// Its argument for the name.
    pub username: String,
    /// Its argument for the password.
    pub password: String,
    /// The mutation that takes a refresh token.
    pub refresh: String,
    /// Its argument.
    pub refresh_token: String,
    /// Its payload has the user, too.
    pub refresh_has_user: bool,
    /// The query whose answer is the caller.
    pub me: String,
    /// What of a payload says how it went.
    pub payload: String,
    /// What of a user is asked for.
    pub user: String,
    /// What of a payload's user is asked for beside that.
    pub grants: String,
    /// What is in a refusal when the backend has counted too many failures; empty: nothing.
    pub blocked: String,
    /// What is in an error, one of these, when the backend doesn't know who asks.
    pub unauthenticated: Vec<String>,
}

/// Rail Django's own words, and those of django-graphql-jwt.
const UNAUTHENTICATED: [&str; 7] = [
    "authentication required",
    "you do not have permission to perform this action",
    "user is disabled",
    "signature has expired",
    "error decoding signature",
    "refresh has expired",
    "invalid refresh token",
];

const NAME: &str = "the name of a field or an argument, such as \"login\"";
const SELECTION: &str = "fields as they are selected, such as \"id username: email\"";

impl UpstreamDirectorySettings {
    /// The keys that no other kind has.
    const KEYS: [&str; 6] = ["graphql_path", "host", "max_failures", "failure_window", "second_factor", "fields"];

    /// Refuses them beside another kind.
    pub(super) fn refuse(table: &Table<'_>, kind: &str) {
        // What is in there is no unknown key: the whole of it is out of place.
        table.optional("fields", |fields| drop(BackendFields::read(fields)));
        for key in Self::KEYS.into_iter().filter(|key| table.has(key)) {
            let why = format!("has no place beside kind \"{kind}\": it is one of kind \"upstream\"");
            table.reject(key, &why, "remove it, or set `kind = \"upstream\"`");
        }
    }

    /// Users log in by their names. An argument that is called otherwise takes an address of mail, say.
    #[must_use]
    pub fn is_by_username(&self) -> bool {
        self.fields.username == "username"
    }

    pub(super) fn read(table: &Table<'_>) -> Self {
        let words =
            [("framework", Vocabulary::Framework), ("tutorial", Vocabulary::Tutorial), ("none", Vocabulary::None)];
        Self {
            path: table.text_or("graphql_path", "a path such as \"/graphql/auth/\"", "/graphql/auth/", parse_path),
            host: table.text("host", "a name such as \"api.example.com\"", parse_host),
            timeout: table.duration("timeout", seconds(10), &(millis(50)..=seconds(60))),
            max_connections: table.number("max_connections", 16, &(1..=1_000)),
            max_failures: table.number("max_failures", 8, &(0..=1_000)),
            failure_window: table.duration("failure_window", minutes(5), &(seconds(1)..=minutes(24 * 60))),
            second_factor: table.choice("second_factor", Vocabulary::Framework, &words),
            fields: table.table("fields", BackendFields::read),
        }
    }
}

impl BackendFields {
    fn read(table: &Table<'_>) -> Self {
        let name = |key, default: &str| table.text_or(key, NAME, default, parse_name);
        let selection = |key, default: &str, parse: fn(&str) -> Result<String, Fault>| {
            table.text_or(key, SELECTION, default, parse)
        };
        Self {
            login: name("login", "login"),
            username: name("username", "username"),
            password: name("password", "password"),
            refresh: name("refresh", "refreshToken"),
            refresh_token: name("refresh_token", "refreshToken"),
            refresh_has_user: table.flag("refresh_has_user", true),
            me: name("me", "me"),
            payload: selection("payload", "ok errors token refreshToken expiresAt", parse_selection),
            user: selection(
                "user",
                "id username email firstName lastName isStaff isSuperuser isActive dateJoined lastLogin",
                parse_selection,
            ),
            grants: selection(
                "grants",
                "permissions roles { id name permissions { id name codename } }",
                parse_selection_or_none,
            ),
            blocked: table.text_or("blocked", "a text", "too many", |text| Ok(text.to_owned())),
            unauthenticated: table.texts_or("unauthenticated", "a text", &UNAUTHENTICATED, |text| {
                if text.is_empty() { Err(Fault::Form) } else { Ok(text.to_owned()) }
            }),
        }
    }
}

fn parse_path(text: &str) -> Result<String, Fault> {
    let is_path = text.starts_with('/') && !text.contains('#') && text.parse::<PathAndQuery>().is_ok();
    if is_path { Ok(text.to_owned()) } else { Err(Fault::Form) }
}

fn parse_host(text: &str) -> Result<String, Fault> {
    let is_host = !text.is_empty() && !text.contains(['/', ' ', '@']) && HeaderValue::from_str(text).is_ok();
    if is_host { Ok(text.to_owned()) } else { Err(Fault::Form) }
}

/// As the specification has names (October 2021 §2.1.9).
fn parse_name(text: &str) -> Result<String, Fault> {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name { Ok(text.to_owned()) } else { Err(Fault::Form) }
}

/// It ends up between braces, and must not end them.
fn parse_selection(text: &str) -> Result<String, Fault> {
    let document = parse_query(format!("{{ {text} }}")).map_err(|_| Fault::Form)?;
    match (document.operations, document.fragments.is_empty()) {
        (DocumentOperations::Single(_), true) if !text.contains('#') => Ok(text.to_owned()),
        _ => Err(Fault::Form),
    }
}

fn parse_selection_or_none(text: &str) -> Result<String, Fault> {
    if text.trim().is_empty() { Ok(String::new()) } else { parse_selection(text) }
}

#[cfg(test)]
mod tests {
    use super::{UpstreamDirectorySettings, Vocabulary, parse_host, parse_name, parse_path, parse_selection};
    use crate::config::{
        Bearer, Config, DirectorySettings, MfaStorage, Register,
        tests::{config_of, messages_of},
    };

    const UPSTREAM: &str = "[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\nkind = 'upstream'\n";

    fn read(more: &str) -> (Config, UpstreamDirectorySettings) {
        let config = config_of(&format!("{UPSTREAM}{more}"));
        let DirectorySettings::Upstream(settings) = config.directory.clone() else { panic!("{config:?}") };
        (config, *settings)
    }

    #[test]
    fn nothing_but_the_backends_url_is_needed() {
        let (config, settings) = read("");
        assert_eq!((settings.path.as_str(), settings.max_failures), ("/graphql/auth/", 8));
        assert_eq!((settings.second_factor, settings.fields.login.as_str()), (Vocabulary::Framework, "login"));
        assert!(matches!(config.upstream.identity.bearer, Bearer::Backend), "its own tokens are what it believes");
        assert_eq!(config.mfa.storage, MfaStorage::Store, "it has no place for factors");
        assert!(messages_of(UPSTREAM).is_empty());
    }

    #[test]
    fn a_backend_may_call_things_otherwise() {
        let (_, settings) = read(
            "second_factor = 'none'\nhost = 'api.example.com'\n[directory.fields]\nlogin = 'tokenAuth'\n\
             payload = 'token refreshToken'\nuser = 'id: pk username: email'\ngrants = ''\nrefresh_has_user = false\n\
             [graphql.owned_aliases]\ntokenAuth = 'login'\n",
        );
        assert_eq!((settings.fields.login.as_str(), settings.fields.grants.as_str()), ("tokenAuth", ""));
        assert_eq!((settings.second_factor, settings.host.as_deref()), (Vocabulary::None, Some("api.example.com")));
        assert_eq!(read("").1.fields.unauthenticated[0], "authentication required");
        assert_eq!(read("fields.unauthenticated = ['Nope']").1.fields.unauthenticated, ["Nope"]);
        assert!(!settings.fields.refresh_has_user && settings.fields.user == "id: pk username: email");
    }

    #[test]
    fn nobody_is_logged_in_by_a_name_that_is_none() {
        let by_mail = "fields.username = 'email'\n";
        assert_eq!(read("").0.graphql.register, Register::Adopt);
        assert_eq!(read(by_mail).0.graphql.register, Register::Create);
        let told = messages_of(&format!("{UPSTREAM}{by_mail}[graphql]\nregister = 'adopt'"));
        assert!(told.len() == 1 && told[0].contains("do not log in by the name that they register by"), "{told:?}");
    }

    #[test]
    fn what_could_not_be_asked_is_refused() {
        for bad in ["", "id }", "id { name", "id } { x", "...F } fragment F on U { id", "id # name"] {
            assert!(parse_selection(bad).is_err(), "{bad}");
        }
        assert!(parse_selection("id roles { id name }").is_ok());
        assert!(["", "1a", "a-b", "a b", "é"].iter().all(|bad| parse_name(bad).is_err()) && parse_name("_a1").is_ok());
        assert!(
            ["graphql", "/a b", "/a#b"].iter().all(|bad| parse_path(bad).is_err()) && parse_path("/g/?a=b").is_ok()
        );
        assert!(["", "http://a", "u@a"].iter().all(|bad| parse_host(bad).is_err()) && parse_host("a:80").is_ok());
    }

    #[test]
    fn what_does_not_go_with_it_is_said() {
        let factors = messages_of(&format!("{UPSTREAM}[mfa]\nstorage = 'directory'"));
        let why = "but the directory of this kind has no place for second factors";
        assert_eq!(factors, [format!("`mfa.storage` is \"directory\", {why}")]);
        let django = "[upstream]\nurl = 'http://127.0.0.1:8000'\n[upstream.identity]\nbearer = 'backend'\n[directory]\nurl = 'sqlite:///db'";
        assert_eq!(
            messages_of(django),
            ["`upstream.identity.bearer` is \"backend\", whose tokens only `[directory] kind = \"upstream\"` has"]
        );
        let misplaced = messages_of(
            "[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\nurl = 'sqlite:///db'\nhost = 'a'\nfields.me = 'who'",
        );
        let why = "has no place beside kind \"django\": it is one of kind \"upstream\"";
        assert_eq!(misplaced, ["host", "fields"].map(|key| format!("`directory.{key}` {why}")));
        let unknown = messages_of(&format!("{UPSTREAM}url = 'sqlite:///db'"));
        assert!(unknown.len() == 1 && unknown[0].contains("directory.url"), "{unknown:?}");
    }
}
