//! Which request a question is about.
//!
//! One place says so, `[forward_auth] original`; what stands in the others is the proxy's client's own, and isn't looked at.
//! What is missing there, stands there twice or is no target in origin form (RFC 9112 §3.2.1) makes the question one that
//! can't be answered, never one about something else.
//!
//! Everything at the path and under it is a question, also what doesn't fit `original`: were it passed on, the backend would
//! answer it, and the proxy would take its 200 for the gateway's.

use http::{HeaderMap, HeaderValue, Method, Request, Uri, header::HOST, uri::PathAndQuery};

use crate::{
    config::{ForwardAuthSettings, Original},
    http::hygiene::path,
};

/// What a question lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unclear {
    /// The method.
    Method,
    /// The target.
    Target,
    /// The host is there twice, or is none.
    Host,
    /// It went to a path under the one for questions.
    Place,
    /// The target's path has an empty segment: the proxy sends it with that, and the assertion names it without.
    Slashes,
}

impl Unclear {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Method | Self::Target | Self::Host | Self::Place => "BAD_QUESTION",
            Self::Slashes => "BAD_PATH",
        }
    }

    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Method => "The question doesn't say one method: see `[forward_auth] original`.",
            Self::Target => "The question doesn't say one target in origin form: see `[forward_auth] original`.",
            Self::Host => "The question says several hosts, or none that is one.",
            Self::Place => "Questions go to `[forward_auth] path` itself, unless `original` is \"path\".",
            Self::Slashes => "The path could be read in two ways: send it without slashes in a row.",
        }
    }
}

/// Whether a request is a question: by its canonical path, and by whatever else a backend could read in it.
pub(super) fn asks<B>(settings: &ForwardAuthSettings, request: &Request<B>) -> bool {
    let Ok(settled) = path::settle(request.uri()) else { return false };
    let generous = settled.generous.as_deref();
    is_under(&settings.path, settled.path())
        || generous.is_some_and(|path| is_under(&settings.path.to_ascii_lowercase(), path))
}

fn is_under(base: &str, path: &str) -> bool {
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Makes the request that a question is about of it.
pub(super) fn put<B>(settings: &ForwardAuthSettings, request: &mut Request<B>) -> Result<(), Unclear> {
    let headers = request.headers();
    if settings.original != Original::Path && !is_at(&settings.path, request.uri()) {
        return Err(Unclear::Place);
    }
    let (method, target, host) = match settings.original {
        Original::Forwarded => (
            method(headers, "x-forwarded-method")?,
            target(headers, "x-forwarded-uri")?,
            only(headers, "x-forwarded-host").map_err(|()| Unclear::Host)?.cloned(),
        ),
        Original::Original => (method(headers, "x-original-method")?, target(headers, "x-original-uri")?, None),
        Original::Path => (request.method().clone(), behind(&settings.path, request.uri())?, None),
    };
    *request.method_mut() = method;
    *request.uri_mut() = target;
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    Ok(())
}

fn is_at(base: &str, asked: &Uri) -> bool {
    path::settle(asked).is_ok_and(|settled| settled.path() == base)
}

/// The header, if it is there; an error if it is there twice.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h HeaderValue>, ()> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (line, None) => Ok(line),
        (_, Some(_)) => Err(()),
    }
}

fn method(headers: &HeaderMap, name: &str) -> Result<Method, Unclear> {
    let line = only(headers, name).ok().flatten().ok_or(Unclear::Method)?;
    Method::from_bytes(line.as_bytes()).map_err(|_| Unclear::Method)
}

fn target(headers: &HeaderMap, name: &str) -> Result<Uri, Unclear> {
    let line = only(headers, name).ok().flatten().ok_or(Unclear::Target)?;
    in_origin_form(line.to_str().map_err(|_| Unclear::Target)?)
}

/// What stands behind the path that questions are sent to.
fn behind(path: &str, asked: &Uri) -> Result<Uri, Unclear> {
    let whole = asked.path_and_query().map_or("", PathAndQuery::as_str);
    in_origin_form(whole.strip_prefix(path).ok_or(Unclear::Target)?)
}

