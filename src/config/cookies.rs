//! `[cookies]`: what browsers keep.

use url::{Host, Url};

use super::{
    listener::Listener,
    reader::{Fault, Table, spell_duration},
    sessions::SessionSettings,
};

/// What browsers keep.
#[derive(Clone, Debug)]
pub struct CookieSettings {
    /// Set cookies at all.
    pub enabled: bool,
    /// What is in them.
    pub mode: CookieMode,
    /// Name of the session's cookie.
    pub session_name: String,
    /// Name of the access token's cookie.
    pub access_name: String,
    /// Name of the refresh token's cookie.
    pub refresh_name: String,
    /// Name of the cookie of a trusted device.
    pub trusted_device_name: String,
    /// Name of the cookie of a device that has logged in.
    pub known_device_name: String,
    /// `Secure`.
    pub secure: bool,
    /// `SameSite`.
    pub same_site: SameSite,
    /// `Domain`; `None`: this host only.
    pub domain: Option<String>,
    /// `Path`.
    pub path: String,
    /// Origins other than the gateway's own whose pages may send cookies with unsafe requests:
    /// `https://app.example.com`.
    pub trusted_origins: Vec<String>,
}

/// What a browser keeps of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieMode {
    /// Both tokens, as Rail Django does.
    #[default]
    Tokens,
    /// One cookie that is nothing but an id; tokens are in no answer to a browser.
    Session,
}

/// A cookie's `SameSite`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Sent with requests from the same site, and when a link is followed.
    #[default]
    Lax,
    /// Sent with requests from the same site only.
    Strict,
    /// Always sent; needs `Secure`.
    None,
}

impl CookieSettings {
    /// `django_session` is the name of the backend's own session cookie.
    pub(super) fn read(
        table: &Table<'_>,
        listeners: &[Listener],
        sessions: &SessionSettings,
        django_session: &str,
    ) -> Self {
        let name = |key, default: &str| table.text_or(key, "a cookie's name", default, parse_name);
        let origins = table.texts("trusted_origins", "an origin such as \"https://app.example.com\"", parse_origin);
        let settings = Self {
            enabled: table.flag("enabled", true),
            mode: table.choice(
                "mode",
                CookieMode::default(),
                &[("tokens", CookieMode::Tokens), ("session", CookieMode::Session)],
            ),
            session_name: name("session_name", "railgate_session"),
            access_name: name("access_name", "jwt"),
            refresh_name: name("refresh_name", "refresh_token"),
            trusted_device_name: name("trusted_device_name", "trusted_device"),
            known_device_name: name("known_device_name", "known_device"),
            secure: table.flag("secure", true),
            same_site: table.choice(
                "same_site",
                SameSite::default(),
                &[("lax", SameSite::Lax), ("strict", SameSite::Strict), ("none", SameSite::None)],
            ),
            domain: table.text("domain", "a domain such as \"example.com\"", parse_domain),
            path: table.text_or("path", "a path such as \"/\"", "/", parse_path),
            trusted_origins: origins.unwrap_or_default(),
        };
        settings.check(table, listeners, django_session);
        settings.check_mode(table, sessions);
        settings
    }

    fn check(&self, table: &Table<'_>, listeners: &[Listener], django_session: &str) {
        if self.same_site == SameSite::None && !self.secure {
            let why = "is \"none\", which browsers take only together with `secure = true`";
            table.reject("same_site", why, "set `secure = true`, or use \"lax\"");
        }
        if !self.secure && !listeners.iter().all(Listener::is_local) {
            let why = "is off, and other machines reach the gateway: tokens cross the network in the clear";
            table.warn("secure", why, "browsers take Secure cookies from http://localhost, too; leave it on");
        }
        if self.trusted_origins.iter().any(|origin| is_in_clear(origin)) {
            let why =
                "names a site in clear: whoever is between it and a browser writes its pages, and acts as its users";
            table.warn("trusted_origins", why, "use https:// there");
        }
        self.check_name(table, "access_name", &self.access_name, django_session);
        self.check_name(table, "refresh_name", &self.refresh_name, django_session);
        self.check_name(table, "session_name", &self.session_name, django_session);
        self.check_name(table, "trusted_device_name", &self.trusted_device_name, django_session);
        self.check_name(table, "known_device_name", &self.known_device_name, django_session);
        if self.access_name == self.refresh_name {
            table.reject("refresh_name", "is the name of the access token's cookie", "choose another name");
        }
        if [&self.access_name, &self.refresh_name].contains(&&self.session_name) {
            table.reject("session_name", "is the name of a token's cookie", "choose another name");
        }
        let taken = "is the name of another of the gateway's cookies";
        let tokens = [&self.access_name, &self.refresh_name, &self.session_name];
        if tokens.contains(&&self.trusted_device_name) {
            table.reject("trusted_device_name", taken, "choose another name");
        }
        if tokens.contains(&&self.known_device_name) || self.trusted_device_name == self.known_device_name {
            table.reject("known_device_name", taken, "choose another name");
        }
    }

