//! `railgate user import`

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::ConfigFile;
use crate::app::users::{self, DumpOptions, Imported, UsersFile};

#[derive(clap::Args)]
pub(super) struct Import {
    /// The dump; - is standard input.
    #[arg(value_name = "FILE")]
    dump: PathBuf,
    /// The model of users, such as users.user, where more than one looks like it.
    #[arg(long)]
    model: Option<String>,
    /// USERNAME_FIELD of that model.
    #[arg(long, value_name = "FIELD", default_value = "username")]
    username_field: String,
    /// Put users of the dump in the place of those of the same name and id, and roles in that of those of the same name.
    ///
    /// Who was disabled here stays so.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

pub(super) fn import(arguments: &Import, file: &UsersFile) -> anyhow::Result<()> {
    let text = read(&arguments.dump).with_context(|| arguments.dump.display().to_string())?;
    let options = DumpOptions { model: arguments.model.as_deref(), username_field: &arguments.username_field };
    let dump = users::read_dump(&text, options).with_context(|| arguments.dump.display().to_string())?;
    let Imported { users, roles, replaced, shut_out, still_disabled } = file.import(&dump, arguments.replace)?;
    for told in shut_out {
        writeln!(io::stderr(), "warning: {told}")?;
    }
    for name in still_disabled {
        writeln!(io::stderr(), "warning: {name} was disabled here and stays so; `railgate user enable` changes that")?;
    }
    let path = file.path().display();
    writeln!(io::stdout(), "users imported to {path}: {users} (in the place of others: {replaced}); roles: {roles}")?;
    Ok(())
}

fn read(path: &Path) -> io::Result<String> {
    if path != Path::new("-") {
        return fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}
