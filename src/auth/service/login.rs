//! Passwords at a login: whether one may be tried, and whether it is the right one.
//!
//! Whether the name is known, the account active and the password right changes nothing in what is counted, asked and
//! hashed; only the right one of an active account ends otherwise.

use std::time::Duration;

use super::{
    AdmitRegistration, Attempt, Checked, IssuedToken, Login, Refusal, Service, Ticket, busy, refused_because,
    unavailable,
};
use crate::{
    auth::{audit, throttle::folded, tokens::KnownDevice},
    model::{Account, Candidate, ClientInfo, Secret, Timestamp},
};

/// How long a device is known that doesn't log in again.
const KNOWN: Duration = Duration::from_secs(180 * 24 * 60 * 60);

impl Service {
    /// The account that may be logged in to by this password.
    pub(super) async fn check(&self, login: Login) -> Result<Account, Refusal> {
        // Unless it is found that somebody has the name.
        audit::about_nobody(self.0.marks.of_name(&login.username));
        let (ticket, candidate) = self.admit(&login).await?;
        let (passwords, password) = (&self.0.passwords, login.password.clone());
        let checked = match &candidate {
            Some(found) if !found.state.is_active => passwords.check_closed(password, &found.state.password).await,
            found => passwords.check(password, found.as_ref().map(|found| &found.state.password)).await,
        };
        let checked = checked.map_err(busy);
        let (ticket, checked) = ticket.after(checked).await?;
        // Unknown, wrong, inactive: decided after the hash, so that all cost the same and look the same.
        let why = fault(candidate.as_ref(), checked.is_right());
        let Some(found) = candidate.filter(|found| checked.is_right() && found.state.is_active) else {
            ticket.failed();
            return Err(refused_because(why, Refusal::InvalidCredentials));
        };
        let confirmed = self.confirm(&found, checked, login.password.clone()).await;
        let (ticket, confirmed) = ticket.after(confirmed).await?;
        let Some((account, checked)) = confirmed else {
            ticket.failed();
            return Err(refused_because("account was changed meanwhile", Refusal::InvalidCredentials));
        };
        ticket.succeeded().await;
        if checked == Checked::Outdated {
            self.renew_hash(&account, login.password);
        }
        Ok(account)
    }

    /// The account behind a right password, as it is now. Who changed the column meanwhile may have changed the password: what
    /// stands there now is what it has to open.
    async fn confirm(
        &self,
        found: &Candidate,
        checked: Checked,
        password: Secret,
    ) -> Result<Option<(Account, Checked)>, Refusal> {
        let account = self.0.directory.account_of(&found.id).await.map_err(unavailable("looking up a user"))?;
        let Some(account) = account.filter(|account| account.user.is_active) else { return Ok(None) };
        if account.password.expose() == found.state.password.expose() {
            return Ok(Some((account, checked)));
        }
        let checked = self.0.passwords.check(password, Some(&account.password)).await.map_err(busy)?;
        Ok(checked.is_right().then_some((account, checked)))
    }

    /// Counts an account that is about to be made, at the address. It stays counted: there is no wrong one.
    pub(super) async fn admit_registration(&self, command: AdmitRegistration) -> Result<(), Refusal> {
        self.0.throttle.admit(Attempt::Registration, &command.client).await.map(Ticket::failed)
    }

    /// Whether the password may be tried, and at which account. Nothing is looked up for an attempt that is one too many,
    /// unless it shows a token of a device that has logged in by this name: whether that is still known has to be seen first.
    async fn admit(&self, login: &Login) -> Result<(Ticket<'_>, Option<Candidate>), Refusal> {
        let throttle = &self.0.throttle;
        let attempt = Attempt::Login { name: &login.username };
        let mut shown = self.devices_shown(login);
        if shown.is_empty() {
            let ticket = throttle.admit(attempt, &login.client).await?;
            let (ticket, candidate) = ticket.after(self.look_up(&login.username).await).await?;
            return Ok((at(ticket, candidate.as_ref(), login).await?, candidate));
        }
        let candidate = self.look_up(&login.username).await?;
        shown.retain(|device| candidate.as_ref().is_some_and(|found| device.is_at(&found.id, &found.state.password)));
        if let Some(ticket) = self.admit_known(&shown, &login.client).await? {
            return Ok((ticket, candidate));
        }
        let ticket = throttle.admit(attempt, &login.client).await?;
        Ok((at(ticket, candidate.as_ref(), login).await?, candidate))
    }

    /// Counts a login at the first of these devices that has attempts left; one that has none counts as no device.
    pub(super) async fn admit_known(
        &self,
        devices: &[KnownDevice],
        client: &ClientInfo,
    ) -> Result<Option<Ticket<'_>>, Refusal> {
        for device in devices {
            match self.0.throttle.admit(Attempt::Known(device), client).await {
                Err(Refusal::RateLimited(_)) => {}
                admitted => return admitted.map(Some),
            }
        }
        Ok(None)
    }

    async fn look_up(&self, username: &str) -> Result<Option<Candidate>, Refusal> {
        let candidate = self.0.directory.candidate(username).await.map_err(unavailable("looking up a user"))?;
        if let Some(found) = &candidate {
            audit::about(&found.id);
        }
        Ok(candidate)
    }

    /// What a client shows of devices that have logged in by this name.
    pub(super) fn devices_shown(&self, login: &Login) -> Vec<KnownDevice> {
        if login.devices.is_empty() {
            return Vec::new();
        }
        let (now, name) = (self.0.clock.now(), folded(&login.username));
        let known = login.devices.iter().filter_map(|token| self.0.known.read(token, now));
        known.filter(|device| device.is_named(&name)).collect()
    }

    /// Knows the device again that has just logged in. The login stands also where it can't be.
    pub(super) fn know(&self, account: &Account, now: Timestamp) -> Option<IssuedToken> {
        let (name, expires) = (folded(&account.user.username), now.after(KNOWN));
        let named = self.0.backend.as_ref().map(|_| self.named(&account.user.username));
        let user = named.as_ref().unwrap_or(&account.user.id);
        let minted = self.0.known.mint(user, &account.password, &name, expires, &*self.0.entropy);
        let token = minted.map_err(unavailable("minting the token of a known device")).ok()?;
        Some(IssuedToken { token, expires })
    }
}

/// Counts the login at the account, too, that its name is of.
async fn at<'t>(ticket: Ticket<'t>, candidate: Option<&Candidate>, login: &Login) -> Result<Ticket<'t>, Refusal> {
    ticket.at(candidate.map(|found| &found.id), &login.username).await
}

/// Why a login is refused: for the audit log alone.
const fn fault(candidate: Option<&Candidate>, right: bool) -> &'static str {
    match (candidate, right) {
        (None, _) => "no such user",
        (Some(_), true) => "user is inactive",
        (Some(_), false) => "wrong password",
    }
}
