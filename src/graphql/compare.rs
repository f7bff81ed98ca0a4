//! What the backend has answered to owned fields, held against what the gateway would have (`mode = "shadow"`).
//!
//! Where the gateway has an answer of its own, the two are walked side by side by the selection: what is null, of which type,
//! how long, and, but for what is another each time (tokens, moments, messages for people), of which value. Where it has
//! none, the backend's is held against the types of `auth.graphql` alone: whether clients of the gateway would find in it
//! what they are promised. Fields of a user that only the backend has are left out: they would be the backend's own.
//!
//! No value is in what is found, only where it stands: by the names of the schema, never by a client's aliases.

use std::collections::BTreeSet;

use async_graphql_parser::types::{BaseType, Type};
use serde_json::{Map, Value};

use super::{
    Owned, Planner,
    plan::{Action, RootField, Shown, Step},
    schema::{ObjectType, Schema},
};
use crate::auth::rehearsal::Scope;

/// Leaves that are another with every answer, or that are for people.
const OTHER_EACH_TIME: [&str; 8] = [
    "token",
    "refreshToken",
    "expiresAt",
    "challengeToken",
    "ephemeralToken",
    "trustedDeviceToken",
    "lastLogin",
    "errors",
];

/// In what two answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The gateway executes what the backend refuses as a whole.
    Accepted,
    /// The gateway refuses what the backend has done.
    Refused,
    /// One has an error for the field, and the other has none.
    Errors,
    /// The backend has something there, and the gateway null.
    Missing,
    /// The gateway has something there, and the backend null.
    Added,
    /// Both have something, of different types; or the backend's is not of the type that the gateway promises.
    Type,
    /// Both have a list, of different lengths.
    Length,
    /// Both have the same type, and different values.
    Value,
}

impl Kind {
    /// As metrics and logs have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Errors => "errors",
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Type => "type",
            Self::Length => "length",
            Self::Value => "value",
        }
    }
}

/// A place in which two answers differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Discrepancy {
    /// The operation, by its name in the audit log; `request` where none runs.
    pub operation: &'static str,
    /// In what they differ.
    pub kind: Kind,
    /// Below the payload, by the names of `auth.graphql`: `user.roles.name`; empty for the payload itself. The code of a refusal.
    pub at: String,
}

impl Planner {
    /// In what the backend's answer to these steps differs from the gateway's. `ours` is that, a body in
    /// JSON, as far as `scope` goes. Each place is told once.
    #[must_use]
    pub fn compare(&self, owned: &Owned, scope: Scope, ours: &[u8], theirs: &Value) -> Vec<Discrepancy> {
        let ours: Value = serde_json::from_slice(ours).unwrap_or_default();
        let (ours, theirs) = (Answered(&ours), Answered(theirs));
        let mut found = BTreeSet::new();
        for field in owned.steps.iter().filter_map(Step::as_field) {
            let their = theirs.data().map(|data| at(data, &field.key));
            let Some((operation, payload)) = field.action.name().zip(field.action.payload()) else {
                found.extend(refused(field, their));
                continue;
            };
            let mut walk = Walk { schema: self.schema(), operation, found: &mut found };
            match (ours.data().map(|data| at(data, &field.key)), their) {
                _ if !scope.has(operation) => walk.fits_payload(field, payload, their.unwrap_or(&Value::Null)),
                (Some(_), None) => walk.note(Kind::Accepted, ""),
                (None, Some(their)) if !their.is_null() => walk.note(Kind::Missing, ""),
                (None, _) => {}
                (Some(our), Some(their)) => {
                    // What would be asked of the backend is not asked: it has errors of its own.
                    if !owned.asks_backend() && ours.has_error(&field.key) != theirs.has_error(&field.key) {
                        walk.note(Kind::Errors, "");
                    }
                    let root = Selected { shown: field.action.shown(), of: self.schema().object(payload) };
                    walk.values(&root, "", our, their);
                }
            }
        }
        found.into_iter().collect()
    }
}

/// A field that the gateway refuses by itself, though the backend has something there.
fn refused(field: &RootField, theirs: Option<&Value>) -> Option<Discrepancy> {
    let (Action::Refuse(error) | Action::RefuseAll(error)) = &field.action else { return None };
    let at = error.code.unwrap_or_default().to_owned();
    theirs.filter(|theirs| !theirs.is_null()).map(|_| Discrepancy { operation: "request", kind: Kind::Refused, at })
}

fn at<'v>(object: &'v Map<String, Value>, key: &str) -> &'v Value {
    object.get(key).unwrap_or(&Value::Null)
}

/// An answer as it was read; one that is not GraphQL's has no data.
struct Answered<'v>(&'v Value);

impl<'v> Answered<'v> {
    fn data(&self) -> Option<&'v Map<String, Value>> {
        self.0.get("data")?.as_object()
    }

    /// Whether there is one for the field under this key itself, or for something in it.
    fn has_error(&self, key: &str) -> bool {
        let errors = self.0.get("errors").and_then(Value::as_array);
        let is_of = |error: &Value| error.get("path").and_then(|path| path.get(0)).is_some_and(|first| first == key);
        errors.is_some_and(|errors| errors.iter().any(is_of))
    }
}

