//! Second factors and trusted devices: set up, seen, and removed.
//!
//! What shows secrets once, or can't be done again, counts as done: an outage later in the document doesn't have the client
//! throw them away.

use serde_json::{Value, json};

use super::{
    Run,
    messages::{Notice, notice},
    payload,
};
use crate::{
    auth::{
        Commands, ConfirmFactor, DisableMfa, Enroller, ListDevices, Refusal, RegenerateBackupCodes,
        RevokeTrustedDevice, SetUpFactor,
    },
    graphql::{
        Backend,
        plan::{ConfirmArguments, RootField, SetUpArguments, Shown, Vocabulary},
    },
    model::{DeviceId, Language, PlainToken, Secret},
};

/// From so many backup codes on, people are told that few are left.
const FEW: usize = 3;

impl<C: Commands, B: Backend> Run<'_, C, B> {
    pub(super) async fn set_up_factor(&mut self, arguments: &SetUpArguments, shown: &[Shown]) -> Value {
        let SetUpArguments { vocabulary, challenge, device_name, is_totp } = arguments;
        let result = match self.enroller(challenge.as_ref()) {
            // What can be set up is nothing to the anonymous.
            Ok(Enroller::Caller(None)) if !is_totp => Err(Refusal::Unauthenticated),
            Ok(_) if !is_totp => Err(Refusal::UnsupportedMethod),
            Ok(enroller) => {
                let with_codes = *vocabulary == Vocabulary::Framework;
                let command = SetUpFactor { enroller, name: device_name.clone(), with_codes };
                self.commands.set_up_factor(command).await
            }
            Err(refusal) => Err(refusal),
        };
        let (result, language) = (self.noted(result), self.caller.language);
        let object = match vocabulary {
            Vocabulary::Tutorial => payload::setup_totp(&result, language),
            Vocabulary::Framework => payload::setup_mfa(&result, language),
        };
        object.show(shown)
    }

    pub(super) async fn confirm_factor(&mut self, arguments: &ConfirmArguments, shown: &[Shown]) -> Value {
        let ConfirmArguments { vocabulary, challenge, factor, code } = arguments;
        let result = match self.enroller(challenge.as_ref()) {
            Ok(enroller) => {
                let (factor, code) = (factor.clone(), code.clone());
                let with_codes = *vocabulary == Vocabulary::Tutorial;
                let client = self.caller.client.clone();
                self.commands.confirm_factor(ConfirmFactor { enroller, factor, code, client, with_codes }).await
            }
            Err(refusal) => Err(refusal),
        };
        let (result, language) = (self.noted(result), self.caller.language);
        let object = match vocabulary {
            Vocabulary::Tutorial => payload::verify_totp(&result, language),
            Vocabulary::Framework => payload::verify_mfa_setup(&result, language),
        };
        object.show(shown)
    }

    pub(super) async fn disable_mfa(&mut self, password: &Secret, shown: &[Shown]) -> Value {
        let result = match self.asking() {
            Ok(caller) => {
                let (password, client) = (password.clone(), self.caller.client.clone());
                self.commands.disable_mfa(DisableMfa { caller, password, client }).await
            }
            Err(refusal) => Err(refusal),
        };
        payload::disable_mfa(self.noted(result).err(), self.caller.language).show(shown)
    }

    pub(super) async fn regenerate_backup_codes(&mut self, password: &Secret, shown: &[Shown]) -> Value {
        let result = match self.asking() {
            Ok(caller) => {
                let (password, client) = (password.clone(), self.caller.client.clone());
                self.commands.regenerate_backup_codes(RegenerateBackupCodes { caller, password, client }).await
            }
            Err(refusal) => Err(refusal),
        };
        payload::backup_codes(&self.noted(result), self.caller.language).show(shown)
    }

    /// The factors, then the trusted devices; or why there are none.
    pub(super) async fn devices(&mut self, field: &RootField, shown: &[Shown]) -> Value {
        let result = match self.asking() {
            Ok(caller) => self.commands.devices(ListDevices { caller }).await,
            Err(refusal) => Err(refusal),
        };
        match result {
            Ok(own) => {
                let factors = own.factors.iter().map(payload::factor);
                factors
                    .chain(own.trusted.iter().map(payload::trusted_device))
                    .map(|device| device.show(shown))
                    .collect()
            }
            Err(refusal) => self.unlisted(field, refusal),
        }
    }

    pub(super) async fn revoke_trusted_device(&mut self, device: &DeviceId, shown: &[Shown]) -> Value {
        let result = match self.asking() {
            Ok(caller) => {
                self.commands.revoke_trusted_device(RevokeTrustedDevice { caller, device: device.clone() }).await
            }
            Err(refusal) => Err(refusal),
        };
        payload::revoked(self.noted(result).err(), self.caller.language).show(shown)
    }

    /// Whose factor it is to be. A challenge speaks for itself, whoever shows it.
    fn enroller(&self, challenge: Option<&PlainToken>) -> Result<Enroller, Refusal> {
        match challenge {
            Some(challenge) => Ok(Enroller::Challenged(challenge.clone())),
            None => self.asking().map(Enroller::Caller),
        }
    }

    /// Takes note of what was done, or of why it wasn't.
    fn noted<T>(&mut self, result: Result<T, Refusal>) -> Result<T, Refusal> {
        match &result {
            Ok(_) => self.done = true,
            Err(refusal) => self.note(*refusal),
        }
        result
    }
}

/// What an answer says of the backup codes that are left, in its `extensions`: the payload of a login has no field for it.
pub(super) fn codes_left(left: usize, language: Language) -> Value {
    let mut told = json!({ "backupCodesLeft": left });
    if left <= FEW {
        told["message"] = json!(notice(Notice::FewCodesLeft(left), language));
    }
    told
}
