//! The commands on second factors and trusted devices.

use crate::model::{ClientInfo, DeviceId, Factor, PlainToken, Principal, Secret, Timestamp};

/// Who sets a second factor up.
#[derive(Clone, Debug)]
pub enum Enroller {
    /// The verified caller, if the request had one.
    Caller(Option<Principal>),
    /// Whose login waits for a first factor.
    Challenged(PlainToken),
}

/// Begins to set an authenticator up. It counts for nothing before its first code was shown.
#[derive(Clone, Debug)]
pub struct SetUpFactor {
    /// Whose it is to be.
    pub enroller: Enroller,
    /// What its user calls it; `None` for a name of the gateway's.
    pub name: Option<String>,
    /// Its backup codes are asked for now, and not with the first code.
    pub with_codes: bool,
}

/// What an authenticator has to be told.
#[derive(Clone, Debug)]
pub struct FactorSetup {
    /// Its name for [`ConfirmFactor`].
    pub device: DeviceId,
    /// 160 bits in base32.
    pub secret: Secret,
    /// `otpauth://totp/…`, with the secret.
    pub uri: Secret,
    /// The URI as a QR code: a PNG in base64, without `data:` before it.
    pub picture: Secret,
    /// The backup codes, if they were asked for.
    pub backup_codes: Option<Vec<Secret>>,
}

/// Which authenticator is meant.
#[derive(Clone, Debug)]
pub enum PendingName {
    /// By what [`FactorSetup`] called it.
    Device(DeviceId),
    /// By its secret, in base32.
    Secret(Secret),
}

/// Shows the first code of an authenticator: from then on it counts.
#[derive(Clone, Debug)]
pub struct ConfirmFactor {
    /// Whose it is.
    pub enroller: Enroller,
    /// Which one.
    pub factor: PendingName,
    /// The code, as it was typed.
    pub code: Secret,
    /// Who asks.
    pub client: ClientInfo,
    /// Backup codes are asked for. Without, those that were given at the setup stand.
    pub with_codes: bool,
}

/// An authenticator counts.
#[derive(Clone, Debug)]
pub struct FactorConfirmed {
    /// The user's backup codes, if they were asked for. Earlier ones are void.
    pub backup_codes: Option<Vec<Secret>>,
}

/// Removes every second factor, backup code and trusted device of the caller's.
#[derive(Clone, Debug)]
pub struct DisableMfa {
    /// The verified caller, if the request had one.
    pub caller: Option<Principal>,
    /// The caller's password, as it was typed.
    pub password: Secret,
    /// Who asks.
    pub client: ClientInfo,
}

/// Gives the caller new backup codes in place of the ones before.
#[derive(Clone, Debug)]
pub struct RegenerateBackupCodes {
    /// The verified caller, if the request had one.
    pub caller: Option<Principal>,
    /// The caller's password, as it was typed.
    pub password: Secret,
    /// Who asks.
    pub client: ClientInfo,
}

/// Asks for the caller's factors and trusted devices.
#[derive(Clone, Debug)]
pub struct ListDevices {
    /// The verified caller, if the request had one.
    pub caller: Option<Principal>,
}

/// Trusts one of the caller's devices no more.
#[derive(Clone, Debug)]
pub struct RevokeTrustedDevice {
    /// The verified caller, if the request had one.
    pub caller: Option<Principal>,
    /// Which one, as [`OwnTrusted::id`] has it.
    pub device: DeviceId,
}

/// The caller's factors and trusted devices.
#[derive(Clone, Debug)]
pub struct OwnDevices {
    /// In the order in which they were set up.
    pub factors: Vec<Factor>,
    /// The newest first.
    pub trusted: Vec<OwnTrusted>,
}

/// A trusted device, as its owner sees it.
#[derive(Clone, Debug)]
pub struct OwnTrusted {
    /// Its name, which no factor has.
    pub id: DeviceId,
    /// What its user calls it; may be empty.
    pub name: String,
    /// When it was trusted.
    pub created: Timestamp,
    /// How long it is.
    pub expires: Timestamp,
}