    fn check_mode(&self, table: &Table<'_>, sessions: &SessionSettings) {
        if self.mode != CookieMode::Session {
            return;
        }
        if !self.enabled {
            table.reject("mode", "is \"session\", and `enabled` is false", "set `enabled = true`, or remove `mode`");
        }
        let SessionSettings { idle_lifetime, recheck, .. } = *sessions;
        if idle_lifetime <= recheck {
            let (idle, recheck) = (spell_duration(idle_lifetime), spell_duration(recheck));
            let why =
                format!("is \"session\", and `sessions.idle_lifetime` ({idle}) no longer than `recheck` ({recheck})");
            table.reject("mode", &why, "lengthen it: the store is told of a use by cookie once in `recheck`");
        }
    }

    /// What browsers demand of names with these beginnings (RFC 6265bis §4.1.3); they drop the cookie otherwise.
    fn check_name(&self, table: &Table<'_>, key: &'static str, name: &str, django_session: &str) {
        let begins = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if begins("__Host-") && !(self.secure && self.domain.is_none() && self.path == "/") {
            let why = "begins with __Host-, which needs `secure = true`, `path = \"/\"` and no `domain`";
            table.reject(key, why, "change these, or the name");
        }
        if begins("__Secure-") && !self.secure {
            table.reject(key, "begins with __Secure-, which needs `secure = true`", "set it, or change the name");
        }
        if ["csrftoken", "sessionid", django_session].contains(&name) {
            table.reject(key, "is the name of one of Django's own cookies", "choose another name");
        }
    }
}

/// Whether pages of an origin cross the network in clear.
fn is_in_clear(origin: &str) -> bool {
    let is_local = |host: Host<&str>| match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    Url::parse(origin).is_ok_and(|url| url.scheme() == "http" && !url.host().is_some_and(is_local))
}

/// A token (RFC 6265 §4.1.1, RFC 9110 §5.6.2).
pub(super) fn parse_name(text: &str) -> Result<String, Fault> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(token) { Err(Fault::Form) } else { Ok(text.to_owned()) }
}

/// Without the dot before it that older standards had.
fn parse_domain(text: &str) -> Result<String, Fault> {
    let text = text.strip_prefix('.').unwrap_or(text);
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if text.split('.').all(label) { Ok(text.to_ascii_lowercase()) } else { Err(Fault::Form) }
}

fn parse_path(text: &str) -> Result<String, Fault> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';');
    if plain && text.starts_with('/') { Ok(text.to_owned()) } else { Err(Fault::Form) }
}

