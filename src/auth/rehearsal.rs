//! Commands whose answers nobody gets: what they would come to, beside what the backend has answered.
//!
//! Done on stores that keep nothing and a directory that is only read, a login and an exchange of the backend's refresh token
//! come to what they would come to, and leave nothing behind. Others go by what an earlier step has left: a challenge, a
//! session, a code that may be shown once. Of these nobody can tell, and they are not tried; nor is a logout, which this
//! process would remember.

use std::cell::Cell;

use super::{
    AdmitRegistration, Commands, CompleteMfaLogin, ConfirmFactor, DisableMfa, Entry, FactorConfirmed, FactorSetup,
    Grant, ListDevices, ListSessions, Login, Logout, Own, OwnDevices, OwnSession, Refresh, Refusal,
    RegenerateBackupCodes, RevokeAllSessions, RevokeSession, RevokeTrustedDevice, SetUpFactor,
};
use crate::model::Secret;

/// What can be told without side effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The gateway checks passwords itself. A backend that does would count an attempt.
    pub logins: bool,
    /// The backend's refresh tokens count.
    pub refreshes: bool,
}

impl Scope {
    /// Whether this operation is tried; by the names of the audit log ([`audit`](super::audit)).
    #[must_use]
    pub fn has(self, operation: &str) -> bool {
        match operation {
            "login" => self.logins,
            "refresh" => self.refreshes,
            _ => false,
        }
    }
}

/// Commands that are tried as far as this scope goes.
#[derive(Debug)]
pub struct Rehearsed<'a, C> {
    commands: &'a C,
    scope: Scope,
    fell_through: Cell<bool>,
}

impl<'a, C: Commands> Rehearsed<'a, C> {
    /// The same commands, as far as they can be tried.
    #[must_use]
    pub const fn new(commands: &'a C, scope: Scope) -> Self {
        Self { commands, scope, fell_through: Cell::new(false) }
    }

    /// Whether one that was tried came to nothing for want of a database, or of a place among the passwords that are being
    /// checked: it says nothing about what it would have come to.
    pub fn fell_through(&self) -> bool {
        self.fell_through.get()
    }

    async fn tried<T>(&self, operation: &str, command: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        if !self.scope.has(operation) {
            return not_tried();
        }
        let result = command.await;
        if matches!(result, Err(Refusal::Unavailable | Refusal::Busy(_))) {
            self.fell_through.set(true);
        }
        result
    }
}

const fn not_tried<T>() -> Result<T, Refusal> {
    Err(Refusal::Unavailable)
}

impl<C: Commands> Commands for Rehearsed<'_, C> {
    async fn login(&self, command: Login) -> Result<Entry, Refusal> {
        self.tried("login", self.commands.login(command)).await
    }

    async fn refresh(&self, command: Refresh) -> Result<Grant, Refusal> {
        self.tried("refresh", self.commands.refresh(command)).await
    }

    async fn logout(&self, _command: Logout) -> Result<(), Refusal> {
        not_tried()
    }

    async fn admit_registration(&self, _command: AdmitRegistration) -> Result<(), Refusal> {
        not_tried()
    }

    async fn complete_mfa_login(&self, _command: CompleteMfaLogin) -> Result<Grant, Refusal> {
        not_tried()
    }

    async fn sessions(&self, _command: ListSessions) -> Result<Vec<OwnSession>, Refusal> {
        not_tried()
    }

    async fn revoke_session(&self, _command: RevokeSession) -> Result<Own, Refusal> {
        not_tried()
    }

    async fn revoke_all_sessions(&self, _command: RevokeAllSessions) -> Result<(), Refusal> {
        not_tried()
    }

    async fn set_up_factor(&self, _command: SetUpFactor) -> Result<FactorSetup, Refusal> {
        not_tried()
    }

    async fn confirm_factor(&self, _command: ConfirmFactor) -> Result<FactorConfirmed, Refusal> {
        not_tried()
    }

    async fn disable_mfa(&self, _command: DisableMfa) -> Result<(), Refusal> {
        not_tried()
    }

    async fn regenerate_backup_codes(&self, _command: RegenerateBackupCodes) -> Result<Vec<Secret>, Refusal> {
        not_tried()
    }

    async fn devices(&self, _command: ListDevices) -> Result<OwnDevices, Refusal> {
        not_tried()
    }

    async fn revoke_trusted_device(&self, _command: RevokeTrustedDevice) -> Result<(), Refusal> {
        not_tried()
    }
}
