//! `[server]`: limits and timeouts towards clients.

use std::{net::IpAddr, ops::RangeInclusive, time::Duration};

use ipnet::IpNet;

use super::{
    listener::Listener,
    reader::{Fault, GIB, KIB, MIB, Table, days, millis, minutes, seconds},
};

/// What hyper's buffer can be limited to.
const HEADER_LIMITS: RangeInclusive<u64> = 8 * KIB..=MIB;

/// Limits and timeouts towards clients.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Data-path threads, one runtime each; default: one per processor.
    pub threads: usize,
    /// Proxies before the gateway, whose word for a client's address counts; none: that of no proxy.
    pub trusted_proxies: Vec<IpNet>,
    /// What they write the address to.
    pub client_address_header: AddressHeader,
    /// Largest request body, in bytes, on any path.
    pub body_limit: u64,
    /// Largest request head, in bytes.
    pub header_limit: usize,
    /// From a connection's start, or the end of the exchange before, until a request's head is complete: the patience
    /// with those who send slowly, and the time that an idle connection is kept. In clear, silence before the first byte
    /// counts apart.
    pub header_timeout: Duration,
    /// Requests that one connection of HTTP/2 may have under way.
    pub max_concurrent_streams: u32,
    /// How long a client may take nothing of an answer; by TLS, which is written in pieces of 64 KiB, not a whole one. One of
    /// HTTP/2 that sends nothing for so long is asked whether it is there.
    pub write_timeout: Duration,
    /// From the end of the head until a GraphQL body is complete.
    pub body_timeout: Duration,
    /// Whether the configuration is read again when one of its files has changed.
    pub watch_config: bool,
    /// After a reload, how long sockets and answers that go on may last that began before.
    pub reload_grace: Duration,
    /// From SIGTERM until listeners close: time for those who send clients here to hear of it.
    pub drain_delay: Duration,
    /// After that, how long requests in flight may take.
    pub shutdown_grace: Duration,
}

/// Where proxies write the address that they were asked from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressHeader {
    /// `X-Forwarded-For`: a list of addresses.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): `for=`.
    Forwarded,
}

impl ServerSettings {
    pub(super) fn read(table: &Table<'_>, listeners: &[Listener]) -> Self {
        let patience = millis(100)..=minutes(60);
        let proxies = table.texts("trusted_proxies", "a network such as \"10.0.0.0/8\", or an address", parse_network);
        let trusted_proxies = proxies.unwrap_or_default();
        if trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
            let why = "holds every address: each client says where it comes from, and is counted there";
            table.warn("trusted_proxies", why, "name the networks of your proxies");
        }
        if trusted_proxies.is_empty() && listeners.iter().any(|listener| listener.proxy_protocol) {
            let why = "names no proxy, and a listener has `proxy_protocol`: nobody could connect there";
            table.reject("trusted_proxies", why, "name the proxies that speak it");
        }
        let client_address_header = table.choice(
            "client_address_header",
            AddressHeader::default(),
            &[("x-forwarded-for", AddressHeader::XForwardedFor), ("forwarded", AddressHeader::Forwarded)],
        );
        if trusted_proxies.is_empty() && table.has("client_address_header") {
            table.warn("client_address_header", "has no effect", "name the proxies by `trusted_proxies`, or remove it");
        }
        Self {
            threads: table.number("threads", table.processors(), &(1..=1024)),
            trusted_proxies,
            client_address_header,
            body_limit: table.size("body_limit", 10 * MIB, &(KIB..=1024 * GIB)),
            header_limit: table.size("header_limit", 32 * KIB, &HEADER_LIMITS),
            header_timeout: table.duration("header_timeout", seconds(75), &patience),
            max_concurrent_streams: table.number("max_concurrent_streams", 128, &(1..=10_000)),
            write_timeout: table.duration("write_timeout", seconds(60), &patience),
            body_timeout: table.duration("body_timeout", seconds(30), &patience),
            watch_config: table.flag("watch_config", true),
            reload_grace: table.duration("reload_grace", minutes(10), &(seconds(0)..=days(7))),
            drain_delay: table.duration("drain_delay", seconds(0), &(seconds(0)..=minutes(60))),
            shutdown_grace: table.duration("shutdown_grace", seconds(30), &(seconds(0)..=minutes(60))),
        }
    }
}

/// An address is a network of one. Addresses of IPv4 are compared as such, so a network of them that is written as one of
/// IPv6 would hold nobody.
fn parse_network(text: &str) -> Result<IpNet, Fault> {
    let address = || text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
    match text.parse().or_else(|_| address()).map_err(|_| Fault::Form)? {
        IpNet::V6(network) if network.addr().to_ipv4_mapped().is_some() => {
            Err(Fault::Because("is a network of IPv4 addresses written as IPv6; write it as IPv4".to_owned()))
        }
        network => Ok(network),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{config, messages};

    #[test]
    fn there_are_as_many_threads_as_processors() {
        assert!(config("").server.threads >= 1);
        assert_eq!(config("[server]\nthreads = 3").server.threads, 3);
    }

    #[test]
    fn a_proxy_is_a_network_or_an_address() {
        assert!(config("").server.trusted_proxies.is_empty());
        let text = "[server]\ntrusted_proxies = ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1']";
        let networks: Vec<String> = config(text).server.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "::1/128"]);
        for bad in ["", "10.0.0.0/33", "10.0.0", "proxy.example.com", "10.0.0.1:80", "*"] {
            let found = messages(&format!("[server]\ntrusted_proxies = ['{bad}']"));
            assert!(found.len() == 1 && found[0].contains("expected a network such as"), "{bad}: {found:?}");
        }
        let mapped = messages("[server]\ntrusted_proxies = ['::ffff:10.0.0.0/104']");
        assert!(mapped.len() == 1 && mapped[0].contains("write it as IPv4"), "{mapped:?}");
        assert_eq!(messages("[server]\nclient_address_header = 'forwarded'").len(), 1, "whose?");
        for all in ["0.0.0.0/0", "::/0"] {
            let found = messages(&format!("[server]\ntrusted_proxies = ['10.0.0.0/8', '{all}']"));
            assert!(found.len() == 1 && found[0].contains("each client says where it comes from"), "{found:?}");
        }
    }

    #[test]
    fn the_proxy_protocol_needs_proxies_that_speak_it() {
        let listener = "[[listeners]]\nproxy_protocol = true\n";
        let found = messages(listener);
        assert!(found.len() == 1 && found[0].starts_with("`server.trusted_proxies` names no proxy"), "{found:?}");
        assert!(messages(&format!("{listener}[server]\ntrusted_proxies = ['10.0.0.1']")).is_empty());
        assert!(!config("").listeners[0].proxy_protocol);
    }

    #[test]
    fn numbers_and_sizes_have_bounds() {
        assert_eq!(messages("[server]\nthreads = 0"), ["`server.threads`: must be from 1 to 1024, not 0"]);
        assert_eq!(messages("[server]\nthreads = -1"), ["`server.threads`: must be from 1 to 1024, not -1"]);
        assert_eq!(
            messages("[server]\nheader_limit = '4KiB'\nshutdown_grace = '2h'"),
            [
                "`server.header_limit`: must be from 8KiB to 1MiB, not 4KiB",
                "`server.shutdown_grace`: must be from 0s to 1h, not 2h"
            ]
        );
    }
}
