//! `proxy.toml`: from text to checked values.
//!
//! Each section has a file of its own that holds the checked type and the one function that reads it: key, default and
//! bounds stand in one line. The rest of the program sees checked types only. Unknown keys are errors, and all errors
//! of a file are told at once ([`Report`]).
//!
//! ```toml
//! [upstream]
//! url = { env = "BACKEND", default = "http://127.0.0.1:8000" }
//! ```
//!
//! Any value may come from the environment, a secret also from a file. A variable of a key's own name,
//! `RAILGATE__UPSTREAM__URL`, wins over the file. A gateway that runs may be given another configuration; what of that waits
//! for its next start is for [`Config::bound_to`] to say. Variables are those that the process was started with.

use std::{
    fs,
    path::{Path, PathBuf},
};

use self::{
    directory::Registered,
    keys::keys,
    reader::{Fault, Origin, Reading, Table},
};
use crate::model::FieldRule;

mod admin;
mod assertion;
mod audit;
mod bound;
mod comments;
mod cookies;
mod cors;
mod demands;
mod directory;
mod django_sessions;
mod fields;
mod files;
mod forward_auth;
mod graphql;
mod hashing;
mod in_force;
mod keys;
mod listener;
mod log;
mod messages;
mod mfa;
mod mode;
mod owned_aliases;
mod reader;
mod reference;
mod routes;
mod schema;
mod server;
mod sessions;
mod store;
mod telemetry;
mod throttle;
mod tls;
mod tokens;
mod upstream;
mod websocket;

pub use admin::AdminSettings;
pub use assertion::AssertionSettings;
pub use audit::{AuditSettings, AuditStreamSettings};
pub use cookies::{CookieMode, CookieSettings, SameSite};
pub use cors::CorsSettings;
pub use directory::{
    BackendFields, DirectorySettings, DjangoDirectorySettings, FileDirectorySettings, UpstreamDirectorySettings,
    UserSettings, Vocabulary,
};
pub use django_sessions::{AcceptedSessions, DjangoSessionSettings, SessionEngine};
pub use files::FilesRead;
pub use forward_auth::{ForwardAuthSettings, Original};
pub use graphql::{GraphqlSettings, Limits, PathPattern, Register};
pub use hashing::{Hashing, PreferredHasher};
pub use in_force::InForce;
pub use listener::{AuthPolicy, Listener, RefusalForm};
pub use log::{AccessLog, LogFormat, LogSettings};
pub use messages::MessageSettings;
pub use mfa::{MfaPolicy, MfaSettings, MfaStorage};
pub use mode::Mode;
pub use reader::{Environment, Finding, Report, Severity, Variables};
pub use reference::reference;
pub use routes::RouteSettings;
pub use schema::schema;
pub use server::{AddressHeader, ServerSettings};
pub use sessions::SessionSettings;
pub use store::StoreSettings;
pub use telemetry::{OtlpSettings, TelemetrySettings, TraceSource};
pub use throttle::ThrottleSettings;
pub use tls::{
    CertifiedKey, ClientCertificates, ClientFiles, ClientTls, KeyPair, PemError, RedisTls, ServerTls, is_expired,
};
pub use tokens::{Claim, KeySource, RailJwt, TokenFormat, TokenSettings};
pub use upstream::{Bearer, ForwardedHeaders, IdentitySettings, Protocol, UpstreamSettings};
pub use websocket::WebsocketSettings;

/// A whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who answers.
    pub mode: Mode,
    /// Where clients connect; at least one.
    pub listeners: Vec<Listener>,
    /// Limits and timeouts towards clients.
    pub server: ServerSettings,
    /// The backend.
    pub upstream: UpstreamSettings,
    /// Which paths speak GraphQL, and how large documents may be.
    pub graphql: GraphqlSettings,
    /// What single paths ask of callers.
    pub routes: Vec<RouteSettings>,
    /// What single root fields of GraphQL do; no two of one name and kind.
    pub fields: Vec<FieldRule>,
    /// Where users come from.
    pub directory: DirectorySettings,
    /// Who computes hashes.
    pub hashing: Hashing,
    /// How often credentials may be tried.
    pub throttle: ThrottleSettings,
    /// Second factors.
    pub mfa: MfaSettings,
    /// Access tokens.
    pub tokens: TokenSettings,
    /// How long sessions live, and how many of them.
    pub sessions: SessionSettings,
    /// The backend's own sessions.
    pub django_sessions: DjangoSessionSettings,
    /// Where sessions are kept.
    pub store: StoreSettings,
    /// What other proxies may ask.
    pub forward_auth: Option<ForwardAuthSettings>,
    /// Browser cookies.
    pub cookies: CookieSettings,
    /// Which other sites' pages may read what the gateway answers itself.
    pub cors: CorsSettings,
    /// What people read.
    pub messages: MessageSettings,
    /// Sockets.
    pub websocket: WebsocketSettings,
    /// Logs.
    pub log: LogSettings,
    /// Where audit events are kept.
    pub audit: AuditSettings,
    /// Traces.
    pub telemetry: TelemetrySettings,
    /// Who is told of spans.
    pub otlp: Option<OtlpSettings>,
    /// Where the gateway is asked about itself.
    pub admin: Option<AdminSettings>,
    /// Folder for what the gateway makes itself: the key of the first run, the embedded store.
    pub state_dir: PathBuf,
}

