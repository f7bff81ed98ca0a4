//! `railgate user disable` and `enable`

use std::io::{self, Write as _};

use super::ConfigFile;
use crate::app::users::UsersFile;

#[derive(clap::Args)]
pub(super) struct Named {
    username: String,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

pub(super) fn set_active(arguments: &Named, file: &UsersFile, is_active: bool) -> anyhow::Result<()> {
    let username = &arguments.username;
    let has_changed = file.set_active(username, is_active)?;
    let told = match (is_active, has_changed) {
        (true, true) => "may log in again",
        (true, false) => "may log in already",
        (false, true) => "is disabled; sessions of theirs end within [sessions] recheck",
        (false, false) => "is disabled already",
    };
    writeln!(io::stdout(), "{username} {told}")?;
    Ok(())
}
