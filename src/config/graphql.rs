//! `[graphql]`: which paths speak GraphQL, and how large documents may be.

use super::{
    directory::Registered,
    owned_aliases,
    reader::{Fault, GIB, KIB, MIB, Table},
};
use crate::model::OwnedAlias;

/// Which paths speak GraphQL, and how large documents may be.
#[derive(Clone, Debug)]
pub struct GraphqlSettings {
    /// Paths whose requests are looked into.
    pub paths: Vec<PathPattern>,
    /// Those of them on which auth operations, too, are only for callers who are known already.
    pub closed_paths: Vec<PathPattern>,
    /// Largest request body on these paths, in bytes; it is held in memory.
    pub body_limit: usize,
    /// Whether several requests may come in one body, as a JSON array.
    pub batching: bool,
    /// What the plans of documents may take that are kept, in bytes; 0 keeps none.
    pub plan_cache: usize,
    /// What becomes of `register`.
    pub register: Register,
    /// Other names of auth operations; no two are the same, and none is an operation's own.
    pub owned_aliases: Vec<OwnedAlias>,
    /// Whether clients are kept from what the backend generates for its models of second factors.
    pub deny_generated_mfa: bool,
    /// Whether they are kept from its table extension, which reaches these models, too.
    pub deny_table_extension: bool,
    /// Limits on documents that are parsed.
    pub limits: Limits,
}

/// What becomes of `register`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Register {
    /// The backend makes the account, and the gateway opens the session.
    #[default]
    Adopt,
    /// The backend makes the account, and nobody is logged in.
    Create,
    /// It is the backend's own, tokens and all.
    Forward,
    /// Nobody makes an account.
    Refuse,
}

/// A path, or a prefix of paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// This path, with or without a slash at its end. Kept without it.
    Exact(String),
    /// Every path that begins with this text; written with `*` at the end. If the text ends in a slash, the path without it,
    /// too: many backends show the same there.
    Prefix(String),
}

impl PathPattern {
    /// Whether `path` (canonical, without query string) is meant. Case doesn't matter, since some backends ignore it: a
    /// path that is looked into needlessly costs little, one that is missed lets a login past the gateway.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path.strip_suffix('/').unwrap_or(path).eq_ignore_ascii_case(exact),
            Self::Prefix(prefix) => {
                let is_folder = |folder: &str| path.eq_ignore_ascii_case(folder);
                begins(path, prefix) || prefix.strip_suffix('/').is_some_and(is_folder)
            }
        }
    }
}

fn begins(path: &str, prefix: &str) -> bool {
    path.as_bytes().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// Limits on documents that are parsed. A document over one is refused before anything runs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Size of a document in bytes.
    pub bytes: usize,
    /// Tokens in a document.
    pub tokens: usize,
    /// Nesting of braces, brackets and parentheses.
    pub depth: usize,
    /// Owned root fields that one request may run.
    pub operations: usize,
    /// Fields that a request selects after fragments are expanded.
    pub fields: usize,
    /// Requests of a batch; `bytes` and `operations` count over all of them.
    pub batch: usize,
}

impl GraphqlSettings {
    /// `registered`: what whoever has registered at the backend is here.
    pub(super) fn read(table: &Table<'_>, registered: Registered) -> Self {
        let form = "a path such as \"/graphql\", or the beginning of one: \"/graphql*\"";
        let paths = table.texts_or("paths", form, &["/graphql*"], PathPattern::parse);
        if paths.is_empty() {
            table.reject(
                "paths",
                "is empty: nobody could log in",
                "name the backend's GraphQL endpoints, \"/graphql*\"",
            );
        }
        let batching = table.flag("batching", false);
        let closed_paths = closed_paths(table, &paths);
        let body_limit = table.size("body_limit", MIB, &(KIB..=64 * MIB));
        let plan_cache = table.size("plan_cache", 4 * MIB, &(0..=GIB));
        let register = register(table, registered);
        Self {
            paths,
            closed_paths,
            body_limit,
            batching,
            plan_cache,
            register,
            owned_aliases: owned_aliases::read(table, register, registered),
            deny_generated_mfa: table.flag("deny_generated_mfa", true),
            deny_table_extension: table.flag("deny_table_extension", true),
            limits: table.table("limits", |table| Limits::read(table, batching)),
        }
    }
}

