//! `railgate check --upstream`: the backend is asked what it has, before the gateway comes in front of it.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use http::HeaderValue;

use super::{
    directory::django_settings,
    graphql::{field_rules, owned},
    tls,
};
use crate::{
    config::{Config, DirectorySettings, PathPattern},
    directory::{
        Directory as _,
        django::DjangoDirectory,
        upstream::client::{About, Client, Endpoint, Question},
    },
    graphql::{Difference, FieldRules, Surface, Untold, schema::Schema},
    model::{Clock, PlainToken, SystemClock},
};

/// Where Rail Django has its GraphQL, unless the configuration names paths.
const PATHS: [&str; 2] = ["/graphql/auth/", "/graphql/gql/"];
/// Largest schema, in bytes.
const LARGEST: usize = 16 << 20;
/// For a schema, which takes a backend longer than a login does.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug)]
pub(crate) struct Survey {
    endpoints: Vec<Asked>,
    login: Fit,
    database: Fit,
}

/// An endpoint, and what it said.
#[derive(Debug)]
struct Asked {
    path: String,
    said: Result<(Surface, Vec<Difference>), String>,
}

/// Whether a level fits.
#[derive(Debug)]
enum Fit {
    Yes,
    /// Why not.
    No(String),
    /// Why nobody knows.
    NotAsked(&'static str),
}

/// Asks the backend of `config` at these paths, or where one would look for it, as the one whose token this is.
///
/// # Errors
/// When the configuration can't be put to use. What the backend lacks or refuses is in the survey.
pub(crate) fn survey(config: &Config, paths: Vec<String>, bearer: Option<&PlainToken>) -> anyhow::Result<Survey> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting a runtime")?;
    let schema = owned(config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let rules = field_rules(config, &schema, &clock);
    let paths = if paths.is_empty() { paths_of(config) } else { paths };
    let tls = tls::for_questions(config, runtime.handle())?;
    let host = host_of(config)?;
    runtime.block_on(async {
        let mut endpoints = Vec::new();
        for path in paths {
            let (url, tls, host) = (&config.upstream.url, tls.clone(), host.clone());
            let endpoint = Endpoint { url, tls, path: &path, host, answer_limit: LARGEST };
            let said = surface(endpoint, bearer).await;
            let said = said.map(|surface| {
                let differences = differences(&surface, &schema, &rules);
                (surface, differences)
            });
            endpoints.push(Asked { path, said: said.map_err(|error| format!("{error:#}")) });
        }
        let login = login(config, &endpoints);
        Ok(Survey { endpoints, login, database: database(config).await })
    })
}

/// Those of the configuration that are whole, and that of its login.
fn paths_of(config: &Config) -> Vec<String> {
    let whole = config.graphql.paths.iter().filter_map(|pattern| match pattern {
        PathPattern::Exact(path) => Some(path.clone()),
        PathPattern::Prefix(_) => None,
    });
    let login = match &config.directory {
        DirectorySettings::Upstream(settings) => Some(settings.path.clone()),
        DirectorySettings::Django(_) | DirectorySettings::File(_) => None,
    };
    let named: Vec<String> = whole.chain(login).collect();
    if named.is_empty() { PATHS.map(str::to_owned).to_vec() } else { named }
}

/// What stands in `Host` where the gateway asks its own questions.
fn host_of(config: &Config) -> anyhow::Result<HeaderValue> {
    let authority = config.upstream.url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let host = match &config.directory {
        DirectorySettings::Upstream(settings) => settings.host.as_deref().unwrap_or(authority),
        DirectorySettings::Django(_) | DirectorySettings::File(_) => authority,
    };
    HeaderValue::from_str(host).context("a host that no header can hold")
}

async fn surface(endpoint: Endpoint<'_>, bearer: Option<&PlainToken>) -> anyhow::Result<Surface> {
    let client = Client::new(endpoint, PATIENCE, 1);
    let ask = async |body: Vec<u8>| client.ask(Question { about: About::Session, body, bearer, client: None }).await;
    let first = ask(Surface::first_question()).await?;
    let question = Surface::second_question(&first.body).map_err(|untold| match untold {
        Untold::NotGraphql => anyhow!("{untold}: {}, {}", first.status, first.content_type),
        untold => untold.into(),
    })?;
    Ok(Surface::read(&ask(question).await?.body)?)
}

fn differences(surface: &Surface, schema: &Schema, rules: &FieldRules) -> Vec<Difference> {
    surface.differences(schema, |kind, field| rules.has(kind, field))
}

/// Whether the backend has a login that the gateway could use.
fn login(config: &Config, endpoints: &[Asked]) -> Fit {
    let (login, username, password, refresh, refresh_token, me) = match &config.directory {
        DirectorySettings::Upstream(settings) => {
            let fields = &settings.fields;
            let arguments = (fields.username.as_str(), fields.password.as_str());
            (
                fields.login.as_str(),
                arguments.0,
                arguments.1,
                fields.refresh.as_str(),
                fields.refresh_token.as_str(),
                fields.me.as_str(),
            )
        }
        DirectorySettings::Django(_) | DirectorySettings::File(_) => {
            ("login", "username", "password", "refreshToken", "refreshToken", "me")
        }
    };
    let surfaces: Vec<&Surface> =
        endpoints.iter().filter_map(|asked| asked.said.as_ref().ok()).map(|(said, _)| said).collect();
    if surfaces.is_empty() {
        return Fit::NotAsked("the backend shows no schema");
    }
    let wanted =
        [(true, login, vec![username, password]), (true, refresh, vec![refresh_token]), (false, me, Vec::new())];
    let has = |surface: &&Surface| {
        wanted.iter().all(|(is_mutation, field, arguments)| surface.has(*is_mutation, field, arguments))
    };
    if surfaces.iter().any(has) {
        return Fit::Yes;
    }
    Fit::No(format!(
        "no endpoint has mutations `{login}({username}, {password})` and `{refresh}({refresh_token})` and a query `{me}`; \
         [directory.fields] says how the backend calls them"
    ))
}

/// Whether its database answers.
async fn database(config: &Config) -> Fit {
    let DirectorySettings::Django(settings) = &config.directory else {
        return Fit::NotAsked("[directory] kind is not \"django\"");
    };
    let answered = async {
        let directory = DjangoDirectory::new(django_settings(settings)).context("[directory] url")?;
        // A name that Django takes for nobody's.
        directory.candidate("railgate check").await?;
        anyhow::Ok(())
    };
    answered.await.map_or_else(|error| Fit::No(format!("{error:#}")), |()| Fit::Yes)
}

impl Survey {
    /// Whether the gateway should not come in front of this backend as it is configured.
    pub(crate) fn has_errors(&self) -> bool {
        self.count(Difference::is_door) > 0 || self.endpoints.iter().any(|asked| asked.said.is_err())
    }

