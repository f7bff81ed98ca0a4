//! Tokens of the backend, made before the gateway came: exchanged once for a session, and ended by a logout.
//!
//! They have no session that could be ended, so the store remembers which are spent: a refresh family that became a
//! session or was logged out, and an access token that was logged out. A note lasts as long as what it is about would be
//! good, and [`SKEW`] longer.
//!
//! A family's session has the family's id. So a second exchange finds what the first one made, and is judged like any
//! other use of a refresh token: the same token within grace gets the same successor, all else ends the session. Once
//! that has ended, in whatever way, the note is all that is left, and opens nothing.

use std::time::Duration;

use super::{Refusal, Service, SessionKey, audit, refresh, refused_because, unavailable};
use crate::{
    auth::{Grant, tokens::RailRefresh},
    model::{Account, AuthMethod, ClientInfo, PlainToken, Principal, Session, Timestamp, User},
    store::{Adopt, Adopted, NewSession, Rotate},
};

/// How far behind the store's clock that of a gateway may be which still takes a token.
const SKEW: Duration = Duration::from_secs(60);

impl Service {
    /// Exchanges a refresh token of the backend for a session.
    pub(super) async fn exchange(
        &self,
        presented: &PlainToken,
        token: RailRefresh,
        client: ClientInfo,
    ) -> Result<Grant, Refusal> {
        audit::about(&token.user);
        let account = self.0.directory.account_of(&token.user).await.map_err(unavailable("looking up a user"))?;
        // The id says where the session is found: a directory that knows the user by another spelling would lose it.
        let may_come_in = |user: &User| user.is_active && user.id == token.user;
        let out = || refused_because("user is gone or inactive", Refusal::InvalidRefreshToken);
        let account = account.filter(|account| may_come_in(&account.user)).ok_or_else(out)?;
        let claim = refresh::RefreshClaim { key: token.family, genuine: true };
        let (step, successor) = self.rotation(claim, presented, Some(self.mark(&account)))?;
        let (session, user) = (self.session_of(&token, &account, client), account.user);
        let adopt = self.adoption(session.clone(), &step, token.family_expires);
        match self.0.store.adopt(adopt).await.map_err(unavailable("exchanging a token of the backend"))? {
            Adopted::Opened(ended) => {
                self.0.endings.note(&ended, "one login too many");
                audit::session(session.id);
                self.grant(user, &session, successor)
            }
            Adopted::Spent => self.rotate(user, presented, step, successor).await,
        }
    }

    pub(super) fn of_the_backend(&self, presented: &PlainToken) -> Option<RailRefresh> {
        self.0.access.rail()?.refresh(presented.expose(), self.0.clock.now()).ok()
    }

    fn session_of(&self, token: &RailRefresh, account: &Account, client: ClientInfo) -> Session {
        let now = self.0.clock.now();
        Session {
            id: token.family.id,
            user: account.user.id.clone(),
            created: now,
            last_used: now,
            expiry: self.expiry(now),
            // When credentials were shown, the backend's tokens don't say.
            auth_time: Timestamp::default(),
            mfa: false,
            client,
            password: Some(self.mark(account)),
        }
    }

    /// The step in the store, from the one that would use up a refresh token.
    fn adoption(&self, session: Session, step: &Rotate, expires: Timestamp) -> Adopt {
        let new = NewSession {
            session,
            refresh: step.successor,
            lifetimes: self.0.spans.session,
            limit: self.0.session_limit,
        };
        Adopt {
            new,
            presented: step.presented,
            sealed_successor: step.sealed_successor.clone(),
            grace: step.grace,
            remember: self.left_until(expires),
        }
    }

    /// Ends what a caller shows of tokens of the backend: the access token, the refresh token's family, and the session
    /// that this may have become.
    pub(super) async fn spend_tokens(
        &self,
        caller: Option<&Principal>,
        refresh: Option<&PlainToken>,
    ) -> Result<(), Refusal> {
        if let Some(family) = refresh.and_then(|token| self.of_the_backend(token)) {
            // First, so that an exchange that races this finds no way in after the session has ended.
            self.spend(family.family, family.family_expires).await?;
            self.end(family.family, "logout").await?;
        }
        if let Some(caller) = caller.filter(|caller| caller.method == AuthMethod::RailJwt) {
            self.spend(key_of(caller), caller.expires).await?;
            self.0.endings.revoke_until(caller.handle, caller.expires);
            tracing::info!(user = %caller.user, token = %caller.handle, "a token of the backend was logged out");
        }
        Ok(())
    }

    /// Whether a caller's token of the backend was logged out, on whichever gateway.
    pub(super) async fn is_spent(&self, caller: &Principal) -> Result<bool, Refusal> {
        let spent = self.0.store.is_spent(key_of(caller)).await.map_err(unavailable("looking up a token"))?;
        if spent {
            self.0.endings.revoke_until(caller.handle, caller.expires);
        }
        Ok(spent)
    }

    async fn spend(&self, credential: SessionKey, expires: Timestamp) -> Result<(), Refusal> {
        let remember = self.left_until(expires);
        self.0.store.spend(credential, remember).await.map_err(unavailable("noting a spent token"))
    }

    fn left_until(&self, expires: Timestamp) -> Duration {
        expires.since(self.0.clock.now()).saturating_add(SKEW)
    }
}

fn key_of(caller: &Principal) -> SessionKey {
    SessionKey::of(&caller.user, caller.handle)
}
