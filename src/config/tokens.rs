//! `[tokens]`: access tokens and the keys under them.

use std::time::Duration;

use crate::model::{Secret, Timestamp};

/// Access tokens.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// What access tokens are.
    pub format: TokenFormat,
    /// How long one is good for.
    pub access_lifetime: Duration,
    /// Which facts they carry beside the caller's identity.
    pub claims: Vec<Claim>,
    /// Where the gateway's keys come from. Every kind of token but Rail Django's hangs on them.
    pub keys: KeySource,
    /// Access tokens that Rail Django signed before the gateway came.
    pub accept_rail_jwt: Option<RailJwt>,
}

/// What access tokens are.
#[derive(Clone, Debug)]
pub enum TokenFormat {
    /// PASETO v4.local: encrypted, by the gateway's keys.
    Paseto,
    /// Rail Django's JWT (HS256), for backends and clients that read it.
    Jwt {
        /// The key of the MAC, at least 32 bytes.
        secret: Secret,
    },
}

/// A fact that an access token may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The e-mail address.
    Email,
    /// Role names.
    Roles,
    /// Permissions; many for a superuser.
    Permissions,
}

/// Where the gateway's keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// PASERK texts (`k4.local.…`). The first signs, all verify.
    Given(Vec<Secret>),
    /// The file `railgate.key` of the state folder, made on first start with mode 0600.
    StateDir,
}

/// Which of Rail Django's own tokens are accepted.
#[derive(Clone, Debug)]
pub struct RailJwt {
    /// `JWT_SECRET_KEY` or `SECRET_KEY` of the Django project.
    pub secret: Secret,
    /// Only tokens issued before this instant count.
    pub cut_over: Timestamp,
}
