//! The caller's factors and trusted devices: seen, and revoked.

use super::{ListDevices, OwnDevices, Refusal, RevokeTrustedDevice, Service};

impl Service {
    pub(super) async fn devices(&self, _command: ListDevices) -> Result<OwnDevices, Refusal> {
        Err(Refusal::NoPlaceForFactors)
    }

    pub(super) async fn revoke_trusted_device(&self, _command: RevokeTrustedDevice) -> Result<(), Refusal> {
        Err(Refusal::NoPlaceForFactors)
    }
}
