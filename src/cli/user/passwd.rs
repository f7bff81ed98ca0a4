//! `railgate user passwd`

use std::io::{self, Write as _};

use super::{ConfigFile, password};
use crate::{
    app::users::{UsersFile, find},
    model::SystemEntropy,
};

#[derive(clap::Args)]
pub(super) struct Passwd {
    username: String,
    #[command(flatten)]
    password: password::Source,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

pub(super) fn passwd(arguments: &Passwd, file: &UsersFile) -> anyhow::Result<()> {
    let username = &arguments.username;
    find(&file.read()?, username)?;
    file.set_password(username, &arguments.password.read(username)?, &SystemEntropy)?;
    writeln!(io::stdout(), "{username} has another password; sessions of theirs end within [sessions] recheck")?;
    Ok(())
}
