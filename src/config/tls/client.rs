//! TLS towards others: whom the gateway takes for the backend or for Redis, and what it shows them.
//!
//! Their certificates are verified always; there is no key that would have it otherwise.

use std::path::{Path, PathBuf};

use rustls::{RootCertStore, pki_types::ServerName};

use super::{KeyPair, PemError, authority, pem};
use crate::{
    config::reader::{Fault, Table},
    model::RedisAddress,
};

/// The keys of a table about TLS towards others.
const KEYS: [&str; 4] = ["ca", "certificate", "key", "server_name"];

/// The files that TLS towards others goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFiles {
    /// Who vouches for the other side, as a file in PEM; `None`: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// What the gateway shows the other side, if it is to show anything.
    pub identity: Option<KeyPair>,
}

/// `[upstream.tls]`: how TLS is spoken with the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTls {
    /// By these files.
    pub files: ClientFiles,
    /// What the backend's certificate has to be for.
    pub server_name: ServerName<'static>,
}

/// `[store.tls]`: how TLS is spoken with Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisTls {
    /// By these files.
    pub files: ClientFiles,
    /// What the certificate of every server and sentinel has to be for; `None`: for the host by which each is reached.
    pub server_name: Option<ServerName<'static>>,
}

impl ClientFiles {
    fn read(table: &Table<'_>, folder: &Path) -> Self {
        let ca = authority(table, "ca", folder);
        let identity = KeyPair::read(table, folder);
        if table.has("key") && !table.has("certificate") {
            table.reject("key", "has no certificate beside it", "add `certificate`: the file of its certificate");
        }
        Self { ca, identity }
    }

    /// All of them.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let identity = self.identity.iter().flat_map(|pair| [pair.certificate.clone(), pair.key.clone()]);
        identity.chain(self.ca.clone()).collect()
    }

    /// Those whom `ca` names, if it names any.
    ///
    /// # Errors
    /// When the file can't be read, or holds none.
    pub fn authorities(&self) -> Result<Option<RootCertStore>, PemError> {
        self.ca.as_deref().map(pem::authorities).transpose()
    }
}

impl ClientTls {
    /// `None` for a backend in clear. `https_host` is the host of its URL where that begins with https.
    pub(in crate::config) fn read(table: &Table<'_>, folder: &Path, https_host: Option<&str>) -> Option<Self> {
        let files = ClientFiles::read(table, folder);
        let given = table.text("server_name", "a name or an address", parse_name);
        let Some(host) = https_host else {
            if let Some(key) = KEYS.into_iter().find(|key| table.has(key)) {
                table.warn(key, "has no effect: the backend is spoken to in clear", "begin `url` with https://");
            }
            return None;
        };
        let server_name = given.or_else(|| parse_name(host.trim_matches(['[', ']'])).ok());
        if server_name.is_none() && !table.has("server_name") {
            let why = "is missing: the host of the URL is no name that a certificate could be for";
            table.reject("server_name", why, "add it as the backend's certificate has it");
        }
        Some(Self { files, server_name: server_name? })
    }

    /// For a host of HTTPS, by those of this file, if not those whom the system trusts. `None` for a host that no certificate
    /// could be for.
    pub(in crate::config) fn of_host(host: &str, ca: Option<PathBuf>) -> Option<Self> {
        let server_name = parse_name(host.trim_matches(['[', ']'])).ok()?;
        Some(Self { files: ClientFiles { ca, identity: None }, server_name })
    }
}

impl RedisTls {
    /// For the Redis at `address`. `None` where there is none, or one in clear: nothing comes of the keys then, and `help` says
    /// what to do about those that are there.
    pub(in crate::config) fn read(
        table: &Table<'_>,
        folder: &Path,
        address: Option<&RedisAddress>,
        help: &str,
    ) -> Option<Self> {
        let files = ClientFiles::read(table, folder);
        let server_name = table.text("server_name", "a name or an address", parse_name);
        let Some(address) = address.filter(|address| address.is_tls) else {
            table.warn_ineffective(&KEYS, help);
            return None;
        };
        if !table.has("server_name") && address.nodes().iter().any(|node| parse_name(&node.host).is_err()) {
            let why = "is missing: a host of the URL is no name that a certificate could be for";
            table.reject("server_name", why, "add it as the certificates of the servers have it");
        }
        Some(Self { files, server_name })
    }
}

fn parse_name(text: &str) -> Result<ServerName<'static>, Fault> {
    ServerName::try_from(text.to_owned()).map_err(|_| Fault::Form)
}
