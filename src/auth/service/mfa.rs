//! Logins of users with a second factor: a challenge for the password, a session for the code.
//!
//! A challenge is a token in the client's hands and a record in the store, good for five minutes, five tries and one
//! session. A try is counted before the code is looked at, so that many at once are no more than five; and it is counted at
//! the account, too, so that a fresh challenge is no fresh start ([`throttle`](crate::auth::throttle)). Then the code is used up,
//! the step of one that an authenticator shows or a backup code, and one of all gateways gets it; then the challenge is, and
//! one of all requests gets it; and only then is a session opened. A code that was used before leaves the challenge as it
//! is: the next one does.
//!
//! A user who has to have a factor and has none gets a challenge, too, by which one is set up
//! ([`enrolment`](super::enrolment)). The code that confirmed it is good once more, for that challenge: nobody waits half a
//! minute for the next one only to log in.

use std::time::Duration;

use super::{
    Attempt, CompleteMfaLogin, Entry, Grant, IssuedToken, Refusal, Service, Ticket, UserTag, refused_because,
    unavailable,
};
use crate::{
    auth::{
        audit,
        backend::BackendChallenges,
        factors::{self, Matched, Owner},
    },
    model::{Account, ClientInfo, Factor, FactorKind, KeptCode, NewTrust, PasswordMark, PlainToken, SessionId, UserId},
    store::{Challenge, ChallengeKey, NewChallenge},
};

/// How long a login waits for its code.
const LIFETIME: Duration = Duration::from_secs(300);

/// How many codes may be tried.
const TRIES: u32 = 5;

/// How many devices a user may trust; one more drops the oldest.
const TRUSTED_DEVICES: u32 = 20;

/// How a code was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    ByAuthenticator,
    /// As one of the backup codes, of which so many are left.
    AsBackup(usize),
}

/// A challenge whose token was shown, and its user.
pub(super) struct Challenged {
    pub(super) key: ChallengeKey,
    pub(super) challenge: Challenge,
    pub(super) account: Account,
}

/// Whose login waits for a code.
pub(super) struct Waits {
    pub(super) user: UserId,
    pub(super) password: PasswordMark,
    pub(super) device_name: Option<String>,
}

impl Service {
    /// What a right password comes to.
    pub(super) async fn enter(
        &self,
        account: Account,
        client: ClientInfo,
        devices: &[PlainToken],
    ) -> Result<Entry, Refusal> {
        let policy = self.0.mfa.policy;
        if policy.asks() {
            let factors = self.factors_of(&account.user.id).await?;
            if factors.is_empty() && policy.requires(&account.user) {
                self.place_for_factors().await?;
                return self.challenge(&account, client.device_name).await.map(Entry::EnrolmentDue);
            }
            if !factors.is_empty() && !self.trusts(&account, &factors, devices).await? {
                return self.ask_for_code(&account, &factors, client.device_name).await;
            }
        }
        let grant = self.open_session(self.session_id()?, account, client, false).await?;
        Ok(Entry::Open(Box::new(grant)))
    }

    async fn ask_for_code(
        &self,
        account: &Account,
        factors: &[Factor],
        device_name: Option<String>,
    ) -> Result<Entry, Refusal> {
        if !factors.iter().any(|factor| matches!(factor.kind, FactorKind::Totp(_))) {
            tracing::warn!(user = %account.user.id, "a login needs a second factor of a kind that is not supported");
            return Err(Refusal::UnsupportedFactor);
        }
        self.challenge(account, device_name).await.map(Entry::FactorDue)
    }

    /// Begins the second half of a login.
    async fn challenge(&self, account: &Account, device_name: Option<String>) -> Result<PlainToken, Refusal> {
        let (user, entropy) = (&account.user.id, &*self.0.entropy);
        let id = entropy.bytes().map_err(unavailable("drawing a challenge id"))?;
        let key = ChallengeKey { tag: UserTag::of(user), id };
        let token = self.0.challenge.mint(key, entropy).map_err(unavailable("minting a challenge token"))?;
        self.begin_challenge(key, &token, Waits { user: user.clone(), password: self.mark(account), device_name })
            .await?;
        Ok(token)
    }

    /// Keeps the store's half of a challenge.
    pub(super) async fn begin_challenge(
        &self,
        key: ChallengeKey,
        token: &PlainToken,
        Waits { user, password, device_name }: Waits,
    ) -> Result<(), Refusal> {
        let challenge = Challenge { user, password, device_name, tries_left: TRIES, proven: false };
        let new = NewChallenge { key, challenge, token: token.hash(), lifetime: LIFETIME };
        self.0.challenges.begin(new).await.map_err(unavailable("storing a challenge"))
    }

