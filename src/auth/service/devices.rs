//! The caller's factors and trusted devices: seen, and revoked.

use super::{ListDevices, OwnDevices, OwnTrusted, Refusal, RevokeTrustedDevice, Service, unavailable};
use crate::{
    auth::factors::Owner,
    model::{Account, DeviceId, TrustedDevice, UserId},
};

/// What the names of trusted devices begin with, so that no factor has the same.
const TRUSTED: &str = "trusted-";

impl Service {
    pub(super) async fn devices(&self, command: ListDevices) -> Result<OwnDevices, Refusal> {
        let caller = self.confirmed(command.caller).await?;
        let factors = self.factors_of(&caller.user).await?;
        let trusted = self.trusted_by(&caller.user).await?;
        let account = self.0.directory.account_of(&caller.user).await.map_err(unavailable("looking up a user"))?;
        let account: Account = account.ok_or(Refusal::Unauthenticated)?;
        let owner = Owner { account: &account, factors: &factors };
        // Others skip no factor: they would only frighten.
        let counts = |device: &TrustedDevice| self.0.trust.is_sealed(device, owner);
        let trusted = trusted.into_iter().filter(counts).map(own).collect();
        Ok(OwnDevices { factors, trusted })
    }

    pub(super) async fn revoke_trusted_device(&self, command: RevokeTrustedDevice) -> Result<(), Refusal> {
        let caller = self.confirmed(command.caller).await?;
        let id = command.device.as_str().strip_prefix(TRUSTED).ok_or(Refusal::UnknownDevice)?;
        let revoked = self.0.factors.distrust(&caller.user, &DeviceId::new(id)).await;
        if !revoked.map_err(unavailable("revoking a trusted device"))? {
            return Err(Refusal::UnknownDevice);
        }
        tracing::info!(user = %caller.user, device = id, "a trusted device was revoked");
        Ok(())
    }

    async fn trusted_by(&self, user: &UserId) -> Result<Vec<TrustedDevice>, Refusal> {
        let trusted = self.0.factors.trusted(user, self.0.clock.now()).await;
        trusted.map_err(unavailable("looking up trusted devices"))
    }
}

fn own(device: TrustedDevice) -> OwnTrusted {
    let TrustedDevice { id, name, created, expires, .. } = device;
    OwnTrusted { id: DeviceId::new(format!("{TRUSTED}{id}")), name, created, expires }
}
