//! Cross-site request forgery: who leans on a cookie has to prove where the request comes from.
//!
//! A browser sends cookies along with requests that another site's page makes; it sends no `Authorization` header for it.
//! So an unsafe request without a bearer token that carries one of the gateway's cookies, or an accepted session of Django's,
//! needs one of these proofs:
//!
//! 1. `Sec-Fetch-Site: same-origin` or `none`, which browsers set and pages can't
//! 2. an `Origin` that is this host, or is listed in `cookies.trusted_origins`
//! 3. Django's double submit: the header `X-CSRFToken` matches the cookie `csrftoken`, masked or not
//!    (`django/middleware/csrf.py`, 5.2)
//!
//! Without the first, an `Origin` that is neither is refused whatever else comes with it, since a sibling domain could plant
//! the cookie of the third. A login or logout needs no cookie and so no proof; but another site's page, which could log a
//! visitor in to its own account or out, gets no cookies set or deleted by one. Nor does the refresh cookie count beside a
//! bearer token of such a page: which pages may send one is for the backend's CORS headers to say, not which may use cookies.
//! For the same reason a login of such a page is not one from a trusted device, even in a browser that is one: there a
//! stolen password would need no code.
//! Behind a proxy that rewrites `Host`, list the public origin in `trusted_origins`.
//!
//! Outside of GraphQL paths Django's session goes on to Django, whose own forms carry their proof in the body, where only
//! Django looks. Such a request without a proof goes on as it came: the gateway vouches for nobody. Where a listener or route says
//! `required`, letting it pass would be to vouch for it, so there the proof is needed.

use std::rc::Rc;

use http::{
    HeaderMap, Method,
    header::{COOKIE, HOST, ORIGIN},
};
use subtle::ConstantTimeEq as _;

use super::{
    cookies::{self, Lean},
    credentials::{Identified, Who},
    hygiene::{Purpose, Sanitised, Scheme, Speaks},
    reply::Reply,
    respond,
    stage::{Next, Stage},
};
use crate::{
    config::AuthPolicy,
    model::{Entropy, NoEntropy},
};

/// Django's `CSRF_COOKIE_NAME`.
pub(super) const COOKIE_NAME: &str = "csrftoken";
/// Django's `CSRF_HEADER_NAME`.
const HEADER_NAME: &str = "x-csrftoken";
/// `CSRF_SECRET_LENGTH`
const SECRET_LENGTH: usize = 32;
/// `CSRF_ALLOWED_CHARS`
const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The stage.
#[derive(Debug)]
pub(super) struct Csrf {
    pub(super) trusted_origins: Rc<[String]>,
}

impl Stage for Csrf {
    type Takes = Identified;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, mut call: Identified, next: &mut impl Next<Identified>) -> Reply {
        let has_more = call.refresh_cookie.is_some() || !call.device_cookies.is_empty();
        if has_more && call.lean == Lean::Nothing && is_cross_site(&call.request, &self.trusted_origins) {
            (call.refresh_cookie, call.device_cookies) = (None, Vec::new());
        }
        if !needs_proof(&call) {
            return next.call(call);
        }
        let Sanitised { request, connection, .. } = &call.request;
        match check(request.headers(), connection.scheme, &self.trusted_origins) {
            Ok(()) => next.call(call),
            Err(_) if is_djangos_to_judge(&call) => next.call(Identified { who: Who::Anonymous, ..call }),
            Err(reason) => respond::csrf_failed(reason).into(),
        }
    }
}

/// A socket is read and written by the page that opens it, whichever site that is from, and its upgrade is a GET. On a GraphQL
/// path no other site's page opens one, with a cookie or without; elsewhere none does with a cookie, whosever it is.
fn needs_proof(call: &Identified) -> bool {
    let Sanitised { request, speaks, .. } = &call.request;
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    match (opens_socket(&call.request), speaks) {
        (false, _) => call.lean != Lean::Nothing && !is_safe,
        (true, Speaks::Other) => {
            call.lean != Lean::Nothing || (is_of_a_page(request.headers()) && request.headers().contains_key(COOKIE))
        }
        (true, Speaks::Graphql) => call.lean != Lean::Nothing || is_of_a_page(request.headers()),
    }
}

