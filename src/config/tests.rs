//! Whole files: what the README promises, what the shipped sample says, and what goes together.

use std::{collections::BTreeSet, env::VarError, path::Path};

use toml::de::{DeTable, DeValue};

use super::{
    Bearer, Config, StoreSettings, TokenFormat, TokenSettings,
    reader::{Origin, Reading},
};

const SAMPLE: &str = include_str!("../../proxy.toml");
const SECRET: &str = "a secret that is long enough for HS256";
/// All that a file needs.
pub(super) const MINIMAL: &str =
    "[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\nurl = 'sqlite:///srv/db.sqlite3'\n";

fn reading(text: &str, variables: &[(&str, &str)]) -> Reading<Config> {
    reading_in(Path::new("/etc/railgate"), text, variables)
}

fn reading_in(folder: &Path, text: &str, variables: &[(&str, &str)]) -> Reading<Config> {
    let environment = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
    };
    super::read(text, &Origin { name: "proxy.toml".into(), folder, environment: &environment })
}

/// The configuration of the minimal file with more in it.
pub(super) fn config(more: &str) -> Config {
    whole(&(MINIMAL.to_owned() + more))
}

/// The configuration of this file.
pub(super) fn whole(text: &str) -> Config {
    reading(text, &[]).into_result().unwrap_or_else(|report| panic!("{report}")).0
}

/// The configuration of this file.
pub(super) fn config_of(text: &str) -> Config {
    reading(text, &[]).into_result().unwrap_or_else(|report| panic!("{report}")).0
}

/// What is wrong, or unwise, with the minimal file with more in it.
pub(super) fn messages(more: &str) -> Vec<String> {
    messages_of(&(MINIMAL.to_owned() + more))
}

/// What is wrong, or unwise, with this file.
pub(super) fn messages_of(text: &str) -> Vec<String> {
    let report = reading(text, &[]).into_result().map_or_else(|errors| errors, |(_, warnings)| warnings);
    report.iter().map(|finding| finding.message().to_owned()).collect()
}

