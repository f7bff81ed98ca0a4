//! The caller of a request, as far as the gateway has verified it.

use std::sync::Arc;

use super::{SessionId, Timestamp, UserId};

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// A token of the gateway in `Authorization: Bearer`.
    Bearer,
    /// A token of the gateway in a cookie.
    Cookie,
    /// A token that the backend signed before the gateway was put in front of it.
    RailJwt,
    /// A session that Django itself opened, by its cookie.
    DjangoSession,
}

impl AuthMethod {
    /// The value of `X-Auth-Method`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Cookie => "cookie",
            Self::RailJwt => "rail-jwt",
            Self::DjangoSession => "django-session",
        }
    }
}

/// A verified caller. `auth::tokens` makes one from a token it has checked, `auth::standing` from a cookie it has looked up. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Who calls.
    pub user: UserId,
    /// The name at the time the token was made.
    pub username: Arc<str>,
    /// E-mail address, when tokens carry it.
    pub email: Option<Arc<str>>,
    /// Role names, when tokens carry them.
    pub roles: Option<Arc<[String]>>,
    /// Permissions, when tokens carry them.
    pub permissions: Option<Arc<[String]>>,
    /// The session; `None` for a token or a session of the backend, which belongs to none.
    pub session: Option<SessionId>,
    /// By which the token that was shown is revoked: the session's id, or for a token or a session of the backend one of its own.
    pub handle: SessionId,
    /// How the caller proved it.
    pub method: AuthMethod,
    /// A second factor was shown.
    pub mfa: bool,
    /// When credentials were last shown; 1970 where nobody can tell, so that it never passes for a moment ago.
    pub auth_time: Timestamp,
    /// When the token or session that was shown runs out.
    pub expires: Timestamp,
}

impl Principal {
    /// Whether a session lets the caller in that only Django can end.
    #[must_use]
    pub fn is_by_django(&self) -> bool {
        self.method == AuthMethod::DjangoSession
    }
}
