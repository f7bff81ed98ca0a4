//! A file as the directory, for APIs that have no users of their own, and for demos.
//!
//! `railgate user add|passwd|disable|enable|import` changes the file, and an operator may by hand. It is TOML, or JSON lines
//! where its name ends in `.jsonl` or `.ndjson`, with the same keys:
//!
//! ```text
//! [[users]]
//! id = "0d5f9d0c-5f0e-4a6e-9d6e-6a1b4f2f7c11"
//! username = "eva"                 # compared as it is: Eva is another user
//! password = "argon2$argon2id$…"   # as Django stores it
//! is_active = true                 # false: out within [sessions] recheck
//! roles = ["editors"]              # email, first_name, last_name, is_staff, is_superuser, date_joined, permissions
//!
//! [[roles]]
//! name = "editors"
//! permissions = ["articles.change_article"]
//! ```
//!
//! Reading is strict: unknown keys, names or ids that stand there twice, and passwords that are no hashes are errors with their
//! line. A file that is wrong at the start stops the start; one that becomes wrong later changes nothing, and the log says so.
//!
//! The file is an operator's, so the gateway never writes to it: the last login of a user is known from a login on this gateway
//! until its next start. Ids are drawn at random (UUID version 4) and so are never given out twice.
//!
//! Deployment: each gateway reads a file of its own, so those that share a store need the same one.

mod draft;
mod dump;
mod entry;
mod form;
mod json_lines;
mod problem;
mod record;
mod toml;
mod users;
mod watched;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;

use self::watched::Watched;
use super::{Directory, DirectoryError, DirectoryErrorKind};
use crate::model::{Account, AccountState, Candidate, Clock, EncodedPassword, Meter, Timestamp, UserId};

pub use self::{
    draft::Draft,
    dump::{Dump, DumpError, DumpOptions},
    problem::{BadFile, FileError},
    record::{RoleRecord, UserRecord},
    users::Users,
};

/// Whether a text can be a stored password at all.
pub type HashCheck = fn(&EncodedPassword) -> bool;

/// How long a look at the file may take, which may lie on a network.
const LOOK: Duration = Duration::from_secs(5);

/// How often it is looked at where nobody asks for a user, so that the log tells of a bad file at once.
const EVERY: Duration = Duration::from_secs(1);

/// Users of a file.
#[derive(Debug)]
pub struct FileDirectory {
    /// Held while the file is looked at, on a thread that may wait for a disk.
    watched: Arc<tokio::sync::Mutex<Watched>>,
    logins: Mutex<HashMap<UserId, Timestamp>>,
    meter: Arc<Meter>,
}

/// Reads a users file once.
///
/// # Errors
/// When it can't be read, or something is wrong with it.
pub fn read(path: &std::path::Path, is_hash: HashCheck) -> Result<Users, FileError> {
    Ok(Users::read(&draft::read_text(path)?, path, is_hash)?)
}

impl FileDirectory {
    /// Reads the file.
    ///
    /// # Errors
    /// When it can't be read, or something is wrong with it.
    pub fn open(path: PathBuf, is_hash: HashCheck, clock: Arc<dyn Clock>) -> Result<Self, FileError> {
        let watched = Watched::open(path, is_hash, clock)?;
        Ok(Self {
            watched: Arc::new(tokio::sync::Mutex::new(watched)),
            logins: Mutex::default(),
            meter: Arc::default(),
        })
    }

    /// How long what it is asked takes.
    #[must_use]
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// Looks at the file from time to time, until nobody needs it any more. Who asks for a user looks, too: this is for the
    /// log.
    pub async fn watch(directory: Weak<Self>) {
        loop {
            tokio::time::sleep(EVERY).await;
            let Some(directory) = directory.upgrade() else { return };
            // Whoever asks for a user is told of a disk that doesn't answer.
            let _ = directory.users().await;
        }
    }

    /// Who is in the file now.
    async fn users(&self) -> Result<Arc<Users>, DirectoryError> {
        let watched = Arc::clone(&self.watched);
        let look = async {
            let mut watched = watched.lock_owned().await;
            tokio::task::spawn_blocking(move || watched.look()).await
        };
        let looked = async {
            match tokio::time::timeout(LOOK, look).await {
                Ok(looked) => looked.map_err(|error| DirectoryError::new(DirectoryErrorKind::Unavailable, error)),
                Err(late) => Err(DirectoryError::new(DirectoryErrorKind::Unavailable, late)),
            }
        };
        self.meter.time(looked).await
    }

    fn last_login(&self, id: &UserId) -> Option<Timestamp> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }
}

#[async_trait]
impl Directory for FileDirectory {
    async fn candidate(&self, username: &str) -> Result<Option<Candidate>, DirectoryError> {
        let users = self.users().await?;
        let found = users.by_name(username);
        Ok(found.map(|user| Candidate { id: user.id.clone(), state: AccountState::from(user) }))
    }

    async fn account_of(&self, id: &UserId) -> Result<Option<Account>, DirectoryError> {
        let users = self.users().await?;
        Ok(users.by_id(id).map(|user| users.account(user, self.last_login(id))))
    }

    async fn state_of(&self, id: &UserId) -> Result<Option<AccountState>, DirectoryError> {
        Ok(self.users().await?.by_id(id).map(AccountState::from))
    }

    async fn record_login(&self, id: &UserId, at: Timestamp) -> Result<(), DirectoryError> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), at);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
