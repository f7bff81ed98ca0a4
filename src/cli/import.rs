//! `railgate import`

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use super::{ConfigFile, or_tell};
use crate::{
    app,
    config::{self, Config},
};

#[derive(clap::Args)]
pub(super) struct Import {
    #[command(flatten)]
    file: ConfigFile,
    /// Only say what would be imported.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn import(arguments: &Import) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(&arguments.file.config, &config::ProcessEnvironment);
    let Some((config, _warnings)) = or_tell(loaded)? else { return Ok(ExitCode::FAILURE) };
    write!(io::stdout(), "{}", app::import::import(&config, arguments.dry_run)?)?;
    Ok(ExitCode::SUCCESS)
}
