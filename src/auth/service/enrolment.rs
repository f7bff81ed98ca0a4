//! Setting second factors up, and removing them.
//!
//! An authenticator that was set up counts for nothing until its first code was shown, which has to be within the hour; another
//! setup takes its place. Who may set one up is a caller who has logged in just now, with the second factor where there is
//! one (OWASP ASVS 5 §7.5.1); or who logs in and has to have one, by the challenge of that login, and never where a factor
//! exists: that is asked at the setup, and again in the step that makes it count. Removal and new backup codes take
//! the password once more. A device that is trusted is no factor: a session that it opened changes none.
//!
//! Who shows the first code has shown a second factor, so the session counts as one that did.

use std::time::Duration;

use super::{
    Attempt, ClientInfo, ConfirmFactor, DisableMfa, Enroller, FactorConfirmed, FactorSetup, PendingName, PlainToken,
    Principal, Refusal, RegenerateBackupCodes, Secret, Service, SessionKey, SetUpFactor, busy, mfa::Challenged,
    unavailable,
};
use crate::{
    auth::factors::totp,
    model::{Account, Activate, Activation, Factor, FactorKind, NewFactor, PendingFactor, UserId},
    store::ChallengeKey,
};

/// How long an authenticator waits for its first code.
const WAITS: Duration = Duration::from_secs(60 * 60);

/// How many a user may have.
const FACTORS: usize = 10;

/// What an authenticator is called whose user gave it no name.
const NAME: &str = "Authenticator";

/// By what a factor is set up.
enum By {
    Session(SessionKey),
    Challenge { key: ChallengeKey, token: PlainToken },
}

/// Who may set a factor up.
struct Enrolling {
    account: Account,
    factors: Vec<Factor>,
    by: By,
}

impl Enrolling {
    const fn is_by_challenge(&self) -> bool {
        matches!(self.by, By::Challenge { .. })
    }
}

impl Service {
    pub(super) async fn set_up_factor(&self, command: SetUpFactor) -> Result<FactorSetup, Refusal> {
        let enrolling = match command.enroller {
            Enroller::Caller(caller) => self.enrolling_caller(caller).await?,
            Enroller::Challenged(token) => {
                let found = self.find_challenge(&token).await?;
                self.enrolling_by_challenge(found, token).await?
            }
        };
        let (account, user) = (&enrolling.account, &enrolling.account.user.id);
        self.place_for_factors().await?;
        if enrolling.factors.len() >= FACTORS {
            return Err(Refusal::TooManyFactors);
        }
        let enrolment = totp::enrol(&self.0.mfa.issuer, &account.user.username, &*self.0.entropy);
        let enrolment = enrolment.map_err(unavailable("making a secret for an authenticator"))?;
        let name = command.name.unwrap_or_else(|| NAME.to_owned());
        let created = self.0.clock.now();
        let new = NewFactor { name, secret: enrolment.secret.clone(), created };
        let device = self.0.factors.set_up(user, new).await.map_err(unavailable("setting a second factor up"))?;
        let backup_codes = if command.with_codes { Some(self.draw_codes()?) } else { None };
        if let Some(codes) = &backup_codes {
            let given = self.0.factors.give_codes(user, &device, self.0.codes.hashed(&device, codes), created).await;
            if !given.map_err(unavailable("giving backup codes"))? {
                return Err(Refusal::UnknownDevice); // another setup was faster
            }
        }
        tracing::info!(%user, %device, "a second factor is being set up");
        let totp::Enrolment { secret, uri, picture } = enrolment;
        Ok(FactorSetup { device, secret, uri, picture, backup_codes })
    }