/// What another proxy asks about may be a handshake (RFC 6455 §4.1), which that proxy lets pass then.
fn opens_socket(asked: &Sanitised) -> bool {
    let has_key = || asked.request.headers().contains_key("sec-websocket-key");
    asked.websocket.is_some() || (asked.purpose == Purpose::Verdict && has_key())
}

fn is_djangos_to_judge(call: &Identified) -> bool {
    let Sanitised { speaks, terms, .. } = &call.request;
    let is_its_own = call.lean == Lean::Djangos && *speaks != Speaks::Graphql && terms.auth == AuthPolicy::Optional;
    // The proof of its forms is in their bodies, and an upgrade has none.
    is_its_own && !opens_socket(&call.request)
}

/// Whether these headers prove where the request comes from; if not, what is missing.
fn check(headers: &HeaderMap, scheme: Scheme, trusted_origins: &[String]) -> Result<(), &'static str> {
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    if matches!(site, Some(b"same-origin" | b"none")) {
        return Ok(());
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => {
            let origin = origin.to_str().unwrap_or_default();
            let is_trusted = trusted_origins.iter().any(|trusted| trusted.eq_ignore_ascii_case(origin));
            if is_trusted || is_own(origin, headers, scheme) { Ok(()) } else { Err("the Origin is not a trusted one.") }
        }
        (Some(_), Some(_)) => Err("there are several Origin headers."),
        (None, _) => check_double_submit(headers),
    }
}

/// Whether a browser makes this request for a page: it says where that is from, and a page can't keep it from that.
pub(super) fn is_of_a_page(headers: &HeaderMap) -> bool {
    ["sec-fetch-site", "origin"].iter().any(|name| headers.contains_key(*name))
}

/// Whether a browser says that a page of another site makes this request. Other clients say nothing of it.
pub(super) fn is_cross_site(asked: &Sanitised, trusted_origins: &[String]) -> bool {
    let headers = asked.request.headers();
    is_of_a_page(headers) && check(headers, asked.connection.scheme, trusted_origins).is_err()
}

/// Where the client came by TLS, a page that came in clear is another's: whoever is on the way could have written it. Else the
/// scheme is not known, since a proxy may end TLS and say nothing, so it is taken for the right one.
fn is_own(origin: &str, headers: &HeaderMap, connection: Scheme) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "https" => ":443",
        "http" if connection == Scheme::Http => ":80",
        _ => return false,
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let bare = |text: &str| text.strip_suffix(default_port).unwrap_or(text).to_ascii_lowercase();
    !host.is_empty() && bare(authority) == bare(host)
}

fn check_double_submit(headers: &HeaderMap) -> Result<(), &'static str> {
    let cookie = cookies::only(headers, COOKIE_NAME).and_then(secret_of).ok_or("CSRF cookie not set.")?;
    let mut tokens = headers.get_all(HEADER_NAME).iter();
    let token = match (tokens.next(), tokens.next()) {
        (Some(only), None) => only.to_str().ok().and_then(secret_of),
        (None | Some(_), _) => None,
    };
    let token = token.ok_or("CSRF token missing or malformed.")?;
    if bool::from(cookie.ct_eq(&token)) { Ok(()) } else { Err("CSRF token incorrect.") }
}

/// The secret of a token: itself, or, when it is twice as long, the second half less the first, character by character.
fn secret_of(token: &str) -> Option<[u8; SECRET_LENGTH]> {
    let places: Vec<usize> =
        token.bytes().map(|byte| ALPHABET.iter().position(|allowed| *allowed == byte)).collect::<Option<_>>()?;
    let places: [usize; SECRET_LENGTH] = match places.split_at_checked(SECRET_LENGTH)? {
        (secret, []) => secret.try_into().ok()?,
        (mask, masked) if masked.len() == SECRET_LENGTH => {
            let unmasked =
                masked.iter().zip(mask).map(|(masked, mask)| (masked + ALPHABET.len() - mask) % ALPHABET.len());
            unmasked.collect::<Vec<_>>().try_into().ok()?
        }
        _ => return None,
    };
    Some(places.map(|place| ALPHABET.get(place).copied().unwrap_or_default()))
}

