//! The implementation of the commands on a directory and a store.

use std::{error::Error, num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    AdmitRegistration, Commands, CompleteMfaLogin, ConfirmFactor, DisableMfa, Enroller, Entry, FactorConfirmed,
    FactorSetup, Grant, IssuedToken, ListDevices, ListSessions, Login, Logout, Own, OwnDevices, OwnSession, OwnTrusted,
    PendingName, Refresh, Refusal, RegenerateBackupCodes, RevokeAllSessions, RevokeSession, RevokeTrustedDevice,
    SetUpFactor, audit,
    backend::BackendPasswords,
    endings::Endings,
    factors::{BackupCodes, MfaRules, TrustTokens},
    passwords::{Checked, Passwords, PoolRefusal},
    standing::Standings,
    throttle::{Attempt, Throttle, Ticket},
    tokens::{AccessTokens, ChallengeTokens, KnownDevices, Occasion, PasswordMarks, RefreshTokens, refresh},
    unavailable,
};
use crate::{
    directory::{Directory, Factors},
    model::{
        Account, ClientInfo, Clock, Entropy, PasswordMark, PlainToken, Principal, Secret, Session, SessionExpiry,
        SessionId, Timestamp, User,
    },
    store::{ChallengeStore, Lifetimes, NewSession, Rotate, Rotation, SessionKey, SessionStore, UserTag},
};

mod backend;
mod devices;
mod enrolment;
mod handle;
mod login;
mod mfa;
mod rail;
mod sessions;
mod upgrade;

pub use handle::AuthHandle;

/// No command runs this long, so a token made by one that began before a revocation is covered by it. Nor do the clocks of
/// gateways and store differ by as much.
const RACE: Duration = Duration::from_secs(60);

/// How long things last.
#[derive(Clone, Copy, Debug)]
pub struct Spans {
    /// An access token's life.
    pub access: Duration,
    /// How long a caller who was seen before goes on while nobody can be asked.
    pub max_staleness: Duration,
    /// A session's life without, and with, refreshes.
    pub session: Lifetimes,
    /// How long a used refresh token still gets the same successor.
    pub refresh_grace: Duration,
}

impl Spans {
    /// How long a session may be accepted after its end, if nobody knew of that: by an access token, or by a cookie that
    /// outlives those, and that is remembered to be good.
    #[must_use]
    pub fn end_matters(&self) -> Duration {
        self.access.max(self.max_staleness).saturating_add(RACE)
    }
}

/// What the service works with.
#[derive(Debug)]
pub struct Parts {
    /// Who users are.
    pub directory: Arc<dyn Directory>,
    /// Where sessions are kept.
    pub store: Arc<dyn SessionStore>,
    /// Where logins wait for a second factor.
    pub challenges: Arc<dyn ChallengeStore>,
    /// Who counts attempts.
    pub throttle: Throttle,
    /// Who makes the tokens of known devices.
    pub known: KnownDevices,
    /// Where second factors are kept.
    pub factors: Arc<dyn Factors>,
    /// Who has to have one.
    pub mfa: MfaRules,
    /// Who makes backup codes and knows them again.
    pub codes: BackupCodes,
    /// Who makes the tokens of trusted devices.
    pub trust: TrustTokens,
    /// Who checks passwords where the directory has their hashes.
    pub passwords: Passwords,
    /// Who does where it has not.
    pub backend: Option<Arc<BackendPasswords>>,
    /// Who makes access tokens.
    pub access: Arc<AccessTokens>,
    /// Who makes refresh tokens.
    pub refresh: Arc<RefreshTokens>,
    /// Who makes challenge tokens.
    pub challenge: ChallengeTokens,
    /// By what a session sees that its user's password was changed.
    pub marks: Arc<PasswordMarks>,
    /// Ends sessions.
    pub endings: Endings,
    /// Where callers are remembered to be in order.
    pub standings: Standings,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How long things last.
    pub spans: Spans,
    /// How many sessions a user may have; one more ends the one that would run out first.
    pub session_limit: NonZeroU32,
}

struct Service(Parts);

/// The client is told when the passwords ahead will have been checked.
fn busy(refusal: PoolRefusal) -> Refusal {
    Refusal::Busy(refusal.retry_after())
}

/// The same refusal, with what the audit log is to know of it.
fn refused_because(reason: &'static str, refusal: Refusal) -> Refusal {
    audit::because(reason);
    refusal
}