struct Walk<'s, 'f> {
    schema: &'s Schema,
    operation: &'static str,
    found: &'f mut BTreeSet<Discrepancy>,
}

impl Walk<'_, '_> {
    fn note(&mut self, kind: Kind, at: &str) {
        self.found.insert(Discrepancy { operation: self.operation, kind, at: at.to_owned() });
    }

    fn values(&mut self, place: &Selected<'_>, path: &str, ours: &Value, theirs: &Value) {
        match (ours, theirs) {
            (Value::Null, Value::Null) => {}
            (Value::Null, _) => self.note(Kind::Missing, path),
            (_, Value::Null) => self.note(Kind::Added, path),
            (Value::Array(ours), Value::Array(theirs)) => {
                if ours.len() != theirs.len() {
                    return self.note(Kind::Length, path);
                }
                for (ours, theirs) in in_order(path, ours).into_iter().zip(in_order(path, theirs)) {
                    self.values(place, path, ours, theirs);
                }
            }
            (Value::Object(ours), Value::Object(theirs)) => self.objects(place, path, ours, theirs),
            _ if std::mem::discriminant(ours) != std::mem::discriminant(theirs) => self.note(Kind::Type, path),
            _ if ours != theirs && !is_other_each_time(path) => self.note(Kind::Value, path),
            _ => {}
        }
    }

    fn objects(&mut self, place: &Selected<'_>, path: &str, ours: &Map<String, Value>, theirs: &Map<String, Value>) {
        let Some(object) = place.of else { return };
        for shown in place.shown {
            // The backend's own would be fetched.
            let Some(field) = self.schema.field(object, &shown.field) else { continue };
            let inside = Selected { shown: &shown.inside, of: self.schema.object_of(&field.ty) };
            self.values(&inside, &below(path, &shown.field), at(ours, &shown.key), at(theirs, &shown.key));
        }
    }

    fn fits_payload(&mut self, field: &RootField, payload: &str, theirs: &Value) {
        let Some(object) = self.schema.object(payload) else { return };
        match (theirs, field.action.is_list()) {
            // Each payload may be null.
            (Value::Null, _) => {}
            (Value::Array(each), true) => {
                each.iter().for_each(|theirs| self.fits_object(object, field.action.shown(), "", theirs));
            }
            (Value::Object(_), false) => self.fits_object(object, field.action.shown(), "", theirs),
            _ => self.note(Kind::Type, ""),
        }
    }

    fn fits_object(&mut self, object: &ObjectType, shown: &[Shown], path: &str, theirs: &Value) {
        let Value::Object(theirs) = theirs else { return self.note(Kind::Type, path) };
        for shown in shown {
            let Some(field) = self.schema.field(object, &shown.field) else { continue };
            self.fits(&field.ty, &shown.inside, &below(path, &shown.field), at(theirs, &shown.key));
        }
    }

    fn fits(&mut self, ty: &Type, shown: &[Shown], path: &str, theirs: &Value) {
        if theirs.is_null() {
            if !ty.nullable {
                self.note(Kind::Type, path);
            }
            return;
        }
        match (&ty.base, theirs) {
            (BaseType::List(item), Value::Array(each)) => {
                each.iter().for_each(|theirs| self.fits(item, shown, path, theirs))
            }
            (BaseType::List(_), _) => self.note(Kind::Type, path),
            (BaseType::Named(name), theirs) => match self.schema.object(name) {
                Some(object) => self.fits_object(object, shown, path, theirs),
                None if is_of_scalar(name, theirs) => {}
                None => self.note(Kind::Type, path),
            },
        }
    }
}

/// Where two values stand, and what is selected in them.
struct Selected<'p> {
    shown: &'p [Shown],
    of: Option<&'p ObjectType>,
}

/// The items of a list; of roles and permissions, which have no order, in one that is the same for both.
fn in_order<'v>(path: &str, items: &'v [Value]) -> Vec<&'v Value> {
    let mut items: Vec<&Value> = items.iter().collect();
    if ["roles", "permissions"].contains(&path.rsplit('.').next().unwrap_or_default()) {
        items.sort_by_key(|item| item.to_string());
    }
    items
}

fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

fn is_other_each_time(path: &str) -> bool {
    path.rsplit('.').next().is_some_and(|leaf| OTHER_EACH_TIME.contains(&leaf))
}

/// As responses serialize them (GraphQL October 2021 §3.5); all others of `auth.graphql` are texts.
fn is_of_scalar(name: &str, value: &Value) -> bool {
    match name {
        "Boolean" => value.is_boolean(),
        "Int" => value.is_i64(),
        "Float" => value.is_number(),
        _ => value.is_string(),
    }
}

#[cfg(test)]
mod tests;
