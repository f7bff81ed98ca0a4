//! Runs the steps of a plan, one after the other, and shapes the answer.
//!
//! A command that is refused is an answer like any other: `ok: false`, a message for people and `errorCode` for
//! programs. What the backend has to say comes in between, under the response keys that are its own ([`backend`]).
//! What is asked about the schema is answered before anything runs ([`introspection`]).

use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    Answer, Backend, Caller, Outcome, Owned, Request, SessionChange,
    error::GraphqlError,
    plan::{self, Action, RootField, Step},
};
use crate::{
    auth::{Commands, CompleteMfaLogin, Entry, Grant, Login, Logout, Own, Refresh, Refusal},
    model::ClientInfo,
};

mod backend;
mod factors;
mod introspection;
mod messages;
mod payload;
mod register;
mod relay;
mod sessions;

use backend::Halt;
pub use relay::relay;

/// What became of a document.
#[derive(Debug)]
pub enum Ran {
    /// It was run, and this is the answer.
    Answered(Answer),
    /// Nothing: it is about the backend's schema, which the backend does not show, so the request is the backend's to
    /// answer.
    Forward(Request),
}

/// Runs the steps in order and shapes the answer.
///
/// # Errors
/// The answer of whatever carries errands, when the backend has to be asked and nothing has run before it failed.
pub async fn run<C: Commands, B: Backend>(
    owned: &Owned,
    commands: &C,
    backend: &mut B,
    caller: &Caller,
) -> Result<Ran, B::Error> {
    let mut run = Run {
        commands,
        backend,
        caller,
        data: IndexMap::new(),
        is_null: false,
        errors: Vec::new(),
        extensions: Map::new(),
        session: SessionChange::Keep,
        backup_codes_left: None,
        retry_after: None,
        begun: false,
        done: false,
        outage: false,
    };
    match run.all(owned).await {
        Ok(()) => Ok(Ran::Answered(run.answer(&owned.keys))),
        Err(Halt::Forward(request)) => Ok(Ran::Forward(request)),
        Err(Halt::Invalid(errors)) => Ok(Ran::Answered(*Answer::refused_as(Outcome::Invalid, &errors))),
        Err(Halt::Failed(answer)) => Err(answer),
    }
}

/// What stands under one key of `data`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Shown {
    Own(Value),
    /// The backend's, to the letter.
    Said(Box<RawValue>),
}

/// One document on its way.
struct Run<'a, C, B> {
    commands: &'a C,
    backend: &'a mut B,
    caller: &'a Caller,
    data: IndexMap<String, Shown>,
    /// A field that may not be null came to nothing, and `data` with it (GraphQL October 2021 §6.4.4).
    is_null: bool,
    errors: Vec<Value>,
    extensions: Map<String, Value>,
    session: SessionChange,
    /// Of a user who came in by one of them.
    backup_codes_left: Option<usize>,
    /// How long the client is to wait, where an attempt was one too many.
    retry_after: Option<Duration>,
    /// Something has run, so what fails from now on is part of the answer.
    begun: bool,
    /// Something was done that is not to be done twice: a session opened or renewed, a second factor set up or removed, a
    /// field of the backend's run.
    done: bool,
    /// A field of this document met a dependency that is out of reach.
    outage: bool,
}

