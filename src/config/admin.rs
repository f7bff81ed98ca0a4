//! `[admin]`: the listener by which operators and their machines ask about the gateway itself.

use std::net::{IpAddr, SocketAddr};

use super::{
    listener::Listener,
    reader::{Fault, Table},
};

const ADDRESS: &str = "\"off\", or an address such as \"127.0.0.1:9902\" or \"[::1]:9902\"";

/// Where the gateway is asked about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminSettings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
}

impl AdminSettings {
    /// `None` where nobody may ask.
    pub(super) fn read(table: &Table<'_>, listeners: &[Listener]) -> Option<Self> {
        let address = table.text("address", ADDRESS, parse_address).flatten();
        let exposed = table.flag("exposed", false);
        let Some(address) = address else {
            if exposed {
                table.warn("exposed", "has no effect", "say by `address` where the gateway is asked, or remove it");
            }
            return None;
        };
        // Port 0 is another port each time.
        if address.port() != 0 && listeners.iter().any(|listener| listener.address == address) {
            table.reject("address", "is that of a listener for clients", "give it an address of its own");
        }
        if !exposed && !is_private(address.ip()) {
            table.warn(
                "address",
                "may be one that strangers reach: whoever asks there is answered",
                "use 127.0.0.1 or an address of a private network; or see to it that only those who watch the gateway \
                 get there, and set `exposed = true`",
            );
        }
        Some(Self { address })
    }
}

fn parse_address(text: &str) -> Result<Option<SocketAddr>, Fault> {
    match text {
        "off" => Ok(None),
        address => address.parse().map(Some).map_err(|_| Fault::Form),
    }
}

/// Reached from this machine or network alone (RFC 1918, RFC 3927, RFC 4193). `0.0.0.0` is every address that there is.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{config, messages};

    fn at(address: &str, more: &str) -> Vec<String> {
        messages(&format!("[admin]\naddress = '{address}'\n{more}"))
    }

    #[test]
    fn nobody_may_ask_until_it_is_said_where() {
        assert_eq!((config("").admin, config("[admin]\naddress = 'off'").admin), (None, None));
        let admin = config("[admin]\naddress = '127.0.0.1:9902'").admin.unwrap();
        assert_eq!(admin.address.to_string(), "127.0.0.1:9902");
        for bad in ["", "9902", "localhost:9902", "no"] {
            let found = at(bad, "");
            assert!(found.len() == 1 && found[0].contains("expected \"off\", or an address"), "{bad}: {found:?}");
        }
    }

    #[test]
    fn an_address_that_strangers_may_reach_is_warned_of_unless_it_is_meant() {
        for private in ["127.0.0.1:1", "10.1.2.3:1", "192.168.0.1:1", "169.254.1.1:1", "[::1]:1", "[fd00::1]:1"] {
            assert_eq!(at(private, ""), Vec::<String>::new(), "{private}");
        }
        for open in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:1"] {
            let found = at(open, "");
            assert!(found.len() == 1 && found[0].contains("strangers"), "{open}: {found:?}");
            assert!(at(open, "exposed = true").is_empty(), "{open}");
        }
        assert_eq!(messages("[admin]\nexposed = true"), ["`admin.exposed` has no effect"]);
    }

    #[test]
    fn clients_and_operators_ask_at_different_addresses() {
        let both = |port: u16| {
            messages(&format!("[[listeners]]\naddress = '[::1]:{port}'\n[admin]\naddress = '[::1]:{port}'"))
        };
        assert_eq!(both(81), ["`admin.address` is that of a listener for clients"]);
        assert!(both(0).is_empty());
    }
}
