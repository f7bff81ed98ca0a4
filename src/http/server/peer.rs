//! Who has connected, as each request of the connection is told of it.

use std::{cell::RefCell, net::IpAddr, rc::Rc};

use http::HeaderValue;

use super::generation::{Current, Door};
use crate::http::{
    drain::Drain,
    hygiene::{Connection, Scheme},
};

/// What is known of a connection, and stays so.
pub(super) struct Peer {
    pub(super) address: IpAddr,
    /// The address, as a header's value.
    pub(super) forwarded_for: HeaderValue,
    /// Which endpoint it has come in by, and what went there then.
    pub(super) endpoint: usize,
    pub(super) door: Rc<Door>,
    pub(super) drain: Drain,
    /// What the last request was told.
    pub(super) told: RefCell<Option<Told>>,
}

/// What a request is told, by the generation with this number.
#[derive(Clone)]
pub(super) struct Told {
    number: u64,
    pub(super) connection: Rc<Connection>,
    /// The word of this peer counts as that of a proxy.
    pub(super) is_proxy: bool,
}

impl Peer {
    /// What a request is told that is served by this.
    pub(super) fn tell(&self, current: &Current) -> Told {
        let mut told = self.told.borrow_mut();
        match &*told {
            Some(told) if told.number == current.number => return told.clone(),
            Some(_) | None => {}
        }
        told.insert(self.told_by(current)).clone()
    }

    fn told_by(&self, current: &Current) -> Told {
        let door = current.door(self.endpoint).unwrap_or_else(|| Rc::clone(&self.door));
        let connection = Rc::new(Connection {
            peer: self.address,
            named_by_proxy: self.door.proxy_protocol,
            forwarded_for: self.forwarded_for.clone(),
            scheme: if self.door.tls.is_some() { Scheme::Https } else { Scheme::Http },
            host: None,
            auth: door.auth,
            refusal: door.refusal,
            drain: self.drain.within(current.settings.shutdown_grace),
        });
        let is_proxy = current.trusted_proxies.believes(&connection);
        Told { number: current.number, connection, is_proxy }
    }
}
