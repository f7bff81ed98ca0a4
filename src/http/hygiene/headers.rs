//! Which headers end here, and which only the gateway may send.
//!
//! A backend that turns headers into variables (CGI, WSGI) reads `X-Auth-User-Id`, `x_auth_user_id` and, behind some
//! servers, `X.Auth.User.Id` as one. So names are compared folded: lower case, with `_` and `.` read as `-`.

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
        TRANSFER_ENCODING, UPGRADE,
    },
};

/// Headers by which the backend is told of the caller. Neither a client nor the backend may set one.
pub(in crate::http) const IDENTITY: [&str; 10] = [
    "x-auth-user-id",
    "x-auth-username",
    "x-auth-email",
    "x-auth-roles",
    "x-auth-permissions",
    "x-auth-session-id",
    "x-auth-method",
    "x-auth-mfa",
    "x-auth-time",
    "x-auth-assertion",
];

/// Headers by which a proxy tells where a request came from, and what it is called. What a client says of it is dropped.
const FORWARDING: [&str; 15] = [
    "forwarded",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-protocol",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-real-ip",
    "x-request-id",
];

/// Headers by which a server behind a proxy takes another path for the request's than the one in its first line. gunicorn
/// cuts what `SCRIPT_NAME` says off the path, for peers on its own machine without being asked to: `/x/graphql/` would be
/// no GraphQL path here, and one there.
const REROUTING: [&str; 5] = ["path-info", "script-name", "x-original-url", "x-rewrite-url", "x-script-name"];

/// Meant for one hop only (RFC 9110 §7.6.1), and `Expect`, which hyper answers.
const HOP_BY_HOP: [HeaderName; 7] =
    [CONNECTION, TE, UPGRADE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, EXPECT, HeaderName::from_static("keep-alive")];

/// Spellings that some server folds into a header that frames the message, says how its body is to be read, or ends at
/// this hop.
const FOLDED: [&str; 8] = [
    "content-encoding",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "proxy-connection",
    "keep-alive",
    "upgrade",
];

/// Longest name above.
const LONGEST: usize = 20;

/// Puts into headers what HTTP/2 has elsewhere: the authority into `Host`, and the crumbs that a cookie may be cut into back
/// together (RFC 9113 §8.2.3). Readers of HTTP/1.1 would see another host, and several cookie headers.
pub(super) fn translate_http2<B>(request: &mut Request<B>) {
    if request.version() != Version::HTTP_2 {
        return;
    }
    let host = request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    let headers = request.headers_mut();
    if let Some(host) = host {
        headers.insert(HOST, host);
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(mut joined) = HeaderValue::from_bytes(&crumbs.join(b"; ".as_slice()))
    {
        joined.set_sensitive(true);
        headers.insert(COOKIE, joined);
    }
}

/// Drops hop-by-hop headers and those that `Connection` names. Tells whether the request asked for a WebSocket, which takes the
/// word in `Connection`, too; any other protocol that it would rather speak (`h2c`) is declined by ignoring it (RFC 9110 §7.8).
///
/// That trailers are welcome (`TE: trailers`, §10.1.4) holds for the next hop as well: what it sends is passed on.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) -> bool {
    // One look at the names there are costs less than one for each that could be there; so below.
    if !headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        return false;
    }
    let names_websocket = headers.get_all(UPGRADE).iter().any(is_websocket);
    let takes_trailers = headers.get_all(TE).iter().any(|value| holds(value, b"trailers"));
    let named: Vec<HeaderName> =
        names(headers, CONNECTION).filter(|name| *name != HOST && *name != "close" && *name != "keep-alive").collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    let asks = names_websocket && named.contains(&UPGRADE);
    if takes_trailers && !asks {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    asks
}

/// The names of headers that this header lists, on however many lines.
pub(in crate::http) fn names(headers: &HeaderMap, list: HeaderName) -> impl Iterator<Item = HeaderName> {
    let lines = headers.get_all(list).into_iter();
    let items = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    items.filter_map(|item| HeaderName::from_bytes(item.trim_ascii()).ok())
}

/// The value of a header that is there once.
pub(in crate::http) fn only(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none())
}

/// Whether an `Upgrade` line names WebSocket, among others perhaps.
pub(in crate::http) fn is_websocket(value: &HeaderValue) -> bool {
    holds(value, b"websocket")
}

/// Whether this word is in a list by comma.
fn holds(list: &HeaderValue, word: &[u8]) -> bool {
    let mut items = list.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    items.any(|item| item.eq_ignore_ascii_case(word))
}

/// Drops the headers that frame the body: it is framed anew.
pub(super) fn remove_framing(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
}

/// Drops every header that folds to one of the gateway's, or that some server would fold into one that says how the
/// message is to be read.
pub(in crate::http) fn remove_managed(headers: &mut HeaderMap) {
    remove_each(headers, is_managed);
}

/// Drops every header that folds to one of these names.
pub(in crate::http) fn remove_folded(headers: &mut HeaderMap, names: &[&str]) {
    remove_each(headers, |name| names.iter().any(|wanted| folds_to(name, wanted)));
}

/// Whether a name in lower case folds to this one.
pub(in crate::http) fn folds_to(name: &str, wanted: &str) -> bool {
    name.bytes().map(folded).eq(wanted.bytes())
}

