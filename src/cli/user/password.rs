//! Where a new password comes from: typed twice on the terminal, or standard input.

use std::io::{self, Read as _};

use anyhow::{Context as _, bail, ensure};

use crate::{app::users::check_password, model::Secret};

/// More than anybody types; standard input might go on for ever.
const LONGEST: u64 = 4096;

#[derive(clap::Args)]
pub(super) struct Source {
    /// Read the password from standard input, where a line end behind it is left out.
    #[arg(long)]
    password_stdin: bool,
}

impl Source {
    /// # Errors
    /// When there is none, or it is too short.
    pub(super) fn read(&self, username: &str) -> anyhow::Result<Secret> {
        let password = if self.password_stdin { from_standard_input()? } else { from_terminal(username)? };
        check_password(&password)?;
        Ok(password)
    }
}

fn from_standard_input() -> anyhow::Result<Secret> {
    let mut text = zeroize::Zeroizing::new(String::new());
    io::stdin().take(LONGEST + 1).read_to_string(&mut text).context("standard input")?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    ensure!(!line.contains('\n'), "standard input has more than one line");
    ensure!(text.len() as u64 <= LONGEST, "standard input has more than {LONGEST} bytes");
    Ok(Secret::new(line))
}

fn from_terminal(username: &str) -> anyhow::Result<Secret> {
    let ask = |prompt: String| {
        let typed = rpassword::prompt_password(prompt);
        typed
            .map(Secret::new)
            .context("no terminal to ask on; write the password to standard input, with --password-stdin")
    };
    let first = ask(format!("New password of {}: ", username.escape_debug()))?;
    check_password(&first)?;
    if ask("The same again: ".to_owned())?.expose() != first.expose() {
        bail!("these were two passwords; nothing has changed");
    }
    Ok(first)
}
