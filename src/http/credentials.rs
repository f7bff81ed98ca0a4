//! Who calls: a bearer token, else the gateway's cookie, else Django's session where that is accepted.
//!
//! One rule for several credentials: two `Authorization` headers are refused; a bearer token counts and the cookies beside
//! it don't; one of the gateway's cookies counts and Django's session beside it doesn't, whether the one that counts is any
//! good or not; two cookies of one name count for nothing. A credential that is no good makes the caller anonymous, and
//! what an anonymous caller may do is decided further on.
//!
//! That a token is good is seen here; whether its holder may still come in is remembered, and now and then asked
//! ([`auth::standing`](crate::auth::standing)). Where nobody can tell, the caller is [`Who::Unconfirmed`]: not anonymous,
//! and not let through.

use std::rc::Rc;

use http::{HeaderMap, HeaderValue, StatusCode, header::AUTHORIZATION};

use super::{
    access,
    cookies::{CallerCookie, Jar, Lean, Presented},
    hygiene::Sanitised,
    reply::Reply,
    respond,
    stage::{Next, Stage},
};
use crate::{
    auth::{
        standing::{self, Look, Standings, Verdict},
        tokens::{Remembered, TokenError},
    },
    config::AuthPolicy,
    model::{Asker, AuthMethod, PlainToken, Principal},
};

/// A request whose caller is known.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) request: Sanitised,
    /// Who makes it.
    pub(super) who: Who,
    /// The refresh token of the cookie.
    pub(super) refresh_cookie: Option<PlainToken>,
    /// The tokens of a trusted and a known device of their cookies.
    pub(super) device_cookies: Vec<PlainToken>,
    /// Whether it carries a cookie that says who calls, and no bearer token.
    pub(super) lean: Lean,
    /// What becomes of the client's `Authorization`.
    pub(super) authorization: Authorization,
}

impl Identified {
    /// By a credential that was good as such.
    fn is(&mut self, who: Who) {
        match who {
            Who::Anonymous => access::credential("invalid"),
            _ => access::caller(&who),
        }
        self.who = who;
    }
}

/// Who makes a request.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// Nobody that the gateway knows.
    Anonymous,
    /// A verified caller who may come in.
    Known(Principal),
    /// The holder of a token that has run out: for a logout only.
    Expired(Principal),
    /// The holder of a credential, of whom nobody can tell at the moment whether it still counts; with the caller, if the
    /// credential says who that is. Commands ask for themselves; nothing else is done for such a caller.
    Unconfirmed(Option<Principal>),
}

impl Who {
    /// The caller, if there is one who may come in.
    pub(super) fn into_known(self) -> Option<Principal> {
        match self {
            Self::Known(principal) => Some(principal),
            Self::Anonymous | Self::Expired(_) | Self::Unconfirmed(_) => None,
        }
    }

    /// The same, as far as rules look at it.
    pub(super) const fn as_asker(&self) -> Asker<'_> {
        match self {
            Self::Known(principal) => Asker::Known(principal),
            Self::Unconfirmed(_) => Asker::Unconfirmed,
            Self::Anonymous | Self::Expired(_) => Asker::Nobody,
        }
    }
}

impl From<Verdict> for Who {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good(principal) => Self::Known(principal),
            Verdict::Out => Self::Anonymous,
            Verdict::Unconfirmed(principal) => Self::Unconfirmed(principal),
        }
    }
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
    /// One core's.
    pub(super) tokens: Remembered,
    pub(super) standings: Standings,
    pub(super) jar: Rc<Jar>,
}

impl Stage for Authenticate {
    type Takes = Sanitised;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, request: Sanitised, next: &mut impl Next<Identified>) -> Reply {
        let Ok((mut call, shown)) = self.read(request) else {
            let message = "There are several Authorization headers; send one.";
            return respond::error(StatusCode::BAD_REQUEST, "SEVERAL_CREDENTIALS", message).into();
        };
        access::caller(&call.who);
        let Some(shown) = shown else { return next.call(call) };
        match self.standings.look(shown) {
            Look::Now(verdict) => {
                call.is(verdict.into());
                next.call(call)
            }
            Look::Later(verdict) => {
                let mut next = next.clone();
                Reply::later(async move {
                    call.is(verdict.await.into());
                    let Ok(response) = next.call(call).await;
                    response
                })
            }
        }
    }
}

struct SeveralCredentials;