fn register(table: &Table<'_>, registered: Registered) -> Register {
    let words = [
        ("adopt", Register::Adopt),
        ("create", Register::Create),
        ("forward", Register::Forward),
        ("refuse", Register::Refuse),
    ];
    let default = match registered {
        Registered::LogsIn => Register::default(),
        Registered::HasAnotherName => Register::Create,
        Registered::IsNobody => Register::Refuse,
    };
    let register = table.choice("register", default, &words);
    match (registered, register) {
        (Registered::HasAnotherName, Register::Adopt) => {
            let why = "is \"adopt\", but users do not log in by the name that they register by \
                       (`directory.fields.username`)";
            table.reject("register", why, "use \"create\": users log in once their account is made");
        }
        (Registered::IsNobody, Register::Adopt | Register::Create) => {
            let why = "asks the backend for an account, whose users are not those of `directory.kind`";
            table.reject("register", why, "use \"refuse\", or \"forward\" if the backend is to have users of its own");
        }
        (_, Register::Adopt | Register::Create | Register::Forward | Register::Refuse) => {}
    }
    if register == Register::Forward {
        let why = "is \"forward\": who registers gets the backend's own tokens, of which the gateway knows nothing";
        table.warn("register", why, "use \"adopt\", which opens a session of the gateway's");
    }
    register
}

/// By default the endpoint that Rail Django has for users only.
fn closed_paths(table: &Table<'_>, paths: &[PathPattern]) -> Vec<PathPattern> {
    let form = "a GraphQL path such as \"/graphql/gql\", or the beginning of some: \"/graphql/g*\"";
    let closed = table.texts_or("closed_paths", form, &["/graphql/gql"], PathPattern::parse);
    let is_graphql = |closed: &PathPattern| paths.iter().any(|path| path.covers(closed) || closed.covers(path));
    if table.has("closed_paths") && closed.iter().any(|closed| !is_graphql(closed)) {
        table.reject("closed_paths", "names what is no GraphQL path", "take it out, or add it to `paths`");
    }
    let is_closed = |path: &PathPattern| closed.iter().any(|closed| closed.covers(path));
    if !paths.is_empty() && paths.iter().all(is_closed) {
        table.reject(
            "closed_paths",
            "leaves no GraphQL path open: nobody could log in",
            "set `closed_paths = []`, or leave the path out on which users log in",
        );
    }
    closed
}

impl Limits {
    /// The ceilings are what the planner was tested with.
    fn read(table: &Table<'_>, batching: bool) -> Self {
        if !batching {
            table.warn_ineffective(&["batch"], "set `batching = true` below [graphql], or remove it");
        }
        Self {
            bytes: table.size("bytes", 64 * KIB, &(KIB..=MIB)),
            tokens: table.number("tokens", 8_000, &(100..=100_000)),
            depth: table.number("depth", 64, &(8..=128)),
            operations: table.number("operations", 5, &(1..=50)),
            fields: table.number("fields", 1_000, &(10..=10_000)),
            batch: table.number("batch", 10, &(1..=100)),
        }
    }
}

