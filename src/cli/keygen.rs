//! `railgate keygen`: a new key, or the next step of a key file.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    app::keys::rotation,
    auth::tokens::{Key, KeyRing},
    model::SystemEntropy,
};

#[derive(clap::Args)]
pub(super) struct Keygen {
    /// Let the next key of this file sign, and add a new next one. Drops none.
    ///
    /// The first time there is no next key yet, and one is added. Every gateway must have started with the file as it is
    /// before it is rotated again.
    #[arg(long, value_name = "FILE", conflicts_with = "drop_old")]
    rotate: Option<PathBuf>,
    /// Drop the keys of this file that have signed: their tokens are dead, and whoever has no others logs in again.
    #[arg(long, value_name = "FILE")]
    drop_old: Option<PathBuf>,
}

pub(super) fn keygen(arguments: &Keygen) -> anyhow::Result<ExitCode> {
    match (&arguments.rotate, &arguments.drop_old) {
        (Some(path), _) => show(path, &rotation::rotate(path, &SystemEntropy)?)?,
        (None, Some(path)) => show(path, &rotation::drop_old(path)?)?,
        (None, None) => writeln!(io::stdout(), "{}", Key::generate(&SystemEntropy)?.expose())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Ids only: what a gateway logs at its start, too.
fn show(path: &Path, keys: &KeyRing) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{}:", path.display())?;
    for (place, key) in keys.iter().enumerate() {
        let role = match place {
            0 => "signs",
            1 => "signs next",
            _ => "has signed",
        };
        writeln!(out, "  {role:<12}{}", key.id())?;
    }
    writeln!(out, "Gateways take this up at their next start; start every one before the next rotation.")
}
