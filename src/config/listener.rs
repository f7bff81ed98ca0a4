//! `[[listeners]]`: where clients connect.

use std::net::{Ipv4Addr, SocketAddr};

use super::reader::{Fault, Table};

/// One address that clients connect to.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// What a request must show here.
    pub auth: AuthPolicy,
}

/// What happens to requests without a valid credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthPolicy {
    /// Answered with 401; except auth operations of GraphQL paths, by which a credential is got.
    Required,
    /// Forwarded as anonymous.
    #[default]
    Optional,
    /// Credentials are not looked at: everything is forwarded as anonymous, no document is looked into.
    None,
}

impl Listener {
    pub(super) fn read_all(root: &Table<'_>) -> Vec<Self> {
        let mut known: Vec<SocketAddr> = Vec::new();
        root.tables("listeners", |table| {
            let listener = Self::read(table);
            // Port 0 is another port each time.
            if listener.address.port() != 0 && known.contains(&listener.address) {
                table.reject("address", "is that of another listener", "give each listener an address of its own");
            }
            known.push(listener.address);
            listener
        })
    }

    fn read(table: &Table<'_>) -> Self {
        let address = table.text("address", "an address such as \"127.0.0.1:8080\" or \"[::]:8080\"", |text| {
            text.parse::<SocketAddr>().map_err(|_| Fault::Form)
        });
        let listener = Self {
            address: address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
            auth: table.choice(
                "auth",
                AuthPolicy::default(),
                &[("required", AuthPolicy::Required), ("optional", AuthPolicy::Optional), ("none", AuthPolicy::None)],
            ),
        };
        if listener.auth == AuthPolicy::None && !listener.is_local() {
            table.warn(
                "auth",
                "is \"none\" on an address that other machines reach: logins there go to the backend itself",
                "listen on 127.0.0.1, or use \"optional\"",
            );
        }
        listener
    }

    /// Only this machine reaches it.
    pub(super) const fn is_local(&self) -> bool {
        self.address.ip().is_loopback()
    }
}
