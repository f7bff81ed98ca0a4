//! Whole files: what the README promises, what the shipped sample says, and what goes together.

use std::{collections::BTreeSet, env::VarError, path::Path};

use toml::de::{DeTable, DeValue};

use super::{
    Bearer, Config, StoreSettings, TokenFormat, TokenSettings, Variables,
    keys::keys,
    reader::{Kind, Origin, Reading, Setting, first_place, variable},
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
    super::read(text, &Origin { name: "proxy.toml".into(), folder, environment: &Given(variables), keys: keys() })
}

/// An environment of these variables.
struct Given<'a>(&'a [(&'a str, &'a str)]);

impl Variables for Given<'_> {
    fn variable(&self, name: &str) -> Result<String, VarError> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
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

/// What to do about what is wrong, or unwise, with this file.
pub(super) fn help_of(text: &str) -> Vec<String> {
    let report = reading(text, &[]).into_result().map_or_else(|errors| errors, |(_, warnings)| warnings);
    report.iter().filter_map(|finding| finding.help().map(str::to_owned)).collect()
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

/// A key whose default a section keeps to itself would be told as one without.
#[test]
fn what_the_sample_calls_a_default_is_known_as_one() {
    let variables = [("RAILGATE_RAIL_JWT_SECRET", SECRET), ("RAILGATE_DIRECTORY_URL", "sqlite:///srv/db.sqlite3")];
    let as_it_is = reading(SAMPLE, &variables).settings;
    let switched_on = reading(&sample(true, false), &variables).settings;
    let mut defaults = 0;
    for (place, setting) in &switched_on {
        if matches!(setting, Setting::Given { .. }) && !matches!(as_it_is[place], Setting::Given { .. }) {
            assert!(matches!(as_it_is[place], Setting::Default(_)), "{place}");
            defaults += 1;
        }
    }
    assert!(defaults > 80, "{defaults}");
}

fn keys_of(table: &DeTable<'_>, path: &str, into: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        match value.get_ref() {
            DeValue::Table(inner) if !["env", "file"].iter().any(|name| inner.contains_key(*name)) => {
                keys_of(inner, &path, into);
            }
            DeValue::Array(items) => {
                items.iter().filter_map(|item| item.get_ref().as_table()).for_each(|table| {
                    if !["env", "file"].iter().any(|name| table.contains_key(*name)) {
                        keys_of(table, &path, into);
                    }
                });
            }
            _ => {}
        }
        into.insert(path);
    }
}

/// Without the numbers of tables.
fn path_of(place: &str) -> String {
    let names = place.split('.').filter(|name| !name.bytes().all(|byte| byte.is_ascii_digit()));
    names.collect::<Vec<_>>().join(".")
}

/// A value that a variable could have.
fn plausible(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Number { least, .. } => Some(least.clone()),
        Kind::Size { least, .. } => Some(format!("{least}B")),
        Kind::Duration { most, .. } => Some(format!("{}ms", most.as_millis())),
        Kind::Flag => Some("true".to_owned()),
        Kind::Choice(words) => words.first().cloned(),
        Kind::Instant => Some("1970-01-01T00:00:01Z".to_owned()),
        Kind::List(item) => plausible(item).map(|item| format!("['{item}']")),
        Kind::Named { values, .. } => plausible(values).map(|value| format!("{{ a = '{value}' }}")),
        Kind::Text(_) | Kind::Secret(_) | Kind::Secrets(_) | Kind::Table | Kind::Tables => None,
    }
}

#[test]
fn every_key_has_a_variable_that_wins() {
    let mut set = 0;
    for (path, key) in keys() {
        let place = first_place(keys(), path);
        let Some(value) = plausible(&key.kind).or_else(|| key.default.as_ref()?.json().as_str().map(str::to_owned))
        else {
            continue;
        };
        let name = variable(&place);
        let reading = reading(MINIMAL, &[(&name, &value)]);
        match &reading.settings.get(&place) {
            Some(Setting::Given { from, .. }) => {
                assert_eq!(*from, format!("the environment variable {name}"));
                set += 1;
            }
            // Only other directories have it.
            other => assert!(path.starts_with("directory."), "{name}={value}: {other:?}"),
        }
        let told = reading.into_result().map_or_else(|errors| errors, |(_, warnings)| warnings).to_string();
        assert!(!told.contains("names no key"), "{told}");
    }
    assert!(set > 80, "{set}");
}

