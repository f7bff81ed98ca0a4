//! `railgate keygen`: a new key, or the next step of a key file.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    app::keys::rotation,
    auth::{assertion::AssertionKey, tokens::Key},
    model::SystemEntropy,
};

#[derive(clap::Args)]
pub(super) struct Keygen {
    /// Print a key pair for `[upstream.identity] assertion_keys`, in place of a key for `[tokens] keys`.
    #[arg(long, conflicts_with_all = ["rotate", "drop_old"])]
    assertion: bool,
    /// Let the next key of this file sign, and add a new next one. Drops none.
    ///
    /// The first time there is no next key yet, and one is added. Every gateway must have read the file as it is before
    /// it is rotated again.
    #[arg(long, value_name = "FILE", conflicts_with = "drop_old")]
    rotate: Option<PathBuf>,
    /// Drop the keys of this file that have signed: their tokens are dead, and whoever has no others logs in again.
    #[arg(long, value_name = "FILE")]
    drop_old: Option<PathBuf>,
}

pub(super) fn keygen(arguments: &Keygen) -> anyhow::Result<ExitCode> {
    match (&arguments.rotate, &arguments.drop_old, arguments.assertion) {
        (Some(path), _, _) => show(path, &rotation::rotate(path, &SystemEntropy)?)?,
        (None, Some(path), _) => show(path, &rotation::drop_old(path)?)?,
        (None, None, true) => writeln!(io::stdout(), "{}", AssertionKey::generate(&SystemEntropy)?.expose())?,
        (None, None, false) => writeln!(io::stdout(), "{}", Key::generate(&SystemEntropy)?.expose())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Ids only: what a gateway logs at its start, too.
fn show(path: &Path, ids: &[String]) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{}:", path.display())?;
    for (place, id) in ids.iter().enumerate() {
        let role = match place {
            0 => "signs",
            1 => "signs next",
            _ => "has signed",
        };
        writeln!(out, "  {role:<12}{id}")?;
    }
    writeln!(
        out,
        "Gateways take this up when they are reloaded (SIGHUP) or started; have every one do so before the next rotation."
    )
}