impl Authenticate {
    /// The request, and a credential whose holder's standing has yet to be seen.
    fn read(&self, request: Sanitised) -> Result<(Identified, Option<standing::Shown>), SeveralCredentials> {
        let headers = request.request.headers();
        let line = only_authorization(headers)?;
        if request.terms.auth == AuthPolicy::None {
            let call = Identified {
                authorization: unread(line, request.connection.auth),
                request,
                who: Who::Anonymous,
                refresh_cookie: None,
                device_cookies: Vec::new(),
                lean: Lean::Nothing,
            };
            return Ok((call, None));
        }
        let cookies = self.jar.read(headers);
        let (shown, authorization) = match line.map(bearer) {
            Some(Some(token)) => (self.verified(token, AuthMethod::Bearer), Authorization::Bearer),
            Some(None) => (self.by_cookie(&cookies), Authorization::Foreign),
            None => (self.by_cookie(&cookies), Authorization::Absent),
        };
        let lean = if authorization == Authorization::Bearer { Lean::Nothing } else { cookies.lean };
        let (shown, who) = match shown {
            Shown::Good(shown) => (Some(shown), Who::Anonymous),
            Shown::Expired(principal) => (None, Who::Expired(principal)),
            Shown::Nothing => (None, Who::Anonymous),
        };
        let (refresh_cookie, device_cookies) = (cookies.refresh, cookies.devices);
        Ok((Identified { request, who, refresh_cookie, device_cookies, lean, authorization }, shown))
    }

    fn by_cookie(&self, cookies: &Presented) -> Shown {
        match &cookies.caller {
            Some(CallerCookie::Access(token)) => self.verified(token.expose(), AuthMethod::Cookie),
            Some(CallerCookie::Session(token)) => Shown::Good(standing::Shown::Session(token.clone())),
            Some(CallerCookie::Django(cookie)) => Shown::Good(standing::Shown::Django(cookie.clone())),
            None => Shown::Nothing,
        }
    }

    fn verified(&self, token: &str, method: AuthMethod) -> Shown {
        match self.tokens.authenticate(token, method) {
            Ok(principal) => Shown::Good(standing::Shown::Token(principal)),
            Err(why) => {
                tracing::debug!(%why, "a token was not accepted");
                access::credential("invalid");
                let expired =
                    (why == TokenError::Expired).then(|| self.tokens.authenticator().expired(token, method)).flatten();
                expired.map_or(Shown::Nothing, Shown::Expired)
            }
        }
    }
}

/// What the credential that counts came to.
enum Shown {
    Nothing,
    Good(standing::Shown),
    Expired(Principal),
}

fn only_authorization(headers: &HeaderMap) -> Result<Option<&HeaderValue>, SeveralCredentials> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    match (lines.next(), lines.next()) {
        (line, None) => Ok(line),
        (_, Some(_)) => Err(SeveralCredentials),
    }
}

/// What an `Authorization` is where no credential is looked at. Behind a listener without authentication the gateway is a
/// plain proxy; behind any other its clients have tokens of the gateway's, which no backend is to get, whatever the path.
fn unread(line: Option<&HeaderValue>, listener: AuthPolicy) -> Authorization {
    match line {
        None => Authorization::Absent,
        Some(line) if listener != AuthPolicy::None && bearer(line).is_some() => Authorization::Bearer,
        Some(_) => Authorization::Foreign,
    }
}

/// The token of a `Bearer` line, empty when there is none; the scheme's case doesn't matter (RFC 9110 §11.1).
///
/// Whatever a generous server could take for such a line is one, too: with a tab for the blank, or with bytes that are
/// white space in Latin-1. It would come past the gateway as the credential of another scheme.
pub(super) fn bearer(line: &HeaderValue) -> Option<&str> {
    let Ok(line) = line.to_str() else { return Some("") };
    let (scheme, token) = line.split_at_checked("bearer".len())?;
    let goes_on =
        token.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    (scheme.eq_ignore_ascii_case("bearer") && !goes_on).then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::{AuthPolicy, Authorization, bearer, unread};

    #[test]
    fn a_token_is_kept_back_unread_but_by_a_plain_proxy() {
        let of = |line: &'static str, listener| unread(Some(&HeaderValue::from_static(line)), listener);
        for listener in [AuthPolicy::Required, AuthPolicy::Optional] {
            assert_eq!(of("bearer abc", listener), Authorization::Bearer);
            assert_eq!(of("Token abc", listener), Authorization::Foreign);
            assert_eq!(unread(None, listener), Authorization::Absent);
        }
        assert_eq!(of("Bearer abc", AuthPolicy::None), Authorization::Foreign);
    }

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
