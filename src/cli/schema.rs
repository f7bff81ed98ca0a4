//! `railgate schema`: what proxy.toml may say.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use crate::config;

#[derive(clap::Args)]
pub(super) struct Schema {
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// A JSON Schema (draft 2020-12).
    Json,
    /// A reference to read.
    Markdown,
}

pub(super) fn schema(arguments: &Schema) -> anyhow::Result<ExitCode> {
    match arguments.format {
        Format::Json => writeln!(io::stdout(), "{:#}", config::schema())?,
        Format::Markdown => write!(io::stdout(), "{}", config::reference())?,
    }
    Ok(ExitCode::SUCCESS)
}
