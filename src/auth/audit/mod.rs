//! The audit log: one event for every operation on credentials, sessions and second factors, whatever became of it.
//!
//! ```text
//! … INFO audit: login outcome=refused code=INVALID_CREDENTIALS reason="wrong password" user=7 address=192.0.2.1
//!   user_agent="curl/8.14" request_id=5f0c…
//! ```
//!
//! | field | what it is |
//! |---|---|
//! | message, `operation` in JSON lines | the operation: `login`, `register`, `complete_mfa_login`, `refresh`, `logout`, `revoke_session`, `revoke_all_sessions`, `set_up_factor`, `confirm_factor`, `disable_mfa`, `regenerate_backup_codes`, `revoke_trusted_device` |
//! | `outcome` | `ok`; `factor_due` and `enrolment_due`, a right password that was not enough; `admitted`, an account that the backend is asked to make, which a `login` follows where it does; `refused`; `abandoned`, when its client went away, or the gateway stopped, before there was an answer |
//! | `code` | the `errorCode` that the client got |
//! | `reason` | what the client was not told |
//! | `user`, `session` | whom it was about, as far as that is known |
//! | `unknown_user` | instead of `user`: a MAC of the name, the same for the same name, where nobody has it or nobody looked |
//! | `address`, `user_agent`, `request_id`, `trace_id` | where it came from; the first id is in the answer's `X-Request-Id` |
//!
//! What is abandoned may have been done all the same, and for a logout or a new session mostly has been: what had begun goes on.
//!
//! Events have the target `audit` and the level INFO; refused and abandoned ones WARN. An [`AuditSink`] gets them, too,
//! whatever the level of the log. Never in them: passwords, codes, tokens, and names
//! that nobody has, which may be passwords typed into the wrong field. [`telemetry`](crate::telemetry) keeps a value from
//! beginning a line of its own.

use super::{
    AdmitRegistration, Commands, CompleteMfaLogin, ConfirmFactor, DisableMfa, Enroller, Entry, FactorConfirmed,
    FactorSetup, Grant, ListDevices, ListSessions, Login, Logout, Own, OwnDevices, OwnSession, Refresh, Refusal,
    RegenerateBackupCodes, RevokeAllSessions, RevokeSession, RevokeTrustedDevice, SetUpFactor,
};
use crate::model::{AuditSink, ClientInfo, Principal, RequestId, Secret, TraceContext};

mod pending;
pub mod tally;
mod trail;

use pending::Pending;

pub(super) use trail::{Trail, about, about_nobody, because, session, step};

/// Where an operation comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The request that asks for it.
    pub request: RequestId,
    /// Its place in a trace.
    pub trace: Option<TraceContext>,
    /// Who sent that.
    pub client: ClientInfo,
}

/// Commands that are told of in the audit log.
#[derive(Debug)]
pub struct Audited<'a, C> {
    commands: &'a C,
    origin: Origin,
    sink: &'a dyn AuditSink,
}

impl<'a, C: Commands> Audited<'a, C> {
    /// The same commands, asked for from there, and told of to this one, too.
    #[must_use]
    pub const fn new(commands: &'a C, origin: Origin, sink: &'a dyn AuditSink) -> Self {
        Self { commands, origin, sink }
    }

    /// Runs an operation of this caller's and tells of it.
    async fn tell<T>(
        &self,
        operation: &'static str,
        caller: Option<&Principal>,
        work: impl Future<Output = Result<T, Refusal>>,
        outcome: impl FnOnce(&T) -> &'static str,
    ) -> Result<T, Refusal> {
        let pending = Pending::new(operation, &self.origin, caller, self.sink);
        let result = pending.trail().along(work).await;
        match &result {
            Ok(value) => pending.done(outcome(value)),
            Err(refusal) => pending.refused(*refusal),
        }
        result
    }

    /// The same for what is either done or refused.
    async fn tell_done<T>(
        &self,
        operation: &'static str,
        caller: Option<&Principal>,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        self.tell(operation, caller, work, |_| "ok").await
    }
}

impl<C: Commands> Commands for Audited<'_, C> {
    async fn login(&self, command: Login) -> Result<Entry, Refusal> {
        let outcome = |entry: &Entry| match entry {
            Entry::Open(_) => "ok",
            Entry::FactorDue(_) => "factor_due",
            Entry::EnrolmentDue(_) => "enrolment_due",
        };
        self.tell("login", None, self.commands.login(command), outcome).await
    }

    async fn admit_registration(&self, command: AdmitRegistration) -> Result<(), Refusal> {
        self.tell("register", None, self.commands.admit_registration(command), |()| "admitted").await
    }

    async fn complete_mfa_login(&self, command: CompleteMfaLogin) -> Result<Grant, Refusal> {
        self.tell_done("complete_mfa_login", None, self.commands.complete_mfa_login(command)).await
    }

    async fn refresh(&self, command: Refresh) -> Result<Grant, Refusal> {
        self.tell_done("refresh", None, self.commands.refresh(command)).await
    }

    async fn logout(&self, command: Logout) -> Result<(), Refusal> {
        let caller = command.caller.clone();
        self.tell_done("logout", caller.as_ref(), self.commands.logout(command)).await
    }

    /// Changes nothing, so nothing is told.
    async fn sessions(&self, command: ListSessions) -> Result<Vec<OwnSession>, Refusal> {
        self.commands.sessions(command).await
    }

    async fn revoke_session(&self, command: RevokeSession) -> Result<Own, Refusal> {
        let caller = command.caller.clone();
        self.tell_done("revoke_session", caller.as_ref(), self.commands.revoke_session(command)).await
    }

    async fn revoke_all_sessions(&self, command: RevokeAllSessions) -> Result<(), Refusal> {
        let caller = command.caller.clone();
        self.tell_done("revoke_all_sessions", caller.as_ref(), self.commands.revoke_all_sessions(command)).await
    }

    async fn set_up_factor(&self, command: SetUpFactor) -> Result<FactorSetup, Refusal> {
        let caller = caller_of(&command.enroller);
        self.tell_done("set_up_factor", caller.as_ref(), self.commands.set_up_factor(command)).await
    }

    async fn confirm_factor(&self, command: ConfirmFactor) -> Result<FactorConfirmed, Refusal> {
        let caller = caller_of(&command.enroller);
        self.tell_done("confirm_factor", caller.as_ref(), self.commands.confirm_factor(command)).await
    }

    async fn disable_mfa(&self, command: DisableMfa) -> Result<(), Refusal> {
        let caller = command.caller.clone();
        self.tell_done("disable_mfa", caller.as_ref(), self.commands.disable_mfa(command)).await
    }

    async fn regenerate_backup_codes(&self, command: RegenerateBackupCodes) -> Result<Vec<Secret>, Refusal> {
        let (caller, work) = (command.caller.clone(), self.commands.regenerate_backup_codes(command));
        self.tell_done("regenerate_backup_codes", caller.as_ref(), work).await
    }

    /// Changes nothing, so nothing is told.
    async fn devices(&self, command: ListDevices) -> Result<OwnDevices, Refusal> {
        self.commands.devices(command).await
    }

    async fn revoke_trusted_device(&self, command: RevokeTrustedDevice) -> Result<(), Refusal> {
        let (caller, work) = (command.caller.clone(), self.commands.revoke_trusted_device(command));
        self.tell_done("revoke_trusted_device", caller.as_ref(), work).await
    }
}

fn caller_of(enroller: &Enroller) -> Option<Principal> {
    match enroller {
        Enroller::Caller(caller) => caller.clone(),
        Enroller::Challenged(_) => None,
    }
}
