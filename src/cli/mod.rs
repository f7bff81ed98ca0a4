//! Subcommands and exit codes.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | it did not work; why is on standard error, for `check` on standard output |
//! | 2 | the command line makes no sense |

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::{
    app,
    config::{self, Config, LogFormat, LogSettings, Report},
    telemetry,
};

mod keygen;
mod user;

/// An authentication gateway for GraphQL backends.
///
/// It stands in front of the backend, answers login, refresh and logout itself, and forwards everything else with a
/// verified identity attached.
#[derive(Parser)]
#[command(
    version,
    after_help = "Start with `railgate check`: it says what is wrong with proxy.toml, where, and what to do."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C, then let requests in flight finish.
    ///
    /// Logs go to standard error. A database or a Redis that is down doesn't keep the gateway from starting: logins
    /// fail with a clear error until it is back.
    Run(ConfigFile),
    /// Say what is wrong with the configuration, or that it is fine.
    ///
    /// Reads the file as `run` does, in the same environment, and connects to nothing. Every error is told with its
    /// line and what to do; warnings are about what is legal but unwise.
    ///
    /// Exits with 0 if `run` would accept the file, with or without warnings, else with 1.
    Check(ConfigFile),
    /// Print a new key for `[tokens] keys`, or rotate the keys of a file.
    ///
    /// Gateways that share sessions need the same keys: the first signs, all of them verify. A key is a secret.
    Keygen(keygen::Keygen),
    /// Help the user of an account.
    #[command(subcommand)]
    User(user::User),
}

#[derive(clap::Args)]
struct ConfigFile {
    /// The configuration.
    #[arg(long, value_name = "FILE", env = "RAILGATE_CONFIG", default_value = "proxy.toml")]
    config: PathBuf,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(file) => run(&file.config),
        Command::Check(file) => check(&file.config),
        Command::Keygen(arguments) => keygen::keygen(&arguments),
        Command::User(command) => user::user(&command),
    };
    outcome.unwrap_or_else(|error| {
        // Nobody is left to tell when this can't be written either.
        let _ = writeln!(io::stderr(), "railgate: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let (config, warnings) = match Config::load(path, &config::process_environment) {
        Ok(loaded) => loaded,
        Err(report) => {
            write!(io::stderr(), "{report}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    start_logs(&config.log)?;
    log_warnings(&warnings);
    app::run(config)?;
    Ok(ExitCode::SUCCESS)
}

fn start_logs(settings: &LogSettings) -> anyhow::Result<()> {
    let format = match settings.format {
        LogFormat::Text => telemetry::Format::Text,
        LogFormat::Json => telemetry::Format::Json,
    };
    telemetry::init(format, settings.level.clone()).context("starting logs")
}

fn log_warnings(warnings: &Report) {
    for warning in warnings.iter() {
        tracing::warn!(at = %warning.place(), "{}", warning.message());
    }
}

fn check(path: &Path) -> anyhow::Result<ExitCode> {
    let (report, code) = match Config::load(path, &config::process_environment) {
        Ok((_, warnings)) => (warnings, ExitCode::SUCCESS),
        Err(report) => (report, ExitCode::FAILURE),
    };
    write!(io::stdout(), "{report}")?;
    Ok(code)
}
