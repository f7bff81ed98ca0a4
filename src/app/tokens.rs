//! Access tokens, and how long things last, as they are configured.

use std::time::Duration;

use crate::{
    auth::{
        service::Spans,
        tokens::{AccessFormat, AccessTokens, KeyRing, OptionalClaims, RailTokens},
    },
    config::{Claim, SessionSettings, TokenFormat, TokenSettings},
    store::Lifetimes,
};

pub(super) fn access_tokens(settings: &TokenSettings, keys: &KeyRing) -> AccessTokens {
    let format = match &settings.format {
        TokenFormat::Paseto => AccessFormat::Paseto,
        TokenFormat::Jwt { secret, others } => AccessFormat::Jwt { secret: secret.clone(), others: others.clone() },
    };
    let rail = settings
        .accept_rail_jwt
        .as_ref()
        .map(|rail| RailTokens { secret: rail.secret.clone(), cut_over: rail.cut_over });
    AccessTokens::new(format, keys, rail, carried(settings))
}

pub(super) fn carried(settings: &TokenSettings) -> OptionalClaims {
    let carries = |claim| settings.claims.contains(&claim);
    OptionalClaims {
        email: carries(Claim::Email),
        roles: carries(Claim::Roles),
        permissions: carries(Claim::Permissions),
    }
}

pub(super) fn spans(access: Duration, sessions: SessionSettings) -> Spans {
    Spans {
        access,
        max_staleness: sessions.max_staleness,
        session: Lifetimes { idle: sessions.idle_lifetime, absolute: sessions.absolute_lifetime },
        refresh_grace: sessions.refresh_grace,
    }
}