#[test]
fn a_variable_of_the_keys_own_name_wins_over_the_file() {
    let text = "[[listeners]]\naddress = '127.0.0.1:1'\nmax_connections = 7\n[graphql]\npaths = { env = 'NOT_SET' }\n";
    let variables = [
        ("RAILGATE__UPSTREAM__URL", "http://backend:1"),
        ("RAILGATE__UPSTREAM__IDENTITY__BEARER", "rail-jwt"),
        ("RAILGATE__UPSTREAM__IDENTITY__RAIL_JWT_SECRET", SECRET),
        ("RAILGATE__SERVER__THREADS", "3"),
        ("RAILGATE__SERVER__BODY_LIMIT", ""),
        ("RAILGATE__GRAPHQL__PATHS", " ['/a', '/b*'] "),
        ("RAILGATE__GRAPHQL__CLOSED_PATHS", "[]"),
        ("RAILGATE__LISTENERS__1__ADDRESS", "[::1]:2"),
        ("RAILGATE__LISTENERS__0__ADDRESS", "127.0.0.1:3"),
        ("RAILGATE__LISTENERS__2", "{ address = '127.0.0.1:4', auth = 'required' }"),
        ("RAILGATE__TOKENS__ACCEPT_RAIL_JWT", "{ secret = { env = 'OTHER' }, cut_over = 1970-01-01T00:00:01Z }"),
        ("RAILGATE__TOKENS__ACCEPT_RAIL_JWT__CUT_OVER", "1970-01-01T00:00:02Z"),
        ("RAILGATE__TOKENS__FORMAT", "jwt"),
        (
            "RAILGATE__TOKENS__JWT_SECRET",
            "['another secret that is long enough', \"and a third one that is long enough\"]",
        ),
        ("RAILGATE__ROUTES", "[{ path = '/r' }]"),
        ("OTHER", SECRET),
    ];
    let (config, warnings) =
        reading(&(text.to_owned() + MINIMAL), &variables).into_result().unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(warnings.to_string(), "proxy.toml: ok\n", "no secret stands in the file");
    assert_eq!(config.upstream.url.to_string(), "http://backend:1/");
    assert!(matches!(config.upstream.identity.bearer, Bearer::RailJwt { ref secret, .. } if secret.expose() == SECRET));
    assert_eq!((config.server.threads, config.server.body_limit), (3, 10 * 1024 * 1024));
    assert_eq!(config.graphql.paths.len(), 2);
    let addresses: Vec<String> = config.listeners.iter().map(|listener| listener.address.to_string()).collect();
    assert_eq!(addresses, ["127.0.0.1:3", "[::1]:2", "127.0.0.1:4"]);
    assert_eq!(config.listeners[0].max_connections, 7, "what no variable is about stays");
    assert_eq!(config.tokens.accept_rail_jwt.unwrap().cut_over.as_secs(), 2, "what is said of a part wins");
    assert!(matches!(config.tokens.format, TokenFormat::Jwt { ref others, .. } if others.len() == 1));
    assert_eq!(config.routes.len(), 1);
}

#[test]
fn the_sample_names_every_key_there_is() {
    let text = sample(true, true);
    let root = DeTable::parse(&text).unwrap();
    let mut named = BTreeSet::new();
    keys_of(root.get_ref(), "", &mut named);
    let known: BTreeSet<String> = keys().keys().cloned().collect();
    assert_eq!(named, known);
    let shown: BTreeSet<String> = reading(&text, &[]).settings.keys().map(|place| path_of(place)).collect();
    assert_eq!(shown, known, "and so does what is in force");
    assert!(named.len() > 60, "{}", named.len());
}