/// Drops every header with such a name.
pub(in crate::http) fn remove_each(headers: &mut HeaderMap, is_doomed: impl Fn(&str) -> bool) {
    let doomed: Vec<HeaderName> = headers.keys().filter(|name| is_doomed(name.as_str())).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
}

const fn folded(byte: u8) -> u8 {
    if matches!(byte, b'_' | b'.') { b'-' } else { byte }
}

/// Whether a name in lower case folds to one of those.
pub(in crate::http) fn is_managed(name: &str) -> bool {
    // Every name that is compared begins with one of these; the second ones only in another spelling.
    let as_it_is = match name.as_bytes().first() {
        Some(b'x' | b'f' | b't' | b'p' | b's') => true,
        Some(b'c' | b'k' | b'u') => false,
        _ => return false,
    };
    let differs = name.bytes().any(|byte| matches!(byte, b'_' | b'.'));
    if name.len() > LONGEST || !(as_it_is || differs) {
        return false;
    }
    let mut whole = [0; LONGEST];
    for (to, from) in whole.iter_mut().zip(name.bytes()) {
        *to = folded(from);
    }
    let whole = whole.get(..name.len()).unwrap_or_default();
    let is_one_of = |names: &[&str]| names.iter().any(|name| name.as_bytes() == whole);
    is_one_of(&IDENTITY)
        || is_one_of(&FORWARDING)
        || is_one_of(&REROUTING)
        || (differs || name == "proxy-connection") && is_one_of(&FOLDED)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{
        FOLDED, FORWARDING, HOP_BY_HOP, IDENTITY, LONGEST, REROUTING, remove_folded, remove_hop_by_hop, remove_managed,
    };

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn every_spelling_of_a_managed_header_goes() {
        for name in IDENTITY.iter().chain(&FORWARDING).chain(&REROUTING) {
            assert!(name.len() <= LONGEST, "{name}");
            let (lines, dots, capitals) = (name.replace('-', "_"), name.replace('-', "."), name.to_uppercase());
            let mixed = name.replacen('-', "_", 1);
            for spelling in [*name, &lines, &dots, &capitals, &mixed] {
                let mut headers = map(&[(spelling, "1"), (spelling, "2"), ("accept", "*/*")]);
                remove_managed(&mut headers);
                assert_eq!(headers.len(), 1, "{spelling}");
            }
        }
    }

    #[test]
    fn every_spelling_of_a_name_that_is_asked_for_goes() {
        let spellings = ["X-HTTP-Method-Override", "x_http_method_override", "X.Http-Method_Override"];
        let mut headers = map(&spellings.map(|spelling| (spelling, "POST")));
        headers.insert("x-http-method-overrides", "POST".parse().unwrap());
        remove_folded(&mut headers, &["x-http-method-override"]);
        assert_eq!(headers.len(), 1, "{headers:?}");
    }

    #[test]
    fn spellings_that_a_server_folds_into_framing_go() {
        for name in FOLDED {
            let (lines, dots) = (name.replace('-', "_"), name.replace('-', "."));
            let mut headers = map(&[(&lines, "3"), (&dots, "3"), ("proxy-connection", "close")]);
            headers.remove(name);
            remove_managed(&mut headers);
            assert!(headers.is_empty(), "{headers:?}");
        }
    }

    #[test]
    fn other_headers_stay() {
        let lines = [
            ("x-auth-token", "1"),
            ("x-correlation-id", "1"),
            ("x-csrftoken", "1"),
            ("content-type", "a"),
            ("content-length", "3"),
            ("cookie", "a=b"),
            ("x-auth-user-id-of-somebody", "1"),
        ];
        let mut headers = map(&lines);
        remove_managed(&mut headers);
        assert_eq!(headers.len(), lines.len());
    }

    #[test]
    fn what_connection_names_ends_here_and_the_host_does_not() {
        let mut headers = map(&[
            ("connection", "X-One, keep-alive ,host"),
            ("connection", "x-two,, upgrade"),
            ("upgrade", "h2c, WebSocket"),
            ("x-one", "1"),
            ("x-two", "1"),
            ("x-three", "1"),
            ("host", "a"),
            ("te", "trailers"),
        ]);
        assert!(remove_hop_by_hop(&mut headers));
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["host", "x-three"], "a WebSocket has no trailers");
        assert!(!remove_hop_by_hop(&mut map(&[("upgrade", "h2c"), ("connection", "upgrade")])));
        assert!(!remove_hop_by_hop(&mut map(&[("upgrade", "websocket"), ("connection", "close")])));
        assert!(HOP_BY_HOP.iter().all(|name| !headers.contains_key(name)));
    }

    #[test]
    fn that_trailers_are_welcome_is_passed_on_and_nothing_else_of_te() {
        let told = |lines: &[(&str, &str)]| {
            let mut headers = map(lines);
            remove_hop_by_hop(&mut headers);
            headers.get_all("te").iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told(&[("te", "gzip;q=0.5"), ("te", "x, Trailers"), ("connection", "TE")]), ["trailers"]);
        assert!(told(&[("te", "gzip"), ("connection", "TE")]).is_empty());
    }
}
