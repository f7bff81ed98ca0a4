//! The gateway's cookies, as Rail Django sets them, and what is left of a client's cookies for the backend.

use std::time::Duration;

use cookie::{Cookie, SameSite as CookieSameSite};
use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};

use super::{csrf, respond};
use crate::{
    auth::Grant,
    config::{CookieMode, CookieSettings, SameSite},
    model::{Entropy, PlainToken, Timestamp},
};

/// Rail Django's access token: by it, as by Django's session, a GraphQL backend would let somebody in past the gateway,
/// whatever the gateway's own cookie is called.
const RAIL_ACCESS: &str = "jwt";
/// Django keeps `csrftoken` for a year less a day.
const CSRF_LIFETIME: Duration = Duration::from_secs(60 * 60 * 24 * 7 * 52);

/// What a request's cookies say of its caller.
///
/// Two cookies of one name, as a page on a sibling domain can plant, name nobody: neither counts.
#[derive(Debug, Default)]
pub(super) struct Presented {
    /// What tells who calls.
    pub(super) caller: Option<CallerCookie>,
    /// The refresh token.
    pub(super) refresh: Option<PlainToken>,
    /// The tokens of a trusted and a known device. They say nothing of who calls.
    pub(super) devices: Vec<PlainToken>,
    /// Which of them came, good or not.
    pub(super) lean: Lean,
}

/// The cookies that a request leans on: a browser may have been made to send it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lean {
    /// None that says who calls, or a bearer token beside them, which no browser adds by itself.
    #[default]
    Nothing,
    /// Django's session, where it is accepted; none of the gateway's.
    Djangos,
    /// The gateway's.
    Ours,
}

/// The cookie that tells who calls.
#[derive(Debug)]
pub(super) enum CallerCookie {
    /// An access token.
    Access(PlainToken),
    /// A session's, which is its refresh token.
    Session(PlainToken),
    /// The one of Django's own session.
    Django(PlainToken),
}

/// Django's own session cookie. On GraphQL paths it never goes on: by it a backend would let somebody in past the gateway.
#[derive(Debug)]
pub(super) struct DjangoCookie {
    /// `SESSION_COOKIE_NAME`.
    pub(super) name: String,
    /// It tells who calls.
    pub(super) is_accepted: bool,
}

/// Reads and writes the gateway's cookies.
#[derive(Debug)]
pub(super) struct Jar {
    settings: CookieSettings,
    django: DjangoCookie,
}

impl Jar {
    pub(super) const fn new(settings: CookieSettings, django: DjangoCookie) -> Self {
        Self { settings, django }
    }

    /// What counts of a request's cookies. Where one of the gateway's says who calls, good or not, there is no room for
    /// Django's: whose access token has run out must not become whoever is logged in at `/admin/`.
    pub(super) fn read(&self, headers: &HeaderMap) -> Presented {
        if !headers.contains_key(COOKIE) {
            return Presented::default();
        }
        let ours = if self.settings.enabled { self.read_ours(headers) } else { Presented::default() };
        if ours.lean != Lean::Nothing || !self.django.is_accepted {
            return ours;
        }
        match self.one(headers, &self.django.name) {
            Some(session) => Presented { caller: session.map(CallerCookie::Django), lean: Lean::Djangos, ..ours },
            None => ours,
        }
    }

    /// The cookie of Django's own session.
    pub(super) fn djangos(&self, headers: &HeaderMap) -> Option<PlainToken> {
        self.one(headers, &self.django.name).flatten()
    }

    fn read_ours(&self, headers: &HeaderMap) -> Presented {
        let lean = |any| if any { Lean::Ours } else { Lean::Nothing };
        let CookieSettings { trusted_device_name, known_device_name, .. } = &self.settings;
        let devices = [trusted_device_name, known_device_name];
        let devices = devices.into_iter().filter_map(|name| self.one(headers, name).flatten()).collect();
        match self.settings.mode {
            CookieMode::Tokens => {
                let access = self.one(headers, &self.settings.access_name);
                let refresh = self.one(headers, &self.settings.refresh_name);
                let lean = lean(access.is_some() || refresh.is_some());
                Presented {
                    caller: access.flatten().map(CallerCookie::Access),
                    refresh: refresh.flatten(),
                    devices,
                    lean,
                }
            }
            CookieMode::Session => {
                let session = self.one(headers, &self.settings.session_name);
                let (lean, session) = (lean(session.is_some()), session.flatten());
                Presented { caller: session.clone().map(CallerCookie::Session), refresh: session, devices, lean }
            }
        }
    }

    /// Whether a browser is to keep a session without seeing a token.
    pub(super) fn hides_tokens(&self) -> bool {
        self.settings.enabled && self.settings.mode == CookieMode::Session
    }

    /// The names that are the gateway's, whatever the mode: what is left of another one is no business of the backend's.
    pub(super) fn names(&self) -> [&str; 5] {
        let CookieSettings { access_name, refresh_name, session_name, trusted_device_name, known_device_name, .. } =
            &self.settings;
        [access_name, refresh_name, session_name, trusted_device_name, known_device_name]
    }

    /// `None`: not there; `Some(None)`: there, and of no use.
    fn one(&self, headers: &HeaderMap, name: &str) -> Option<Option<PlainToken>> {
        let mut values = values(headers, name);
        let first = values.next()?;
        let only = std::str::from_utf8(first).ok().filter(|text| values.next().is_none() && !text.is_empty());
        Some(only.map(PlainToken::new))
    }

