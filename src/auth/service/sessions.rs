//! The commands by which users see their sessions and end them.
//!
//! They ask the store, so they know more than the token that was shown: a caller whose own session has ended, on another
//! gateway say, is nobody here, even while the access token runs. Otherwise whoever stole it could go on and end the
//! owner's sessions.
//!
//! A caller with a token of the backend has no session, and may see and end those of the same user. Ending all of them
//! ends that token, too. One whom a session of Django's lets in may do the same, but that session goes on: so it is refused at
//! the end, and the answer is not falsely ok.

use super::{
    ListSessions, Own, OwnSession, Refusal, RevokeAllSessions, RevokeSession, Service, SessionKey, unavailable,
};
use crate::model::{Principal, Session};

impl Service {
    pub(super) async fn sessions(&self, command: ListSessions) -> Result<Vec<OwnSession>, Refusal> {
        let caller = self.confirmed(command.caller).await?;
        let mut sessions = self.0.store.list(&caller.user).await.map_err(unavailable("listing sessions"))?;
        sessions.sort_unstable_by_key(|session| std::cmp::Reverse((session.created, session.id)));
        let own = |session: Session| OwnSession { is_current: Some(session.id) == caller.session, session };
        Ok(sessions.into_iter().map(own).collect())
    }

    pub(super) async fn revoke_session(&self, command: RevokeSession) -> Result<Own, Refusal> {
        let caller = self.confirmed(command.caller).await?;
        let id = command.session.ok_or(Refusal::UnknownSession)?;
        let key = SessionKey::of(&caller.user, id);
        let found = self.0.store.find(key).await.map_err(unavailable("looking up a session"))?;
        // The tag alone doesn't say whose it is: two users may have the same one.
        if found.is_none_or(|session| session.user != caller.user) {
            return Err(Refusal::UnknownSession);
        }
        self.end(key, "revoked").await?;
        Ok(if caller.session == Some(id) { Own::Ended } else { Own::Stands })
    }

    pub(super) async fn revoke_all_sessions(&self, command: RevokeAllSessions) -> Result<(), Refusal> {
        let caller = self.confirmed(command.caller).await?;
        let ended = self.0.store.end_all(&caller.user).await.map_err(unavailable("ending all sessions"))?;
        self.0.endings.note(&ended, "all revoked");
        if caller.is_by_django() {
            return Err(Refusal::DjangoSession);
        }
        if let Some(own) = caller.session.filter(|own| !ended.contains(own)) {
            // The store need not know it as one of the user's, if an earlier release made it.
            self.end(SessionKey::of(&caller.user, own), "all revoked").await?;
        }
        self.spend_tokens(Some(&caller), command.refresh.as_ref()).await
    }

    /// The caller, whose own session goes on as far as the store knows, or whose token of the backend is not spent.
    pub(super) async fn confirmed(&self, caller: Option<Principal>) -> Result<Principal, Refusal> {
        self.with_session(caller).await.map(|(caller, _)| caller)
    }

    /// The same, and the session as the store has it; `None` for a caller whom a credential of the backend lets in.
    pub(super) async fn with_session(
        &self,
        caller: Option<Principal>,
    ) -> Result<(Principal, Option<Session>), Refusal> {
        let caller = caller.ok_or(Refusal::Unauthenticated)?;
        let Some(id) = caller.session else {
            return if self.is_spent(&caller).await? { Err(Refusal::Unauthenticated) } else { Ok((caller, None)) };
        };
        let key = SessionKey::of(&caller.user, id);
        let found = self.0.store.find(key).await.map_err(unavailable("looking up a session"))?;
        // Two users may have the same tag.
        match found.filter(|session| session.user == caller.user) {
            Some(session) => Ok((caller, Some(session))),
            None => {
                self.0.endings.revoke(&[id]);
                Err(Refusal::Unauthenticated)
            }
        }
    }
}