impl Service {
    fn session_id(&self) -> Result<SessionId, Refusal> {
        self.0.entropy.bytes().map(SessionId::from_bytes).map_err(unavailable("drawing a session id"))
    }

    /// Opens a session for a user who has just shown all that is asked for; `mfa`: a second factor, too.
    async fn open_session(
        &self,
        id: SessionId,
        account: Account,
        client: ClientInfo,
        mfa: bool,
    ) -> Result<Grant, Refusal> {
        let (password, now) = (self.mark(&account), self.0.clock.now());
        let known = self.know(&account, now);
        let mut user = account.user;
        let session = Session {
            id,
            user: user.id.clone(),
            created: now,
            last_used: now,
            expiry: self.expiry(now),
            auth_time: now,
            mfa,
            client,
            password: Some(password),
        };
        let key = key_of(&session);
        let token = self.0.refresh.mint(key, &*self.0.entropy).map_err(unavailable("minting a refresh token"))?;
        let new = NewSession {
            session: session.clone(),
            refresh: token.hash(),
            lifetimes: self.0.spans.session,
            limit: self.0.session_limit,
        };
        let ended = self.0.store.create(new).await.map_err(unavailable("storing a session"))?;
        self.0.endings.note(&ended, "one login too many");
        match self.0.directory.record_login(&user.id, now).await {
            Ok(()) => user.last_login = Some(now),
            // Not worth a refused login: the column tells people when somebody was last here, nothing more.
            Err(error) => tracing::warn!(error = &error as &dyn Error, "last_login was not written"),
        }
        audit::about(&user.id);
        audit::session(id);
        Ok(Grant { known_device: known, ..self.grant(user, &session, token)? })
    }

    async fn refresh(&self, command: Refresh) -> Result<Grant, Refusal> {
        let Refresh { token, client } = command;
        let presented = token.ok_or(Refusal::MissingRefreshToken)?;
        let refreshed = if let Some(claim) = self.0.refresh.read(&presented).filter(|claim| claim.genuine) {
            self.refresh_by(claim, &presented).await
        } else if let Some(token) = self.of_the_backend(&presented) {
            self.exchange(&presented, token, client.clone()).await
        } else {
            self.0.throttle.admit(Attempt::Refresh, &client).await?.failed();
            return Err(refused_because("no token of this gateway's", Refusal::InvalidRefreshToken));
        };
        if matches!(refreshed, Err(Refusal::InvalidRefreshToken)) {
            self.0.throttle.note(Attempt::Refresh, &client).await;
        }
        refreshed
    }

    /// Uses up a token that bears the gateway's mark.
    async fn refresh_by(&self, claim: refresh::RefreshClaim, presented: &PlainToken) -> Result<Grant, Refusal> {
        audit::session(claim.key.id);
        let found = self.0.store.find(claim.key).await.map_err(unavailable("looking up a session"))?;
        let session = found.ok_or_else(|| refused_because("session has ended", Refusal::InvalidRefreshToken))?;
        audit::about(&session.user);
        // The user is looked up before the token is used up: an outage of the directory must not cost the session.
        let account = self.0.directory.account_of(&session.user).await.map_err(unavailable("looking up a user"))?;
        let Some(account) = account.filter(|account| account.user.is_active) else {
            self.end(claim.key, "user is gone or inactive").await?;
            return Err(refused_because("user is gone or inactive", Refusal::InvalidRefreshToken));
        };
        if session.password.is_some_and(|mark| self.0.marks.contradicts(mark, &session.user, &account.password)) {
            self.end(claim.key, "password was changed").await?;
            return Err(refused_because("password was changed", Refusal::InvalidRefreshToken));
        }
        let (step, successor) = self.rotation(claim, presented, Some(self.mark(&account)))?;
        self.rotate(account.user, presented, step, successor).await
    }

    /// Uses a token up, and answers with what the store makes of it.
    async fn rotate(
        &self,
        user: User,
        presented: &PlainToken,
        step: Rotate,
        successor: PlainToken,
    ) -> Result<Grant, Refusal> {
        match self.0.store.rotate(step).await.map_err(unavailable("rotating a refresh token"))? {
            Rotation::Rotated(session) => self.grant(user, &session, successor),
            Rotation::Repeated { session, sealed_successor } => {
                let standing = refresh::open(presented, &sealed_successor).ok_or_else(|| {
                    tracing::error!(session = %session.id, "a stored successor does not open");
                    Refusal::Unavailable
                })?;
                self.grant(user, &session, standing)
            }
            Rotation::Replayed(session) => {
                self.0.endings.revoke(&[session.id]);
                Err(refused_because("a used refresh token came back: session ended", Refusal::InvalidRefreshToken))
            }
            Rotation::Unknown => Err(refused_because("unknown token", Refusal::InvalidRefreshToken)),
            Rotation::Expired => Err(refused_because("session ran out", Refusal::InvalidRefreshToken)),
        }
    }