    /// Takes the gateway's cookies out of what goes to the backend; on GraphQL paths those that let somebody in there, too.
    /// The others stay as the client wrote them: some are signed.
    pub(super) fn withhold(&self, headers: &mut HeaderMap, graphql: bool) {
        let ours = |pair: &&[u8]| {
            let name = name_and_value(pair).0;
            (self.settings.enabled && self.names().iter().any(|ours| ours.as_bytes() == name))
                || (graphql && (name == self.django.name.as_bytes() || name == RAIL_ACCESS.as_bytes()))
        };
        if !pairs(headers).any(|pair| ours(&pair)) {
            return;
        }
        let kept: Vec<&[u8]> = pairs(headers).filter(|pair| !pair.is_empty() && !ours(pair)).collect();
        let kept = (!kept.is_empty()).then(|| HeaderValue::from_bytes(&kept.join(b"; ".as_slice())));
        headers.remove(COOKIE);
        if let Some(Ok(value)) = kept {
            headers.insert(COOKIE, value);
        }
    }

    /// Whether this `Set-Cookie` of the backend's would set one of the gateway's. One without a name, `=jwt=…`, comes back
    /// from browsers as `jwt=…` (RFC 6265bis §5.8.3).
    pub(super) fn is_managed(&self, set_cookie: &HeaderValue) -> bool {
        let pair = set_cookie.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        let sent_back = pair.trim_ascii().strip_prefix(b"=").unwrap_or(pair);
        let name = sent_back.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        self.settings.enabled && self.names().iter().any(|ours| ours.as_bytes() == name)
    }

    /// Sets both tokens, or the one cookie of the session; that of a trusted device, where it is to be one; `csrftoken` where the
    /// client has none yet, as a Django login does; and after a login that of a known device.
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
        let CookieSettings { access_name, refresh_name, session_name, trusted_device_name, known_device_name, .. } =
            &self.settings;
        match self.settings.mode {
            CookieMode::Tokens => {
                for (name, token) in [(access_name, &grant.access), (refresh_name, &grant.refresh)] {
                    self.append(to, self.token_cookie(name, &token.token, token.expires, now));
                }
            }
            // A use moves the session's own expiry on but not the cookie's, so that is the last there can be.
            CookieMode::Session => {
                self.append(to, self.token_cookie(session_name, &grant.refresh.token, grant.ends, now));
            }
        }
        if let Some(device) = &grant.trusted_device {
            self.append(to, self.token_cookie(trusted_device_name, &device.token, device.expires, now));
        }
        // Without random bytes there is no csrftoken; a page's own origin is proof enough, too.
        if !has_csrf && let Ok(secret) = csrf::new_secret(entropy) {
            let cookie = Cookie::build((csrf::COOKIE_NAME, secret)).max_age(whole_seconds(CSRF_LIFETIME));
            self.append(to, self.scoped(cookie).same_site(CookieSameSite::Lax).build());
        }
        if let Some(device) = &grant.known_device {
            self.append(to, self.token_cookie(known_device_name, &device.token, device.expires, now));
        }
    }

    /// Deletes what [`open`](Self::open) sets but `csrftoken` and the cookies of the device, which is trusted and known beyond
    /// a logout: they open nothing without the password.
    ///
    /// A browser drops a cookie when name, domain and path are the same, and heeds the deletion only with the same
    /// `Secure`, and with the same `SameSite` where that is not what a cookie without one is taken for.
    pub(super) fn close(&self, to: &mut HeaderMap) {
        if !self.settings.enabled {
            return;
        }
        let names: &[&String] = match self.settings.mode {
            CookieMode::Tokens => &[&self.settings.access_name, &self.settings.refresh_name],
            CookieMode::Session => &[&self.settings.session_name],
        };
        for name in names {
            let cookie = Cookie::build(((*name).clone(), ""))
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

    fn token_cookie(&self, name: &str, token: &PlainToken, until: Timestamp, now: Timestamp) -> Cookie<'static> {
        let cookie = Cookie::build((name.to_owned(), token.expose().to_owned()))
            .max_age(whole_seconds(until.since(now)))
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

/// The value of this cookie, if the request has exactly one and it is text.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &'a str) -> Option<&'a str> {
    let mut values = values(headers, name);
    values.next().filter(|_| values.next().is_none()).and_then(|value| std::str::from_utf8(value).ok())
}

/// Every value of this cookie, without the quotes around it.
fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    pairs(headers).map(name_and_value).filter(move |(key, _)| *key == name.as_bytes()).map(|(_, value)| unquoted(value))
}

/// Every cookie of a request as it stands. Bytes, since a backend makes text of what is none: a line that isn't read here
/// would be read there.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).map(trimmed)
}

/// One without `=` is a value without a name, to browsers and to Django.
fn name_and_value(pair: &[u8]) -> (&[u8], &[u8]) {
    match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (trimmed(&pair[..at]), trimmed(&pair[at + 1..])),
        None => (&[], pair),
    }
}

/// Without white space around it, as Python takes it off text: of UTF-8 behind WSGI, of Latin-1 behind ASGI.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| char::from(*byte).is_whitespace();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => {
            let start = bytes.iter().position(|byte| !is_space(byte)).unwrap_or(bytes.len());
            let end = bytes.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
            &bytes[start..end]
        }
    }
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// Rounded up: a browser may keep a token for a moment too long, which harms nobody, but not drop one that is good.
fn whole_seconds(span: Duration) -> cookie::time::Duration {
    cookie::time::Duration::seconds(i64::try_from(respond::whole_seconds(span)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