    fn count(&self, counts: impl Fn(&Difference) -> bool) -> usize {
        self.endpoints
            .iter()
            .filter_map(|asked| asked.said.as_ref().ok())
            .flat_map(|(_, found)| found)
            .filter(|one| counts(one))
            .count()
    }

    /// The highest level of deploy/ADOPTION.md that fits; `None`: not even the lowest.
    fn level(&self) -> Option<u8> {
        let answers = self.endpoints.iter().any(|asked| asked.said.is_ok());
        match (&self.database, &self.login) {
            _ if !answers => None,
            (Fit::Yes, _) => Some(2),
            (_, Fit::Yes) => Some(1),
            _ => Some(0),
        }
    }
}

/// A block for each endpoint, then the levels, then a line that sums up.
impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for asked in &self.endpoints {
            write!(f, "{asked}")?;
        }
        writeln!(f, "level 1, the backend's login: {}", self.login)?;
        writeln!(f, "level 2, the backend's database: {}", self.database)?;
        match self.level() {
            Some(level) => writeln!(f, "adoption level {level} fits; deploy/ADOPTION.md says what each takes")?,
            None => writeln!(f, "no adoption level is known to fit: no endpoint has answered")?,
        }
        let (doors, noticed) = (self.count(Difference::is_door), self.count(Difference::is_noticed));
        writeln!(f, "backend: ways past the gateway: {doors}, differences that clients may notice: {noticed}")
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, said } = self;
        let found = match said {
            Ok((_, found)) => found,
            Err(why) => {
                writeln!(f, "error: {path}: {why}")?;
                return writeln!(
                    f,
                    "  = help: a backend that shows its schema to some only needs --token-file, a token of its own; --path names other endpoints\n"
                );
            }
        };
        for difference in found {
            let severity = match difference {
                _ if difference.is_door() => "error",
                _ if difference.is_noticed() => "warning",
                _ => "note",
            };
            writeln!(f, "{severity}: {path}: {difference}")?;
            if let Some(help) = difference.help() {
                writeln!(f, "  = help: {help}")?;
            }
        }
        writeln!(f)
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("fits"),
            Self::No(why) => write!(f, "does not fit: {why}"),
            Self::NotAsked(why) => write!(f, "not asked: {why}"),
        }
    }
}
