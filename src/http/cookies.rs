//! The gateway's cookies, as Rail Django sets them, and what is left of a client's cookies for the backend.

use std::time::Duration;

use cookie::{Cookie, SameSite as CookieSameSite};
use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};

use super::csrf;
use crate::{
    auth::{Grant, IssuedToken},
    config::{CookieSettings, SameSite},
    model::{Entropy, PlainToken, Timestamp},
};

/// Django's own session cookie: by it a GraphQL backend would let somebody in past the gateway.
const DJANGO_SESSION: &str = "sessionid";
/// Django keeps `csrftoken` for a year less a day.
const CSRF_LIFETIME: Duration = Duration::from_secs(60 * 60 * 24 * 7 * 52);

/// What a request's cookies say to the gateway.
///
/// Two cookies of one name, as a page on a sibling domain can plant, name nobody: neither counts.
#[derive(Debug, Default)]
pub(super) struct Presented {
    /// The access token.
    pub(super) access: Option<PlainToken>,
    /// The refresh token.
    pub(super) refresh: Option<PlainToken>,
    /// One of the two came, good or not.
    pub(super) any: bool,
}

/// Reads and writes the gateway's cookies.
#[derive(Debug)]
pub(super) struct Jar {
    settings: CookieSettings,
}

impl Jar {
    pub(super) const fn new(settings: CookieSettings) -> Self {
        Self { settings }
    }

    /// The gateway's cookies among those of a request.
    pub(super) fn read(&self, headers: &HeaderMap) -> Presented {
        if !self.settings.enabled || !headers.contains_key(COOKIE) {
            return Presented::default();
        }
        let (access, refresh) =
            (self.one(headers, &self.settings.access_name), self.one(headers, &self.settings.refresh_name));
        Presented { any: access.is_some() || refresh.is_some(), access: access.flatten(), refresh: refresh.flatten() }
    }

    /// `None`: not there; `Some(None)`: there, and of no use.
    fn one(&self, headers: &HeaderMap, name: &str) -> Option<Option<PlainToken>> {
        let mut values = pairs(headers).filter(|(key, _)| *key == name).map(|(_, value)| value);
        let first = values.next()?;
        Some((values.next().is_none() && !first.is_empty()).then(|| PlainToken::new(first)))
    }

    /// Takes the gateway's cookies out of what goes to the backend; on GraphQL paths Django's session, too.
    pub(super) fn withhold(&self, headers: &mut HeaderMap, graphql: bool) {
        let ours = |name: &str| {
            (self.settings.enabled && (name == self.settings.access_name || name == self.settings.refresh_name))
                || (graphql && name == DJANGO_SESSION)
        };
        if !pairs(headers).any(|(name, _)| ours(name)) {
            return;
        }
        let kept: Vec<String> =
            pairs(headers).filter(|(name, _)| !ours(name)).map(|(name, value)| format!("{name}={value}")).collect();
        headers.remove(COOKIE);
        if let Ok(value) = HeaderValue::try_from(kept.join("; "))
            && !kept.is_empty()
        {
            headers.insert(COOKIE, value);
        }
    }

    /// Whether this `Set-Cookie` of the backend's would set one of the gateway's.
    pub(super) fn is_managed(&self, set_cookie: &HeaderValue) -> bool {
        let name =
            set_cookie.as_bytes().split(|byte| matches!(byte, b'=' | b';')).next().unwrap_or_default().trim_ascii();
        self.settings.enabled
            && [&self.settings.access_name, &self.settings.refresh_name].iter().any(|ours| ours.as_bytes() == name)
    }

    /// Sets both tokens, and `csrftoken` where the client has none yet, as a Django login does.
    pub(super) fn open(
        &self,
        to: &mut HeaderMap,
        grant: &Grant,
        now: Timestamp,
        has_csrf: bool,
        entropy: &dyn Entropy,
    ) {
        if !self.settings.enabled {
            return;
        }
        for (name, token) in
            [(&self.settings.access_name, &grant.access), (&self.settings.refresh_name, &grant.refresh)]
        {
            self.append(to, self.token_cookie(name, token, now));
        }
        // Without random bytes there is no csrftoken; a page's own origin is proof enough, too.
        if !has_csrf && let Ok(secret) = csrf::new_secret(entropy) {
            let cookie = Cookie::build((csrf::COOKIE_NAME, secret)).max_age(whole_seconds(CSRF_LIFETIME));
            self.append(to, self.scoped(cookie).same_site(CookieSameSite::Lax).build());
        }
    }

    /// Deletes both tokens.
    ///
    /// A browser drops a cookie when name, domain and path are the same, and heeds the deletion only with the same
    /// `Secure`, and with the same `SameSite` where that is not what a cookie without one is taken for.
    pub(super) fn close(&self, to: &mut HeaderMap) {
        if !self.settings.enabled {
            return;
        }
        for name in [&self.settings.access_name, &self.settings.refresh_name] {
            let cookie = Cookie::build((name.clone(), ""))
                .max_age(cookie::time::Duration::ZERO)
                .expires(cookie::time::OffsetDateTime::UNIX_EPOCH);
            let cookie = match self.settings.same_site {
                SameSite::Lax => self.scoped(cookie),
                SameSite::Strict => self.scoped(cookie).same_site(CookieSameSite::Strict),
                SameSite::None => self.scoped(cookie).same_site(CookieSameSite::None),
            };
            self.append(to, cookie.build());
        }
    }

    fn token_cookie(&self, name: &str, token: &IssuedToken, now: Timestamp) -> Cookie<'static> {
        let cookie = Cookie::build((name.to_owned(), token.token.expose().to_owned()))
            .max_age(whole_seconds(token.expires.since(now)))
            .http_only(true)
            .same_site(match self.settings.same_site {
                SameSite::Lax => CookieSameSite::Lax,
                SameSite::Strict => CookieSameSite::Strict,
                SameSite::None => CookieSameSite::None,
            });
        self.scoped(cookie).build()
    }

    fn scoped(&self, cookie: cookie::CookieBuilder<'static>) -> cookie::CookieBuilder<'static> {
        let cookie = cookie.path(self.settings.path.clone()).secure(self.settings.secure);
        match &self.settings.domain {
            Some(domain) => cookie.domain(domain.clone()),
            None => cookie,
        }
    }

    fn append(&self, to: &mut HeaderMap, cookie: Cookie<'_>) {
        // Names, paths and domains are checked when the configuration is read; values are tokens.
        if let Ok(value) = HeaderValue::try_from(cookie.to_string()) {
            to.append(SET_COOKIE, value);
        }
    }
}

/// The value of this cookie, if the request has exactly one.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = pairs(headers).filter(|(key, _)| *key == name).map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none())
}

/// Name and value of every cookie of a request, as they stand. What isn't text is no cookie.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| std::str::from_utf8(line.as_bytes()).ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim(), unquoted(value.trim())))
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// Rounded up: a browser may keep a token for a moment too long, which harms nobody, but not drop one that is good.
fn whole_seconds(span: Duration) -> cookie::time::Duration {
    let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    cookie::time::Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}