/// A parser would cut a fragment off without a word.
fn in_origin_form(text: &str) -> Result<Uri, Unclear> {
    if !text.starts_with('/') || text.contains('#') {
        return Err(Unclear::Target);
    }
    let target = PathAndQuery::try_from(text).map_err(|_| Unclear::Target)?;
    if target.path().contains("//") { Err(Unclear::Slashes) } else { Ok(Uri::from(target)) }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::{Unclear, asks, put};
    use crate::config::{ForwardAuthSettings, Original};

    fn settings(original: Original) -> ForwardAuthSettings {
        ForwardAuthSettings { path: "/_railgate/auth".to_owned(), original, requires_caller: true }
    }

    fn request(target: &str, headers: &[(&str, &str)]) -> Request<()> {
        let request = Request::get(target).header("host", "proxy");
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
    }

    /// Method, target and host of what a question is about.
    fn about(original: Original, target: &str, headers: &[(&str, &str)]) -> Result<String, Unclear> {
        let mut request = request(target, headers);
        put(&settings(original), &mut request)?;
        Ok(format!("{} {} {}", request.method(), request.uri(), request.headers()["host"].to_str().unwrap()))
    }

    #[test]
    fn a_question_is_known_by_its_path() {
        for (original, target, is_one) in [
            (Original::Forwarded, "/_railgate/auth", true),
            (Original::Forwarded, "/_railgate/auth?x", true),
            (Original::Forwarded, "//_railgate/%61uth", true),
            (Original::Forwarded, "/_railgate/auth/", true),
            (Original::Forwarded, "/_railgate/auth//api", true),
            (Original::Original, "/_railgate/auth/api", true),
            (Original::Forwarded, "/_railgate/auth%2Fapi", true),
            (Original::Forwarded, "/_railgate/auth;x", true),
            (Original::Forwarded, "/_Railgate/Auth;x", true),
            (Original::Forwarded, "/_railgate/authx", false),
            (Original::Path, "/_railgate/auth/x", true),
            (Original::Path, "/_railgate/auth//x", true),
            (Original::Path, "/_railgate/authx", false),
        ] {
            assert_eq!(asks(&settings(original), &request(target, &[])), is_one, "{original:?} {target}");
        }
    }

    #[test]
    fn one_place_says_what_it_is_about() {
        let all = [
            ("x-forwarded-method", "POST"),
            ("x-forwarded-uri", "/a?b"),
            ("x-forwarded-host", "site"),
            ("x-original-method", "PUT"),
            ("x-original-uri", "/c"),
        ];
        assert_eq!(about(Original::Forwarded, "/_railgate/auth", &all).unwrap(), "POST /a?b site");
        assert_eq!(about(Original::Original, "/_railgate/auth", &all).unwrap(), "PUT /c proxy");
        assert_eq!(about(Original::Path, "/_railgate/auth/d?e", &all).unwrap(), "GET /d?e proxy");
    }

    #[test]
    fn what_is_not_said_once_is_not_said() {
        let method = ("x-forwarded-method", "GET");
        let uri = ("x-forwarded-uri", "/a");
        let ask = |headers: &[(&str, &str)]| about(Original::Forwarded, "/_railgate/auth", headers);
        assert_eq!(ask(&[uri]), Err(Unclear::Method));
        assert_eq!(ask(&[method]), Err(Unclear::Target));
        assert_eq!(ask(&[method, ("x-original-uri", "/a")]), Err(Unclear::Target), "of another proxy's");
        assert_eq!(ask(&[method, method, uri]), Err(Unclear::Method));
        assert_eq!(ask(&[method, uri, uri]), Err(Unclear::Target));
        let host = ("x-forwarded-host", "a");
        assert_eq!(ask(&[method, uri, host, host]), Err(Unclear::Host));
        assert_eq!(ask(&[("x-forwarded-method", "G T"), uri]), Err(Unclear::Method));
        for odd in ["", "a", "http://site/a", "/a#/public", "*", "/a b", "/a\u{e9}"] {
            assert_eq!(ask(&[method, ("x-forwarded-uri", odd)]), Err(Unclear::Target), "{odd}");
        }
        assert_eq!(about(Original::Path, "/_railgate/auth", &[]), Err(Unclear::Target));
        assert_eq!(about(Original::Path, "/_railgate/%61uth/x", &[]), Err(Unclear::Target));
    }

    #[test]
    fn what_does_not_fit_is_no_question_about_anything() {
        let both = [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/a")];
        for near in ["/_railgate/auth/", "/_railgate/auth//api", "/_railgate/auth/api", "/_railgate/auth%2Fapi"] {
            assert_eq!(about(Original::Forwarded, near, &both), Err(Unclear::Place), "{near}");
            assert_eq!(about(Original::Original, near, &both), Err(Unclear::Place), "{near}");
        }
        assert_eq!(about(Original::Forwarded, "//_railgate/%61uth", &both).unwrap(), "GET /a proxy");
    }

    #[test]
    fn a_target_that_is_sent_as_it_came_is_asserted_as_it_came() {
        let ask = |target| about(Original::Forwarded, "/_railgate/auth", &[("x-forwarded-method", "GET"), target]);
        for merged in ["//a", "/a//b", "/a//?b"] {
            assert_eq!(ask(("x-forwarded-uri", merged)), Err(Unclear::Slashes), "{merged}");
        }
        assert_eq!(about(Original::Path, "/_railgate/auth//a", &[]), Err(Unclear::Slashes));
        assert_eq!(ask(("x-forwarded-uri", "/a?b=//c")).unwrap(), "GET /a?b=//c proxy");
        assert_eq!(ask(("x-forwarded-uri", "/%7ea")).unwrap(), "GET /%7ea proxy", "a backend compares it decoded");
    }
}
