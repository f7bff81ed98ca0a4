//! `proxy.toml`: from text to checked values.
//!
//! Each section has a file of its own that holds the checked type, the raw type that serde reads, and the step from one
//! to the other. The rest of the program sees checked types only. Unknown keys are errors.

use std::path::PathBuf;

mod cookies;
mod directory;
mod graphql;
mod listener;
mod log;
mod server;
mod sessions;
mod store;
mod tokens;
mod upstream;

pub use cookies::{CookieSettings, SameSite};
pub use directory::{DirectorySettings, Hashing};
pub use graphql::{GraphqlSettings, Limits, PathPattern};
pub use listener::{AuthPolicy, Listener};
pub use log::{LogFormat, LogSettings};
pub use server::ServerSettings;
pub use sessions::SessionSettings;
pub use store::StoreSettings;
pub use tokens::{Claim, KeySource, RailJwt, TokenFormat, TokenSettings};
pub use upstream::{Bearer, IdentitySettings, UpstreamSettings};

/// A whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect; at least one.
    pub listeners: Vec<Listener>,
    /// Limits and timeouts towards clients.
    pub server: ServerSettings,
    /// The backend.
    pub upstream: UpstreamSettings,
    /// Which paths speak GraphQL, and how large documents may be.
    pub graphql: GraphqlSettings,
    /// Where users come from.
    pub directory: DirectorySettings,
    /// Access tokens.
    pub tokens: TokenSettings,
    /// How long sessions live.
    pub sessions: SessionSettings,
    /// Where sessions are kept.
    pub store: StoreSettings,
    /// Browser cookies.
    pub cookies: CookieSettings,
    /// Logs.
    pub log: LogSettings,
    /// Folder for what the gateway makes itself: the key of the first run, the embedded store.
    pub state_dir: PathBuf,
}
