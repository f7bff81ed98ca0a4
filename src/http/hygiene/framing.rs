//! What hyper leaves to its user: a method that is told in one way, a target of some length, one `Host`, one length of the
//! body (RFC 9112 §3, §3.2, §6.3). In HTTP/2
//! the target has an authority (RFC 9113 §8.3.1), and a `Host` beside it repeats it or is none of ours.

use http::{
    HeaderMap, Method, Request, Uri, Version,
    header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
    uri::Authority,
};

use super::Unfit;

/// Longest target, in bytes: twice what RFC 9110 §4.1 asks everybody to take, and what proxies before a gateway pass on.
const LONGEST_TARGET: usize = 16 * 1024;

/// Checks method, target, host and framing.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Unfit> {
    check_method(request.method())?;
    check_target(request.uri())?;
    check_host(request.uri(), request.version(), request.headers())?;
    check_length(request.version(), request.headers())
}

/// Methods are told apart by case (RFC 9110 §9.1), and all that are in use are in capitals. Some backends put any other into
/// capitals, Django among them: `post` would be no `POST` for a route, and one for the backend.
fn check_method(method: &Method) -> Result<(), Unfit> {
    let is_lower = method.as_str().bytes().any(|byte| byte.is_ascii_lowercase());
    if is_lower || matches!(*method, Method::CONNECT | Method::TRACE) { Err(Unfit::Method) } else { Ok(()) }
}

fn check_target(target: &Uri) -> Result<(), Unfit> {
    let length = target.path_and_query().map_or(0, |target| target.as_str().len());
    if length > LONGEST_TARGET { Err(Unfit::Target) } else { Ok(()) }
}

/// Exactly one `Host` in HTTP/1.1, a name or an address with or without a port. In absolute form the target's authority must
/// be the same: the backend gets the header. HTTP/2 does without the header: the authority becomes it, and for a backend of
/// HTTP/2 the other way round. So it has to be one: `a:1:2` and `[::1` are not.
fn check_host(target: &Uri, version: Version, headers: &HeaderMap) -> Result<(), Unfit> {
    let mut hosts = headers.get_all(HOST).iter();
    let authority = target.authority().map(|authority| authority.as_str().as_bytes());
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.as_bytes(),
        (None, None) if version == Version::HTTP_10 => return Ok(()),
        (None, None) if version == Version::HTTP_2 => authority.ok_or(Unfit::Host)?,
        (None | Some(_), _) => return Err(Unfit::Host),
    };
    let same = authority.is_none_or(|authority| authority.eq_ignore_ascii_case(host));
    if same && is_host(host) { Ok(()) } else { Err(Unfit::Host) }
}

/// A name or an address, with a port or without.
pub(super) fn is_host(text: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte);
    text.iter().all(is_name) && Authority::try_from(text).is_ok()
}

/// hyper refuses lengths that contradict each other and drops a length beside a coding; a coding other than `chunked`
/// alone it lets pass.
fn check_length(version: Version, headers: &HeaderMap) -> Result<(), Unfit> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => {}
        (Some(only), None) if version == Version::HTTP_11 && only.as_bytes().eq_ignore_ascii_case(b"chunked") => {}
        (Some(_), _) => return Err(Unfit::Framing),
    }
    let digits = |value: &http::HeaderValue| !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit);
    if headers.get_all(CONTENT_LENGTH).iter().all(digits) { Ok(()) } else { Err(Unfit::Framing) }
}

#[cfg(test)]
mod tests {
    use http::{Request, Version};

    use super::{LONGEST_TARGET, Unfit, check};

    fn checked(target: &str, headers: &[(&str, &str)]) -> Result<(), Unfit> {
        let mut request = Request::builder().uri(target).version(Version::HTTP_11);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap())
    }

    #[test]
    fn exactly_one_host_that_is_one() {
        assert_eq!(checked("/", &[("Host", "api.example.com:8080")]), Ok(()));
        assert_eq!(checked("/", &[("Host", "[::1]:80")]), Ok(()));
        assert_eq!(checked("/", &[]), Err(Unfit::Host));
        assert_eq!(checked("/", &[("Host", "a"), ("Host", "a")]), Err(Unfit::Host));
        for odd in ["", "a,b", "user@a", "a/b", "a b", "a:1:2", "[::1", "a[b", "::1"] {
            assert_eq!(checked("/", &[("Host", odd)]), Err(Unfit::Host), "{odd}");
        }
    }

    #[test]
    fn a_target_has_an_end() {
        let target = |length: usize| format!("/?{}", "x".repeat(length - 2));
        assert_eq!(checked(&target(LONGEST_TARGET), &[("Host", "a")]), Ok(()));
        assert_eq!(checked(&target(LONGEST_TARGET + 1), &[("Host", "a")]), Err(Unfit::Target));
    }

    #[test]
    fn the_target_may_repeat_the_host_and_not_contradict_it() {
        assert_eq!(checked("http://api.example.com/x", &[("Host", "API.example.com")]), Ok(()));
        assert_eq!(checked("http://other.example.com/x", &[("Host", "api.example.com")]), Err(Unfit::Host));
    }

    #[test]
    fn in_http_2_the_target_names_the_host_and_a_header_may_repeat_it() {
        let checked = |target: &str, hosts: &[&str]| {
            let request = Request::builder().uri(target).version(Version::HTTP_2);
            check(&hosts.iter().fold(request, |request, host| request.header("host", *host)).body(()).unwrap())
        };
        assert_eq!(checked("https://api.example.com/x", &[]), Ok(()));
        assert_eq!(checked("https://api.example.com/x", &["API.example.com"]), Ok(()));
        assert_eq!(checked("/x", &["api.example.com"]), Ok(()), "made of HTTP/1.1 by a proxy, RFC 9113 §8.3.1");
        assert_eq!(checked("/x", &[]), Err(Unfit::Host));
        assert_eq!(checked("https://api.example.com/x", &["other.example.com"]), Err(Unfit::Host));
        assert_eq!(checked("https://api.example.com/x", &["api.example.com", "api.example.com"]), Err(Unfit::Host));
        assert_eq!(checked("https://user@api.example.com/x", &[]), Err(Unfit::Host));
    }

    #[test]
    fn one_way_to_read_the_length() {
        let host = ("Host", "a");
        assert_eq!(checked("/", &[host, ("Transfer-Encoding", "Chunked")]), Ok(()));
        for coding in ["gzip, chunked", "chunked, gzip", "xchunked", "identity", "chunked, chunked", ""] {
            assert_eq!(checked("/", &[host, ("Transfer-Encoding", coding)]), Err(Unfit::Framing), "{coding}");
        }
        let twice = [host, ("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")];
        assert_eq!(checked("/", &twice), Err(Unfit::Framing));
        for length in ["3,3", "+3", "0x3", "-1", ""] {
            assert_eq!(checked("/", &[host, ("Content-Length", length)]), Err(Unfit::Framing), "{length}");
        }
    }

    #[test]
    fn methods_that_speak_to_proxies_or_could_be_read_as_others_are_refused() {
        let checked = |method| check(&Request::builder().method(method).uri("/").header("Host", "a").body(()).unwrap());
        for method in ["CONNECT", "TRACE", "post", "Post", "POSt", "propfind"] {
            assert_eq!(checked(method), Err(Unfit::Method), "{method}");
        }
        for method in ["POST", "PROPFIND", "M-SEARCH"] {
            assert_eq!(checked(method), Ok(()), "{method}");
        }
    }
}