/// A new secret, as Django would put it into the cookie.
pub(super) fn new_secret(entropy: &dyn Entropy) -> Result<String, NoEntropy> {
    let mut secret = String::with_capacity(SECRET_LENGTH);
    while secret.len() < SECRET_LENGTH {
        // Bytes from 248 on would make some characters likelier than others.
        let fair = entropy.bytes::<SECRET_LENGTH>()?.into_iter().filter(|byte| *byte < 248);
        let characters = fair.filter_map(|byte| ALPHABET.get(usize::from(byte) % ALPHABET.len()));
        secret.extend(characters.take(SECRET_LENGTH - secret.len()).map(|byte| char::from(*byte)));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        net::{IpAddr, Ipv4Addr},
        rc::Rc,
    };

    use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};

    use super::{Csrf, check, new_secret, secret_of};
    use crate::{
        config::{AuthPolicy, RefusalForm},
        http::{
            body::RequestBody,
            cookies::Lean,
            credentials::{Authorization, Identified, Who},
            drain::Drain,
            hygiene::{Connection, Purpose, Sanitised, Scheme, Speaks},
            reply::Reply,
            respond,
            routes::Terms,
            stage::Stage as _,
        },
        model::{PlainToken, RequestId, SystemEntropy},
    };

    fn proves(lines: &[(&str, &str)]) -> bool {
        proves_over(Scheme::Http, lines)
    }

    fn proves_over(scheme: Scheme, lines: &[(&str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("good.com"));
        for (name, value) in lines {
            headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        check(&headers, scheme, &["https://app.example.com".to_owned()]).is_ok()
    }

    const SECRET: &str = "abcdefghijklmnopqrstuvwxyzABCDEF";
    /// Made by Django 5.2: `_mask_cipher_secret(SECRET)`.
    const MASKED: &str = "QIBWjc8MkvEze5tdNIl21S6aBbcElMk9QJDZnheTsEOKqiHs3ZDlldsxZAC5NfOE";

    #[test]
    fn the_page_s_own_origin_is_proof() {
        assert!(proves(&[("sec-fetch-site", "same-origin")]));
        assert!(proves(&[("sec-fetch-site", "none")]));
        assert!(proves(&[("origin", "https://good.com")]));
        assert!(proves(&[("origin", "https://good.com:443")]));
        assert!(proves(&[("origin", "https://GOOD.com")]));
        assert!(proves(&[("sec-fetch-site", "cross-site"), ("origin", "https://app.example.com")]));
    }

    #[test]
    fn where_tls_ends_here_a_page_in_clear_is_anothers() {
        assert!(proves_over(Scheme::Https, &[("origin", "https://good.com")]));
        assert!(!proves_over(Scheme::Https, &[("origin", "http://good.com")]));
        assert!(proves_over(Scheme::Http, &[("origin", "http://good.com")]), "or in clear, up to a proxy");
    }

    #[test]
    fn other_origins_are_none_whatever_else_comes_along() {
        let pair = [("cookie", "csrftoken=abcdefghijklmnopqrstuvwxyzABCDEF"), ("x-csrftoken", SECRET)];
        assert!(proves(&pair), "the pair itself is right");
        for origin in [
            "null",
            "",
            "https://good.com.evil",
            "https://evil.good.com",
            "https://good.com:8443",
            "https://evil.com",
            "ftp://good.com",
            "good.com",
            "https://app.example.com.evil",
        ] {
            assert!(!proves(&[("origin", origin)]), "{origin}");
            assert!(!proves(&[("origin", origin), pair[0], pair[1]]), "{origin}");
        }
        assert!(!proves(&[("origin", "https://good.com"), ("origin", "https://evil.com")]));
        for site in ["cross-site", "same-site", "Same-Origin", ""] {
            assert!(!proves(&[("sec-fetch-site", site)]), "{site}");
        }
        assert!(!proves(&[]));
    }

    #[test]
    fn djangos_pair_is_proof_masked_or_not() {
        let cookie = ("cookie", "a=b; csrftoken=abcdefghijklmnopqrstuvwxyzABCDEF");
        assert!(proves(&[cookie, ("x-csrftoken", SECRET)]));
        assert!(proves(&[cookie, ("x-csrftoken", MASKED)]));
        assert!(!proves(&[cookie]));
        assert!(!proves(&[("x-csrftoken", SECRET)]));
        assert!(!proves(&[cookie, ("x-csrftoken", "abcdefghijklmnopqrstuvwxyzABCDEG")]));
        assert!(!proves(&[cookie, ("x-csrftoken", SECRET), ("x-csrftoken", SECRET)]));
        let planted =
            ("cookie", "csrftoken=abcdefghijklmnopqrstuvwxyzABCDEG; csrftoken=abcdefghijklmnopqrstuvwxyzABCDEF");
        assert!(!proves(&[planted, ("x-csrftoken", SECRET)]));
    }

    /// A login with a refresh token and the token of a trusted device in cookies, or with one of the two, that says this of
    /// where it comes from.
    fn login(header: (&str, &str), refresh: bool, device: bool) -> Identified {
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let forwarded_for = HeaderValue::from_static("127.0.0.1");
        let (auth, refusal, scheme) = (AuthPolicy::Optional, RefusalForm::Http, Scheme::Http);
        let (named_by_proxy, host, drain) = (false, None, Drain::unasked());
        let connection = Connection { peer, named_by_proxy, forwarded_for, scheme, host, auth, refusal, drain };
        let request = Request::post("/graphql/").header("host", "good.com").header(header.0, header.1);
        Identified {
            request: Sanitised {
                request: request.body(RequestBody::Empty).unwrap(),
                connection: Rc::new(connection),
                purpose: Purpose::Forward,
                id: RequestId::from_bytes([0; 16]),
                terms: Terms { auth, demands: None, is_routed: false, counted: None },
                speaks: Speaks::Graphql,
                websocket: None,
                rehearsed: None,
            },
            who: Who::Anonymous,
            refresh_cookie: refresh.then(|| PlainToken::new("refresh")),
            device_cookies: device.then(|| PlainToken::new("device")).into_iter().collect(),
            lean: Lean::Nothing,
            authorization: Authorization::Absent,
        }
    }

    #[test]
    fn cookies_beside_a_credential_or_none_do_not_count_for_another_sites_page() {
        let stage = Rc::new(Csrf { trusted_origins: Rc::from(["https://app.example.com".to_owned()]) });
        for (header, counts) in [
            (("sec-fetch-site", "same-origin"), true),
            (("origin", "https://app.example.com"), true),
            (("accept", "*/*"), true),
            (("sec-fetch-site", "cross-site"), false),
            (("sec-fetch-site", "same-site"), false),
            (("origin", "null"), false),
        ] {
            for (refresh, device) in [(true, true), (false, true), (true, false)] {
                let passed = Rc::new(Cell::new(None));
                let seen = Rc::clone(&passed);
                let mut next = tower::service_fn(move |call: Identified| {
                    seen.set(Some((call.refresh_cookie.is_some(), !call.device_cookies.is_empty())));
                    Reply::from(respond::json(StatusCode::OK, ""))
                });
                drop(stage.handle(login(header, refresh, device), &mut next));
                assert_eq!(passed.get(), Some((refresh && counts, device && counts)), "{header:?}");
            }
        }
    }

    #[test]
    fn what_django_would_not_write_is_no_token() {
        for token in [
            "",
            "short",
            &"a".repeat(31),
            &"a".repeat(33),
            &"a".repeat(63),
            &"a".repeat(65),
            &"ä".repeat(16),
            &"-".repeat(32),
        ] {
            assert!(secret_of(token).is_none(), "{token}");
        }
    }

    #[test]
    fn new_secrets_are_of_djangos_form_and_differ() {
        let (one, two) = (new_secret(&SystemEntropy).unwrap(), new_secret(&SystemEntropy).unwrap());
        assert!(secret_of(&one).is_some_and(|secret| secret == one.as_bytes()));
        assert_ne!(one, two);
    }
}