/// As browsers send it in `Origin`: lower case, without the scheme's own port.
pub(super) fn parse_origin(text: &str) -> Result<String, Fault> {
    let url = Url::parse(text).map_err(|_| Fault::Form)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    match url.scheme() {
        "http" | "https" if bare && url.password().is_none() => Ok(url.origin().ascii_serialization()),
        _ => Err(Fault::Form),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{config, messages};

    fn of(more: &str) -> Vec<String> {
        messages(&format!("[cookies]\n{more}"))
    }

    #[test]
    fn names_are_rail_djangos() {
        let cookies = config("").cookies;
        assert_eq!((cookies.access_name.as_str(), cookies.refresh_name.as_str()), ("jwt", "refresh_token"));
        assert!(cookies.enabled && cookies.secure && cookies.domain.is_none());
    }

    #[test]
    fn what_browsers_would_drop_is_refused() {
        assert_eq!(of("same_site = 'none'").len(), 0);
        assert_eq!(
            of("same_site = 'none'\nsecure = false"),
            ["`cookies.same_site` is \"none\", which browsers take only together with `secure = true`"]
        );
        assert_eq!(of("access_name = '__Host-jwt'").len(), 0);
        for bad in ["path = '/x'", "domain = 'example.com'", "secure = false"] {
            let found = of(&format!("access_name = '__host-jwt'\n{bad}"));
            assert!(found.len() == 1 && found[0].contains("__Host-"), "{bad}: {found:?}");
        }
        assert_eq!(of("refresh_name = '__Secure-r'\nsecure = false").len(), 1);
    }

    #[test]
    fn names_do_not_collide() {
        assert_eq!(of("refresh_name = 'jwt'"), ["`cookies.refresh_name` is the name of the access token's cookie"]);
        assert_eq!(
            of("access_name = 'sessionid'"),
            ["`cookies.access_name` is the name of one of Django's own cookies"]
        );
        assert_eq!(
            of("trusted_device_name = 'csrftoken'"),
            ["`cookies.trusted_device_name` is the name of one of Django's own cookies"]
        );
        for taken in ["jwt", "refresh_token", "railgate_session"] {
            let found = of(&format!("trusted_device_name = '{taken}'"));
            assert_eq!(
                found,
                ["`cookies.trusted_device_name` is the name of another of the gateway's cookies"],
                "{taken}"
            );
        }
        for taken in ["jwt", "refresh_token", "railgate_session", "trusted_device"] {
            let found = of(&format!("known_device_name = '{taken}'"));
            assert_eq!(
                found,
                ["`cookies.known_device_name` is the name of another of the gateway's cookies"],
                "{taken}"
            );
        }
        assert_eq!(
            config("[cookies]\ntrusted_device_name = '__Host-known'").cookies.trusted_device_name,
            "__Host-known"
        );
    }

    #[test]
    fn nothing_can_be_smuggled_into_set_cookie() {
        for bad in ["access_name = 'a b'", "access_name = ''", "domain = 'a; x'", "path = '/;x'", "path = 'x'"] {
            assert_eq!(of(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn origins_are_as_browsers_send_them() {
        let text = "[cookies]\ntrusted_origins = ['HTTPS://App.Example.com:443', 'http://localhost:3000/']";
        assert_eq!(config(text).cookies.trusted_origins, ["https://app.example.com", "http://localhost:3000"]);
        for bad in ["app.example.com", "https://a/b", "https://a?b", "https://u@a", "null", "file:///a", "*"] {
            assert_eq!(of(&format!("trusted_origins = ['{bad}']")).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_session_in_use_does_not_run_out_between_two_looks_at_it() {
        let both = |cookies: &str, sessions: &str| messages(&format!("[cookies]\n{cookies}\n[sessions]\n{sessions}"));
        let short = "idle_lifetime = '5m'\nrecheck = '5m'";
        assert!(both("", short).iter().all(|message| !message.contains("cookies.mode")));
        let found = both("mode = 'session'", short);
        assert!(found.iter().any(|message| message.contains("`sessions.idle_lifetime` (5m)")), "{found:?}");
        let found = both("mode = 'session'", "idle_lifetime = '15m'\nrecheck = '5m'");
        assert!(found.iter().all(|message| !message.contains("cookies.mode")), "{found:?}");
        assert_eq!(of("mode = 'session'\nenabled = false"), ["`cookies.mode` is \"session\", and `enabled` is false"]);
    }

    #[test]
    fn cookies_in_the_clear_are_warned_of_where_others_listen() {
        assert_eq!(of("secure = false").len(), 0);
        assert_eq!(of("secure = false\n[[listeners]]\naddress = '0.0.0.0:80'").len(), 1);
    }
}
