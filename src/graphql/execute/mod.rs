//! Runs the owned fields of a plan, one after the other, and shapes the answer.
//!
//! A command that is refused is an answer like any other: `ok: false`, a message for people and `errorCode` for
//! programs.

use serde_json::{Map, Value, json};

use super::{
    Answer, Caller, Outcome, Owned, SessionChange,
    error::GraphqlError,
    plan::{Action, RootField},
};
use crate::{
    auth::{Commands, Grant, Login, Logout, Refresh, Refusal},
    model::ClientInfo,
};

mod messages;
mod payload;

/// Runs the fields in document order and shapes the answer.
pub async fn run<C: Commands>(owned: &Owned, commands: &C, caller: &Caller) -> Answer {
    let mut run =
        Run { commands, caller, errors: Vec::new(), session: SessionChange::Keep, opened: false, outage: false };
    let mut data = Map::new();
    for field in &owned.fields {
        let value = run.field(field).await;
        data.insert(field.key.clone(), value);
    }
    run.answer(data)
}

/// One document on its way.
struct Run<'a, C> {
    commands: &'a C,
    caller: &'a Caller,
    errors: Vec<Value>,
    session: SessionChange,
    /// A field of this document opened a session or renewed one.
    opened: bool,
    /// A field of this document met a dependency that is out of reach.
    outage: bool,
}

impl<C: Commands> Run<'_, C> {
    async fn field(&mut self, field: &RootField) -> Value {
        match &field.action {
            Action::TypeName(name) => json!(name),
            Action::Login { arguments, shown } => {
                let device_name = arguments.device_name.clone();
                let command = Login {
                    username: arguments.username.clone(),
                    password: arguments.password.clone(),
                    client: ClientInfo { device_name, ..self.caller.client.clone() },
                };
                let result = self.commands.login(command).await;
                self.grant(result).show(shown)
            }
            Action::Refresh { token, shown } => {
                let token = token.clone().or_else(|| self.caller.refresh_cookie.clone());
                let result = self.commands.refresh(Refresh { token }).await;
                self.grant(result).show(shown)
            }
            Action::Logout { shown } => {
                let caller = self.caller.principal.clone().or_else(|| self.caller.expired.clone());
                let result = self.commands.logout(Logout { caller, refresh: self.caller.refresh_cookie.clone() }).await;
                self.logged_out(result).show(shown)
            }
            Action::Refuse(error) => self.refuse(error),
        }
    }

    fn grant(&mut self, result: Result<Grant, Refusal>) -> payload::Object {
        match result {
            Ok(grant) => {
                let object = payload::granted(&grant);
                self.session = SessionChange::Open(Box::new(grant));
                self.opened = true;
                object
            }
            Err(refusal) => {
                self.note(refusal);
                payload::refused(refusal, self.caller.language)
            }
        }
    }

    fn logged_out(&mut self, result: Result<(), Refusal>) -> payload::Object {
        match result {
            Ok(()) => self.session = SessionChange::Close,
            Err(refusal) => self.note(refusal),
        }
        payload::logout(result, self.caller.language)
    }

    fn note(&mut self, refusal: Refusal) {
        self.outage |= match refusal {
            Refusal::Busy | Refusal::Unavailable => true,
            Refusal::InvalidCredentials
            | Refusal::MfaUnavailable
            | Refusal::MissingRefreshToken
            | Refusal::InvalidRefreshToken
            | Refusal::SessionNotManaged => false,
        };
    }

    fn refuse(&mut self, error: &GraphqlError) -> Value {
        self.errors.push(error.to_json());
        Value::Null
    }

    fn answer(self, data: Map<String, Value>) -> Answer {
        let mut body = Map::new();
        if !self.errors.is_empty() {
            body.insert("errors".to_owned(), Value::Array(self.errors));
        }
        body.insert("data".to_owned(), Value::Object(data));
        // With a session opened the client must see its tokens: nothing is to be tried again.
        let outcome = if self.outage && !self.opened { Outcome::Unavailable } else { Outcome::Executed };
        Answer { body: Value::Object(body).to_string().into_bytes(), outcome, session: self.session }
    }
}

#[cfg(test)]
mod tests;
