//! `[store]`: where sessions are kept.

use std::{path::PathBuf, time::Duration};

use crate::model::Secret;

/// Where sessions are kept.
#[derive(Clone, Debug)]
pub enum StoreSettings {
    /// A file of this machine, for one gateway process.
    Embedded {
        /// The file.
        path: PathBuf,
    },
    /// Redis, shared by any number of gateways.
    Redis {
        /// `redis://[user:password@]host:port[/db]`. May hold a password, so it is a secret.
        url: Secret,
        /// What every key begins with.
        key_prefix: String,
        /// One call's time, reconnecting included.
        timeout: Duration,
    },
}
