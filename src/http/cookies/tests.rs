//! What is read of cookies, and how they are set.

use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};

use super::{CallerCookie, DjangoCookie, Jar, Lean, only, pairs};
use crate::{
    auth::{Grant, IssuedToken, fakes::OneUser},
    config::{CookieMode, CookieSettings, SameSite},
    model::{PlainToken, SystemEntropy, Timestamp},
};

fn cookies(line: &[u8]) -> HeaderMap {
    HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(line).unwrap())])
}

/// Short names, and everything else as unusual as it can be.
fn settings() -> CookieSettings {
    CookieSettings {
        enabled: true,
        mode: CookieMode::Tokens,
        session_name: "s".to_owned(),
        access_name: "a".to_owned(),
        refresh_name: "r".to_owned(),
        trusted_device_name: "t".to_owned(),
        known_device_name: "k".to_owned(),
        secure: true,
        same_site: SameSite::Strict,
        domain: Some("example.com".to_owned()),
        path: "/x".to_owned(),
        trusted_origins: Vec::new(),
    }
}

fn jar(settings: CookieSettings) -> Jar {
    Jar::new(settings, DjangoCookie { name: "sessionid".to_owned(), is_accepted: true })
}

#[test]
fn names_are_those_that_a_backend_reads() {
    for line in [
        b"jwt=a".as_slice(),
        b" jwt = a ;",
        b"x=\xff; jwt=a",
        b"\xa0jwt\x85=a",
        b"\xc2\xa0jwt=a; y=\xff",
        b"jwt=\"a\"",
        b";;jwt=a;=;",
    ] {
        assert_eq!(only(&cookies(line), "jwt"), Some("a"), "{line:?}");
    }
    for line in [b"jwt".as_slice(), b"=jwt=a", b"jwt=a; jwt=b", b"\xffjwt=a", b"jwt=\xff", b"x=\"; y=jwt=a"] {
        assert_eq!(only(&cookies(line), "jwt"), None, "{line:?}");
    }
}

/// A browser heeds a deletion only so.
#[test]
fn a_deletion_has_the_attributes_of_what_it_deletes() {
    for (same_site, told) in
        [(SameSite::Lax, None), (SameSite::Strict, Some("SameSite=Strict")), (SameSite::None, Some("SameSite=None"))]
    {
        let jar = jar(CookieSettings { same_site, ..settings() });
        let mut headers = HeaderMap::new();
        jar.close(&mut headers);
        let lines: Vec<&str> = headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
        assert_eq!(lines.len(), 2);
        for line in lines {
            let attributes: Vec<&str> = line.split("; ").collect();
            for attribute in ["Max-Age=0", "Secure", "Domain=example.com", "Path=/x"] {
                assert!(attributes.contains(&attribute), "{attribute}: {line}");
            }
            assert_eq!(attributes.into_iter().find(|one| one.starts_with("SameSite")), told, "{line}");
        }
    }
}

#[test]
fn pairs_stay_as_they_are() {
    let cookies = cookies(b"a=\"x\\054\"; b = c;d");
    assert_eq!(pairs(&cookies).collect::<Vec<_>>(), [b"a=\"x\\054\"".as_slice(), b"b = c", b"d"]);
}

/// A grant of 60 seconds, on a device that is trusted, and one that is known, for so long.
fn grant(trusted: Option<Timestamp>, known: Option<Timestamp>) -> Grant {
    let token = |text: &str, expires| IssuedToken { token: PlainToken::new(text), expires };
    Grant {
        user: OneUser::john_himself(),
        access: token("access", Timestamp::from_secs(60)),
        refresh: token("refresh", Timestamp::from_secs(60)),
        ends: Timestamp::from_secs(60),
        trusted_device: trusted.map(|expires| token("device", expires)),
        known_device: known.map(|expires| token("device", expires)),
        backup_codes_left: None,
    }
}

