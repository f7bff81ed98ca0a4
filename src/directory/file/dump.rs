//! Users of a Django project, as `manage.py dumpdata` writes them: a JSON list of objects with `model`, `pk` and `fields`.
//!
//! ```text
//! manage.py dumpdata users.User auth.Group auth.Permission contenttypes
//! ```
//!
//! Groups become roles. What refers to another object does so by its key, or with `--natural-foreign` by its name; permissions
//! and content types are then not needed.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{HashCheck, RoleRecord, UserRecord};
use crate::model::{EncodedPassword, Timestamp, UserId};

/// Which objects of a dump are users.
#[derive(Clone, Copy, Debug)]
pub struct DumpOptions<'a> {
    /// Their model, `users.user`; `None`: the one whose objects look like `AbstractUser`.
    pub model: Option<&'a str>,
    /// `USERNAME_FIELD` of the model.
    pub username_field: &'a str,
}

/// Users and roles of a dump, in its order.
#[derive(Debug)]
pub struct Dump {
    /// With the keys and the hashes that they had.
    pub users: Vec<UserRecord>,
    /// Django's groups.
    pub roles: Vec<RoleRecord>,
}

/// Why a dump can't be taken over.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// It is something else. The cause shows nothing of it.
    #[error("not what `manage.py dumpdata` writes, in line {line} from column {column} on")]
    Form {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// No model of it looks like users.
    #[error("no model in it looks like users; `--model` says which one it is: {}", .0.join(", "))]
    NoUsers(Vec<String>),
    /// Several do.
    #[error("several models in it look like users; `--model` says which one it is: {}", .0.join(", "))]
    Ambiguous(Vec<String>),
    /// Some of the users can't be taken over as they are, and why.
    #[error("{}", .0.join("\n"))]
    Faults(Vec<String>),
}

#[derive(Deserialize)]
struct Object {
    model: String,
    #[serde(default)]
    pk: Value,
    fields: Map<String, Value>,
}

impl Dump {
    /// Reads the text of a dump.
    ///
    /// # Errors
    /// When it isn't one, or something in it can't be taken over; all of that is told at once.
    pub fn read(text: &str, options: DumpOptions<'_>, is_hash: HashCheck) -> Result<Self, DumpError> {
        let objects: Vec<Object> = serde_json::from_str(text)
            .map_err(|error| DumpError::Form { line: error.line(), column: error.column() })?;
        let model = user_model(&objects, options)?;
        let mut reader =
            Reader { known: Known::of(&objects), username_field: options.username_field, faults: Vec::new() };
        let roles = of_model(&objects, "auth.group").map(|group| reader.role(group)).collect();
        let users: Vec<UserRecord> = of_model(&objects, &model).map(|user| reader.user(user)).collect();
        for user in &users {
            user.faults(is_hash).iter().for_each(|fault| reader.fault(&user.username, fault));
        }
        if reader.faults.is_empty() { Ok(Self { users, roles }) } else { Err(DumpError::Faults(reader.faults)) }
    }
}

fn of_model<'o>(objects: &'o [Object], model: &str) -> impl Iterator<Item = &'o Object> {
    objects.iter().filter(move |object| object.model.eq_ignore_ascii_case(model))
}

/// Django writes names of models in lower case, and takes them in any.
fn user_model(objects: &[Object], options: DumpOptions<'_>) -> Result<String, DumpError> {
    let all: BTreeSet<&String> = objects.iter().map(|object| &object.model).collect();
    let names = |models: BTreeSet<&String>| models.into_iter().cloned().collect();
    if let Some(model) = options.model {
        let known = all.iter().find(|known| known.eq_ignore_ascii_case(model)).map(|known| (*known).clone());
        return known.ok_or_else(|| DumpError::NoUsers(names(all)));
    }
    let marks = ["password", "is_active", "is_superuser", options.username_field];
    let is_user = |object: &&Object| marks.iter().all(|field| object.fields.contains_key(*field));
    let likely: BTreeSet<&String> = objects.iter().filter(is_user).map(|object| &object.model).collect();
    match likely.len() {
        0 => Err(DumpError::NoUsers(names(all))),
        1 => Ok(likely.into_iter().cloned().collect()),
        _ => Err(DumpError::Ambiguous(names(likely))),
    }
}

/// What objects refer to, by the JSON text of the key.
struct Known {
    groups: HashMap<String, String>,
    permissions: HashMap<String, String>,
}

