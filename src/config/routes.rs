//! `[[routes]]`: what single paths ask of callers, beside what their listener does.
//!
//! Of several that match a request one counts, the most specific: a whole path before the beginning of one, a longer
//! beginning before a shorter one, a route with `methods` before one without. It doesn't matter where they stand in the
//! file, and two that are as specific as each other for the same request are an error.

use std::collections::HashSet;

use http::Method;

use super::{
    demands,
    graphql::PathPattern,
    listener::AuthPolicy,
    reader::{Fault, Table},
    tokens::Claim,
};
use crate::model::Demands;

/// What a path asks of callers.
#[derive(Clone, Debug)]
pub struct RouteSettings {
    /// Which paths.
    pub path: PathPattern,
    /// Requests by these methods; all if it is empty.
    pub methods: Vec<Method>,
    /// What a request must show; `None` for what the listener says.
    pub auth: Option<AuthPolicy>,
    /// What its caller must have. If anything, `auth` is [`AuthPolicy::Required`].
    pub demands: Demands,
}

/// A path in one case, whether it is the beginning of others, and a method.
type Meant = (PathPattern, Option<Method>);

impl RouteSettings {
    /// `paths` speak GraphQL.
    pub(super) fn read_all(root: &Table<'_>, claims: Option<&[Claim]>, paths: &[PathPattern]) -> Vec<Self> {
        let mut known = HashSet::new();
        let routes = root.optional_tables("routes", |table| Self::read(table, claims, paths, &mut known));
        routes.into_iter().flatten().collect()
    }

    fn read(
        table: &Table<'_>,
        claims: Option<&[Claim]>,
        paths: &[PathPattern],
        known: &mut HashSet<Meant>,
    ) -> Option<Self> {
        table.require("path", "\"/reports*\"");
        let form = "a path such as \"/reports\", or the beginning of one: \"/reports*\"";
        let path = table.text("path", form, PathPattern::parse);
        let methods = table.texts("methods", "a method such as \"POST\"", parse_method);
        if methods.as_ref().is_some_and(Vec::is_empty) {
            table.reject("methods", "is empty", "take it out, so that the route is for all of them");
        }
        let methods = methods.unwrap_or_default();
        let demands = demands::read(table, claims);
        let auth = auth(table, &demands);
        let path = path?;
        let meant = meant(&path, &methods);
        let all = known.len() + meant.len();
        known.extend(meant);
        if known.len() < all {
            let help = "take one of the two out, or give them methods of their own";
            table.reject("path", "is that of another route, for the same requests", help);
        }
        let is_graphql = || paths.iter().any(|graphql| graphql.covers(&path) || path.covers(graphql));
        if auth == Some(AuthPolicy::None) && is_graphql() {
            let why = "is \"none\" for GraphQL paths: logins there go to the backend itself, and no [[fields]] count";
            table.warn("auth", why, "use \"optional\"");
        }
        Some(Self { path, methods, auth, demands })
    }
}

/// What a request must show, which follows from what is asked of its caller unless it is said.
fn auth(table: &Table<'_>, demands: &Demands) -> Option<AuthPolicy> {
    let given = table.optional_choice("auth", &AuthPolicy::WORDS);
    match given {
        _ if demands.is_empty() => given,
        Some(AuthPolicy::Optional | AuthPolicy::None) => {
            let why = "lets everybody in, while something is asked of the caller";
            table.reject("auth", why, "use \"required\", or take the rest out");
            given
        }
        Some(AuthPolicy::Required) | None => Some(AuthPolicy::Required),
    }
}

fn meant(path: &PathPattern, methods: &[Method]) -> Vec<Meant> {
    let path = match path {
        PathPattern::Exact(path) => PathPattern::Exact(path.to_ascii_lowercase()),
        PathPattern::Prefix(path) => PathPattern::Prefix(path.to_ascii_lowercase()),
    };
    match methods {
        [] => vec![(path, None)],
        methods => methods.iter().map(|method| (path.clone(), Some(method.clone()))).collect(),
    }
}

