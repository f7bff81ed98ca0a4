//! Where a request comes from, and how: the peer, or whom the peer says it from if it is a proxy that may say so.
//!
//! Each proxy adds the address that it was asked from at the end of `X-Forwarded-For` (or, as `for=`, of `Forwarded`, RFC 7239);
//! what stands before that is hearsay. So the client is the last address from the right that is no proxy's of `[server]
//! trusted_proxies`:
//!
//! | peer | header | client |
//! |---|---|---|
//! | 203.0.113.9 | `6.6.6.6` | 203.0.113.9: nobody trusts it |
//! | 10.0.0.1, trusted | `6.6.6.6, 203.0.113.9, 10.0.0.2` | 203.0.113.9: 10.0.0.2 is trusted, too, and was asked by that |
//! | 10.0.0.1, trusted | `203.0.113.9, unknown` | 10.0.0.1: nobody knows by whom it was asked |
//!
//! A proxy writes one of the two headers, and lets the other pass as a client sent it: so one is believed, `[server]
//! client_address_header`, and the other isn't looked at. Where the PROXY protocol has named the client neither is: a proxy
//! that passes on bytes adds to no header, so whatever stands there was written by the client.
//!
//! Beside the address stand the scheme and the host that the client used: in `X-Forwarded-Proto` and `X-Forwarded-Host`, or as
//! `proto=` and `host=` of the same element. What is said twice, or is none, counts as not said. No port is believed: one that
//! isn't the scheme's own stands in the host.
//!
//! Caveat: a proxy that writes `X-Forwarded-For` and lets the other two pass as a client sent them says what its client likes.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    rc::Rc,
};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{FORWARDED, GetAll},
};
use ipnet::IpNet;

use super::{Connection, Scheme, framing::is_host, headers::only};
use crate::config::AddressHeader;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies whose word counts.
#[derive(Debug)]
pub(in crate::http) struct TrustedProxies {
    /// Where they are.
    pub(in crate::http) networks: Vec<IpNet>,
    /// What they write.
    pub(in crate::http) header: AddressHeader,
}

/// What a proxy says of a request that it passes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    client: Option<IpAddr>,
    scheme: Option<Scheme>,
    host: Option<HeaderValue>,
}

impl TrustedProxies {
    /// The connection as that of the client whom its proxies name.
    pub(super) fn behind(&self, connection: Rc<Connection>, headers: &HeaderMap) -> Rc<Connection> {
        if !self.believes(&connection) {
            return connection;
        }
        let Said { client, scheme, host } = self.said(headers);
        let (peer, scheme) = (client.unwrap_or(connection.peer), scheme.unwrap_or(connection.scheme));
        if peer == connection.peer && scheme == connection.scheme && host.is_none() {
            return connection;
        }
        match HeaderValue::try_from(peer.to_string()) {
            Ok(forwarded_for) => {
                Rc::new(Connection { peer, forwarded_for, scheme, host, ..Connection::clone(&connection) })
            }
            Err(_) => connection,
        }
    }

    fn said(&self, headers: &HeaderMap) -> Said {
        match self.header {
            AddressHeader::XForwardedFor => {
                let lines = headers.get_all(FORWARDED_FOR);
                let hops = elements(&lines).map(|text| address(text).map(|hop| (hop, ())));
                Said {
                    client: self.last_untrusted(hops).map(|(client, ())| client),
                    scheme: only(headers, FORWARDED_PROTO).and_then(|said| scheme(said.as_bytes())),
                    host: only(headers, FORWARDED_HOST).and_then(|said| host(said.as_bytes())),
                }
            }
            AddressHeader::Forwarded => {
                let lines = headers.get_all(FORWARDED);
                let hops = elements(&lines).map(|text| named(text).and_then(|said| Some((said.client?, said))));
                self.last_untrusted(hops).map(|(_, said)| said).unwrap_or_default()
            }
        }
    }

    /// `hops`: from the right, an address and what is said with it, or something else. `None`: the peer itself.
    fn last_untrusted<T>(&self, hops: impl Iterator<Item = Option<(IpAddr, T)>>) -> Option<(IpAddr, T)> {
        let mut last = None;
        for hop in hops {
            match hop {
                Some(hop) if self.trusts(hop.0) => last = Some(hop),
                Some(client) => return Some(client),
                None => return last,
            }
        }
        last
    }