impl<C: Commands, B: Backend> Run<'_, C, B> {
    async fn all(&mut self, owned: &Owned) -> Result<(), Halt<B::Error>> {
        let instead = match &owned.introspection {
            Some(introspection) => self.introspect(introspection).await?,
            None => None,
        };
        for check in &owned.checks {
            self.check(check).await?;
        }
        for step in &owned.steps {
            match step {
                Step::Field(field) => {
                    let value = self.field(field).await?;
                    self.data.insert(field.key.clone(), Shown::Own(value));
                }
                Step::Part(part) => self.part(part).await?,
            }
            self.begun = true;
            if self.is_null {
                return Ok(());
            }
        }
        match instead {
            Some(part) => self.part(part).await,
            None => Ok(()),
        }
    }

    async fn field(&mut self, field: &RootField) -> Result<Value, Halt<B::Error>> {
        Ok(match &field.action {
            Action::TypeName(name) => json!(name),
            Action::Login { arguments, shown } => {
                let device_name = arguments.device_name.clone();
                let command = Login {
                    username: arguments.username.clone(),
                    password: arguments.password.clone(),
                    devices: arguments.device.iter().chain(&self.caller.device_cookies).cloned().collect(),
                    client: ClientInfo { device_name, ..self.caller.client.clone() },
                };
                let result = self.commands.login(command).await;
                self.entered(field, shown, result).await
            }
            Action::Register { arguments, name, places, shown } => {
                self.register(field, arguments, (name, places), shown).await?
            }
            Action::CompleteMfaLogin { challenge, code, trust_device, shown } => {
                let (challenge, code, client) = (challenge.clone(), code.clone(), self.caller.client.clone());
                let command = CompleteMfaLogin { challenge, code, trust_device: *trust_device, client };
                let result = self.commands.complete_mfa_login(command).await;
                self.granted(field, shown, result).await
            }
            Action::Refresh { token, shown } => {
                let token = token.clone().or_else(|| self.caller.refresh_cookie.clone());
                let client = self.caller.client.clone();
                let result = self.commands.refresh(Refresh { token, client }).await;
                self.granted(field, shown, result).await
            }
            Action::Logout { shown } => {
                let result = self.logout().await;
                let refusal = self.closed(result.map(|()| Own::Ended));
                payload::logout(refusal, self.caller.language).show(shown)
            }
            Action::Sessions { shown } => self.sessions(field, shown).await,
            Action::RevokeSession { session, shown } => self.revoke_session(*session, shown).await,
            Action::RevokeAllSessions { shown } => self.revoke_all_sessions(shown).await,
            Action::SetUpFactor { arguments, shown } => self.set_up_factor(arguments, shown).await,
            Action::ConfirmFactor { arguments, shown } => self.confirm_factor(arguments, shown).await,
            Action::DisableMfa { password, shown } => self.disable_mfa(password, shown).await,
            Action::RegenerateBackupCodes { password, shown } => self.regenerate_backup_codes(password, shown).await,
            Action::Devices { shown } => self.devices(field, shown).await,
            Action::RevokeTrustedDevice { device, shown } => self.revoke_trusted_device(device, shown).await,
            Action::Refuse(error) => self.refuse(error),
            Action::RefuseAll(error) => {
                self.is_null = true;
                self.refuse(error)
            }
        })
    }

    /// What a right password comes to, or why there is none.
    async fn entered(&mut self, field: &RootField, shown: &[plan::Shown], result: Result<Entry, Refusal>) -> Value {
        match result {
            Ok(Entry::Open(grant)) => self.granted(field, shown, Ok(*grant)).await,
            Ok(Entry::FactorDue(challenge)) => payload::factor_due(&challenge).show(shown),
            Ok(Entry::EnrolmentDue(challenge)) => payload::enrolment_due(&challenge).show(shown),
            Err(refusal) => self.granted(field, shown, Err(refusal)).await,
        }
    }

    async fn logout(&self) -> Result<(), Refusal> {
        let refresh = self.caller.refresh_cookie.clone();
        if self.caller.is_unconfirmed && refresh.is_none() {
            // By a session of Django's, of which nobody can tell whether it is one: neither ended nor none to end.
            return Err(Refusal::Unavailable);
        }
        let caller = self.caller.principal.clone().or_else(|| self.caller.expired.clone());
        self.commands.logout(Logout { caller, refresh }).await
    }

    /// A payload with tokens, or with the reason why there are none. Only with tokens is there a user to ask for more.
    async fn granted(&mut self, field: &RootField, shown: &[plan::Shown], result: Result<Grant, Refusal>) -> Value {
        let user = result.as_ref().ok().map(|grant| (grant.user.id.clone(), grant.access.token.clone()));
        let mut value = self.grant(result).show(shown);
        if let (Some((id, token)), Some(part)) = (user, &field.users) {
            self.users(&field.key, part, &id, &token, &mut value).await;
        }
        value
    }

    fn grant(&mut self, result: Result<Grant, Refusal>) -> payload::Object {
        match result {
            Ok(grant) => {
                let object = payload::granted(&grant, self.caller.sees_no_tokens);
                self.backup_codes_left = grant.backup_codes_left.or(self.backup_codes_left);
                self.session = SessionChange::Open(Box::new(grant));
                self.done = true;
                object
            }
            Err(refusal) => {
                self.note(refusal);
                payload::refused(refusal, self.caller.language)
            }
        }
    }

    /// Takes note of sessions that were ended, or of why they weren't.
    fn closed(&mut self, result: Result<Own, Refusal>) -> Option<Refusal> {
        match result {
            Ok(Own::Ended) => self.session = SessionChange::Close,
            Ok(Own::Stands) => {}
            Err(refusal) => self.note(refusal),
        }
        result.err()
    }

    /// What a refusal says to whoever carries the answer.
    fn note(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Unavailable => self.outage = true,
            Refusal::Busy(wait) => {
                self.outage = true;
                self.retry_after = self.retry_after.max(Some(wait));
            }
            Refusal::RateLimited(wait) => self.retry_after = self.retry_after.max(Some(wait)),
            Refusal::InvalidCredentials
            | Refusal::UnsupportedFactor
            | Refusal::InvalidCode
            | Refusal::InvalidChallenge
            | Refusal::WrongPassword
            | Refusal::StaleLogin
            | Refusal::StepUpRequired
            | Refusal::FactorExists
            | Refusal::TooManyFactors
            | Refusal::NoFactor
            | Refusal::UnknownDevice
            | Refusal::UnsupportedMethod
            | Refusal::FactorsOff
            | Refusal::NoPlaceForFactors
            | Refusal::SetupAtBackend
            | Refusal::MissingRefreshToken
            | Refusal::InvalidRefreshToken
            | Refusal::DjangoSession
            | Refusal::Unauthenticated
            | Refusal::UnknownSession
            | Refusal::RegistrationDisabled => {}
        }
    }

    fn refuse(&mut self, error: &GraphqlError) -> Value {
        self.errors.push(error.to_json());
        Value::Null
    }

    fn answer(mut self, keys: &[String]) -> Answer {
        let data = (!self.is_null).then(|| {
            let in_order = keys.iter().filter_map(|key| self.data.swap_remove_entry(key));
            in_order.collect::<IndexMap<String, Shown>>()
        });
        // The client must see its tokens, and not repeat what was done: nothing is to be tried again.
        let outcome = if self.outage && !self.done { Outcome::Unavailable } else { Outcome::Executed };
        if let Some(left) = self.backup_codes_left {
            self.extensions.insert("mfa".to_owned(), factors::codes_left(left, self.caller.language));
        }
        let body = Body { errors: self.errors, data: Some(data), extensions: self.extensions }.write();
        Answer { body, outcome, session: self.session, retry_after: self.retry_after }
    }
}

/// An answer as it is written.
#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Value>,
    /// Absent, null, or there.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Option<IndexMap<String, Shown>>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    extensions: Map<String, Value>,
}

impl Body {
    /// Strings, numbers and what was read as JSON before: nothing in it can't be written.
    fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