    /// Ends the second half.
    pub(super) async fn complete_mfa_login(&self, command: CompleteMfaLogin) -> Result<Grant, Refusal> {
        if let Some(backend) = self.0.backend.as_ref().filter(|_| BackendChallenges::is_one(&command.challenge)) {
            return self.complete_at_backend(backend, command).await;
        }
        let CompleteMfaLogin { challenge: token, code, trust_device, client } = command;
        let (Challenged { key, challenge, account }, ticket) = self.try_challenge(&token, &client).await?;
        let (ticket, factors) = ticket.after(self.factors_of(&account.user.id).await).await?;
        let shown = self.accepts(&account.user.id, &factors, code.expose(), challenge.proven).await?;
        let Some(shown) = shown else {
            ticket.failed();
            return Err(refused_because("a wrong or used code", Refusal::InvalidCode));
        };
        let session = self.use_challenge_up(key, &token).await?;
        ticket.succeeded().await;
        let client = ClientInfo { device_name: challenge.device_name, ..client };
        let trusted = if trust_device { self.trust(&account, &factors, &client).await } else { None };
        let mut grant = self.open_session(session, account, client, true).await?;
        grant.trusted_device = trusted;
        if let Shown::AsBackup(left) = shown {
            grant.backup_codes_left = Some(left);
        }
        Ok(grant)
    }

    /// Uses a challenge up, for the session of the id that it comes to.
    pub(super) async fn use_challenge_up(&self, key: ChallengeKey, token: &PlainToken) -> Result<SessionId, Refusal> {
        let session = self.session_id()?;
        let consumed = self.0.challenges.consume(key, token.hash(), session).await;
        if !consumed.map_err(unavailable("using up a challenge"))? {
            return Err(refused_because("challenge was used up", Refusal::InvalidChallenge));
        }
        Ok(session)
    }

    /// A challenge as the store has it.
    pub(super) async fn kept_challenge(&self, key: ChallengeKey, token: &PlainToken) -> Result<Challenge, Refusal> {
        let found = self.0.challenges.find(key, token.hash()).await.map_err(unavailable("looking up a challenge"))?;
        found.ok_or_else(|| refused_because("challenge is used up or ran out", Refusal::InvalidChallenge))
    }

