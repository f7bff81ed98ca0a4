//! `railgate user add`

use std::io::{self, Write as _};

use super::{ConfigFile, password};
use crate::{
    app::users::{NewUser, UsersFile, refuse_taken},
    model::{SystemClock, SystemEntropy},
};

#[derive(clap::Args)]
pub(super) struct Add {
    /// The name that the user logs in with, compared letter by letter.
    username: String,
    /// E-mail address.
    #[arg(long, default_value = "", hide_default_value = true)]
    email: String,
    /// First name.
    #[arg(long, default_value = "", hide_default_value = true)]
    first_name: String,
    /// Last name.
    #[arg(long, default_value = "", hide_default_value = true)]
    last_name: String,
    /// A role of the user's; again for each further one.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Django's flag; gives the role `admin`.
    #[arg(long)]
    staff: bool,
    /// Gives the role `superadmin`, and every permission that the file names.
    #[arg(long)]
    superuser: bool,
    #[command(flatten)]
    password: password::Source,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

pub(super) fn add(arguments: &Add, file: &UsersFile) -> anyhow::Result<()> {
    // Nobody types a password for a name that is taken. It is looked at again once the file is held.
    if file.path().exists() {
        refuse_taken(&file.read()?, &arguments.username)?;
    }
    let new = NewUser {
        username: arguments.username.clone(),
        password: arguments.password.read(&arguments.username)?,
        email: arguments.email.clone(),
        first_name: arguments.first_name.clone(),
        last_name: arguments.last_name.clone(),
        roles: arguments.roles.clone(),
        is_staff: arguments.staff,
        is_superuser: arguments.superuser,
    };
    let id = file.add(new, &SystemEntropy, &SystemClock)?;
    writeln!(io::stdout(), "{} was added to {}, with the id {id}", arguments.username, file.path().display())?;
    Ok(())
}
