//! A users file that was read.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::Path,
};

use super::{
    HashCheck,
    entry::{Entry, Kind},
    form::Form,
    problem::{BadFile, Problem},
    record::{RoleRecord, UserRecord},
};
use crate::model::{Account, AccountState, Permission, Role, Timestamp, User, UserId};

/// Everybody in the file. No two have one name or one id.
#[derive(Debug, Default)]
pub struct Users {
    users: Vec<UserRecord>,
    roles: Vec<RoleRecord>,
    by_name: HashMap<String, usize>,
    by_id: HashMap<UserId, usize>,
    /// Every permission that is named somewhere, sorted. A login waits for no such list to be made: the time that takes
    /// would tell which names exist.
    permissions: Vec<String>,
}

impl Users {
    /// Reads the text of a file; `path` says its form, and stands in what is said of it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(text: &str, path: &Path, is_hash: HashCheck) -> Result<Self, BadFile> {
        let entries = Form::of(path).entries(text).map_err(|problems| BadFile::new(path, problems))?;
        let mut problems = Vec::new();
        let users = Self::gather(&entries, is_hash, &mut problems);
        if problems.is_empty() { Ok(users) } else { Err(BadFile::new(path, problems)) }
    }

    fn gather(entries: &[Entry], is_hash: HashCheck, problems: &mut Vec<Problem>) -> Self {
        let mut all = Self::default();
        let mut role_names = HashSet::new();
        for entry in entries {
            match entry.kind {
                Kind::User => {
                    let Some(user) = UserRecord::read(entry, is_hash, problems) else { continue };
                    let place = all.users.len();
                    if all.by_name.insert(user.username.clone(), place).is_some() {
                        problems.push(twice(entry, "username", &user.username));
                    }
                    if all.by_id.insert(user.id.clone(), place).is_some() {
                        problems.push(twice(entry, "id", user.id.as_str()));
                    }
                    all.users.push(user);
                }
                Kind::Role => {
                    let Some(role) = RoleRecord::read(entry, problems) else { continue };
                    if !role_names.insert(role.name.clone()) {
                        problems.push(twice(entry, "name", &role.name));
                    }
                    all.roles.push(role);
                }
            }
        }
        let of_roles = all.roles.iter().flat_map(|role| &role.permissions);
        let named: BTreeSet<&String> = of_roles.chain(all.users.iter().flat_map(|user| &user.permissions)).collect();
        all.permissions = named.into_iter().cloned().collect();
        all
    }

    /// In the order of the file.
    #[must_use]
    pub fn all(&self) -> &[UserRecord] {
        &self.users
    }

    /// In the order of the file.
    #[must_use]
    pub fn roles(&self) -> &[RoleRecord] {
        &self.roles
    }

    /// The user of this name, compared as it is.
    #[must_use]
    pub fn by_name(&self, username: &str) -> Option<&UserRecord> {
        self.by_name.get(username).map(|place| &self.users[*place])
    }

    /// The user of this id.
    #[must_use]
    pub fn by_id(&self, id: &UserId) -> Option<&UserRecord> {
        self.by_id.get(id).map(|place| &self.users[*place])
    }

    /// What a login needs to know of one of them.
    pub(super) fn account(&self, record: &UserRecord, last_login: Option<Timestamp>) -> Account {
        let user = User {
            id: record.id.clone(),
            username: record.username.clone(),
            email: record.email.clone(),
            first_name: record.first_name.clone(),
            last_name: record.last_name.clone(),
            is_staff: record.is_staff,
            is_superuser: record.is_superuser,
            is_active: record.is_active,
            date_joined: record.date_joined,
            last_login,
            permissions: self.permissions(record),
            roles: self.roles_of(record),
        };
        Account { user, password: record.password.clone() }
    }

    /// An inactive user has none, as in Django. There is no list of all permissions for a superuser but those that the
    /// file names.
    fn permissions(&self, record: &UserRecord) -> Vec<String> {
        match (record.is_active, record.is_superuser) {
            (false, _) => Vec::new(),
            (true, true) => self.permissions.clone(),
            (true, false) => {
                let of_roles = self.roles.iter().filter(|role| record.roles.contains(&role.name));
                let all: BTreeSet<&String> =
                    of_roles.flat_map(|role| &role.permissions).chain(&record.permissions).collect();
                all.into_iter().cloned().collect()
            }
        }
    }

    fn roles_of(&self, record: &UserRecord) -> Vec<Role> {
        let described = |name: &String| {
            let known = self.roles.iter().find(|role| role.name == *name);
            let permissions = known.map(|role| role.permissions.iter().map(|label| permission(label)).collect());
            Role { id: format!("group:{name}"), name: name.clone(), permissions: permissions.unwrap_or_default() }
        };
        record.roles.iter().map(described).chain(Role::of_flags(record.is_superuser, record.is_staff)).collect()
    }
}

impl From<&UserRecord> for AccountState {
    fn from(record: &UserRecord) -> Self {
        Self { is_active: record.is_active, password: record.password.clone() }
    }
}

/// The file has no text for people, nor a key, beside the label.
fn permission(label: &str) -> Permission {
    let codename = label.split_once('.').map_or(label, |(_, codename)| codename);
    Permission { id: label.to_owned(), name: label.to_owned(), codename: codename.to_owned() }
}

fn twice(entry: &Entry, key: &str, text: &str) -> Problem {
    let line = entry.fields.iter().find(|field| field.key == key).map_or(entry.line, |field| field.line);
    Problem { line, message: format!("`{key}` \"{}\" is another's above", text.escape_debug()) }
}
