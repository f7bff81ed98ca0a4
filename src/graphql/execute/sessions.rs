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
    model::{Language, SessionId},
};

impl<C: Commands, B: Backend> Run<'_, C, B> {
    /// The list, or null for the anonymous. It has no payload to say more, so an outage is an error of the answer.
    pub(super) async fn sessions(&mut self, field: &RootField, shown: &[Shown]) -> Value {
        let command = ListSessions { caller: self.caller.principal.clone() };
        match self.commands.sessions(command).await {
            Ok(sessions) => sessions.iter().map(|own| payload::session(own).show(shown)).collect(),
            Err(Refusal::Unauthenticated) => Value::Null,
            Err(refusal) => {
                self.note(refusal);
                let error = GraphqlError::new(message(refusal, Language::English)).with_code(refusal.code());
                self.refuse(&error.with_path(&field.key))
            }
        }
    }

    pub(super) async fn revoke_session(&mut self, session: Option<SessionId>, shown: &[Shown]) -> Value {
        let command = RevokeSession { caller: self.caller.principal.clone(), session };
        let result = self.commands.revoke_session(command).await;
        payload::revoked(self.closed(result), self.caller.language).show(shown)
    }

    pub(super) async fn revoke_all_sessions(&mut self, shown: &[Shown]) -> Value {
        let (caller, refresh) = (self.caller.principal.clone(), self.caller.refresh_cookie.clone());
        let command = RevokeAllSessions { caller, refresh };
        let result = self.commands.revoke_all_sessions(command).await;
        payload::all_revoked(self.closed(result.map(|()| Own::Ended)), self.caller.language).show(shown)
    }
}
