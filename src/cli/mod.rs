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
    config::{self, Config, Report},
};

mod check;
mod completions;
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
    after_help = "Examples:\n  \
        railgate check                    what is wrong with proxy.toml, where, and what to do\n  \
        railgate run                      serve\n  \
        railgate config                   what is in force, and from where\n  \
        railgate help user                more on one command\n\n\
        Each key of proxy.toml has a variable, which wins over it: RAILGATE__UPSTREAM__URL is `url` of [upstream]."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C, then let requests in flight finish.
    ///
    /// Logs go to standard error, a line for each request to standard output. A database or a Redis that is down doesn't keep
    /// the gateway from starting: logins fail with a clear error until it is back.
    ///
    /// At SIGHUP, and when a file of it changes, the configuration is read again; one that can't be used changes nothing.
    #[command(after_help = "Examples:\n  \
        railgate run\n  \
        railgate run --config /etc/railgate/proxy.toml\n  \
        RAILGATE__LOG__LEVEL=debug railgate run")]
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
    #[command(after_help = "Examples:\n  \
        railgate check\n  \
        railgate check --config new.toml && mv new.toml proxy.toml\n  \
        railgate check --upstream --path /graphql/ --token-file token")]
    Check(check::Check),
    /// Show what is in force, and where each value comes from.
    ///
    /// The file and the environment as `run` would take them, each value with its line, its variable, its secret file, or the
    /// word "default". Secrets are not shown. As TOML it is a file that says the same, but for secrets that stood in the file.
    ///
    /// Exits with 1 and says why if `run` would not accept the file.
    #[command(after_help = "Examples:\n  \
        railgate config\n  \
        railgate config | grep -v '^#'    what is not as by default\n  \
        railgate config --format json | jq '.[] | select(.key == \"server.threads\")'")]
    Config(in_force::InForceArguments),
    /// Print the schema of proxy.toml for editors, or a reference to read.
    ///
    /// An editor with a TOML language server (Taplo, tombi; Even Better TOML in VS Code) completes and checks keys by a schema that
    /// the file names in its first line: `#:schema ./proxy.schema.json`.
    #[command(after_help = "Examples:\n  \
        railgate schema >proxy.schema.json\n  \
        railgate schema --format markdown | less")]
    Schema(schema::Schema),
    /// Take the second factors that users have in Rail Django's tables over into the gateway's store.
    ///
    /// For a gateway that is about to keep them itself (`[mfa] storage = "store"`), beside those that run. Authenticators and the
    /// backup codes that the backend kept in the clear move; the tables are only read. Who has an active factor in the store is left
    /// alone, so it may be run again. Say first what would be done: `railgate import --dry-run`.
    #[command(after_help = "Examples:\n  \
        railgate import --dry-run\n  \
        railgate import --config /etc/railgate/proxy.toml")]
    Import(import::Import),
    /// Print a new key for `[tokens] keys`, or rotate the keys of a file.
    ///
    /// Gateways that share sessions need the same keys: the first signs, all of them verify. A key is a secret.
    #[command(after_help = "Examples:\n  \
        railgate keygen >railgate.key\n  \
        railgate keygen --rotate railgate.key    the next one signs; start every gateway before the next time\n  \
        railgate keygen --drop-old railgate.key\n  \
        railgate keygen --assertion >assertion.key")]
    Keygen(keygen::Keygen),
    /// Look after users: those of `[directory] kind = "file"`, and accounts that are locked.
    #[command(after_help = "Examples:\n  \
        railgate user add anna --role editors\n  \
        railgate user list\n  \
        railgate user unlock anna")]
    User(user::User),
    /// Print what a shell completes commands and options by.
    #[command(after_help = "Examples:\n  \
        railgate completions bash >~/.local/share/bash-completion/completions/railgate\n  \
        railgate completions zsh >~/.zfunc/_railgate\n  \
        railgate completions fish >~/.config/fish/completions/railgate.fish")]
    Completions(completions::Completions),
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
        Command::Completions(arguments) => completions::completions(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        // Nobody is left to tell when this can't be written either.
        let _ = writeln!(io::stderr(), "railgate: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(path, &config::ProcessEnvironment);
    let Some((config, warnings)) = or_tell(loaded)? else { return Ok(ExitCode::FAILURE) };
    let log = app::logs::start(&config.log)?;
    app::logs::tell_of(&warnings);
    app::run(path, (config, warnings.files().clone()), log)?;
    Ok(ExitCode::SUCCESS)
}

/// What was read of a configuration; `None`: it can't be used, and why has been told.
fn or_tell<T>(read: Result<T, Report>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(report) => write!(io::stderr(), "{report}").map(|()| None),
    }
}
