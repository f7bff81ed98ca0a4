//! `railgate user list`

use std::io::{self, Write as _};

use serde_json::json;

use super::ConfigFile;
use crate::app::users::{UserRecord, UsersFile};

#[derive(clap::Args)]
pub(super) struct List {
    /// All that is known but the password, as a JSON list.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

pub(super) fn list(arguments: &List, file: &UsersFile) -> anyhow::Result<()> {
    let users = file.read()?;
    let text = if arguments.json { as_json(users.all()) } else { as_table(users.all()) };
    write!(io::stdout(), "{text}")?;
    Ok(())
}

fn as_table(users: &[UserRecord]) -> String {
    let head = ["ID", "USERNAME", "ACTIVE", "ROLES"].map(str::to_owned);
    let row = |user: &UserRecord| {
        let flags = [("superadmin", user.is_superuser), ("admin", user.is_staff && !user.is_superuser)];
        let flags = flags.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| *name);
        let roles: Vec<&str> = user.roles.iter().map(String::as_str).chain(flags).collect();
        let active = if user.is_active { "yes" } else { "no" };
        [user.id.to_string(), user.username.clone(), active.to_owned(), roles.join(", ")]
    };
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(users.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [id, name, active] = [width(0), width(1), width(2)];
    let line = |row: &[String; 4]| {
        let line = format!("{:id$}  {:name$}  {:active$}  {}", row[0], row[1], row[2], row[3]);
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

fn as_json(users: &[UserRecord]) -> String {
    let object = |user: &UserRecord| {
        json!({
            "id": user.id.as_str(),
            "username": user.username,
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "is_staff": user.is_staff,
            "is_superuser": user.is_superuser,
            "is_active": user.is_active,
            "date_joined": user.date_joined.to_string(),
            "roles": user.roles,
            "permissions": user.permissions,
        })
    };
    format!("{:#}\n", serde_json::Value::Array(users.iter().map(object).collect()))
}