impl PathPattern {
    /// Whether every path that `other` means is meant.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(path)) => self.matches(path),
            (Self::Prefix(own), Self::Prefix(start)) => begins(start, own),
            (Self::Exact(_), Self::Prefix(_)) => false,
        }
    }

    /// Whether a path of the gateway's own would take one from GraphQL. Where every path speaks GraphQL, there is no other
    /// place for it.
    pub(super) fn loses(&self, own: &str) -> bool {
        *self != Self::Prefix("/".to_owned()) && self.matches(own)
    }

    /// A path as it is compared: absolute, without query string, with nothing that a backend could read in two ways.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let (path, prefix) = text.strip_suffix('*').map_or((text, false), |path| (path, true));
        let plain = path.starts_with('/')
            && !path.contains("//")
            && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte))
            && !path.split('/').any(|segment| segment == "." || segment == "..");
        match (plain, prefix) {
            (false, _) => Err(Fault::Form),
            (true, true) => Ok(Self::Prefix(path.to_owned())),
            (true, false) => Ok(Self::Exact(path.strip_suffix('/').unwrap_or(path).to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PathPattern;
    use crate::config::tests::{config, messages, messages_of};

    #[test]
    fn paths_are_exact_or_beginnings() {
        let paths = config("[graphql]\npaths = ['/api/', '/graphql*', '/']").graphql.paths;
        let [exact, prefix, root] = paths.as_slice() else { panic!("{paths:?}") };
        assert_eq!(*exact, PathPattern::Exact("/api".to_owned()));
        assert!(exact.matches("/api") && exact.matches("/api/") && !exact.matches("/api/x"));
        assert!(prefix.matches("/graphql/auth/") && !prefix.matches("/x/graphql"));
        assert!(root.matches("/") && !root.matches("/x"));
    }

    #[test]
    fn a_beginning_with_a_slash_at_its_end_means_the_path_without() {
        let folder = PathPattern::Prefix("/api/".to_owned());
        assert!(["/api", "/API", "/api/", "/api/x"].iter().all(|path| folder.matches(path)));
        assert!(["/ap", "/apix", "/", ""].iter().all(|path| !folder.matches(path)));
        assert!(!PathPattern::Prefix("/".to_owned()).matches("*"));
        assert!(folder.covers(&PathPattern::Exact("/api".to_owned())));
        assert!(!folder.covers(&PathPattern::Prefix("/api".to_owned())), "that means /apix, too");
    }

    #[test]
    fn closed_paths_are_some_of_the_graphql_paths() {
        assert_eq!(config("").graphql.closed_paths, [PathPattern::Exact("/graphql/gql".to_owned())]);
        assert!(config("[graphql]\npaths = ['/graphql/gql/']\nclosed_paths = []").graphql.closed_paths.is_empty());
        assert!(messages("[graphql]\npaths = ['/api', '/graphql/gql']").is_empty(), "one is open");
        let nobody = ["`graphql.closed_paths` leaves no GraphQL path open: nobody could log in"];
        for closed in [
            "paths = ['/graphql/gql/']",
            "closed_paths = ['/*']",
            "closed_paths = ['/graphql*']",
            "paths = ['/a', '/b*']\nclosed_paths = ['/a', '/B*']",
        ] {
            assert_eq!(messages(&format!("[graphql]\n{closed}")), nobody, "{closed}");
        }
        assert_eq!(
            messages("[graphql]\nclosed_paths = ['/graphql/gql', '/api']"),
            ["`graphql.closed_paths` names what is no GraphQL path"]
        );
        assert_eq!(messages("[graphql]\nclosed_paths = ['gql']").len(), 1);
    }

    #[test]
    fn batches_are_asked_for() {
        let graphql = config("").graphql;
        assert_eq!((graphql.batching, graphql.limits.batch), (false, 10));
        let graphql = config("[graphql]\nbatching = true\nlimits.batch = 3").graphql;
        assert_eq!((graphql.batching, graphql.limits.batch), (true, 3));
        assert_eq!(messages("[graphql]\nbatching = true\nlimits.batch = 0").len(), 1);
        assert_eq!(messages("[graphql.limits]\nbatch = 3"), ["`graphql.limits.batch` has no effect"]);
        assert_eq!(messages("[graphql]\nbatching = 10").len(), 1);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_path() {
        for bad in ["", "graphql", "*", "/a*b", "//a", "/a/../b", "/%67raphql", "/a?b", "/a b", "/a;b", "/**"] {
            let found = messages(&format!("[graphql]\npaths = ['{bad}']"));
            assert!(found.len() == 1 && found[0].contains("expected a path"), "{bad}: {found:?}");
        }
        assert_eq!(messages("[graphql]\npaths = []"), ["`graphql.paths` is empty: nobody could log in"]);
    }

    #[test]
    fn a_backend_whose_users_are_not_the_gateways_is_asked_for_no_account() {
        let file = |more: &str| {
            messages_of(&format!(
                "[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\nkind = 'file'\npath = '/users.toml'\n\
                 [graphql]\n{more}"
            ))
        };
        assert!(file("").is_empty() && file("register = 'refuse'").is_empty(), "{:?}", file(""));
        for bad in ["adopt", "create"] {
            let found = file(&format!("register = '{bad}'"));
            assert!(found.len() == 1 && found[0].contains("are not those of `directory.kind`"), "{found:?}");
        }
    }
}
