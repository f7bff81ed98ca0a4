//! Assertions, as the configuration wants them.

use std::sync::Arc;

use super::keys;
use crate::{
    auth::assertion::{Assertions, Terms},
    config::Config,
    model::Entropy,
};

/// `None` where none are made.
///
/// # Errors
/// When a key can't be read, isn't one, or can't be made and kept.
pub(super) fn assertions(config: &Config, entropy: &dyn Entropy) -> anyhow::Result<Option<Arc<Assertions>>> {
    let identity = &config.upstream.identity;
    let Some(settings) = &identity.assertion else { return Ok(None) };
    let terms = Terms {
        issuer: settings.issuer.clone(),
        audience: settings.audience.clone(),
        lifetime: settings.lifetime,
        permissions: identity.permissions,
    };
    let keys = keys::load(&settings.keys, &config.state_dir, entropy)?;
    Ok(Some(Arc::new(Assertions::new(keys, terms))))
}
