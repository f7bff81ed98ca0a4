//! Where second factors are kept, and the rules about them.

use std::{error::Error, sync::Arc};

use anyhow::Context as _;
use tokio::runtime::Handle;

use crate::{
    auth::{
        factors::{MfaRules, Policy, SealedFactors},
        tokens::KeyRing,
    },
    config::{MfaPolicy, MfaSettings, MfaStorage},
    directory::Factors,
    model::Entropy,
    store::VaultStore,
};

/// The one place of second factors. Records that are sealed under an older key are sealed with the first one beside the
/// start; the log says when all are, so that the older key may go.
pub(super) fn keep(
    settings: &MfaSettings,
    directory: Option<Arc<dyn Factors>>,
    vault: Arc<dyn VaultStore>,
    keys: &KeyRing,
    entropy: &Arc<dyn Entropy>,
    services: &Handle,
) -> anyhow::Result<Arc<dyn Factors>> {
    match settings.storage {
        MfaStorage::Directory => directory.context("[mfa] storage: the directory has no place for second factors"),
        MfaStorage::Store => {
            let factors = Arc::new(SealedFactors::new(vault, keys, Arc::clone(entropy)));
            let sealing = Arc::clone(&factors);
            services.spawn(async move {
                match sealing.reseal_all().await {
                    Ok(done) => done.log(),
                    Err(error) => {
                        let error = &error as &dyn Error;
                        tracing::error!(error, "second factors were not sealed with the first key; keep the others");
                    }
                }
            });
            Ok(factors)
        }
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
