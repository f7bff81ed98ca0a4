//! `railgate user unlock`: the counts of an account are cleared.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use crate::{
    app,
    cli::{ConfigFile, or_tell},
    config::{self, Config},
};

#[derive(clap::Args)]
pub(in crate::cli) struct Unlock {
    /// The name that its user logs in with.
    name: String,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn unlock(arguments: &Unlock) -> anyhow::Result<ExitCode> {
    let Unlock { name, file } = arguments;
    let loaded = Config::load(&file.config, &config::ProcessEnvironment);
    let Some((config, _warnings)) = or_tell(loaded)? else { return Ok(ExitCode::FAILURE) };
    match app::unlock(&config, name)? {
        Some(user) => {
            writeln!(io::stdout(), "{name} (id {user}) is unlocked: passwords and codes may be tried anew.")?;
            Ok(ExitCode::SUCCESS)
        }
        None => {
            writeln!(io::stderr(), "railgate: no account has the name {name}; what was counted by it is forgotten.")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