/// Methods are told apart by case (RFC 9110 §9.1), and all that are in use are in capitals.
fn parse_method(text: &str) -> Result<Method, Fault> {
    match text {
        "CONNECT" | "TRACE" => Err(Fault::Because(format!("{text} is refused everywhere"))),
        "HEAD" => Err(Fault::Because("HEAD goes with \"GET\": name that".to_owned())),
        _ if text.bytes().any(|byte| byte.is_ascii_lowercase()) => Err(Fault::Form),
        _ => Method::from_bytes(text.as_bytes()).map_err(|_| Fault::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::AuthPolicy;
    use crate::config::tests::{config, messages};

    fn route(lines: &str) -> Vec<String> {
        messages(&format!("[[routes]]\npath = '/a'\n{lines}"))
    }

    #[test]
    fn what_is_asked_of_a_caller_takes_one() {
        assert!(config("").routes.is_empty());
        let read = |lines: &str| config(&format!("[[routes]]\npath = '/a*'\n{lines}")).routes.remove(0);
        assert_eq!(read("").auth, None, "as the listener says");
        assert_eq!(read("auth = 'none'").auth, Some(AuthPolicy::None));
        for lines in ["roles = ['staff']", "mfa = true", "max_auth_age = '5m'\nauth = 'required'"] {
            assert_eq!(read(lines).auth, Some(AuthPolicy::Required), "{lines}");
        }
        assert_eq!(read("max_auth_age = '5m'").demands.max_auth_age.unwrap().as_secs(), 300);
        for auth in ["none", "optional"] {
            let found = route(&format!("auth = '{auth}'\nmfa = true"));
            assert_eq!(found, ["`routes.auth` lets everybody in, while something is asked of the caller"]);
        }
    }

    #[test]
    fn what_is_not_known_of_callers_can_not_be_asked_for() {
        let unknown = ["`routes.permissions` are not known of callers: `tokens.claims` lacks \"permissions\""];
        assert_eq!(route("permissions = ['a.b']"), unknown);
        assert!(route("permissions = ['a.b']\n[tokens]\nclaims = ['permissions']").is_empty());
        assert_eq!(route("roles = ['a']\n[tokens]\nclaims = []").len(), 1);
        assert_eq!(route("roles = []"), ["`routes.roles` is empty"]);
        assert_eq!(route("max_auth_age = '0s'").len(), 1);
    }

    #[test]
    fn the_same_is_said_once() {
        let two = |one: &str, other: &str| messages(&format!("[[routes]]\n{one}\n[[routes]]\n{other}"));
        let twice = ["`routes.path` is that of another route, for the same requests"];
        for (one, other) in [
            ("path = '/a'", "path = '/A/'"),
            ("path = '/a*'\nmfa = true", "path = '/a*'"),
            ("path = '/a'\nmethods = ['GET', 'POST']", "path = '/a'\nmethods = ['PUT', 'POST']"),
        ] {
            assert_eq!(two(one, other), twice, "{one} {other}");
        }
        for (one, other) in [
            ("path = '/a'", "path = '/a*'"),
            ("path = '/a'", "path = '/a'\nmethods = ['GET']"),
            ("path = '/a'\nmethods = ['POST']", "path = '/a'\nmethods = ['GET']"),
            ("path = '/a*'", "path = '/a/*'"),
        ] {
            assert!(two(one, other).is_empty(), "{one} {other}: {:?}", two(one, other));
        }
    }

    #[test]
    fn methods_are_those_that_get_here() {
        assert!(route("methods = ['GET', 'PROPFIND']").is_empty());
        for bad in ["[]", "['get']", "['TRACE']", "['CONNECT']", "['HEAD']", "['G T']", "['']"] {
            assert_eq!(route(&format!("methods = {bad}")).len(), 1, "{bad}");
        }
        assert_eq!(messages("[[routes]]\nmfa = true"), ["`routes.path` is missing"]);
        assert_eq!(messages("[[routes]]\npath = '/a/../b'").len(), 1);
    }

    #[test]
    fn a_door_past_the_gateway_is_warned_of() {
        let open = |path: &str| messages(&format!("[[routes]]\npath = '{path}'\nauth = 'none'")).len();
        assert_eq!((open("/graphql/x"), open("/*"), open("/api*")), (1, 1, 0));
    }
}
