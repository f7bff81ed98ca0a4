//! Of `[upstream.identity]`: the signed assertion, by which the backend need not believe its network.

use std::time::Duration;

use super::{
    graphql::PathPattern,
    reader::{Fault, Table, minutes, seconds},
    tokens::KeySource,
};

/// How assertions are made.
#[derive(Clone, Debug)]
pub struct AssertionSettings {
    /// `iss`.
    pub issuer: String,
    /// `aud`: which backend may believe them.
    pub audience: String,
    /// How long one counts.
    pub lifetime: Duration,
    /// Where the keys come from that sign.
    pub keys: KeySource,
    /// Where their public halves are published.
    pub jwks_path: String,
}

impl AssertionSettings {
    /// `None` where it is off.
    pub(super) fn read(table: &Table<'_>, graphql_paths: &[PathPattern]) -> Option<Self> {
        let is_on = table.flag("assertion", false);
        let audience = table.text("audience", "a name of the backend such as \"api\"", parse_name);
        let issuer = table.text_or("issuer", "a name of the gateway such as \"railgate\"", "railgate", parse_name);
        let lifetime = table.duration("assertion_lifetime", seconds(30), &(seconds(1)..=minutes(1)));
        let keys = KeySource::read_signing(table, "assertion_keys");
        let jwks_path = table.text_or(
            "jwks_path",
            "a path such as \"/.well-known/jwks.json\"",
            "/.well-known/jwks.json",
            parse_own_path,
        );
        if !is_on {
            let keys = ["audience", "issuer", "assertion_lifetime", "assertion_keys", "jwks_path"];
            table.warn_ineffective(&keys, "set `assertion = true`, or remove it");
            return None;
        }
        if !table.has("audience") {
            let help = "add `audience = \"api\"`, a name that the backend alone goes by";
            table.reject("assertion", "is true, which needs `audience`", help);
        }
        if graphql_paths.iter().any(|pattern| pattern.loses(&jwks_path)) {
            table.reject("jwks_path", "is a GraphQL path", "publish the keys where `[graphql] paths` has nothing");
        }
        Some(Self { issuer, audience: audience?, lifetime, keys, jwks_path })
    }
}

fn parse_name(text: &str) -> Result<String, Fault> {
    if text.is_empty() { Err(Fault::Form) } else { Ok(text.to_owned()) }
}

/// A path of the gateway's own, which is compared with canonical ones. No slash ends it: what is under it begins with one.
pub(super) fn parse_own_path(text: &str) -> Result<String, Fault> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let dotted = text.split('/').any(|segment| matches!(segment, "." | ".."));
    if !text.starts_with('/') || text.ends_with('/') || !text.bytes().all(plain) || text.contains("//") || dotted {
        return Err(Fault::Form);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse_own_path;
    use crate::config::{
        KeySource,
        tests::{config, messages},
    };

    const KEY: &str =
        "k4.secret.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA7aie8zrakLWKjqNAqbw1zZTIVdx3iQ6Y6wEihi1naKQ";

    fn of(more: &str) -> String {
        format!("[upstream.identity]\n{more}")
    }

    #[test]
    fn it_is_off_until_it_is_asked_for_and_then_needs_an_audience() {
        assert!(config("").upstream.identity.assertion.is_none());
        assert_eq!(
            messages(&of("assertion = true")),
            ["`upstream.identity.assertion` is true, which needs `audience`"]
        );
        let settings = config(&of("assertion = true\naudience = 'api'")).upstream.identity.assertion.unwrap();
        assert_eq!((settings.issuer.as_str(), settings.audience.as_str()), ("railgate", "api"));
        assert_eq!(
            (settings.lifetime, settings.jwks_path.as_str()),
            (Duration::from_secs(30), "/.well-known/jwks.json")
        );
        assert!(matches!(settings.keys, KeySource::StateDir));
        assert_eq!(messages(&of("audience = 'api'")), ["`upstream.identity.audience` has no effect"]);
    }

    #[test]
    fn one_lives_a_minute_at_most() {
        let long = of("assertion = true\naudience = 'api'\nassertion_lifetime = '2m'");
        assert_eq!(messages(&long), ["`upstream.identity.assertion_lifetime`: must be from 1s to 1m, not 2m"]);
    }

    #[test]
    fn keys_are_those_that_sign() {
        let keys = |key: &str| of(&format!("assertion = true\naudience = 'api'\nassertion_keys = ['{key}']"));
        assert_eq!(messages(&keys(KEY)), ["`upstream.identity.assertion_keys`: a secret stands in the file"]);
        let symmetric = messages(&keys("k4.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        assert!(symmetric[0].contains("`railgate keygen --assertion`"), "{symmetric:?}");
    }

    #[test]
    fn a_path_of_the_gateways_own_has_one_spelling() {
        for good in ["/.well-known/jwks.json", "/_railgate/auth", "/keys"] {
            assert!(parse_own_path(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "keys", "/a//b", "/a/../b", "/./a", "/a%41", "/a?b", "/a#b", "/a b", "/a;b", "/é", "/a/"]
        {
            assert!(parse_own_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn its_keys_are_not_published_on_a_graphql_path() {
        let at = |paths: &str, path: &str| {
            messages(&of(&format!(
                "assertion = true\naudience = 'api'\njwks_path = '{path}'\n[graphql]\npaths = ['{paths}']"
            )))
        };
        for (paths, path) in [("/graphql*", "/graphql/keys"), ("/api", "/api"), ("/api", "/API")] {
            assert_eq!(at(paths, path), ["`upstream.identity.jwks_path` is a GraphQL path"], "{paths} {path}");
        }
        for (paths, path) in
            [("/graphql*", "/keys"), ("/api", "/api/keys"), ("/keys/graphql", "/keys"), ("/*", "/keys")]
        {
            assert!(at(paths, path).is_empty(), "{paths} {path}");
        }
    }

    #[test]
    fn several_gateways_that_sign_by_several_keys_are_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, key: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, key).unwrap();
            format!("{{ file = '{}' }}", path.display())
        };
        let shared = file("shared", "k4.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let with = |more: &str| {
            messages(&of(&format!("assertion = true\naudience = 'api'\n{more}\n[tokens]\nkeys = {shared}")))
        };
        assert_eq!(
            with(""),
            ["`tokens.keys` may be those of several gateways, and each signs assertions by a key of its own"]
        );
        assert!(with(&format!("assertion_keys = {}", file("signing", KEY))).is_empty());
    }

    #[test]
    fn permissions_may_be_told_by_the_assertion_alone() {
        let alone = of(
            "assertion = true\naudience = 'api'\nheaders = false\npermissions = true\n[tokens]\nclaims = ['permissions']",
        );
        assert!(messages(&alone).is_empty());
    }
}