    fn rotation(
        &self,
        claim: refresh::RefreshClaim,
        presented: &PlainToken,
        password: Option<PasswordMark>,
    ) -> Result<(Rotate, PlainToken), Refusal> {
        let entropy = &*self.0.entropy;
        let successor = self.0.refresh.mint(claim.key, entropy).map_err(unavailable("minting a refresh token"))?;
        let sealed = refresh::seal(presented, &successor, entropy).map_err(unavailable("sealing a refresh token"))?;
        let step = Rotate {
            key: claim.key,
            presented: presented.hash(),
            genuine: claim.genuine,
            successor: successor.hash(),
            sealed_successor: sealed,
            grace: self.0.spans.refresh_grace,
            idle: self.0.spans.session.idle,
            password,
        };
        Ok((step, successor))
    }

    async fn logout(&self, command: Logout) -> Result<(), Refusal> {
        if command.caller.as_ref().is_some_and(Principal::is_by_django) {
            return Err(Refusal::DjangoSession);
        }
        let of_caller =
            command.caller.as_ref().and_then(|caller| caller.session.map(|id| SessionKey::of(&caller.user, id)));
        let of_cookie = match &command.refresh {
            Some(token) => self.ended_by(token, of_caller).await?,
            None => None,
        };
        self.spend_tokens(command.caller.as_ref(), command.refresh.as_ref()).await?;
        for key in of_caller.into_iter().chain(of_cookie) {
            self.end(key, "logout").await?;
        }
        Ok(())
    }

    /// The session that a logout by this refresh token ends, unless it is `known` already.
    ///
    /// A token without a mark in force is good for nothing else. It was made up, or marked by a key that has been removed,
    /// and only the store can tell which: the one that it takes is the session's own.
    async fn ended_by(&self, token: &PlainToken, known: Option<SessionKey>) -> Result<Option<SessionKey>, Refusal> {
        let Some(claim) = self.0.refresh.read(token).filter(|claim| Some(claim.key) != known) else { return Ok(None) };
        if claim.genuine {
            return Ok(Some(claim.key));
        }
        let (step, _nobody_gets_it) = self.rotation(claim, token, None)?;
        match self.0.store.rotate(step).await.map_err(unavailable("using up a refresh token"))? {
            Rotation::Rotated(_) | Rotation::Repeated { .. } | Rotation::Replayed(_) => Ok(Some(claim.key)),
            Rotation::Unknown | Rotation::Expired => Ok(None),
        }
    }

    async fn end(&self, key: SessionKey, why: &'static str) -> Result<(), Refusal> {
        self.0.endings.end(key, why).await.map_err(unavailable("ending a session"))
    }

    fn mark(&self, account: &Account) -> PasswordMark {
        self.0.marks.of(&account.user.id, &account.password)
    }

    fn grant(&self, user: User, session: &Session, token: PlainToken) -> Result<Grant, Refusal> {
        let now = self.0.clock.now();
        let occasion = Occasion {
            session: session.id,
            issued: now,
            expires: now.after(self.0.spans.access).min(session.expiry.absolute),
            auth_time: session.auth_time,
            mfa: session.mfa,
        };
        let access = self.0.access.issue(&user, occasion, &*self.0.entropy).map_err(unavailable("making a token"))?;
        self.0.standings.confirmed(session.id);
        let expires = session.expiry.idle.min(session.expiry.absolute);
        Ok(Grant {
            user,
            access,
            refresh: IssuedToken { token, expires },
            ends: session.expiry.absolute,
            trusted_device: None,
            known_device: None,
            backup_codes_left: None,
        })
    }

    fn expiry(&self, now: Timestamp) -> SessionExpiry {
        let lifetimes = self.0.spans.session;
        SessionExpiry { idle: now.after(lifetimes.idle), absolute: now.after(lifetimes.absolute) }
    }
}

fn key_of(session: &Session) -> SessionKey {
    SessionKey::of(&session.user, session.id)
}

#[cfg(test)]
mod tests;
