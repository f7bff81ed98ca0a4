//! `railgate user`: the users of `[directory] kind = "file"`, and accounts of whatever directory that are locked.
//!
//! A command that is refused changes nothing. Passwords are never arguments, which every process of the machine can read.

use std::process::ExitCode;

use clap::Subcommand;

use super::{ConfigFile, or_tell};
use crate::{
    app::users::UsersFile,
    config::{self, UserSettings},
};

mod add;
mod disable;
mod import;
mod list;
mod passwd;
mod password;
mod unlock;

#[derive(clap::Args)]
pub(super) struct User {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Add a user. The first one makes the file.
    #[command(after_help = "Examples:\n  \
        railgate user add anna --email anna@example.com --role editors\n  \
        railgate user add root --superuser --password-stdin <password")]
    Add(add::Add),
    /// Give a user another password; their sessions end within `[sessions] recheck`.
    #[command(after_help = "Examples:\n  \
        railgate user passwd anna")]
    Passwd(passwd::Passwd),
    /// Let a user in no more; their sessions end within `[sessions] recheck`.
    #[command(after_help = "Examples:\n  \
        railgate user disable anna")]
    Disable(disable::Named),
    /// Let a user in again who was disabled.
    #[command(after_help = "Examples:\n  \
        railgate user enable anna")]
    Enable(disable::Named),
    /// Show who is there, and as what.
    #[command(after_help = "Examples:\n  \
        railgate user list\n  \
        railgate user list --json | jq '.[].username'")]
    List(list::List),
    /// Add the users of a Django project, as `manage.py dumpdata` writes them, with their passwords, groups and permissions.
    ///
    /// In the project: `manage.py dumpdata users.User auth.Group auth.Permission contenttypes`, where users.User is
    /// AUTH_USER_MODEL. A group becomes a role. Who is there already stays, and nothing is imported then.
    #[command(after_help = "Examples:\n  \
        railgate user import dump.json\n  \
        manage.py dumpdata users.User auth.Group auth.Permission contenttypes | railgate user import -")]
    Import(import::Import),
    /// Forget the wrong passwords and codes at an account, so that it may be logged in to at once.
    ///
    /// Works beside running gateways, on the store that they share, whichever directory it is. An address from which too
    /// much was tried stays as it is: it gets attempts back in time.
    ///
    /// Exits with 1 if there is no such account; what was counted by that name is forgotten then, too.
    #[command(after_help = "Examples:\n  \
        railgate user unlock anna")]
    Unlock(unlock::Unlock),
}

pub(super) fn user(arguments: &User) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Add(arguments) => with_file(&arguments.config, |file| add::add(arguments, file)),
        Command::Passwd(arguments) => with_file(&arguments.config, |file| passwd::passwd(arguments, file)),
        Command::Disable(arguments) => with_file(&arguments.config, |file| disable::set_active(arguments, file, false)),
        Command::Enable(arguments) => with_file(&arguments.config, |file| disable::set_active(arguments, file, true)),
        Command::List(arguments) => with_file(&arguments.config, |file| list::list(arguments, file)),
        Command::Import(arguments) => with_file(&arguments.config, |file| import::import(arguments, file)),
        Command::Unlock(arguments) => unlock::unlock(arguments),
    }
}

/// Of the configuration `[directory]` and `[hashing]` are read and nothing else, so that none of the gateway's secrets is needed.
fn with_file(config: &ConfigFile, work: impl FnOnce(&UsersFile) -> anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    let loaded = UserSettings::load(&config.config, &config::ProcessEnvironment);
    let Some(settings) = or_tell(loaded)? else { return Ok(ExitCode::FAILURE) };
    work(&UsersFile::of(settings)?).map(|()| ExitCode::SUCCESS)
}