impl Config {
    /// Reads and checks the file at `path`. Relative paths in it begin at its folder; variables are those of
    /// `environment`.
    ///
    /// # Errors
    /// Everything that is wrong with it. With a configuration, the report holds warnings only. In either case it tells which
    /// files were read.
    pub fn load(path: &Path, environment: &Environment<'_>) -> Result<(Self, Report), Report> {
        let (text, name) = text_of(path)?;
        let of_file = |report: Report| report.of_file(path, Ok(text.as_bytes()));
        let origin = Origin { name, folder: folder_of(path), environment, keys: keys() };
        let read = read(&text, &origin).into_result();
        read.map(|(config, report)| (config, of_file(report))).map_err(of_file)
    }

    /// Whether callers are looked for anywhere. Where they are not, the gateway is a plain proxy, and has no cookies.
    #[must_use]
    pub fn authenticates(&self) -> bool {
        let asked = self.listeners.iter().map(|listener| Some(listener.auth));
        asked.chain(self.routes.iter().map(|route| route.auth)).flatten().any(|auth| auth != AuthPolicy::None)
    }

    /// Sections come after those that they are checked against.
    fn read(root: &Table<'_>, folder: &Path) -> Option<Self> {
        let state_dir = folder.join(root.text_or("state_dir", "a folder", "/var/lib/railgate", parse_folder));
        let listeners = Listener::read_all(root, folder);
        let directory = root.table("directory", |table| DirectorySettings::read(table, folder));
        let asks_backend = directory.as_ref().is_some_and(DirectorySettings::asks_backend);
        let registered = directory.as_ref().map_or(Registered::LogsIn, DirectorySettings::registered);
        let graphql = root.table("graphql", |table| GraphqlSettings::read(table, registered));
        let upstream =
            root.table("upstream", |table| UpstreamSettings::read(table, folder, asks_backend, &graphql.paths));
        let hashing = root.table("hashing", |table| Hashing::read(table, directory.as_ref()));
        let throttle = root.table("throttle", |table| ThrottleSettings::read(table, hashing.deadline));
        let mfa = root.table("mfa", |table| MfaSettings::read(table, directory.as_ref()));
        let (sessions, django_sessions) = root.table("sessions", |table| {
            (SessionSettings::read(table), DjangoSessionSettings::read(table, directory.as_ref()))
        });
        let identity = upstream.as_ref().map(|upstream| &upstream.identity);
        let tokens = root.table("tokens", |table| TokenSettings::read(table, &sessions, identity));
        let cookies = root
            .table("cookies", |table| CookieSettings::read(table, &listeners, &sessions, &django_sessions.cookie_name));
        let cors = root.table("cors", CorsSettings::read);
        let server = root.table("server", |table| ServerSettings::read(table, &listeners));
        let forward_auth = root.table("forward_auth", |table| {
            ForwardAuthSettings::read(table, &listeners, &server, identity, &graphql.paths)
        });
        let claims = tokens.as_ref().map(|tokens| tokens.claims.as_slice());
        let routes = RouteSettings::read_all(root, claims, &graphql.paths);
        let fields = fields::read_all(root, claims, &graphql.owned_aliases, &listeners);
        directory::reject_open(root, directory.as_ref(), &graphql.owned_aliases, &fields);
        let store = root.table("store", |table| StoreSettings::read(table, folder, &state_dir));
        let messages = root.table("messages", MessageSettings::read);
        let websocket = root.table("websocket", WebsocketSettings::read);
        let (telemetry, otlp, log, audit) = read_telling(root, folder, &server, &store);
        let admin = root.table("admin", |table| AdminSettings::read(table, &listeners));
        let mode = Mode::read(root, forward_auth.as_ref(), admin.as_ref());
        Some(Self {
            mode,
            listeners,
            server,
            upstream: upstream?,
            graphql,
            routes,
            fields,
            directory: directory?,
            hashing,
            throttle,
            mfa,
            tokens: tokens?,
            sessions,
            django_sessions,
            store,
            forward_auth,
            cookies,
            cors,
            messages,
            websocket,
            log,
            audit,
            telemetry,
            otlp,
            admin,
            state_dir,
        })
    }
}

/// Whom the gateway tells of what it does.
fn read_telling(
    root: &Table<'_>,
    folder: &Path,
    server: &ServerSettings,
    store: &StoreSettings,
) -> (TelemetrySettings, Option<OtlpSettings>, LogSettings, AuditSettings) {
    let (telemetry, otlp) = root.table("telemetry", |table| {
        let telemetry = TelemetrySettings::read(table, server);
        (telemetry, OtlpSettings::read(table, folder, telemetry.trace_context))
    });
    let log = root.table("log", |table| LogSettings::read(table, folder));
    (telemetry, otlp, log, root.table("audit", |table| AuditSettings::read(table, folder, store)))
}

/// The text of the file at `path`, and the name that it goes by in reports.
fn text_of(path: &Path) -> Result<(String, String), Report> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| reader::unreadable(&name, &error).of_file(path, Err(&error)))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| reader::not_text(&name, &error).of_file(path, Ok(error.as_bytes())))?;
    Ok((text, name))
}

/// Where relative paths of the file at `path` begin.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn read(text: &str, origin: &Origin<'_>) -> Reading<Config> {
    reader::read(text, origin, |root| Config::read(root, origin.folder))
}

fn parse_folder(text: &str) -> Result<PathBuf, Fault> {
    if text.is_empty() { Err(Fault::Form) } else { Ok(PathBuf::from(text)) }
}

/// The environment of this process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessEnvironment;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
impl Variables for ProcessEnvironment {
    fn variable(&self, name: &str) -> Result<String, std::env::VarError> {
        std::env::var(name)
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

#[cfg(test)]
mod tests;
