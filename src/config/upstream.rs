//! `[upstream]`: the backend and what it is told.

use std::{path::Path, time::Duration};

use http::{Uri, uri::Scheme};

use super::{
    assertion::AssertionSettings,
    graphql::PathPattern,
    reader::{Fault, Table, millis, minutes, seconds},
    tls::ClientTls,
    tokens::hs256_secret,
};
use crate::model::Secret;

/// The backend.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Scheme and authority: `http://127.0.0.1:8000`. No path.
    pub url: Uri,
    /// How TLS is spoken with it; `None` where its URL begins with http.
    pub tls: Option<ClientTls>,
    /// Which version of HTTP.
    pub protocol: Protocol,
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// From the last piece of the request until the head of the answer.
    pub response_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// How many unused connections each thread keeps.
    pub max_idle: usize,
    /// In which headers it is told where a request came from.
    pub forwarded: ForwardedHeaders,
    /// What the backend is told of the caller.
    pub identity: IdentitySettings,
}

impl UpstreamSettings {
    /// The backend's name or address; one of IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.url.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 })
    }
}

/// Which version of HTTP the backend is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2: by ALPN over TLS, else without asking (prior knowledge).
    Http2,
    /// HTTP/2 where the backend takes it by ALPN, else HTTP/1.1.
    Auto,
}

/// The headers that say where a request came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeaders {
    /// `X-Forwarded-For`, `-Host` and `-Proto`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239), with one element.
    Forwarded,
    /// All of these.
    Both,
}

impl ForwardedHeaders {
    fn read(table: &Table<'_>) -> Self {
        let words = [("x-forwarded", Self::XForwarded), ("forwarded", Self::Forwarded), ("both", Self::Both)];
        table.choice("forwarded", Self::default(), &words)
    }
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
    /// How `X-Auth-Assertion` is made, where it is sent.
    pub assertion: Option<AssertionSettings>,
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
    /// The backend's own token of the user, got at the login.
    Backend,
}

/// What `bearer` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    RailJwt,
    Backend,
}

impl UpstreamSettings {
    /// `asks_backend`: the directory has the backend's own tokens.
    pub(super) fn read(
        table: &Table<'_>,
        folder: &Path,
        asks_backend: bool,
        graphql_paths: &[PathPattern],
    ) -> Option<Self> {
        table.require("url", "\"http://127.0.0.1:8000\"");
        let url = table.text("url", "the backend's address such as \"http://127.0.0.1:8000\"", parse_url);
        let https_host = url.as_ref().filter(|url| url.scheme() == Some(&Scheme::HTTPS)).and_then(Uri::host);
        let tls = table.table("tls", |table| ClientTls::read(table, folder, https_host));
        let words = [("http1", Protocol::Http1), ("h2", Protocol::Http2), ("auto", Protocol::Auto)];
        let protocol = table.choice("protocol", Protocol::default(), &words);
        if protocol == Protocol::Auto && url.is_some() && https_host.is_none() {
            let help = "set \"h2\" for a backend that takes it without being asked, or begin `url` with https://";
            table.warn("protocol", "is \"auto\", which takes TLS: in clear HTTP/1.1 is spoken", help);
        }
        let connect_timeout = table.duration("connect_timeout", seconds(2), &(millis(10)..=minutes(5)));
        let response_timeout = table.duration("response_timeout", seconds(60), &(millis(100)..=minutes(60)));
        let idle_timeout = table.duration("idle_timeout", seconds(4), &(seconds(1)..=minutes(60)));
        let max_idle = table.number("max_idle", 64, &(0..=10_000));
        let forwarded = ForwardedHeaders::read(table);
        let identity = table.table("identity", |table| IdentitySettings::read(table, asks_backend, graphql_paths));
        let (url, identity) = (url?, identity?);
        Some(Self {
            url,
            tls,
            protocol,
            connect_timeout,
            response_timeout,
            idle_timeout,
            max_idle,
            forwarded,
            identity,
        })
    }
}

