//! Who calls: a bearer token, else the cookie.
//!
//! One rule for several credentials: two `Authorization` headers are refused; a bearer token counts and the cookie beside
//! it doesn't, whether the token is any good or not; two cookies of one name count for nothing. A credential that is no
//! good makes the caller anonymous, and what an anonymous caller may do is decided further on.

use std::{rc::Rc, sync::Arc};

use http::{HeaderMap, HeaderValue, StatusCode, header::AUTHORIZATION};

use super::{
    cookies::{Jar, Presented},
    hygiene::Sanitised,
    reply::Reply,
    respond,
    stage::{Next, Stage},
};
use crate::{
    auth::tokens::{Authenticator, TokenError},
    config::AuthPolicy,
    model::{AuthMethod, PlainToken, Principal},
};

/// A request whose caller is known.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) request: Sanitised,
    /// The verified caller; `None` for the anonymous.
    pub(super) principal: Option<Principal>,
    /// Whom the access token spoke for before it ran out: for a logout only.
    pub(super) expired: Option<Principal>,
    /// The refresh token of the cookie.
    pub(super) refresh_cookie: Option<PlainToken>,
    /// It carries a cookie of the gateway's and no bearer token: a browser may have been made to send it.
    pub(super) leans_on_cookies: bool,
    /// What becomes of the client's `Authorization`.
    pub(super) authorization: Authorization,
}

/// What a client's `Authorization` header turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authorization {
    /// Absent.
    Absent,
    /// A bearer token, good or not: meant for the gateway.
    Bearer,
    /// Of another scheme: meant for the backend, or for nobody.
    Foreign,
}

/// The stage.
#[derive(Debug)]
pub(super) struct Authenticate {
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) jar: Rc<Jar>,
}

impl Stage for Authenticate {
    type Takes = Sanitised;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, request: Sanitised, next: &mut impl Next<Identified>) -> Reply {
        match self.identify(request) {
            Ok(call) => next.call(call),
            Err(SeveralCredentials) => {
                let message = "There are several Authorization headers; send one.";
                respond::error(StatusCode::BAD_REQUEST, "SEVERAL_CREDENTIALS", message).into()
            }
        }
    }
}

struct SeveralCredentials;

impl Authenticate {
    fn identify(&self, request: Sanitised) -> Result<Identified, SeveralCredentials> {
        let headers = request.request.headers();
        let line = only_authorization(headers)?;
        if request.connection.auth == AuthPolicy::None {
            return Ok(Identified {
                authorization: line.map_or(Authorization::Absent, |_| Authorization::Foreign),
                request,
                principal: None,
                expired: None,
                refresh_cookie: None,
                leans_on_cookies: false,
            });
        }
        let cookies = self.jar.read(headers);
        let (caller, authorization) = match line.map(bearer) {
            Some(Some(token)) => (self.verified(token, AuthMethod::Bearer), Authorization::Bearer),
            Some(None) => (self.by_cookie(&cookies), Authorization::Foreign),
            None => (self.by_cookie(&cookies), Authorization::Absent),
        };
        let leans_on_cookies = cookies.any && authorization != Authorization::Bearer;
        let Shown { principal, expired } = caller;
        Ok(Identified { request, principal, expired, refresh_cookie: cookies.refresh, leans_on_cookies, authorization })
    }

    fn by_cookie(&self, cookies: &Presented) -> Shown {
        cookies.access.as_ref().map(|token| self.verified(token.expose(), AuthMethod::Cookie)).unwrap_or_default()
    }

    fn verified(&self, token: &str, method: AuthMethod) -> Shown {
        match self.authenticator.authenticate(token, method) {
            Ok(principal) => Shown { principal: Some(principal), expired: None },
            Err(why) => {
                tracing::debug!(%why, "a token was not accepted");
                let expired = (why == TokenError::Expired).then(|| self.authenticator.expired(token, method)).flatten();
                Shown { principal: None, expired }
            }
        }
    }
}

/// What the token that counts came to.
#[derive(Default)]
struct Shown {
    principal: Option<Principal>,
    expired: Option<Principal>,
}

fn only_authorization(headers: &HeaderMap) -> Result<Option<&HeaderValue>, SeveralCredentials> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    match (lines.next(), lines.next()) {
        (line, None) => Ok(line),
        (_, Some(_)) => Err(SeveralCredentials),
    }
}

/// The token of a `Bearer` line, empty when there is none; the scheme's case doesn't matter (RFC 9110 §11.1).
///
/// Whatever a generous server could take for such a line is one, too: with a tab for the blank, or with bytes that are
/// white space in Latin-1. It would come past the gateway as the credential of another scheme.
fn bearer(line: &HeaderValue) -> Option<&str> {
    let Ok(line) = line.to_str() else { return Some("") };
    let (scheme, token) = line.split_at_checked("bearer".len())?;
    let goes_on =
        token.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    (scheme.eq_ignore_ascii_case("bearer") && !goes_on).then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::bearer;

    #[test]
    fn a_bearer_line_is_told_from_others() {
        let token = |line: &'static str| bearer(&HeaderValue::from_static(line)).map(str::to_owned);
        assert_eq!(token("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("bEARER  abc ").as_deref(), Some("abc"));
        assert_eq!(token("Bearer").as_deref(), Some(""));
        assert_eq!(token("Bearer\tabc").as_deref(), Some("abc"));
        assert_eq!(bearer(&HeaderValue::from_bytes(b"Bearer\xa0abc").unwrap()), Some(""));
        for other in ["", "abc", "Bearerabc", "Bearer-abc", "Basic abc", "Token abc"] {
            assert_eq!(token(other), None, "{other}");
        }
    }
}
