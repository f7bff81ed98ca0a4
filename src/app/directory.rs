//! The directory of the configured kind, and what else it keeps.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime::Handle;

use super::users::is_hash;
use crate::{
    auth::{
        backend::{BackendChallenges, BackendPasswords, Guard, GuardLimits, SealedTokens},
        tokens::KeyRing,
    },
    config::{
        Config, DirectorySettings, DjangoDirectorySettings, FileDirectorySettings, UpstreamDirectorySettings,
        Vocabulary,
    },
    directory::{
        BackendSessions, BackendTokens, Directory, Factors,
        django::{DjangoDirectory, DjangoSettings},
        file::FileDirectory,
        upstream::{SecondFactor, UpstreamDirectory, UpstreamSettings, Wording},
    },
    model::{Clock, Entropy, Meter},
    store::{ThrottleStore, TokenStore},
};

/// A directory, under each name that it has.
#[derive(Clone)]
pub(super) struct Users {
    pub(super) directory: Arc<dyn Directory>,
    /// The same, where it has a place for second factors.
    pub(super) factors: Option<Arc<dyn Factors>>,
    /// The same, where it has the sessions that the backend opens itself.
    pub(super) backend_sessions: Option<Arc<dyn BackendSessions>>,
    /// The same, where it has the backend's own tokens.
    pub(super) backend_tokens: Option<Arc<dyn BackendTokens>>,
    /// Who checks passwords, where it has not their hashes.
    pub(super) passwords: Option<Arc<BackendPasswords>>,
    /// How long what it is asked takes.
    pub(super) meter: Arc<Meter>,
}

/// What a directory may need of the others.
pub(super) struct Neighbours<'a> {
    pub(super) keys: &'a KeyRing,
    pub(super) tokens: Arc<dyn TokenStore>,
    pub(super) throttle: Arc<dyn ThrottleStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// Connects to nothing; a file is read, and watched from then on.
pub(super) fn users(config: &Config, neighbours: Neighbours<'_>, services: &Handle) -> anyhow::Result<Users> {
    match &config.directory {
        DirectorySettings::Django(settings) => django(settings),
        DirectorySettings::File(settings) => file(settings, &neighbours.clock, services),
        DirectorySettings::Upstream(settings) => upstream(config, settings, neighbours, services),
    }
}

fn file(settings: &FileDirectorySettings, clock: &Arc<dyn Clock>, services: &Handle) -> anyhow::Result<Users> {
    let directory = FileDirectory::open(settings.path.clone(), is_hash, Arc::clone(clock));
    let directory = Arc::new(directory.context("[directory] path")?);
    services.spawn(FileDirectory::watch(Arc::downgrade(&directory)));
    let meter = directory.meter();
    Ok(Users { directory, factors: None, backend_sessions: None, backend_tokens: None, passwords: None, meter })
}

fn django(settings: &DjangoDirectorySettings) -> anyhow::Result<Users> {
    let directory = Arc::new(DjangoDirectory::new(django_settings(settings)).context("[directory] url")?);
    Ok(Users {
        factors: Some(Arc::clone(&directory) as _),
        backend_sessions: Some(Arc::clone(&directory) as _),
        backend_tokens: None,
        passwords: None,
        meter: directory.meter(),
        directory,
    })
}

pub(super) fn django_settings(settings: &DjangoDirectorySettings) -> DjangoSettings {
    DjangoSettings {
        url: settings.url.clone(),
        user_table: settings.user_table.clone(),
        username_column: settings.username_column.clone(),
        max_connections: settings.max_connections,
        timeout: settings.timeout,
    }
}

fn upstream(
    config: &Config,
    settings: &UpstreamDirectorySettings,
    neighbours: Neighbours<'_>,
    services: &Handle,
) -> anyhow::Result<Users> {
    let Neighbours { keys, tokens, throttle, clock, entropy } = neighbours;
    let vault = Arc::new(SealedTokens::new(tokens, keys, entropy));
    let asked = UpstreamSettings {
        url: config.upstream.url.clone(),
        tls: super::tls::for_questions(config, services)?,
        path: settings.path.clone(),
        host: settings.host.clone(),
        timeout: settings.timeout,
        max_connections: settings.max_connections,
        wording: wording(settings),
        blocked: settings.fields.blocked.to_lowercase(),
        unauthenticated: settings.fields.unauthenticated.iter().map(|text| text.to_lowercase()).collect(),
    };
    let directory = Arc::new(UpstreamDirectory::new(asked, vault, clock));
    let limits =
        GuardLimits { failures: settings.max_failures, window: settings.failure_window, patience: settings.timeout };
    Ok(Users {
        factors: None,
        backend_sessions: None,
        backend_tokens: Some(Arc::clone(&directory) as _),
        passwords: Some(Arc::new(BackendPasswords {
            login: Arc::clone(&directory) as _,
            guard: Guard::new(throttle, limits),
            challenges: BackendChallenges::new(keys),
            by_username: settings.is_by_username(),
        })),
        meter: directory.meter(),
        directory,
    })
}

fn wording(settings: &UpstreamDirectorySettings) -> Wording {
    let fields = settings.fields.clone();
    Wording {
        login: fields.login,
        username: fields.username,
        password: fields.password,
        payload: fields.payload,
        user: fields.user,
        grants: fields.grants,
        me: fields.me,
        refresh: fields.refresh,
        refresh_token: fields.refresh_token,
        refresh_has_user: fields.refresh_has_user,
        second_factor: match settings.second_factor {
            Vocabulary::Framework => Some(SecondFactor::Framework),
            Vocabulary::Tutorial => Some(SecondFactor::Tutorial),
            Vocabulary::None => None,
        },
    }
}
