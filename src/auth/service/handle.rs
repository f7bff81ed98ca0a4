//! The service as its callers have it: commands on a runtime of their own.

use std::{fmt, sync::Arc};

use tokio::task::JoinSet;

use super::{
    AdmitRegistration, Commands, CompleteMfaLogin, ConfirmFactor, DisableMfa, Entry, FactorConfirmed, FactorSetup,
    Grant, ListDevices, ListSessions, Login, Logout, Own, OwnDevices, OwnSession, Parts, Refresh, Refusal,
    RegenerateBackupCodes, RevokeAllSessions, RevokeSession, RevokeTrustedDevice, Secret, Service, SetUpFactor,
};
use crate::auth::audit::Trail;

/// Runs commands on the service's own runtime, so that a client that goes away interrupts none half-way. Only the checks of
/// a login, which change nothing, end with their client: it gives up its place among those who wait for a hash.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct AuthHandle {
    service: Arc<Service>,
    runtime: tokio::runtime::Handle,
}

impl fmt::Debug for AuthHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthHandle")
    }
}

impl AuthHandle {
    /// A service of these parts, which run on `runtime`.
    #[must_use]
    pub fn new(parts: Parts, runtime: tokio::runtime::Handle) -> Self {
        Self { service: Arc::new(Service(parts)), runtime }
    }

    /// A command that died (a bug) is an outage to its caller, and nothing to the others.
    async fn run<T: Send + 'static>(
        &self,
        command: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.runtime.spawn(Trail::current().along(command)).await.unwrap_or(Err(Refusal::Unavailable))
    }

    /// The same for a step that changes nothing: it is given up when its caller goes away.
    async fn run_while_wanted<T: Send + 'static>(
        &self,
        step: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        let mut task = JoinSet::new();
        task.spawn_on(Trail::current().along(step), &self.runtime);
        task.join_next().await.and_then(Result::ok).unwrap_or(Err(Refusal::Unavailable))
    }
}

impl Commands for AuthHandle {
    async fn login(&self, command: Login) -> Result<Entry, Refusal> {
        if let Some(backend) = self.service.0.backend.clone() {
            // The backend remembers what it was asked.
            let service = Arc::clone(&self.service);
            return self.run(async move { service.log_in_at_backend(&backend, command).await }).await;
        }
        let (service, shown) = (Arc::clone(&self.service), command.clone());
        let account = self.run_while_wanted(async move { service.check(shown).await }).await?;
        let (service, client, devices) = (Arc::clone(&self.service), command.client, command.devices);
        self.run(async move { service.enter(account, client, &devices).await }).await
    }

    async fn admit_registration(&self, command: AdmitRegistration) -> Result<(), Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.admit_registration(command).await }).await
    }

    async fn complete_mfa_login(&self, command: CompleteMfaLogin) -> Result<Grant, Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.complete_mfa_login(command).await }).await
    }

    async fn refresh(&self, command: Refresh) -> Result<Grant, Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.refresh(command).await }).await
    }

    async fn logout(&self, command: Logout) -> Result<(), Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.logout(command).await }).await
    }

    async fn sessions(&self, command: ListSessions) -> Result<Vec<OwnSession>, Refusal> {
        let service = Arc::clone(&self.service);
        self.run_while_wanted(async move { service.sessions(command).await }).await
    }

    async fn revoke_session(&self, command: RevokeSession) -> Result<Own, Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.revoke_session(command).await }).await
    }

    async fn revoke_all_sessions(&self, command: RevokeAllSessions) -> Result<(), Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.revoke_all_sessions(command).await }).await
    }

    async fn set_up_factor(&self, command: SetUpFactor) -> Result<FactorSetup, Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.set_up_factor(command).await }).await
    }

    async fn confirm_factor(&self, command: ConfirmFactor) -> Result<FactorConfirmed, Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.confirm_factor(command).await }).await
    }

    async fn disable_mfa(&self, command: DisableMfa) -> Result<(), Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.disable_mfa(command).await }).await
    }

    async fn regenerate_backup_codes(&self, command: RegenerateBackupCodes) -> Result<Vec<Secret>, Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.regenerate_backup_codes(command).await }).await
    }

    async fn devices(&self, command: ListDevices) -> Result<OwnDevices, Refusal> {
        let service = Arc::clone(&self.service);
        self.run_while_wanted(async move { service.devices(command).await }).await
    }

    async fn revoke_trusted_device(&self, command: RevokeTrustedDevice) -> Result<(), Refusal> {
        let service = Arc::clone(&self.service);
        self.run(async move { service.revoke_trusted_device(command).await }).await
    }
}