    pub(super) async fn confirm_factor(&self, command: ConfirmFactor) -> Result<FactorConfirmed, Refusal> {
        let (enrolling, ticket) = match command.enroller {
            Enroller::Caller(caller) => {
                let enrolling = self.enrolling_caller(caller).await?;
                let ticket = self.admit_code(&enrolling.account, &command.client).await?;
                (enrolling, ticket)
            }
            Enroller::Challenged(token) => {
                let (tried, ticket) = self.try_challenge(&token, &command.client).await?;
                let (ticket, enrolling) = ticket.after(self.enrolling_by_challenge(tried, token).await).await?;
                (enrolling, ticket)
            }
        };
        let user = &enrolling.account.user.id;
        let (ticket, waiting) = ticket.after(self.waiting(user, &command.factor).await).await?;
        let now = self.0.clock.now();
        let step = totp::step_of(&waiting.secret, command.code.expose(), now);
        let step = step.map_err(unavailable("checking a new authenticator"))?.ok_or(Refusal::InvalidCode)?;
        let backup_codes = if command.with_codes { Some(self.draw_codes()?) } else { None };
        let codes = backup_codes.as_ref().map(|codes| self.0.codes.hashed(&waiting.device, codes));
        let only_first = enrolling.is_by_challenge();
        let activate = Activate { device: waiting.device.clone(), step, codes, only_first };
        let activated = self.0.factors.activate(user, activate).await;
        match activated.map_err(unavailable("activating a second factor"))? {
            Activation::Active => {}
            Activation::NotPending => return Err(Refusal::UnknownDevice),
            Activation::Exists => return Err(Refusal::FactorExists),
        }
        tracing::info!(%user, device = %waiting.device, "a second factor was enrolled");
        ticket.succeeded().await;
        self.note_shown(&enrolling.by).await;
        Ok(FactorConfirmed { backup_codes })
    }

    pub(super) async fn disable_mfa(&self, command: DisableMfa) -> Result<(), Refusal> {
        let (account, _) = self.owner(command.caller, command.password, &command.client).await?;
        let user = &account.user.id;
        self.0.factors.remove_all(user).await.map_err(unavailable("removing second factors"))?;
        tracing::warn!(%user, "all second factors were removed");
        Ok(())
    }

    pub(super) async fn regenerate_backup_codes(&self, command: RegenerateBackupCodes) -> Result<Vec<Secret>, Refusal> {
        let (account, factors) = self.owner(command.caller, command.password, &command.client).await?;
        let user = &account.user.id;
        let is_totp = |factor: &&Factor| matches!(factor.kind, FactorKind::Totp(_));
        let device = &factors.iter().find(is_totp).ok_or(Refusal::NoFactor)?.device;
        let codes = self.draw_codes()?;
        let given =
            self.0.factors.give_codes(user, device, self.0.codes.hashed(device, &codes), self.0.clock.now()).await;
        if !given.map_err(unavailable("giving backup codes"))? {
            return Err(Refusal::NoFactor); // removed meanwhile
        }
        tracing::warn!(%user, "new backup codes were given out");
        Ok(codes)
    }

    /// A caller who may set up a factor.
    async fn enrolling_caller(&self, caller: Option<Principal>) -> Result<Enrolling, Refusal> {
        let (caller, session) = self.with_session(caller).await?;
        self.are_asked_for()?;
        let Some(session) = session else {
            // A token or a session of the backend, which says neither when the password was shown nor whether a factor was.
            return Err(Refusal::StaleLogin);
        };
        let account = self.active_account(&caller.user).await?;
        let factors = self.factors_of(&caller.user).await?;
        if !factors.is_empty() && !session.mfa {
            return Err(Refusal::StepUpRequired);
        }
        if self.0.clock.now().since(session.auth_time) > self.0.mfa.fresh_login {
            return Err(Refusal::StaleLogin);
        }
        Ok(Enrolling { account, factors, by: By::Session(SessionKey::of(&caller.user, session.id)) })
    }

    /// Who logs in, and has no factor yet.
    async fn enrolling_by_challenge(&self, challenged: Challenged, token: PlainToken) -> Result<Enrolling, Refusal> {
        self.are_asked_for()?;
        let Challenged { key, account, .. } = challenged;
        let factors = self.factors_of(&account.user.id).await?;
        if !factors.is_empty() {
            return Err(Refusal::FactorExists);
        }
        Ok(Enrolling { account, factors, by: By::Challenge { key, token } })
    }

