//! `[upstream]`: the backend and what it is told.

use std::time::Duration;

use http::Uri;

use crate::model::Secret;

/// The backend.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Scheme and authority: `http://127.0.0.1:8000`. No path.
    pub url: Uri,
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// From the sent request until the head of the answer.
    pub response_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// How many unused connections each thread keeps.
    pub max_idle: usize,
    /// What the backend is told of the caller.
    pub identity: IdentitySettings,
}

/// `[upstream.identity]`: what the backend is told of the caller.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    /// Send the `X-Auth-*` headers.
    pub headers: bool,
    /// Send `X-Auth-Permissions`, too.
    pub permissions: bool,
    /// What stands in `Authorization`.
    pub bearer: Bearer,
}

/// What stands in the backend's `Authorization` header.
#[derive(Clone, Debug)]
pub enum Bearer {
    /// Nothing: the header is removed.
    None,
    /// A JWT that a stock Rail Django accepts, signed with the project's own secret.
    RailJwt {
        /// `JWT_SECRET_KEY` or `SECRET_KEY` of the Django project.
        secret: Secret,
        /// How long one such token serves.
        lifetime: Duration,
    },
}
