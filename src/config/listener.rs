//! `[[listeners]]`: where clients connect.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use super::{
    reader::{Fault, Table},
    tls::ServerTls,
};

/// One address that clients connect to.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// What a request must show here, where no route says otherwise.
    pub auth: AuthPolicy,
    /// How one is refused that doesn't.
    pub refusal: RefusalForm,
    /// How it speaks TLS; `None` where it speaks none.
    pub tls: Option<ServerTls>,
    /// A proxy says first, by the PROXY protocol, who connects.
    pub proxy_protocol: bool,
    /// Connections at once; further ones wait.
    pub max_connections: usize,
}

/// What happens to requests without a valid credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthPolicy {
    /// Refused; except auth operations of open GraphQL paths, by which a credential is got.
    Required,
    /// Forwarded as anonymous.
    #[default]
    Optional,
    /// Credentials are not looked at: everything is forwarded as anonymous, no document is looked into.
    None,
}

/// How a request is refused on a GraphQL path whose caller lacks something. Elsewhere the answer is 401 or 403 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefusalForm {
    /// 401 or 403, whatever it asks.
    #[default]
    Http,
    /// As a GraphQL server refuses a field: 200, each field null and an error with its path. A document that is not valid
    /// gets 400. Costs the reading of a document, which 401 does not.
    Graphql,
}

impl Listener {
    pub(super) fn read_all(root: &Table<'_>, folder: &Path) -> Vec<Self> {
        let mut known = Vec::new();
        root.tables("listeners", |table| Self::read(table, folder, &mut known))
    }

    fn read(table: &Table<'_>, folder: &Path, known: &mut Vec<SocketAddr>) -> Self {
        let form = "an address such as \"127.0.0.1:8080\" or \"[::]:8080\"";
        let address = table.text_or("address", form, "127.0.0.1:8080", |text| {
            text.parse::<SocketAddr>().map(Some).map_err(|_| Fault::Form)
        });
        // Port 0 is another port each time.
        if let Some(address) = address.filter(|address| address.port() != 0) {
            if known.contains(&address) {
                table.reject("address", "is that of another listener", "give each listener an address of its own");
            }
            known.push(address);
        }
        let listener = Self {
            address: address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            auth: table.choice("auth", AuthPolicy::default(), &AuthPolicy::WORDS),
            refusal: RefusalForm::read(table),
            // One that can't be read is reported, and then nothing is served.
            tls: table.optional("tls", |table| ServerTls::read(table, folder)).flatten(),
            proxy_protocol: table.flag("proxy_protocol", false),
            max_connections: table.number("max_connections", 65_536, &(1..=1_000_000)),
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

impl AuthPolicy {
    /// As they stand in the file.
    pub(super) const WORDS: [(&'static str, Self); 3] =
        [("required", Self::Required), ("optional", Self::Optional), ("none", Self::None)];
}

impl RefusalForm {
    fn read(table: &Table<'_>) -> Self {
        table.choice("refusal", Self::default(), &[("http", Self::Http), ("graphql", Self::Graphql)])
    }
}

#[cfg(test)]
mod tests {
    use super::{AuthPolicy, RefusalForm};
    use crate::config::tests::{MINIMAL, config, messages, messages_of};

    #[test]
    fn there_is_a_listener_for_this_machine_by_default() {
        let listeners = config("").listeners;
        assert_eq!(listeners.len(), 1);
        assert_eq!(
            (listeners[0].address.to_string().as_str(), listeners[0].auth),
            ("127.0.0.1:8080", AuthPolicy::Optional)
        );
    }

    #[test]
    fn addresses_are_told_apart_except_those_that_the_system_chooses() {
        let two = |address: &str| {
            messages(&format!("[[listeners]]\naddress = '{address}'\n[[listeners]]\naddress = '{address}'"))
        };
        assert_eq!(two("[::1]:81"), ["`listeners.address` is that of another listener"]);
        assert!(two("[::1]:0").is_empty());
    }

    #[test]
    fn an_address_is_an_ip_and_a_port() {
        for bad in ["8080", ":8080", "localhost:8080", "127.0.0.1", "127.0.0.1:65536"] {
            let found = messages(&format!("[[listeners]]\naddress = '{bad}'"));
            assert!(found.len() == 1 && found[0].contains("expected an address"), "{bad}: {found:?}");
        }
        assert_eq!(
            messages_of(&format!("listeners = []\n{MINIMAL}")),
            ["`listeners`: expected at least one table `[[listeners]]`"]
        );
    }

    #[test]
    fn who_is_refused_and_how_are_two_things() {
        let listener = |lines: &str| config(&format!("[[listeners]]\n{lines}")).listeners.remove(0);
        let strict = listener("auth = 'required'");
        assert_eq!((strict.auth, strict.refusal), (AuthPolicy::Required, RefusalForm::Http));
        let rules_only = listener("refusal = 'graphql'");
        assert_eq!((rules_only.auth, rules_only.refusal), (AuthPolicy::Optional, RefusalForm::Graphql));
    }

    #[test]
    fn an_open_door_is_warned_of() {
        let open = |address: &str| messages(&format!("[[listeners]]\naddress = '{address}'\nauth = 'none'")).len();
        assert_eq!((open("0.0.0.0:80"), open("127.0.0.1:80"), open("[::1]:80")), (1, 0, 0));
    }
}