/// The cookies that a login sets at the beginning of time, by their names.
fn set(jar: &Jar, grant: &Grant) -> Vec<String> {
    let mut headers = HeaderMap::new();
    jar.open(&mut headers, grant, Timestamp::default(), true, &SystemEntropy);
    headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_device_is_trusted_and_known_by_cookies_of_its_own_in_either_mode() {
    let until = Some(Timestamp::from_micros(86_400_000_001));
    let modes = [(CookieMode::Tokens, 2), (CookieMode::Session, 1)];
    let cookies = [("t=device", grant(until, None)), ("k=device", grant(None, until))];
    for ((mode, others), (cookie, grant)) in
        modes.into_iter().flat_map(|mode| cookies.each_ref().map(|each| (mode, each)))
    {
        let jar = jar(CookieSettings { mode, ..settings() });
        assert_eq!(set(&jar, &self::grant(None, None)).len(), others);
        let lines = set(&jar, grant);
        assert_eq!(lines.len(), others + 1);
        let mut parts = lines[others].split("; ");
        assert_eq!(parts.next(), Some(*cookie));
        let mut attributes: Vec<&str> = parts.collect();
        attributes.sort_unstable();
        let expected = ["Domain=example.com", "HttpOnly", "Max-Age=86401", "Path=/x", "SameSite=Strict", "Secure"];
        assert_eq!(attributes, expected, "{mode:?}");
        let mut closed = HeaderMap::new();
        jar.close(&mut closed);
        let deletes = |line: &HeaderValue| line.as_bytes().starts_with(&cookie.as_bytes()[..2]);
        assert!(!closed.get_all(SET_COOKIE).iter().any(deletes), "{closed:?}");
    }
    let off = jar(CookieSettings { enabled: false, ..settings() });
    assert!(set(&off, &grant(until, until)).is_empty());
}

#[test]
fn the_cookies_of_a_device_say_nothing_of_who_calls() {
    for mode in [CookieMode::Tokens, CookieMode::Session] {
        let jar = jar(CookieSettings { mode, ..settings() });
        let read = |line: &str| {
            let presented = jar.read(&cookies(line.as_bytes()));
            let caller = presented.caller.map(|caller| match caller {
                CallerCookie::Access(token) | CallerCookie::Session(token) | CallerCookie::Django(token) => {
                    token.expose().to_owned()
                }
            });
            let devices: Vec<&str> = presented.devices.iter().map(|device| device.expose()).collect();
            (devices.join(" "), caller, presented.lean)
        };
        let device = "d".to_owned();
        assert_eq!(read("t=d"), (device.clone(), None, Lean::Nothing), "{mode:?}");
        assert_eq!(read("k=d"), (device.clone(), None, Lean::Nothing), "{mode:?}");
        assert_eq!(read("k=e; t=d"), ("d e".to_owned(), None, Lean::Nothing), "{mode:?}");
        assert_eq!(read("t=d; a=x; s=x"), (device.clone(), Some("x".to_owned()), Lean::Ours));
        assert_eq!(read("t=d; sessionid=x"), (device, Some("x".to_owned()), Lean::Djangos));
        for nobodys in ["t=d; t=d", "k=d; k=e", "known_device=d", "t=d; t=e", "t=", "T=d", "trusted_device=d"] {
            assert_eq!(read(nobodys), (String::new(), None, Lean::Nothing), "{nobodys}");
        }
    }
    let off = jar(CookieSettings { enabled: false, ..settings() });
    assert!(off.read(&cookies(b"t=d; k=d")).devices.is_empty());
}

#[test]
fn the_cookies_of_a_device_are_the_gateways_alone() {
    let jar = jar(settings());
    for graphql in [true, false] {
        let mut headers = cookies(b"x=1; t=d; k=d; y=2");
        jar.withhold(&mut headers, graphql);
        assert_eq!(headers[COOKIE], "x=1; y=2");
    }
    for line in ["k=planted", "t=planted", "t=planted; Path=/", "=t=planted"] {
        assert!(jar.is_managed(&HeaderValue::from_static(line)), "{line}");
    }
    assert!(!jar.is_managed(&HeaderValue::from_static("tt=theirs")));
}
