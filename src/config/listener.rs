//! `[[listeners]]`: where clients connect.

use std::net::SocketAddr;

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
