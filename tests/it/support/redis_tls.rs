//! Certificates for a Redis that speaks TLS, for the gateway that asks it, and who vouches for both.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use railgate::{
    config::{ClientFiles, KeyPair},
    http::tls::follow,
    store::redis::Tls,
};

use super::{
    certificates::{Authority, Identity},
    redis::free_port,
};

/// What servers, sentinels and gateways of a test show each other; all of them want to see something.
pub(crate) struct Certificates {
    authority: Authority,
    server: Identity,
    client: Identity,
}

impl Certificates {
    /// Of servers that are known by their address.
    pub(crate) fn new() -> Self {
        Self::of_servers("IP:127.0.0.1")
    }

    /// Of servers that are known by this.
    pub(crate) fn of_servers(alternative: &str) -> Self {
        // Those of equal names would be taken for each other's, until a signature is looked at.
        static MADE: AtomicU32 = AtomicU32::new(0);
        let authority = Authority::new(&format!("Redis tests {}", MADE.fetch_add(1, Ordering::Relaxed)));
        let server = authority.vouch("server", "redis", alternative);
        let client = authority.vouch("client", "gateway", "DNS:gateway");
        Self { authority, server, client }
    }

    /// What has a server listen for TLS at a free port, and ask others by TLS.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let (port, Identity { certificate, key }) = (free_port(), &self.server);
        let (certificate, key, ca) = (certificate.display(), key.display(), self.authority());
        let line = format!(
            "--tls-port {port} --tls-cert-file {certificate} --tls-key-file {key} --tls-ca-cert-file {} \
             --tls-auth-clients yes --tls-replication yes --tls-cluster yes",
            ca.display()
        );
        line.split(' ').map(str::to_owned).collect()
    }

    /// The file of who vouches for all of them.
    pub(crate) fn authority(&self) -> PathBuf {
        self.authority.certificate()
    }

    /// The lines of a table of the configuration by which a gateway trusts the servers, and shows what is its own.
    pub(crate) fn lines(&self) -> String {
        let Identity { certificate, key } = &self.client;
        let (ca, certificate, key) = (self.authority(), certificate.display(), key.display());
        format!("ca = '{}'\ncertificate = '{certificate}'\nkey = '{key}'\n", ca.display())
    }

    /// The same for a store in the test's own process.
    pub(crate) fn tls(&self, name: Option<&str>) -> Tls {
        let Identity { certificate, key } = self.client.clone();
        self.tls_by(Some(KeyPair { certificate, key }), name)
    }

    /// The same for one that shows nothing.
    pub(crate) fn tls_of_nobody(&self) -> Tls {
        self.tls_by(None, None)
    }

    fn tls_by(&self, identity: Option<KeyPair>, name: Option<&str>) -> Tls {
        let files = ClientFiles { ca: Some(self.authority()), identity };
        let (current, _reload) = follow(&files, &[]).expect("good files");
        Tls { current, name: name.map(|name| name.to_owned().try_into().expect("a name")) }
    }
}
