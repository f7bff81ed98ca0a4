//! Where second factors are kept, and the rules about them.

use std::{error::Error, sync::Arc};

use tokio::runtime::Handle;

use crate::{
    auth::{
        factors::{MfaRules, Policy, SealedFactors},
        tokens::KeyRing,
    },
    config::{MfaPolicy, MfaSettings, MfaStorage},
    directory::{Factors, django::DjangoDirectory},
    model::Entropy,
    store::VaultStore,
};

/// The one place of second factors. Records that are sealed under an older key are sealed with the first one beside the
/// start; the log says when all are, so that the older key may go.
pub(super) fn keep(
    settings: &MfaSettings,
    directory: &Arc<DjangoDirectory>,
    vault: Arc<dyn VaultStore>,
    keys: &KeyRing,
    entropy: &Arc<dyn Entropy>,
    services: &Handle,
) -> Arc<dyn Factors> {
    match settings.storage {
        MfaStorage::Directory => Arc::clone(directory) as _,
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
            factors
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