#[test]
fn the_readmes_example_is_enough() {
    let text = r#"
        [upstream]
        url = "http://127.0.0.1:8000"
        [upstream.identity]
        bearer = "rail-jwt"
        rail_jwt_secret = { env = "DJANGO_SECRET_KEY" }
        [directory]
        url = { env = "DATABASE_URL" }
        [store]
        url = "redis://redis:6379/0"
    "#;
    let environment = [("DJANGO_SECRET_KEY", SECRET), ("DATABASE_URL", "postgres://u:p@db:5432/app")];
    let (config, warnings) = reading(text, &environment).into_result().unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(warnings.to_string(), "proxy.toml: ok\n");
    assert!(matches!(config.upstream.identity.bearer, Bearer::RailJwt { ref secret, .. } if secret.expose() == SECRET));
    assert!(config.upstream.identity.headers);
    assert!(matches!(config.store, StoreSettings::Redis { ref key_prefix, .. } if key_prefix == "railgate"));
    assert_eq!(config.listeners[0].address.to_string(), "127.0.0.1:8080");
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn what_comes_from_outside_is_read_as_if_it_stood_there() {
    let text = r#"
        state_dir = "state"
        [server]
        threads = { env = "N" }
        body_limit = { env = "SIZE" }
        [cookies]
        secure = { env = "FLAG" }
        [sessions]
        refresh_grace = { env = "UNSET", default = "3s" }
        [graphql]
        paths = [{ env = "PATHS" }, "/b"]
        [tokens]
        accept_rail_jwt = { secret = { env = "SECRET" }, cut_over = { env = "WHEN" } }
    "#;
    let variables = [
        ("N", "3"),
        ("SIZE", "2KiB"),
        ("FLAG", "false"),
        ("PATHS", "/a"),
        ("SECRET", SECRET),
        ("WHEN", "1970-01-01T00:00:01Z"),
    ];
    let (config, _) = reading(&(text.to_owned() + MINIMAL), &variables).into_result().unwrap();
    assert_eq!((config.server.threads, config.server.body_limit, config.cookies.secure), (3, 2048, false));
    assert_eq!((config.sessions.refresh_grace.as_secs(), config.graphql.paths.len()), (3, 2));
    assert_eq!(config.tokens.accept_rail_jwt.unwrap().cut_over.as_secs(), 1);
    assert_eq!(config.state_dir, Path::new("/etc/railgate/state"));
}

#[test]
fn a_secret_of_a_file_ends_before_the_line_end() {
    let folder = tempfile::tempdir().unwrap();
    let secret = |content: String| {
        std::fs::write(folder.path().join("secret"), content).unwrap();
        let text = format!("[tokens]\nformat = 'jwt'\njwt_secret = {{ file = 'secret' }}\n{MINIMAL}");
        match reading_in(folder.path(), &text, &[]).into_result() {
            Ok((Config { tokens: TokenSettings { format: TokenFormat::Jwt { secret, .. }, .. }, .. }, _)) => {
                Ok(secret.expose().to_owned())
            }
            Ok((config, _)) => panic!("{config:?}"),
            Err(report) => Err(report.to_string()),
        }
    };
    let shortest = "x".repeat(32);
    for end in ["", "\n", "\r\n"] {
        assert_eq!(secret(format!("{shortest}{end}")), Ok(shortest.clone()));
        assert!(secret(format!("{}{end}", &shortest[1..])).unwrap_err().contains("has 31 bytes"));
    }
    assert_eq!(secret(format!("{shortest} \n\n")), Ok(format!("{shortest} \n")), "one line end only");
    assert!(secret("\n".to_owned()).unwrap_err().contains("is empty"));
}

/// The sample with `#key = value` lines switched on, and with the examples, too.
fn sample(defaults: bool, examples: bool) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with("example: ") && examples => rest["example: ".len()..].to_owned(),
        Some(rest)
            if defaults && rest.starts_with(|c: char| c.is_ascii_lowercase()) && !rest.starts_with("example:") =>
        {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    SAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_sample_calls_a_default_is_one() {
    let read = |text: &str| {
        let variables = [("RAILGATE_RAIL_JWT_SECRET", SECRET), ("RAILGATE_DIRECTORY_URL", "sqlite:///srv/db.sqlite3")];
        let config = reading(text, &variables).into_result();
        format!("{:#?}", config.unwrap_or_else(|report| panic!("{report}")).0)
    };
    assert_eq!(read(&sample(false, false)), read(&sample(true, false)));
    // Those that the sample reads from the environment have the defaults of absent keys, too.
    let bare = read(
        &(MINIMAL.to_owned()
            + "[upstream.identity]\nbearer = 'rail-jwt'\nrail_jwt_secret = { env = 'RAILGATE_RAIL_JWT_SECRET' }"),
    );
    assert_eq!(read(&sample(false, false)), bare);
}

fn keys(table: &DeTable<'_>, path: &str, into: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        match value.get_ref() {
            DeValue::Table(inner) if !["env", "file"].iter().any(|name| inner.contains_key(*name)) => {
                keys(inner, &path, into);
            }
            DeValue::Array(items) => {
                items.iter().filter_map(|item| item.get_ref().as_table()).for_each(|table| {
                    if !["env", "file"].iter().any(|name| table.contains_key(*name)) {
                        keys(table, &path, into);
                    }
                });
            }
            _ => {}
        }
        into.insert(path);
    }
}

#[test]
fn the_sample_names_every_key_there_is() {
    let text = sample(true, true);
    let root = DeTable::parse(&text).unwrap();
    let mut named = BTreeSet::new();
    keys(root.get_ref(), "", &mut named);
    assert_eq!(named, reading(&text, &[]).asked);
    assert!(named.len() > 60, "{}", named.len());
}
