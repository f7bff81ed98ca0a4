//! What the backend is asked on the way, and what becomes of its answers.
//!
//! Before anything has run, a refusal of the backend's is the answer, and nothing runs. Afterwards it is a part of the
//! answer: the fields are null, and an error says why.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::{Map, Value, json, value::RawValue};

use super::{Run, Shown};
use crate::{
    auth::Commands,
    graphql::{
        Backend, Errand, Request, Said, Whom,
        backend::Data,
        error::GraphqlError,
        excerpt::{Excerpt, USER_ID, user_key},
        plan::{Check, Part, Refusals, UserPart, UsersPart},
    },
    model::{PlainToken, UserId},
};

/// Why nothing runs.
pub(super) enum Halt<E> {
    /// The backend's answer to the whole document is the right one.
    Forward(Request),
    /// The backend finds the document invalid.
    Invalid(Vec<Value>),
    /// The answer of whatever carries errands.
    Failed(E),
}

impl<C: Commands, B: Backend> Run<'_, C, B> {
    /// Has a document validated.
    pub(super) async fn check(&mut self, check: &Check) -> Result<(), Halt<B::Error>> {
        let said = match (self.ask(&check.excerpt, Whom::Arrived).await, check.refusals) {
            (Ok(said), _) => said,
            (Err(answer), Refusals::Count) => return Err(Halt::Failed(answer)),
            (Err(_), Refusals::DoNotCount) => return Ok(()),
        };
        // Nothing was selected, so an error with a path is about something else. Validation names places in the document;
        // a backend that does not know the caller has none to name.
        let counts = |error: &Map<String, Value>| match check.refusals {
            Refusals::Count => true,
            Refusals::DoNotCount => error.contains_key("locations"),
        };
        let is_refused = matches!(said.data, Data::Absent) && said.errors.iter().any(counts);
        if is_refused && !said.errors.iter().any(|error| error.contains_key("path")) {
            let errors = said.errors.into_iter().map(|error| placed(&check.excerpt, error)).collect();
            return Err(Halt::Invalid(errors));
        }
        Ok(())
    }

    /// Has the backend run its root fields.
    pub(super) async fn part(&mut self, part: &Part) -> Result<(), Halt<B::Error>> {
        let said = match self.ask(&part.excerpt, Whom::Arrived).await {
            Ok(said) => said,
            Err(answer) if !self.begun => return Err(Halt::Failed(answer)),
            Err(_) => {
                let lost = |key: &String| unanswered(json!([key]));
                self.errors.extend(part.keys.iter().map(lost));
                self.nothing(part);
                return Ok(());
            }
        };
        let Said { data, errors, extensions } = said;
        self.done |= !matches!(data, Data::Absent);
        let errors = errors.into_iter().map(|error| placed(&part.excerpt, error));
        match data {
            Data::Absent if !self.begun => return Err(Halt::Invalid(errors.collect())),
            Data::Absent => self.nothing(part),
            Data::Null => self.is_null = true,
            Data::Fields(mut fields) => {
                for key in &part.keys {
                    let said = fields.swap_remove(key).map_or(Shown::Own(Value::Null), Shown::Said);
                    self.data.insert(key.clone(), said);
                }
            }
        }
        self.errors.extend(errors);
        self.extensions.extend(extensions);
        Ok(())
    }

    /// Asks the backend for what only it knows of a user who has just got tokens, and puts it into `payload`, which stands
    /// under `key`.
    pub(super) async fn users(
        &mut self,
        key: &str,
        part: &UsersPart,
        id: &UserId,
        token: &PlainToken,
        payload: &mut Value,
    ) {
        let path = |user: &UserPart| [json!(key), json!(user.key)];
        let Ok(said) = self.ask(&part.excerpt, Whom::Granted(token.clone())).await else {
            self.errors.extend(part.users.iter().map(|user| unanswered(json!(path(user)))));
            return;
        };
        let mut answers = match said.data {
            Data::Fields(fields) => fields,
            Data::Absent | Data::Null => IndexMap::new(),
        };
        let keys: HashMap<String, &UserPart> = (0..).map(user_key).zip(&part.users).collect();
        let whose = |error: &Map<String, Value>| keys.get(error.get("path")?.get(0)?.as_str()?).copied();
        let explained: HashSet<Option<&str>> =
            said.errors.iter().map(|error| whose(error).map(|user| user.key.as_str())).collect();
        for (index, user) in part.users.iter().enumerate() {
            match answers.swap_remove(&user_key(index)).and_then(|said| of_user(&said, id)) {
                Some(known) => show(user, known, payload),
                None if explained.contains(&None) || explained.contains(&Some(&user.key)) => {}
                None => self.errors.push(unanswered(json!(path(user)))),
            }
        }
        for error in said.errors {
            // One without a path is about all of them: it stands with the first.
            let Some(user) = whose(&error).or(part.users.first()) else { continue };
            let mut error = placed(&part.excerpt, error);
            let below = error.get("path").and_then(Value::as_array).map(|path| path.iter().skip(1).cloned());
            error["path"] = path(user).into_iter().chain(below.into_iter().flatten()).collect();
            self.errors.push(error);
        }
    }

    async fn ask(&mut self, excerpt: &Excerpt, whom: Whom) -> Result<Said, B::Error> {
        Errand { request: excerpt.request.clone(), whom }.send(self.backend).await
    }

    fn nothing(&mut self, part: &Part) {
        self.data.extend(part.keys.iter().map(|key| (key.clone(), Shown::Own(Value::Null))));
    }
}

/// The fields of a user, if it is this one.
fn of_user(said: &RawValue, id: &UserId) -> Option<Map<String, Value>> {
    let user: Map<String, Value> = serde_json::from_str(said.get()).ok()?;
    let is_same = match user.get(USER_ID)? {
        Value::String(text) => text == id.as_str(),
        Value::Number(number) => number.to_string() == id.as_str(),
        _ => false,
    };
    is_same.then_some(user)
}

fn show(user: &UserPart, mut known: Map<String, Value>, payload: &mut Value) {
    let Some(Value::Object(shown)) = payload.get_mut(&user.key) else { return };
    for key in &user.fields {
        if let Some(value) = known.swap_remove(key) {
            shown.insert(key.clone(), value);
        }
    }
}

/// An error with its places in the client's own document.
fn placed(excerpt: &Excerpt, mut error: Map<String, Value>) -> Value {
    if let Some(Value::Array(locations)) = error.get("locations") {
        let places = locations.iter().filter_map(|location| excerpt.place(location));
        let places: Vec<Value> = places.map(|at| json!({ "line": at.line, "column": at.column })).collect();
        if places.is_empty() {
            error.shift_remove("locations");
        } else {
            error.insert("locations".to_owned(), places.into());
        }
    }
    Value::Object(error)
}

pub(super) fn unanswered(path: Value) -> Value {
    let error = GraphqlError::new("The backend gave no answer for this field.").with_code("UPSTREAM_FAILED");
    let mut error = error.to_json();
    error["path"] = path;
    error
}
