//! Users as the backend's GraphQL types show them.

use serde_json::{Map, Value};

use super::{answer::instant, error::Failure};
use crate::model::{Permission, Role, User, UserId};

/// Reads a user. Without `id` and `username` nobody is meant; everything else may be absent.
pub(super) fn read(user: &Map<String, Value>) -> Result<User, Failure> {
    Ok(User {
        id: UserId::new(id(user).ok_or(Failure::Lacks("user { id }"))?),
        username: text(user, "username").filter(|name| !name.is_empty()).ok_or(Failure::Lacks("user { username }"))?,
        email: text(user, "email").unwrap_or_default(),
        first_name: text(user, "firstName").unwrap_or_default(),
        last_name: text(user, "lastName").unwrap_or_default(),
        is_staff: flag(user, "isStaff").unwrap_or(false),
        is_superuser: flag(user, "isSuperuser").unwrap_or(false),
        // A backend that shows an inactive user as its caller says so.
        is_active: flag(user, "isActive").unwrap_or(true),
        date_joined: user.get("dateJoined").and_then(instant).unwrap_or_default(),
        last_login: user.get("lastLogin").and_then(instant),
        permissions: list(user, "permissions").filter_map(Value::as_str).map(str::to_owned).collect(),
        roles: list(user, "roles").filter_map(role).collect(),
    })
}

/// The primary key: a text, as `ID` is, or a number.
fn id(user: &Map<String, Value>) -> Option<String> {
    match user.get("id")? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An object with `id`, `name` and `permissions`, or the name alone.
fn role(role: &Value) -> Option<Role> {
    if let Value::String(name) = role {
        return Some(Role { id: String::new(), name: name.clone(), permissions: Vec::new() });
    }
    let role = role.as_object()?;
    Some(Role {
        id: text(role, "id").unwrap_or_default(),
        name: text(role, "name")?,
        permissions: list(role, "permissions").filter_map(permission).collect(),
    })
}

fn permission(permission: &Value) -> Option<Permission> {
    let permission = permission.as_object()?;
    Some(Permission {
        id: text(permission, "id").unwrap_or_default(),
        name: text(permission, "name").unwrap_or_default(),
        codename: text(permission, "codename")?,
    })
}

fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key)?.as_str().map(str::to_owned)
}

fn flag(object: &Map<String, Value>, key: &str) -> Option<bool> {
    object.get(key)?.as_bool()
}

fn list<'v>(object: &'v Map<String, Value>, key: &str) -> impl Iterator<Item = &'v Value> {
    object.get(key).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Timestamp;

    fn read_json(user: &Value) -> Result<User, Failure> {
        read(user.as_object().unwrap())
    }

    #[test]
    fn a_user_is_read_as_far_as_it_is_shown() {
        let whole = read_json(&json!({
            "id": 7, "username": "ada", "email": "a@example.com", "firstName": "Ada", "lastName": "L", "isStaff": true,
            "isSuperuser": true, "isActive": false, "dateJoined": "2026-01-01T00:00:00+00:00", "lastLogin": null,
            "permissions": ["a.b", 7], "roles": [
                { "id": "group:1", "name": "editors", "permissions": [{ "id": "9", "name": "Can", "codename": "b" }, {}] },
                "plain", { "id": "nameless" }
            ]
        }))
        .unwrap();
        assert_eq!((whole.id.as_str(), whole.username.as_str(), whole.is_active), ("7", "ada", false));
        assert_eq!((whole.date_joined, whole.last_login), (Timestamp::from_secs(1_767_225_600), None));
        assert_eq!(whole.permissions, ["a.b"]);
        let roles: Vec<_> = whole.roles.iter().map(|role| (role.name.as_str(), role.permissions.len())).collect();
        assert_eq!(roles, [("editors", 1), ("plain", 0)]);

        let bare = read_json(&json!({ "id": "x", "username": "ada", "dateJoined": "yesterday" })).unwrap();
        assert!(bare.is_active && !bare.is_staff && !bare.is_superuser && bare.roles.is_empty());
    }

    #[test]
    fn without_a_key_or_a_name_nobody_is_meant() {
        for nobody in [json!({ "username": "ada" }), json!({ "id": "", "username": "ada" }), json!({ "id": true })] {
            assert!(matches!(read_json(&nobody), Err(Failure::Lacks("user { id }"))), "{nobody}");
        }
        for nameless in [json!({ "id": "7" }), json!({ "id": "7", "username": "" })] {
            assert!(matches!(read_json(&nameless), Err(Failure::Lacks("user { username }"))), "{nameless}");
        }
    }
}
