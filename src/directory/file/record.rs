//! What a users file says of one user, and of one role.

use serde_json::Value;

use super::{
    HashCheck,
    entry::{Entry, Field, Fields, Kind},
    problem::Problem,
};
use crate::model::{EncodedPassword, Timestamp, UserId};

/// Django's limit on `username`.
const LONGEST_NAME: usize = 150;
/// Longer than any key that Django makes: a UUID has 36 characters.
const LONGEST_ID: usize = 64;
/// Django's limit on `email`, the longest of the other texts.
const LONGEST_TEXT: usize = 254;

/// A user as the file has one.
#[derive(Clone, Debug)]
pub struct UserRecord {
    /// Up to 64 letters, digits, `-`, `_` and `.`; never given to another user again.
    pub id: UserId,
    /// The name that the user logs in with, compared as it is.
    pub username: String,
    /// As Django stores one.
    pub password: EncodedPassword,
    /// May be empty.
    pub email: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// Django's flag.
    pub is_staff: bool,
    /// Has every permission that the file names.
    pub is_superuser: bool,
    /// May log in.
    pub is_active: bool,
    /// When the account was made; the beginning of 1970 where the file doesn't say.
    pub date_joined: Timestamp,
    /// Names of roles. One that the file doesn't describe allows nothing by itself.
    pub roles: Vec<String>,
    /// `app.codename`, beside those of the roles.
    pub permissions: Vec<String>,
}

#[cfg(test)]
impl UserRecord {
    /// With nothing but these, for a test.
    pub(crate) fn bare(id: &str, username: &str, password: &str) -> Self {
        Self {
            id: UserId::new(id),
            username: username.to_owned(),
            password: EncodedPassword::new(password),
            email: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            is_staff: false,
            is_superuser: false,
            is_active: true,
            date_joined: Timestamp::default(),
            roles: Vec::new(),
            permissions: Vec::new(),
        }
    }
}

/// A role as the file has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRecord {
    /// Its name, compared as it is.
    pub name: String,
    /// `app.codename`.
    pub permissions: Vec<String>,
}

impl UserRecord {
    /// `None`: what is wrong is noted.
    pub(super) fn read(entry: &Entry, is_hash: HashCheck, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(entry, problems);
        let id = fields.required("id", check_id);
        let username = fields.required("username", check_name);
        let password = fields.required("password", |text| check_password(text, is_hash));
        let [email, first_name, last_name] =
            ["email", "first_name", "last_name"].map(|key| fields.text(key, check_text));
        let is_staff = fields.flag("is_staff", false);
        let is_superuser = fields.flag("is_superuser", false);
        let is_active = fields.flag("is_active", true);
        let date_joined = fields.instant("date_joined");
        let roles = fields.list("roles", check_name);
        let permissions = fields.list("permissions", check_permission);
        fields.finish();
        Some(Self {
            id: UserId::new(id?),
            username: username?,
            password: EncodedPassword::new(password?),
            email,
            first_name,
            last_name,
            is_staff,
            is_superuser,
            is_active,
            date_joined,
            roles,
            permissions,
        })
    }

    /// Why the file would not be read again with this user in it; empty when it would.
    #[must_use]
    pub fn faults(&self, is_hash: HashCheck) -> Vec<String> {
        let field = |(key, value): (&str, Value)| Field { key: key.to_owned(), line: 1, value };
        let entry = Entry { kind: Kind::User, line: 1, fields: self.fields().into_iter().map(field).collect() };
        let mut problems = Vec::new();
        Self::read(&entry, is_hash, &mut problems);
        problems.into_iter().map(|problem| problem.message).collect()
    }

    /// Key and value of all that isn't as it would be without the key. `is_active` is always said: it is what somebody
    /// looks for who has to shut a user out by hand.
    pub(super) fn fields(&self) -> Vec<(&'static str, Value)> {
        let texts = [("email", &self.email), ("first_name", &self.first_name), ("last_name", &self.last_name)];
        let flags = [("is_staff", self.is_staff), ("is_superuser", self.is_superuser)];
        let lists = [("roles", &self.roles), ("permissions", &self.permissions)];
        let mut fields = vec![
            ("id", Value::from(self.id.as_str())),
            ("username", Value::from(self.username.as_str())),
            ("password", Value::from(self.password.expose())),
        ];
        fields
            .extend(texts.iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (*key, text.as_str().into())));
        fields.extend(flags.iter().filter(|(_, flag)| *flag).map(|(key, flag)| (*key, (*flag).into())));
        fields.push(("is_active", self.is_active.into()));
        if self.date_joined != Timestamp::default() {
            fields.push(("date_joined", self.date_joined.to_string().into()));
        }
        fields.extend(
            lists.iter().filter(|(_, list)| !list.is_empty()).map(|(key, list)| (*key, list.as_slice().into())),
        );
        fields
    }
}

impl RoleRecord {
    /// `None`: what is wrong is noted.
    pub(super) fn read(entry: &Entry, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(entry, problems);
        let name = fields.required(Kind::Role.name_key(), check_name);
        let permissions = fields.list("permissions", check_permission);
        fields.finish();
        Some(Self { name: name?, permissions })
    }

    pub(super) fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("name", Value::from(self.name.as_str())), ("permissions", self.permissions.as_slice().into())]
    }
}

/// Blanks round a name can't be seen, and no two names may look alike by them.
fn check_name(text: &str) -> Result<(), String> {
    if text.is_empty() || text.chars().count() > LONGEST_NAME {
        return Err(format!("must have from 1 to {LONGEST_NAME} characters"));
    }
    if text.trim() != text || text.contains(char::is_control) {
        return Err("must not begin or end with a blank, nor hold a control character".to_owned());
    }
    Ok(())
}

fn check_id(text: &str) -> Result<(), String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if text.is_empty() || text.len() > LONGEST_ID || !is_plain {
        return Err(format!(
            "must have from 1 to {LONGEST_ID} characters, all of them letters, digits, `-`, `_` or `.`"
        ));
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), String> {
    if text.chars().count() > LONGEST_TEXT || text.contains(char::is_control) {
        return Err(format!("must have {LONGEST_TEXT} characters at most, and no control character"));
    }
    Ok(())
}

fn check_permission(text: &str) -> Result<(), String> {
    check_text(text)?;
    match text.split_once('.') {
        Some((app, codename)) if !app.is_empty() && !codename.is_empty() => Ok(()),
        Some(_) | None => Err("is no permission such as \"articles.change_article\"".to_owned()),
    }
}

fn check_password(text: &str, is_hash: HashCheck) -> Result<(), String> {
    if is_hash(&EncodedPassword::new(text)) {
        return Ok(());
    }
    Err("is no hash as Django would store it: `railgate user passwd NAME` writes one".to_owned())
}
