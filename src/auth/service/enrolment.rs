//! Setting second factors up, and removing them.

use super::{
    ConfirmFactor, DisableMfa, FactorConfirmed, FactorSetup, Refusal, RegenerateBackupCodes, Secret, Service,
    SetUpFactor,
};

impl Service {
    pub(super) async fn set_up_factor(&self, _command: SetUpFactor) -> Result<FactorSetup, Refusal> {
        Err(Refusal::NoPlaceForFactors)
    }

    pub(super) async fn confirm_factor(&self, _command: ConfirmFactor) -> Result<FactorConfirmed, Refusal> {
        Err(Refusal::NoPlaceForFactors)
    }

    pub(super) async fn disable_mfa(&self, _command: DisableMfa) -> Result<(), Refusal> {
        Err(Refusal::NoPlaceForFactors)
    }

    pub(super) async fn regenerate_backup_codes(
        &self,
        _command: RegenerateBackupCodes,
    ) -> Result<Vec<Secret>, Refusal> {
        Err(Refusal::NoPlaceForFactors)
    }
}
