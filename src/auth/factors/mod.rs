//! What second factors are made of, and by what they are known again.
//!
//! - [`totp`]: time-based codes, as authenticator apps show them, and what an app is told at first
//! - [`codes`]: backup codes
//! - [`trust`]: tokens of devices that need no code for a while
//! - [`policy`]: who has to have a factor
//! - [`sealed`]: factors in a store, sealed

mod codes;
mod policy;
mod sealed;
pub(super) mod totp;
mod trust;

pub use codes::BackupCodes;
pub use policy::{MfaRules, Policy};
pub(super) use trust::Owner;
pub use trust::TrustTokens;

pub use sealed::{Moved, Resealed, SealedFactors};

use crate::model::{DeviceId, Factor, FactorKind, Timestamp};

/// A factor that a code is of now.
pub(super) struct Matched<'f> {
    /// Which one.
    pub(super) device: &'f DeviceId,
    /// When the code's step begins.
    pub(super) step: Timestamp,
}

/// The factors that `code` is of at `now`: one, unless two authenticators show the same digits.
pub(super) fn matching<'f>(
    factors: &'f [Factor],
    code: &'f str,
    now: Timestamp,
) -> impl Iterator<Item = Matched<'f>> + Send + use<'f> {
    factors.iter().filter_map(move |factor| {
        let FactorKind::Totp(secret) = &factor.kind else { return None };
        match totp::step_of(secret, code, now) {
            Ok(step) => step.map(|step| Matched { device: &factor.device, step }),
            Err(error) => {
                tracing::error!(device = %factor.device, %error, "a second factor can't be checked");
                None
            }
        }
    })
}