impl IdentitySettings {
    fn read(table: &Table<'_>, asks_backend: bool, graphql_paths: &[PathPattern]) -> Option<Self> {
        let headers = table.flag("headers", true);
        let permissions = table.flag("permissions", false);
        // Who logs in by the backend's own login is known to it by its own tokens.
        let default = if asks_backend { Kind::Backend } else { Kind::None };
        let words = [("none", Kind::None), ("rail-jwt", Kind::RailJwt), ("backend", Kind::Backend)];
        let kind = table.choice("bearer", default, &words);
        let secret = hs256_secret(table, "rail_jwt_secret");
        let lifetime = table.duration("rail_jwt_lifetime", minutes(5), &(minutes(1)..=minutes(60)));
        if permissions && !headers && !table.flag("assertion", false) {
            table.reject("permissions", "is sent with the headers, which are off", "set `headers = true`");
        }
        if kind == Kind::Backend && !asks_backend {
            let why = "is \"backend\", whose tokens only `[directory] kind = \"upstream\"` has";
            table.reject("bearer", why, "set `bearer = \"rail-jwt\"`, or the directory's kind");
        }
        if kind != Kind::RailJwt {
            let keys = ["rail_jwt_secret", "rail_jwt_lifetime"];
            table.warn_ineffective(&keys, "set `bearer = \"rail-jwt\"`, or remove it");
        }
        let assertion = AssertionSettings::read(table, graphql_paths);
        let bearer = match kind {
            Kind::None => Bearer::None,
            Kind::Backend => Bearer::Backend,
            Kind::RailJwt => {
                if !table.has("rail_jwt_secret") {
                    let help = "add `rail_jwt_secret = { env = \"DJANGO_SECRET_KEY\" }`: the project's JWT_SECRET_KEY, else its SECRET_KEY";
                    table.reject("bearer", "is \"rail-jwt\", which needs `rail_jwt_secret`", help);
                }
                Bearer::RailJwt { secret: secret?, lifetime }
            }
        };
        Some(Self { headers, permissions, bearer, assertion })
    }
}

fn parse_url(text: &str) -> Result<Uri, Fault> {
    let uri = parse_http_url(text)?;
    if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
        let why = "must end after host and port: requests keep the paths that clients ask for";
        return Err(Fault::Because(why.to_owned()));
    }
    Ok(uri)
}

/// One of HTTP with a host, and with no user.
pub(super) fn parse_http_url(text: &str) -> Result<Uri, Fault> {
    let because = |why: &str| Err(Fault::Because(why.to_owned()));
    match text.split_once("://") {
        Some(("http" | "https", _)) => {}
        Some(_) => return Err(Fault::Form),
        None => return because("must begin with http:// or https://"),
    }
    let uri: Uri = text.parse().map_err(|_| Fault::Form)?;
    let authority = uri.authority().ok_or(Fault::Form)?;
    if authority.as_str().contains('@') {
        return because("must not hold a user or a password");
    }
    // A port that is no u16 is kept by the parser and then not seen.
    if authority.host().is_empty() || (authority.port().is_none() && authority.as_str() != authority.host()) {
        return Err(Fault::Form);
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::{Bearer, Fault, parse_url};
    use crate::config::tests::{config, messages};

    #[test]
    fn an_address_has_scheme_and_host_and_nothing_more() {
        for good in
            ["http://127.0.0.1:8000", "http://backend/", "http://[::1]:8000", "http://backend.ns.svc:80", "https://b"]
        {
            assert!(parse_url(good).is_ok(), "{good}");
        }
        let why = |url| match parse_url(url) {
            Ok(uri) => panic!("{uri}"),
            Err(Fault::Form) => "form".to_owned(),
            Err(Fault::Because(why)) => why,
        };
        assert_eq!(why("127.0.0.1:8000"), "must begin with http:// or https://");
        assert!(why("http://backend/api").starts_with("must end after host and port"));
        assert!(why("http://backend/?a=b").starts_with("must end after host and port"));
        assert_eq!(why("http://u:p@backend"), "must not hold a user or a password");
        for bad in ["http://", "http://backend:99999", "http://backend:", "http://:80", "ftp://backend", "http://a b"] {
            assert_eq!(why(bad), "form", "{bad}");
        }
    }

    #[test]
    fn the_backend_is_told_of_the_caller_by_headers() {
        let identity = config("").upstream.identity;
        assert!(identity.headers && !identity.permissions && matches!(identity.bearer, Bearer::None));
    }

    #[test]
    fn a_signed_token_needs_its_secret() {
        assert_eq!(
            messages("[upstream.identity]\nbearer = 'rail-jwt'"),
            ["`upstream.identity.bearer` is \"rail-jwt\", which needs `rail_jwt_secret`"]
        );
        let short = "[upstream.identity]\nbearer = 'rail-jwt'\nrail_jwt_secret = 'hunter2'";
        assert_eq!(
            messages(short),
            ["`upstream.identity.rail_jwt_secret`: has 7 bytes; an HS256 secret needs at least 32 (RFC 7518 §3.2)"]
        );
        let unused = format!("[upstream.identity]\nrail_jwt_secret = '{}'", "x".repeat(32));
        assert!(messages(&unused).contains(&"`upstream.identity.rail_jwt_secret` has no effect".to_owned()));
    }

    #[test]
    fn permissions_travel_in_tokens() {
        let more = "[upstream.identity]\npermissions = true\n";
        assert_eq!(
            messages(more),
            ["`tokens.claims` lacks \"permissions\", which `upstream.identity.permissions` sends on"]
        );
        assert!(messages(&format!("{more}[tokens]\nclaims = ['permissions']")).is_empty());
        assert_eq!(messages(&format!("{more}headers = false\n[tokens]\nclaims = ['permissions']")).len(), 1);
    }
}