    /// Whether what headers say of a request counts that comes by this connection: a proxy wrote it, and may.
    pub(in crate::http) fn believes(&self, connection: &Connection) -> bool {
        !connection.named_by_proxy && self.trusts(connection.peer)
    }

    /// Whether this is one of theirs.
    pub(in crate::http) fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// What stands between commas, from the right. A comma in a quoted text makes no address of it.
fn elements<'h>(lines: &GetAll<'h, HeaderValue>) -> impl Iterator<Item = &'h [u8]> {
    lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

/// What an element of `Forwarded` says, if it can be read in one way only: each name once, a value in quotes or without any.
fn named(element: &[u8]) -> Option<Said> {
    let mut said = Said::default();
    let mut seen = [false; 3];
    for pair in std::str::from_utf8(element).ok()?.split(';') {
        let (name, value) = pair.split_once('=')?;
        let value = unquoted(value.trim())?.as_bytes();
        let place = ["for", "proto", "host"].iter().position(|known| name.trim().eq_ignore_ascii_case(known));
        let Some(place) = place else { continue };
        if std::mem::replace(seen.get_mut(place)?, true) {
            return None;
        }
        match place {
            0 => said.client = Some(address(value)?),
            1 => said.scheme = scheme(value),
            _ => said.host = host(value),
        }
    }
    Some(said)
}

/// A value without its quotes; `None` where they are not its first and last character. What a client's `Host` holds can't
/// begin a pair of its own then, in the quotes of a proxy that wrote it down as it came.
fn unquoted(value: &str) -> Option<&str> {
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    (!inner.contains(['"', '\\'])).then_some(inner)
}

/// `wss` is what Traefik calls it when a WebSocket is asked for.
fn scheme(word: &[u8]) -> Option<Scheme> {
    let is = |known: &[u8]| word.eq_ignore_ascii_case(known);
    if is(b"https") || is(b"wss") {
        Some(Scheme::Https)
    } else if is(b"http") || is(b"ws") {
        Some(Scheme::Http)
    } else {
        None
    }
}

fn host(text: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text).ok().filter(|_| is_host(text))
}

