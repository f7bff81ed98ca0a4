//! The directory of the configured kind, and what else it keeps.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime::Handle;

use super::users::is_hash;
use crate::{
    config::{DirectorySettings, DjangoDirectorySettings, FileDirectorySettings},
    directory::{
        BackendSessions, Directory, Factors,
        django::{DjangoDirectory, DjangoSettings},
        file::FileDirectory,
    },
    model::Clock,
};

/// A directory, under each name that it has.
pub(super) struct Users {
    pub(super) directory: Arc<dyn Directory>,
    /// The same, where it has a place for second factors.
    pub(super) factors: Option<Arc<dyn Factors>>,
    /// The same, where it has the sessions that the backend opens itself.
    pub(super) backend_sessions: Option<Arc<dyn BackendSessions>>,
}

/// Connects to nothing; a file is read, and watched from then on.
pub(super) fn users(settings: &DirectorySettings, clock: &Arc<dyn Clock>, services: &Handle) -> anyhow::Result<Users> {
    match settings {
        DirectorySettings::Django(settings) => django(settings),
        DirectorySettings::File(settings) => file(settings, clock, services),
    }
}

fn file(settings: &FileDirectorySettings, clock: &Arc<dyn Clock>, services: &Handle) -> anyhow::Result<Users> {
    let directory = FileDirectory::open(settings.path.clone(), is_hash, Arc::clone(clock));
    let directory = Arc::new(directory.context("[directory] path")?);
    services.spawn(Arc::clone(&directory).watch());
    Ok(Users { directory, factors: None, backend_sessions: None })
}

fn django(settings: &DjangoDirectorySettings) -> anyhow::Result<Users> {
    let directory = DjangoDirectory::new(DjangoSettings {
        url: settings.url.clone(),
        user_table: settings.user_table.clone(),
        username_column: settings.username_column.clone(),
        max_connections: settings.max_connections,
        timeout: settings.timeout,
    });
    let directory = Arc::new(directory.context("[directory] url")?);
    Ok(Users {
        factors: Some(Arc::clone(&directory) as _),
        backend_sessions: Some(Arc::clone(&directory) as _),
        directory,
    })
}
