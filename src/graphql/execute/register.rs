//! `register`: the backend makes the account, by its own validators, and the gateway opens the session.
//!
//! The backend is asked for nothing but `ok` and `errors`. It may open a session of its own all the same; whose tokens that
//! session has is not asked, its cookies are dropped, and it runs out unused. What follows is a login like any other, by the
//! name and the password that were just given, so that no rule about logins has an exception here.
//!
//! Where no login could follow, `[graphql] register = "create"` has none tried: it would fail, and count as a failure at the
//! address and at the backend.
//!
//! The account is there once the backend says so. Where the login after it is refused, because new accounts have to be
//! confirmed, say, the payload is `ok` without tokens, and its `errorCode` says what kept the session from being opened.

use async_graphql_parser::Pos;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Halt, Run, backend::unanswered, payload};
use crate::{
    auth::{AdmitRegistration, Commands, Login, Refusal},
    graphql::{
        Backend, Errand, Registration, Request, Said, Variables, Whom,
        backend::Data,
        plan::{RegisterArguments, RootField, Shown},
    },
};

/// The response key of the backend's answer.
const KEY: &str = "railgate_register";

/// What the backend's payload is asked for.
#[derive(Deserialize)]
struct Made {
    ok: bool,
    errors: Option<Vec<Option<String>>>,
}

/// What the backend makes of a registration.
enum Answered {
    Made,
    Refused(Vec<String>),
    /// The field is null, and these say why.
    Failed(Vec<Value>),
}

impl<C: Commands, B: Backend> Run<'_, C, B> {
    pub(super) async fn register(
        &mut self,
        field: &RootField,
        arguments: &RegisterArguments,
        (name, places): (&str, &[Pos]),
        shown: &[Shown],
    ) -> Result<Value, Halt<B::Error>> {
        if self.caller.registration == Registration::Refuse {
            return Ok(payload::refused(Refusal::RegistrationDisabled, self.caller.language).show(shown));
        }
        let client = self.caller.client.clone();
        if let Err(refusal) = self.commands.admit_registration(AdmitRegistration { client }).await {
            self.note(refusal);
            return Ok(payload::refused(refusal, self.caller.language).show(shown));
        }
        let errand = Errand { request: request(name, arguments), whom: Whom::Nobody };
        let said = match errand.send(self.backend).await {
            Ok(said) => said,
            Err(answer) if !self.begun => return Err(Halt::Failed(answer)),
            Err(_) => {
                self.errors.push(unanswered(json!([field.key])));
                return Ok(Value::Null);
            }
        };
        if !self.begun && matches!(said.data, Data::Absent) {
            // The backend has no such field, or another one: nothing was done, and the document is not valid in front of it.
            return Err(Halt::Invalid(said.errors.into_iter().map(|error| placed(error, places)).collect()));
        }
        match answered(said, &field.key, places) {
            Answered::Made if self.caller.registration == Registration::Create => {
                self.done = true;
                Ok(payload::created().show(shown))
            }
            Answered::Made => Ok(self.log_in(field, arguments, shown).await),
            Answered::Refused(errors) => Ok(payload::not_registered(errors).show(shown)),
            Answered::Failed(errors) => {
                self.errors.extend(errors);
                Ok(Value::Null)
            }
        }
    }

    /// Opens the session of an account that was just made.
    async fn log_in(&mut self, field: &RootField, arguments: &RegisterArguments, shown: &[Shown]) -> Value {
        self.done = true;
        let command = Login {
            username: arguments.username.clone(),
            password: arguments.password.clone(),
            devices: Vec::new(),
            client: self.caller.client.clone(),
        };
        match self.commands.login(command).await {
            Err(refusal) => {
                if refusal == Refusal::InvalidCredentials {
                    tracing::warn!(
                        "an account was made that can't be logged in to yet; if that is so for all of them, set [graphql] \
                         register = \"create\": each such login counts as a failure"
                    );
                }
                self.note(refusal);
                payload::registered(refusal, self.caller.language).show(shown)
            }
            entered @ Ok(_) => self.entered(field, shown, entered).await,
        }
    }
}

/// What the backend is asked, by the name that the client used: variables for all that is given, so that nothing has to be
/// written as a literal.
fn request(name: &str, arguments: &RegisterArguments) -> Request {
    let RegisterArguments { username, email, password, first_name, last_name } = arguments;
    let required = [("username", username.as_str()), ("email", email), ("password", password.expose())];
    let optional = [("firstName", first_name), ("lastName", last_name)];
    let given = optional.iter().filter_map(|(argument, value)| Some((*argument, value.as_deref()?)));
    let (mut defined, mut passed, mut variables) = (Vec::new(), Vec::new(), Variables::new());
    let all = required.into_iter().map(|given| (given, "String!")).chain(given.map(|given| (given, "String")));
    for ((argument, value), ty) in all {
        defined.push(format!("${argument}: {ty}"));
        passed.push(format!("{argument}: ${argument}"));
        variables.insert(argument.to_owned(), json!(value));
    }
    let document =
        format!("mutation({}) {{ {KEY}: {name}({}) {{ ok errors }} }}", defined.join(", "), passed.join(", "));
    Request { document, variables, operation_name: None }
}

fn answered(said: Said, key: &str, places: &[Pos]) -> Answered {
    let made = match said.data {
        Data::Fields(mut fields) => fields.swap_remove(KEY),
        Data::Absent | Data::Null => None,
    };
    match made.and_then(|made| serde_json::from_str::<Option<Made>>(made.get()).ok()?) {
        Some(Made { ok: true, .. }) => Answered::Made,
        Some(Made { errors, .. }) => Answered::Refused(errors.into_iter().flatten().flatten().collect()),
        None if said.errors.is_empty() => Answered::Failed(vec![unanswered(json!([key]))]),
        None => {
            let errors = said.errors.into_iter().map(|error| placed(error, places));
            Answered::Failed(errors.map(|error| under(error, key)).collect())
        }
    }
}

/// An error of the backend's, at the client's own field: its places are in a document that the client never saw.
fn placed(mut error: Map<String, Value>, places: &[Pos]) -> Value {
    if error.contains_key("locations") {
        let places = places.iter().map(|at| json!({ "line": at.line, "column": at.column }));
        error.insert("locations".to_owned(), places.collect());
    }
    Value::Object(error)
}

/// The same under the client's own response key.
fn under(mut error: Value, key: &str) -> Value {
    let below = error.get("path").and_then(Value::as_array).map(|path| path.iter().skip(1).cloned());
    error["path"] = std::iter::once(json!(key)).chain(below.into_iter().flatten()).collect();
    error
}