/// An address, with a port or without; of IPv6 in brackets or not. `None` for `unknown`, `_hidden` and whatever else.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Connection, TrustedProxies};
    use crate::{
        config::{AddressHeader, AuthPolicy, RefusalForm},
        http::{drain::Drain, hygiene::Scheme},
    };

    /// Whom a request with these header lines, by this peer, is taken to come from.
    fn client(peer: &str, lines: &[(&str, &str)]) -> String {
        believing(AddressHeader::XForwardedFor, peer, lines)
    }

    fn believing(header: AddressHeader, peer: &str, lines: &[(&str, &str)]) -> String {
        found(header, peer, false, lines)
    }

    fn found(header: AddressHeader, peer: &str, named_by_proxy: bool, lines: &[(&str, &str)]) -> String {
        let networks = ["10.0.0.0/8", "192.0.2.1/32", "2001:db8:1::/48"].map(|network| network.parse().unwrap());
        let connection = Connection {
            peer: peer.parse().unwrap(),
            named_by_proxy,
            forwarded_for: HeaderValue::try_from(peer).unwrap(),
            scheme: Scheme::Http,
            host: None,
            auth: AuthPolicy::Optional,
            refusal: RefusalForm::Http,
            drain: Drain::unasked(),
        };
        let headers: HeaderMap = lines
            .iter()
            .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap()))
            .fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            });
        let found = TrustedProxies { networks: networks.into(), header }.behind(Rc::new(connection), &headers);
        assert_eq!(found.forwarded_for, found.peer.to_string(), "what the backend is told");
        found.peer.to_string()
    }

    fn listed(value: &str) -> String {
        client("10.0.0.1", &[("x-forwarded-for", value)])
    }

    fn named(value: &str) -> String {
        believing(AddressHeader::Forwarded, "10.0.0.1", &[("forwarded", value)])
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        for lines in [&[("x-forwarded-for", "6.6.6.6")], &[("forwarded", "for=6.6.6.6")], &[("x-real-ip", "6.6.6.6")]] {
            assert_eq!(client("203.0.113.9", lines), "203.0.113.9");
        }
        assert_eq!(client("203.0.113.9", &[("x-forwarded-for", "10.0.0.1")]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &[("x-real-ip", "6.6.6.6"), ("x_forwarded_for", "6.6.6.6")]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("2001:db8:1::9", &[("x-forwarded-for", "203.0.113.9")]), "203.0.113.9");
    }

    #[test]
    fn the_client_is_the_last_from_the_right_that_is_not_trusted() {
        assert_eq!(listed("203.0.113.9"), "203.0.113.9");
        assert_eq!(listed("6.6.6.6, 203.0.113.9"), "203.0.113.9");
        assert_eq!(listed("6.6.6.6,203.0.113.9 ,10.0.0.2,\t192.0.2.1"), "203.0.113.9");
        assert_eq!(listed("10.0.0.3, 10.0.0.2"), "10.0.0.3", "a client of the network itself");
        let lines =
            [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "10.0.0.2")];
        assert_eq!(client("10.0.0.1", &lines), "203.0.113.9");
        assert_eq!(named("for=6.6.6.6, for=203.0.113.9;proto=https;by=10.0.0.2, For=10.0.0.2"), "203.0.113.9");
    }

    #[test]
    fn what_is_no_address_hides_whatever_stands_before_it() {
        for text in ["unknown", "_hidden", "", "203.0.113", "203.0.113.9.1", "localhost", "\"203.0.113.9\"", "::1%eth0"]
        {
            assert_eq!(listed(&format!("203.0.113.9, {text}, 10.0.0.2")), "10.0.0.2", "{text}");
            assert_eq!(named(&format!("for=203.0.113.9, for={text}x, for=10.0.0.2")), "10.0.0.2", "{text}");
        }
        for text in
            ["for=\"", "for", "by=203.0.113.9", "for=203.0.113.9;for=203.0.113.8", "203.0.113.9", "for=x;by=\"a"]
        {
            assert_eq!(named(&format!("{text}, for=10.0.0.2")), "10.0.0.2", "{text}");
        }
        assert_eq!(named("for=\"6.6.6.6, for=203.0.113.9"), "203.0.113.9", "an open quote hides nothing behind it");
    }

    #[test]
    fn where_the_proxy_protocol_names_the_client_no_header_does() {
        let lines = [("x-forwarded-for", "6.6.6.6"), ("forwarded", "for=6.6.6.6")];
        for header in [AddressHeader::XForwardedFor, AddressHeader::Forwarded] {
            for peer in ["203.0.113.9", "10.0.0.1"] {
                assert_eq!(found(header, peer, true, &lines), peer);
            }
            assert_eq!(found(header, "10.0.0.1", false, &lines), "6.6.6.6");
        }
    }

    #[test]
    fn ports_and_brackets_are_no_part_of_an_address() {
        for text in ["203.0.113.9:4711", "::ffff:203.0.113.9", "[::ffff:203.0.113.9]:80"] {
            assert_eq!(listed(text), "203.0.113.9", "{text}");
        }
        for text in ["2001:db8::9", "[2001:db8::9]", "[2001:db8::9]:4711"] {
            assert_eq!(listed(text), "2001:db8::9", "{text}");
            assert_eq!(named(&format!("for=\"{text}\"")), "2001:db8::9", "{text}");
        }
        assert_eq!(named("FOR=\"203.0.113.9:4711\""), "203.0.113.9");
        assert_eq!(named("proto=http; for = 203.0.113.9"), "203.0.113.9");
    }

    #[test]
    fn the_header_that_the_proxies_do_not_write_is_the_clients_own() {
        let both = |list, pair| [("x-forwarded-for", list), ("forwarded", pair)];
        for pair in ["for=6.6.6.6", "for=_hidden", "for=\""] {
            assert_eq!(client("10.0.0.1", &both("203.0.113.9", pair)), "203.0.113.9", "{pair}");
        }
        for list in ["6.6.6.6", "unknown", ""] {
            let found = believing(AddressHeader::Forwarded, "10.0.0.1", &both(list, "for=203.0.113.9"));
            assert_eq!(found, "203.0.113.9", "{list}");
        }
        assert_eq!(client("10.0.0.1", &[("forwarded", "for=6.6.6.6")]), "10.0.0.1");
    }
}