    /// Counts a try of a challenge, for which there is a ticket.
    pub(super) async fn count_try<'t>(
        &self,
        key: ChallengeKey,
        token: &PlainToken,
        ticket: Ticket<'t>,
    ) -> Result<(Challenge, Ticket<'t>), Refusal> {
        let tried = self.0.challenges.attempt(key, token.hash()).await.map_err(unavailable("counting a try"));
        let (ticket, tried) = ticket.after(tried).await?;
        let spent = || refused_because("challenge has no try left", Refusal::InvalidChallenge);
        Ok((tried.ok_or_else(spent)?, ticket))
    }

    /// A look at a challenge, without a code.
    pub(super) async fn find_challenge(&self, token: &PlainToken) -> Result<Challenged, Refusal> {
        let made_up = || refused_because("no challenge of this gateway's", Refusal::InvalidChallenge);
        let key = self.0.challenge.read(token).ok_or_else(made_up)?;
        let challenge = self.kept_challenge(key, token).await?;
        audit::about(&challenge.user);
        let account = self.challenged(&challenge).await?;
        Ok(Challenged { key, challenge, account })
    }

    /// The same for a code that comes with it: a try is counted, of the challenge and of the account.
    pub(super) async fn try_challenge(
        &self,
        token: &PlainToken,
        client: &ClientInfo,
    ) -> Result<(Challenged, Ticket<'_>), Refusal> {
        let Challenged { key, account, .. } = self.find_challenge(token).await?;
        let ticket = self.admit_code(&account, client).await?;
        let (challenge, ticket) = self.count_try(key, token, ticket).await?;
        Ok((Challenged { key, challenge, account }, ticket))
    }

    /// Counts a code that is about to be looked at.
    pub(super) async fn admit_code(&self, account: &Account, client: &ClientInfo) -> Result<Ticket<'_>, Refusal> {
        let attempt = Attempt::Code { user: &account.user.id, password: self.mark(account) };
        self.0.throttle.admit(attempt, client).await
    }

    /// The account of a challenge, if it may still be logged in to by the password that was shown.
    async fn challenged(&self, challenge: &Challenge) -> Result<Account, Refusal> {
        let found = self.0.directory.account_of(&challenge.user).await.map_err(unavailable("looking up a user"))?;
        let may_come_in = |account: &Account| {
            account.user.is_active && !self.0.marks.contradicts(challenge.password, &challenge.user, &account.password)
        };
        let out = || refused_because("user is gone or inactive, or password was changed", Refusal::InvalidChallenge);
        found.filter(may_come_in).ok_or_else(out)
    }

    pub(super) async fn factors_of(&self, user: &UserId) -> Result<Vec<Factor>, Refusal> {
        self.0.factors.active(user).await.map_err(unavailable("looking up second factors"))
    }

    /// How this is the code of one of the user's factors now, or a backup code, that was not used before. `proven`: the
    /// one that confirmed a factor of this challenge's may come again.
    async fn accepts(
        &self,
        user: &UserId,
        factors: &[Factor],
        code: &str,
        proven: bool,
    ) -> Result<Option<Shown>, Refusal> {
        for Matched { device, step } in factors::matching(factors, code, self.0.clock.now()) {
            let accepted = self.0.factors.accept_step(user, device, step).await;
            if accepted.map_err(unavailable("noting a used code"))? || proven {
                self.hash_codes_in_the_clear(user).await;
                return Ok(Some(Shown::ByAuthenticator));
            }
        }
        self.accepts_backup(user, code).await
    }

    /// Codes that the backend left in the clear are met by any login of their user's. It stands where they can't be hashed.
    async fn hash_codes_in_the_clear(&self, user: &UserId) {
        let kept = self.0.factors.codes(user).await.map_err(unavailable("looking up backup codes"));
        self.hash(user, kept.unwrap_or_default()).await;
    }

    async fn hash(&self, user: &UserId, kept: Vec<KeptCode>) {
        let to_hash = self.0.codes.to_hash(kept);
        if !to_hash.is_empty() {
            let hashed = self.0.factors.hash_codes(user, to_hash).await;
            let _logged = hashed.map_err(unavailable("hashing backup codes"));
        }
    }

    /// Uses a backup code up.
    async fn accepts_backup(&self, user: &UserId, code: &str) -> Result<Option<Shown>, Refusal> {
        let mut kept = self.0.factors.codes(user).await.map_err(unavailable("looking up backup codes"))?;
        let found = self.0.codes.find(&kept, code).map(|code| code.id.clone());
        let used = match &found {
            Some(id) => self.0.factors.use_code(user, id).await.map_err(unavailable("using up a backup code"))?,
            None => false,
        };
        kept.retain(|code| Some(&code.id) != found.as_ref());
        let left = kept.len();
        self.hash(user, kept).await;
        if used {
            tracing::warn!(%user, left, "a backup code was used");
        }
        Ok(used.then_some(Shown::AsBackup(left)))
    }

    /// Whether one of these is the token of a device that its user trusts.
    async fn trusts(&self, account: &Account, factors: &[Factor], tokens: &[PlainToken]) -> Result<bool, Refusal> {
        let may_be_one = |token| self.0.trust.read(token).is_some();
        if !tokens.iter().any(may_be_one) || self.0.mfa.trusted_devices.is_none() {
            return Ok(false);
        }
        let (now, owner) = (self.0.clock.now(), Owner { account, factors });
        let known = self.0.factors.trusted(&account.user.id, now).await;
        let known = known.map_err(unavailable("looking up trusted devices"))?;
        let is_trusted = |token| known.iter().any(|device| self.0.trust.is_of(token, device, owner));
        Ok(tokens.iter().any(is_trusted))
    }

    /// Trusts the device of a login whose code was right. The login stands also where that can't be written.
    async fn trust(&self, account: &Account, factors: &[Factor], client: &ClientInfo) -> Option<IssuedToken> {
        let created = self.0.clock.now();
        let expires = created.after(self.0.mfa.trusted_devices?);
        let owner = Owner { account, factors };
        let minted = self.0.trust.mint(owner, expires, &*self.0.entropy).map_err(unavailable("minting a device token"));
        let (token, seal) = minted.ok()?;
        let new = NewTrust { seal, client: client.clone(), created, expires };
        let trusted = self.0.factors.trust(&account.user.id, new, TRUSTED_DEVICES).await;
        trusted.map_err(unavailable("trusting a device")).ok()??;
        tracing::info!(user = %account.user.id, "a device is trusted");
        Some(IssuedToken { token, expires })
    }
}
