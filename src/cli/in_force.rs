//! `railgate config`: what is in force.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use super::{ConfigFile, or_tell};
use crate::config::{InForce, ProcessEnvironment};

#[derive(clap::Args)]
pub(super) struct InForceArguments {
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Toml)]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// As the file has it, with comments.
    Toml,
    /// A list of objects: key, variable, value, from.
    Json,
}

pub(super) fn in_force(arguments: &InForceArguments) -> anyhow::Result<ExitCode> {
    let loaded = InForce::load(&arguments.config.config, &ProcessEnvironment);
    let Some(in_force) = or_tell(loaded)? else { return Ok(ExitCode::FAILURE) };
    match arguments.format {
        Format::Toml => write!(io::stdout(), "{in_force}")?,
        Format::Json => writeln!(io::stdout(), "{:#}", in_force.to_json())?,
    }
    Ok(ExitCode::SUCCESS)
}
