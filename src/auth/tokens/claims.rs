//! What an access token says, whatever it is written in.

use std::{sync::Arc, time::Duration};

use crate::model::{AuthMethod, Principal, SessionId, Timestamp, User, UserId};

use super::TokenError;

/// How far ahead of this clock another gateway's clock may be.
const ISSUED_LEEWAY: Duration = Duration::from_secs(60);

/// Facts that a token carries only where the configuration asks for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalClaims {
    /// The e-mail address.
    pub email: bool,
    /// Role names.
    pub roles: bool,
    /// Permissions.
    pub permissions: bool,
}

/// The facts of an access token. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AccessClaims {
    /// Who it speaks for.
    pub user: UserId,
    /// The name, when the token was made.
    pub username: Arc<str>,
    /// The session; every token of the gateway has one, the backend's own have none.
    pub session: Option<SessionId>,
    /// When it was made.
    pub issued: Timestamp,
    /// When it becomes good, if it says so.
    pub not_before: Option<Timestamp>,
    /// When it runs out.
    pub expires: Timestamp,
    /// When credentials were last shown.
    pub auth_time: Timestamp,
    /// A second factor was shown.
    pub mfa: bool,
    /// The e-mail address, if carried.
    pub email: Option<Arc<str>>,
    /// Role names, if carried.
    pub roles: Option<Arc<[String]>>,
    /// Permissions, if carried.
    pub permissions: Option<Arc<[String]>>,
}

/// What a new token is made of, beside the user.
#[derive(Clone, Copy, Debug)]
pub struct Occasion {
    /// The session that it belongs to.
    pub session: SessionId,
    /// Now.
    pub issued: Timestamp,
    /// When it runs out.
    pub expires: Timestamp,
    /// When credentials were last shown.
    pub auth_time: Timestamp,
    /// A second factor was shown.
    pub mfa: bool,
}

impl AccessClaims {
    /// The claims of a new token.
    #[must_use]
    pub fn new(user: &User, occasion: Occasion, carried: OptionalClaims) -> Self {
        Self {
            user: user.id.clone(),
            username: user.username.as_str().into(),
            session: Some(occasion.session),
            issued: occasion.issued,
            not_before: None,
            expires: occasion.expires,
            auth_time: occasion.auth_time,
            mfa: occasion.mfa,
            email: carried.email.then(|| user.email.as_str().into()),
            roles: carried.roles.then(|| user.roles.iter().map(|role| role.name.clone()).collect()),
            permissions: carried.permissions.then(|| user.permissions.as_slice().into()),
        }
    }

    /// Checks the instants.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), TokenError> {
        check_instants(self.issued, self.not_before, self.expires, now)
    }

    /// The caller that these claims speak for, by a token that is revoked by this handle.
    pub(super) fn into_principal(self, method: AuthMethod, handle: SessionId) -> Principal {
        Principal {
            user: self.user,
            username: self.username,
            email: self.email,
            roles: self.roles,
            permissions: self.permissions,
            session: self.session,
            handle,
            method,
            mfa: self.mfa,
            auth_time: self.auth_time,
            expires: self.expires,
        }
    }
}

/// Only `iat` has leeway: it is the one that a lagging clock of ours would get wrong.
pub(super) fn check_instants(
    issued: Timestamp,
    not_before: Option<Timestamp>,
    expires: Timestamp,
    now: Timestamp,
) -> Result<(), TokenError> {
    if expires <= now {
        return Err(TokenError::Expired);
    }
    if issued > now.after(ISSUED_LEEWAY) || not_before.is_some_and(|start| start > now) {
        return Err(TokenError::Malformed);
    }
    Ok(())
}
