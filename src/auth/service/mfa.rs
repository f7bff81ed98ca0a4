//! Logins of users with a second factor: a challenge for the password, a session for the code.
//!
//! A challenge is a token in the client's hands and a record in the store, good for five minutes, five tries and one
//! session. A try is counted before the code is looked at, so that many at once are no more than five. Then the code is used
//! up in the directory, the step of one that an authenticator shows or a backup code, and one of all gateways gets it; then
//! the challenge is, and one of all requests gets it; and only then is a session opened. A code that was used before leaves
//! the challenge as it is: the next one does.

use std::time::Duration;

use super::{CompleteMfaLogin, Grant, Refusal, Service, UserTag, unavailable};
use crate::{
    auth::factors::{self, Matched},
    model::{Account, BackupCode, ClientInfo, FactorKind, PlainToken, UserId},
    store::{Challenge, ChallengeKey, NewChallenge},
};

/// How long a login waits for its code.
const LIFETIME: Duration = Duration::from_secs(300);

/// How many codes may be tried.
const TRIES: u32 = 5;

impl Service {
    /// Begins the second half of a login.
    pub(super) async fn challenge(
        &self,
        account: &Account,
        device_name: Option<String>,
    ) -> Result<PlainToken, Refusal> {
        let user = &account.user.id;
        let factors = self.0.directory.factors(user).await.map_err(unavailable("looking up second factors"))?;
        if !factors.iter().any(|factor| matches!(factor.kind, FactorKind::Totp(_))) {
            tracing::warn!(%user, "a login needs a second factor of a kind that is not supported");
            return Err(Refusal::UnsupportedFactor);
        }
        let entropy = &*self.0.entropy;
        let id = entropy.bytes().map_err(unavailable("drawing a challenge id"))?;
        let key = ChallengeKey { tag: UserTag::of(user), id };
        let token = self.0.challenge.mint(key, entropy).map_err(unavailable("minting a challenge token"))?;
        let password = self.mark(account);
        let challenge = Challenge { user: user.clone(), password, device_name, tries_left: TRIES, proven: false };
        let new = NewChallenge { key, challenge, token: token.hash(), lifetime: LIFETIME };
        self.0.challenges.begin(new).await.map_err(unavailable("storing a challenge"))?;
        tracing::info!(%user, "a login waits for a second factor");
        Ok(token)
    }

    /// Ends the second half.
    pub(super) async fn complete_mfa_login(&self, command: CompleteMfaLogin) -> Result<Grant, Refusal> {
        let key = self.0.challenge.read(&command.challenge).ok_or(Refusal::InvalidChallenge)?;
        let presented = command.challenge.hash();
        let attempt = self.0.challenges.attempt(key, presented).await.map_err(unavailable("looking up a challenge"))?;
        let challenge = attempt.ok_or(Refusal::InvalidChallenge)?;
        let account = self.challenged(&challenge).await?;
        if !self.accepts(&account.user.id, command.code.expose()).await? {
            tracing::warn!(user = %account.user.id, tries_left = challenge.tries_left, "a wrong or used code");
            return Err(Refusal::InvalidCode);
        }
        let session = self.session_id()?;
        let consumed = self.0.challenges.consume(key, presented, session).await;
        if !consumed.map_err(unavailable("using up a challenge"))? {
            return Err(Refusal::InvalidChallenge);
        }
        let client = ClientInfo { device_name: challenge.device_name, ..command.client };
        self.open_session(session, account, client, true).await
    }

    /// The account of a challenge, if it may still be logged in to by the password that was shown.
    async fn challenged(&self, challenge: &Challenge) -> Result<Account, Refusal> {
        let found = self.0.directory.account_of(&challenge.user).await.map_err(unavailable("looking up a user"))?;
        let may_come_in = |account: &Account| {
            account.user.is_active && !self.0.marks.contradicts(challenge.password, &challenge.user, &account.password)
        };
        found.filter(may_come_in).ok_or(Refusal::InvalidChallenge)
    }

    /// Whether this is the code of one of the user's factors now, or a backup code, and was not used before.
    async fn accepts(&self, user: &UserId, code: &str) -> Result<bool, Refusal> {
        let factors = self.0.directory.factors(user).await.map_err(unavailable("looking up second factors"))?;
        for Matched { device, step } in factors::matching(&factors, code, self.0.clock.now()) {
            let accepted = self.0.directory.accept_step(user, device, step).await;
            if accepted.map_err(unavailable("noting a used code"))? {
                return Ok(true);
            }
        }
        self.accepts_backup(user, code).await
    }

    /// Whether this is a backup code of the user's, which was not used before.
    async fn accepts_backup(&self, user: &UserId, code: &str) -> Result<bool, Refusal> {
        let Some(code) = BackupCode::parse(code) else { return Ok(false) };
        let used = self.0.directory.use_backup_code(user, &code).await;
        let used = used.map_err(unavailable("using up a backup code"))?;
        if used {
            tracing::warn!(%user, "a backup code was used");
        }
        Ok(used)
    }
}