    /// A caller who has shown the password once more, and before that a second factor, where there is one.
    async fn owner(
        &self,
        caller: Option<Principal>,
        password: Secret,
        client: &ClientInfo,
    ) -> Result<(Account, Vec<Factor>), Refusal> {
        let (caller, session) = self.with_session(caller).await?;
        let account = self.active_account(&caller.user).await?;
        let factors = self.factors_of(&caller.user).await?;
        // Where no factor is asked for, no session can have shown one.
        let is_asked_for = self.0.mfa.policy.asks() && !factors.is_empty();
        if is_asked_for && session.is_none_or(|session| !session.mfa) {
            return Err(Refusal::StepUpRequired);
        }
        let attempt = Attempt::Password { user: &account.user.id, password: self.mark(&account) };
        let ticket = self.0.throttle.admit(attempt, client).await?;
        let checked = match &self.0.backend {
            Some(backend) => self.is_right_at_backend(backend, &account, password, client).await,
            None => {
                let checked = self.0.passwords.check(password, Some(&account.password)).await;
                checked.map_err(busy).map(|checked| Ok(checked.is_right()))
            }
        };
        let (ticket, right) = ticket.after(checked).await?;
        if !right? {
            ticket.failed();
            tracing::warn!(user = %account.user.id, "a wrong password before a change of second factors");
            return Err(Refusal::WrongPassword);
        }
        ticket.succeeded().await;
        Ok((account, factors))
    }

    async fn active_account(&self, user: &UserId) -> Result<Account, Refusal> {
        let found = self.0.directory.account_of(user).await.map_err(unavailable("looking up a user"))?;
        found.filter(|account| account.user.is_active).ok_or(Refusal::Unauthenticated)
    }

    fn are_asked_for(&self) -> Result<(), Refusal> {
        if self.0.mfa.policy.asks() { Ok(()) } else { Err(Refusal::FactorsOff) }
    }

    /// Whether factors can be kept at all.
    pub(super) async fn place_for_factors(&self) -> Result<(), Refusal> {
        if self.0.factors.can_enrol().await.map_err(unavailable("looking for the tables of second factors"))? {
            return Ok(());
        }
        tracing::error!("the backend has no tables for second factors; set `[mfa] storage = \"store\"`");
        Err(Refusal::NoPlaceForFactors)
    }

    /// The authenticator that waits, if it is the one that is named.
    async fn waiting(&self, user: &UserId, name: &PendingName) -> Result<PendingFactor, Refusal> {
        let waiting = self.0.factors.pending(user).await.map_err(unavailable("looking up a new authenticator"))?;
        let is_meant = |waiting: &PendingFactor| match name {
            PendingName::Device(device) => waiting.device == *device,
            PendingName::Secret(secret) => totp::is_same(&waiting.secret, secret),
        };
        let now = self.0.clock.now();
        let is_in_time = |waiting: &PendingFactor| now.since(waiting.created) <= WAITS;
        waiting.filter(|waiting| is_meant(waiting) && is_in_time(waiting)).ok_or(Refusal::UnknownDevice)
    }

    fn draw_codes(&self) -> Result<Vec<Secret>, Refusal> {
        self.0.codes.generate(&*self.0.entropy).map_err(unavailable("drawing backup codes"))
    }

    /// Takes note that a second factor was shown. The factor counts also where that fails: its user logs in by it.
    async fn note_shown(&self, by: &By) {
        let noted = match by {
            By::Session(key) => self.0.store.step_up(*key).await,
            By::Challenge { key, token } => self.0.challenges.prove(*key, token.hash()).await,
        };
        let _logged = noted.map_err(unavailable("noting that a second factor was shown"));
    }
}
