//! `[forward_auth]`: the question of another proxy, whether a request may pass and who makes it.

use super::{
    assertion::{AssertionSettings, parse_own_path},
    graphql::PathPattern,
    listener::Listener,
    reader::Table,
    server::ServerSettings,
    upstream::IdentitySettings,
};

/// What other proxies may ask.
#[derive(Clone, Debug)]
pub struct ForwardAuthSettings {
    /// Where they ask.
    pub path: String,
    /// Where their question says what their client asked for.
    pub original: Original,
    /// Whether callers who are not known are refused.
    pub requires_caller: bool,
}

/// Where a question says which method and target the proxy's client asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Original {
    /// In `X-Forwarded-Method`, `X-Forwarded-Uri` and `X-Forwarded-Host`: Traefik, Caddy.
    #[default]
    Forwarded,
    /// In `X-Original-Method` and `X-Original-URI`, as is the custom with nginx.
    Original,
    /// The question has the method itself, and the target behind the path: Envoy.
    Path,
}

impl ForwardAuthSettings {
    /// `None` where nobody may ask.
    pub(super) fn read(
        table: &Table<'_>,
        listeners: &[Listener],
        server: &ServerSettings,
        identity: Option<&IdentitySettings>,
        graphql_paths: &[PathPattern],
    ) -> Option<Self> {
        let is_on = table.flag("enabled", false);
        let path = table.text_or("path", "a path such as \"/_railgate/auth\"", "/_railgate/auth", parse_own_path);
        let original = table.choice(
            "original",
            Original::default(),
            &[("x-forwarded", Original::Forwarded), ("x-original", Original::Original), ("path", Original::Path)],
        );
        let requires_caller = table.choice("auth", true, &[("required", true), ("optional", false)]);
        if !is_on {
            table.warn_ineffective(&["path", "original", "auth"], "set `enabled = true`, or remove it");
            return None;
        }
        if server.trusted_proxies.is_empty() {
            let why = "is true, and there is nobody whose questions count";
            table.reject("enabled", why, "name the proxies that ask by `trusted_proxies` of [server]");
        }
        if !listeners.is_empty() && listeners.iter().all(|listener| listener.proxy_protocol) {
            let why = "is true, and no question counts where `proxy_protocol` says who connects";
            table.reject("enabled", why, "let the proxies ask at a listener of their own, without it");
        }
        refuse_taken(table, &path, identity.and_then(|identity| identity.assertion.as_ref()), graphql_paths);
        if identity.is_some_and(|identity| !identity.headers && identity.assertion.is_none()) {
            let why = "is true, and answers would say nothing of the caller";
            table.reject("enabled", why, "set `headers` or `assertion` of [upstream.identity] to true");
        }
        Some(Self { path, original, requires_caller })
    }
}

/// The path and all under it are for questions, and nothing else is found there.
fn refuse_taken(table: &Table<'_>, path: &str, assertion: Option<&AssertionSettings>, graphql_paths: &[PathPattern]) {
    let under = PathPattern::Prefix(format!("{path}/"));
    if graphql_paths.iter().any(|pattern| pattern.loses(path) || under.covers(pattern)) {
        table.reject("path", "is a GraphQL path", "let them ask where `[graphql] paths` has nothing");
    }
    let keys = assertion.and_then(|assertion| assertion.jwks_path.strip_prefix(path));
    if keys.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        let why = "hides the keys of assertions (`upstream.identity.jwks_path`)";
        table.reject("path", why, "let them ask somewhere else");
    }
}

#[cfg(test)]
mod tests {
    use super::Original;
    use crate::config::tests::{config, messages};

    const PROXIES: &str = "[server]\ntrusted_proxies = ['10.0.0.1']\n";

    #[test]
    fn nobody_may_ask_until_it_is_said_who() {
        assert!(config("").forward_auth.is_none());
        assert_eq!(
            messages("[forward_auth]\nenabled = true"),
            ["`forward_auth.enabled` is true, and there is nobody whose questions count"]
        );
        let settings = config(&format!("{PROXIES}[forward_auth]\nenabled = true")).forward_auth.unwrap();
        assert_eq!((settings.path.as_str(), settings.original), ("/_railgate/auth", Original::Forwarded));
        assert!(settings.requires_caller);
        assert_eq!(messages("[forward_auth]\npath = '/auth'"), ["`forward_auth.path` has no effect"]);
    }

    #[test]
    fn they_ask_where_they_connect_themselves() {
        let asked_at = |listeners: &str| messages(&format!("{PROXIES}[forward_auth]\nenabled = true\n{listeners}"));
        let passed_on = "[[listeners]]\naddress = '127.0.0.1:1'\nproxy_protocol = true\n";
        let why = "`forward_auth.enabled` is true, and no question counts where `proxy_protocol` says who connects";
        assert_eq!(asked_at(passed_on), [why]);
        assert!(asked_at(&format!("{passed_on}[[listeners]]\naddress = '127.0.0.1:2'\n")).is_empty());
    }

    #[test]
    fn nothing_else_is_where_they_ask() {
        let at = |path: &str, more: &str| {
            messages(&format!("{PROXIES}[forward_auth]\nenabled = true\npath = '{path}'\n{more}"))
        };
        for path in ["/graphql", "/graphql/ask", "/GraphQL"] {
            assert_eq!(at(path, ""), ["`forward_auth.path` is a GraphQL path"], "{path}");
        }
        assert_eq!(at("/ask", "[graphql]\npaths = ['/ask/graphql']"), ["`forward_auth.path` is a GraphQL path"]);
        let keys = "[upstream.identity]\nassertion = true\naudience = 'api'\njwks_path = '/own/keys'\n";
        for path in ["/own", "/own/keys"] {
            let hidden = "`forward_auth.path` hides the keys of assertions (`upstream.identity.jwks_path`)";
            assert_eq!(at(path, keys), [hidden], "{path}");
        }
        for path in ["/own/key", "/own/keys/ask", "/ow"] {
            assert!(at(path, keys).is_empty(), "{path}");
        }
        assert_eq!(at("/ask/", "").len(), 1, "what is under it begins with the slash");
    }

    #[test]
    fn an_answer_says_something() {
        let silent = format!("{PROXIES}[forward_auth]\nenabled = true\n[upstream.identity]\nheaders = false\n");
        let message = "`forward_auth.enabled` is true, and answers would say nothing of the caller";
        assert_eq!(messages(&silent), [message]);
        assert!(messages(&format!("{silent}assertion = true\naudience = 'api'")).is_empty());
    }

    #[test]
    fn the_words_are_few() {
        let original = |word: &str| {
            config(&format!("{PROXIES}[forward_auth]\nenabled = true\noriginal = '{word}'"))
                .forward_auth
                .unwrap()
                .original
        };
        assert_eq!(["x-original", "path"].map(original), [Original::Original, Original::Path]);
        let optional = config(&format!("{PROXIES}[forward_auth]\nenabled = true\nauth = 'optional'"));
        assert!(!optional.forward_auth.unwrap().requires_caller);
        assert_eq!(messages(&format!("{PROXIES}[forward_auth]\nenabled = true\nauth = 'none'")).len(), 1);
    }
}
