//! `railgate check`: what is wrong with a configuration, and with the backend that it is for.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;

use super::ConfigFile;
use crate::{
    app,
    config::{self, Config},
    model::PlainToken,
};

#[derive(clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    file: ConfigFile,
    /// Ask the backend, too.
    #[arg(long)]
    upstream: bool,
    /// A GraphQL endpoint of the backend's, such as /graphql/; several may be given. Else those of `[graphql] paths` that are
    /// whole paths, or Rail Django's.
    #[arg(long, value_name = "PATH", requires = "upstream")]
    path: Vec<String>,
    /// Holds a token of the backend's own, of somebody who may see its schema; `-` for standard input.
    #[arg(long, value_name = "FILE", requires = "upstream")]
    token_file: Option<PathBuf>,
}

pub(super) fn check(arguments: &Check) -> anyhow::Result<ExitCode> {
    let (config, report) = match Config::load(&arguments.file.config, &config::ProcessEnvironment) {
        Ok((config, warnings)) => (Some(config), warnings),
        Err(report) => (None, report),
    };
    write!(io::stdout(), "{report}")?;
    let Some(config) = config else { return Ok(ExitCode::FAILURE) };
    if let Err(error) = app::users::check(&config.directory) {
        writeln!(io::stdout(), "error: {error:#}")?;
        return Ok(ExitCode::FAILURE);
    }
    if !arguments.upstream {
        return Ok(ExitCode::SUCCESS);
    }
    let token = arguments.token_file.as_deref().map(token).transpose()?;
    let survey = app::survey::survey(&config, arguments.path.clone(), token.as_ref())?;
    write!(io::stdout(), "\n{survey}")?;
    Ok(if survey.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn token(path: &Path) -> anyhow::Result<PlainToken> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().read_to_string(&mut text).context("reading the token from standard input")?;
    } else {
        text = fs::read_to_string(path).with_context(|| format!("--token-file {}", path.display()))?;
    }
    Ok(PlainToken::new(text.trim()))
}
