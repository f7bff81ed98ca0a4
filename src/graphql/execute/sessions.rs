//! The caller's sessions: seen, and ended.

use serde_json::Value;

use super::{Run, messages::message, payload};
use crate::{
    auth::{Commands, ListSessions, Own, Refusal, RevokeAllSessions, RevokeSession},
    graphql::{
        Backend,
        error::GraphqlError,
        plan::{RootField, Shown},
    },
    model::{Language, Principal, SessionId},
};

impl<C: Commands, B: Backend> Run<'_, C, B> {
    /// The list, or why there is none.
    pub(super) async fn sessions(&mut self, field: &RootField, shown: &[Shown]) -> Value {
        let result = match self.asking() {
            Ok(caller) => self.commands.sessions(ListSessions { caller }).await,
            Err(refusal) => Err(refusal),
        };
        match result {
            Ok(sessions) => sessions.iter().map(|own| payload::session(own).show(shown)).collect(),
            Err(refusal) => self.unlisted(field, refusal),
        }
    }

    /// In place of a list: null for the anonymous. It has no payload to say more, so an outage is an error of the answer.
    pub(super) fn unlisted(&mut self, field: &RootField, refusal: Refusal) -> Value {
        if refusal == Refusal::Unauthenticated {
            return Value::Null;
        }
        self.note(refusal);
        let error = GraphqlError::new(message(refusal, Language::English)).with_code(refusal.code());
        self.refuse(&error.with_path(&field.key))
    }

    pub(super) async fn revoke_session(&mut self, session: Option<SessionId>, shown: &[Shown]) -> Value {
        let result = match self.asking() {
            Ok(caller) => self.commands.revoke_session(RevokeSession { caller, session }).await,
            Err(refusal) => Err(refusal),
        };
        payload::revoked(self.closed(result), self.caller.language).show(shown)
    }

    pub(super) async fn revoke_all_sessions(&mut self, shown: &[Shown]) -> Value {
        let refresh = self.caller.refresh_cookie.clone();
        let result = match self.asking() {
            Ok(caller) => self.commands.revoke_all_sessions(RevokeAllSessions { caller, refresh }).await,
            Err(refusal) => Err(refusal),
        };
        payload::all_revoked(self.closed(result.map(|()| Own::Ended)), self.caller.language).show(shown)
    }

    /// Who asks. One whom nobody can confirm is not taken for anonymous.
    pub(super) fn asking(&self) -> Result<Option<Principal>, Refusal> {
        if self.caller.is_unconfirmed { Err(Refusal::Unavailable) } else { Ok(self.caller.principal.clone()) }
    }
}