impl Known {
    fn of(objects: &[Object]) -> Self {
        let by_key = |model: &str, name: &dyn Fn(&Object) -> Option<String>| {
            of_model(objects, model).filter_map(|object| Some((object.pk.to_string(), name(object)?))).collect()
        };
        let text = |object: &Object, field: &str| object.fields.get(field)?.as_str().map(str::to_owned);
        let apps: HashMap<String, String> = by_key("contenttypes.contenttype", &|object| text(object, "app_label"));
        let permissions = by_key("auth.permission", &|object| {
            let app = match object.fields.get("content_type")? {
                Value::Array(names) => names.first()?.as_str()?,
                key => apps.get(&key.to_string())?,
            };
            Some(format!("{app}.{}", text(object, "codename")?))
        });
        Self { groups: by_key("auth.group", &|object| text(object, "name")), permissions }
    }

    /// `[name]`, or a key.
    fn group(&self, reference: &Value) -> Option<String> {
        match reference {
            Value::Array(names) => names.first()?.as_str().map(str::to_owned),
            key => self.groups.get(&key.to_string()).cloned(),
        }
    }

    /// `[codename, app, model]`, or a key.
    fn permission(&self, reference: &Value) -> Option<String> {
        match reference {
            Value::Array(names) => Some(format!("{}.{}", names.get(1)?.as_str()?, names.first()?.as_str()?)),
            key => self.permissions.get(&key.to_string()).cloned(),
        }
    }
}

struct Reader<'o> {
    known: Known,
    username_field: &'o str,
    faults: Vec<String>,
}

impl Reader<'_> {
    /// `whose` is shown as it is spelt in the dump, and does nothing to a terminal.
    fn fault(&mut self, whose: &str, what: &str) {
        self.faults.push(format!("{}: {what}", whose.escape_debug()));
    }

    fn role(&mut self, group: &Object) -> RoleRecord {
        let name = group.fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let permissions = self.permissions(&format!("group {name}"), group, "permissions");
        RoleRecord { name, permissions }
    }

    fn user(&mut self, object: &Object) -> UserRecord {
        let text = |field: &str| object.fields.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let flag = |field: &str| object.fields.get(field).and_then(Value::as_bool).unwrap_or_default();
        let username = text(self.username_field);
        UserRecord {
            id: UserId::new(self.id(&username, &object.pk)),
            password: EncodedPassword::new(text("password")),
            email: text("email"),
            first_name: text("first_name"),
            last_name: text("last_name"),
            is_staff: flag("is_staff"),
            is_superuser: flag("is_superuser"),
            is_active: self.is_active(&username, object),
            date_joined: self.date_joined(&username, object),
            roles: self.all(&username, object, "groups", "auth.Group", Known::group),
            permissions: self.permissions(&username, object, "user_permissions"),
            username,
        }
    }

    fn id(&mut self, username: &str, key: &Value) -> String {
        match key {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => {
                self.fault(username, "has no `pk`; dump without --natural-primary");
                "none".to_owned()
            }
        }
    }

    /// Nobody is let in because something else says who may, as models do that have no such field.
    fn is_active(&mut self, username: &str, object: &Object) -> bool {
        let is_active = object.fields.get("is_active").and_then(Value::as_bool);
        is_active.unwrap_or_else(|| {
            self.fault(
                username,
                "`is_active` is neither true nor false; write into the dump whether the user may log in",
            );
            false
        })
    }

    /// Django with `USE_TZ = False` writes no offset; then it is taken for UTC.
    fn date_joined(&mut self, username: &str, object: &Object) -> Timestamp {
        let Some(text) = object.fields.get("date_joined").and_then(Value::as_str) else { return Timestamp::default() };
        let instant = [text, &format!("{text}Z")].iter().find_map(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        instant.map_or_else(
            || {
                self.fault(username, "`date_joined` is no instant");
                Timestamp::default()
            },
            Timestamp::from,
        )
    }

    fn permissions(&mut self, whose: &str, object: &Object, field: &str) -> Vec<String> {
        self.all(whose, object, field, "auth.Permission contenttypes", Known::permission)
    }

    /// What a field refers to, sorted; `needed` is what a dump lacks that doesn't say.
    fn all(
        &mut self,
        whose: &str,
        object: &Object,
        field: &str,
        needed: &str,
        find: impl Fn(&Known, &Value) -> Option<String>,
    ) -> Vec<String> {
        let references = object.fields.get(field).and_then(Value::as_array);
        let mut found = BTreeSet::new();
        for reference in references.into_iter().flatten() {
            match find(&self.known, reference) {
                Some(name) => {
                    found.insert(name);
                }
                None => {
                    let why = format!("`{field}` refers to {reference}, which isn't in the dump");
                    self.fault(whose, &format!("{why}; dump {needed}, too, or with --natural-foreign"));
                }
            }
        }
        found.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
