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

use clap::{Parser, Subcommand};

use crate::{
    app,
    config::{self, Config},
};

mod check;
mod import;
mod in_force;
mod keygen;
mod schema;
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
    /// Logs go to standard error, a line for each request to standard output. A database or a Redis that is down doesn't keep the gateway from starting: logins
    /// fail with a clear error until it is back.
    ///
    /// At SIGHUP, and when a file of it changes, the configuration is read again; one that can't be used changes nothing.
    Run(ConfigFile),
    /// Say what is wrong with the configuration, or that it is fine.
    ///
    /// Reads the file as `run` does, in the same environment, and the users file if there is one, and connects to nothing.
    /// Every error is told with its line and what to do; warnings are about what is legal but unwise.
    ///
    /// With `--upstream` the backend is asked for its schema, too, and its database for a user: what clients would notice
    /// with the gateway in front, which of the backend's own mutations would let somebody in past it, and how far one can go
    /// at once. Nothing is changed there.
    ///
    /// Exits with 0 if `run` would accept the file, with or without warnings, and nothing at the backend speaks against it,
    /// else with 1.
    Check(check::Check),
    /// Show what is in force, and where each value comes from.
    ///
    /// The file and the environment as `run` would take them, each value with its line, its variable, its secret file, or the
    /// word "default". Secrets are not shown. As TOML it is a file that says the same, but for secrets that stood in the file.
    ///
    /// Exits with 1 and says why if `run` would not accept the file.
    Config(in_force::InForceArguments),
    /// Print the schema of proxy.toml for editors, or a reference to read.
    ///
    /// An editor with a TOML language server (Taplo, tombi; Even Better TOML in VS Code) completes and checks keys by a schema that
    /// the file names in its first line: `#:schema ./proxy.schema.json`.
    Schema(schema::Schema),
    /// Take the second factors that users have in Rail Django's tables over into the gateway's store.
    ///
    /// For a gateway that is about to keep them itself (`[mfa] storage = "store"`), beside those that run. Authenticators and the
    /// backup codes that the backend kept in the clear move; the tables are only read. Who has an active factor in the store is left
    /// alone, so it may be run again. Say first what would be done: `railgate import --dry-run`.
    Import(import::Import),
    /// Print a new key for `[tokens] keys`, or rotate the keys of a file.
    ///
    /// Gateways that share sessions need the same keys: the first signs, all of them verify. A key is a secret.
    Keygen(keygen::Keygen),
    /// Look after users: those of `[directory] kind = "file"`, and accounts that are locked.
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
        Command::Check(arguments) => check::check(&arguments),
        Command::Config(arguments) => in_force::in_force(&arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
        Command::Import(arguments) => import::import(&arguments),
        Command::Keygen(arguments) => keygen::keygen(&arguments),
        Command::User(arguments) => user::user(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        // Nobody is left to tell when this can't be written either.
        let _ = writeln!(io::stderr(), "railgate: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let (config, warnings) = match Config::load(path, &config::ProcessEnvironment) {
        Ok(loaded) => loaded,
        Err(report) => {
            write!(io::stderr(), "{report}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let levels = app::logs::start(&config.log)?;
    app::logs::tell_of(&warnings);
    app::run(path, (config, warnings.files().clone()), levels)?;
    Ok(ExitCode::SUCCESS)
}
