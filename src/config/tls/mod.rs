//! TLS: which certificates a listener shows and whom it takes; whom the gateway takes for the backend, or for Redis.
//!
//! ```toml
//! [[listeners]]
//! address = "0.0.0.0:443"
//! tls.certificate = "server.crt"
//! tls.key = "server.key"
//! ```
//!
//! The files are read here as they will be when the gateway serves, so that `check` finds what is wrong with them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    parse_folder,
    reader::{Table, millis, minutes, seconds},
};
use crate::model::{Clock as _, SystemClock};

mod client;
mod pem;

pub use client::{ClientFiles, ClientTls, RedisTls};
pub use pem::{CertifiedKey, PemError, is_expired};

/// `[listeners.tls]`: how a listener speaks TLS.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// What it may show; the first is for names that no other one is for, and for clients that name none.
    pub certificates: Vec<KeyPair>,
    /// Whom it asks for a certificate.
    pub clients: Option<ClientCertificates>,
    /// From a connection's start until TLS stands.
    pub handshake_timeout: Duration,
}

/// A certificate and its key, as files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// The certificate, and behind it those of the authorities between it and one that clients know.
    pub certificate: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
}

/// Clients show a certificate, too (mutual TLS).
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    /// The certificates of the authorities that vouch for clients, as a file in PEM.
    pub authority: PathBuf,
    /// Who shows none does not come in. Otherwise only one that is shown has to be good.
    pub required: bool,
}

impl ServerTls {
    pub(super) fn read(table: &Table<'_>, folder: &Path) -> Option<Self> {
        table.require("certificate", "\"server.crt\"");
        let first = KeyPair::read(table, folder);
        let others = table.optional_tables("certificates", |table| {
            table.require("certificate", "\"other.crt\"");
            KeyPair::read(table, folder)
        });
        let clients = ClientCertificates::read(table, folder);
        let handshake_timeout = table.duration("handshake_timeout", seconds(10), &(millis(100)..=minutes(5)));
        let certificates = std::iter::once(first).chain(others).collect::<Option<_>>()?;
        Some(Self { certificates, clients, handshake_timeout })
    }
}

impl KeyPair {
    /// The two keys of `table`, if they are there, and what is wrong with the files.
    pub(super) fn read(table: &Table<'_>, folder: &Path) -> Option<Self> {
        let certificate = path(table, "certificate", folder);
        let key = path(table, "key", folder);
        if table.has("certificate") && !table.has("key") {
            table.reject("certificate", "has no key beside it", "add `key`: the file of its private key");
        }
        let pair = Self { certificate: certificate?, key: key? };
        match pair.load() {
            Ok(loaded) => {
                if is_expired(&loaded, SystemClock.now()) {
                    let why =
                        "is not valid at this time: it has expired, or is for later; the other side will refuse it";
                    table.warn("certificate", why, "renew it; the gateway takes a changed file without a restart");
                }
            }
            Err(error) => error.report(table, "certificate", "key"),
        }
        Some(pair)
    }
}

impl ClientCertificates {
    fn read(table: &Table<'_>, folder: &Path) -> Option<Self> {
        let required = table.choice("client_certificates", true, &[("required", true), ("optional", false)]);
        let authority = authority(table, "client_authority", folder);
        if table.has("client_certificates") && !table.has("client_authority") {
            let help = "add `client_authority`: the file of the authorities that vouch for clients";
            table.reject("client_certificates", "can't be checked", help);
        }
        Some(Self { authority: authority?, required })
    }
}

/// The file of certificates that `key` names; what is wrong with it is reported.
pub(super) fn authority(table: &Table<'_>, key: &'static str, folder: &Path) -> Option<PathBuf> {
    let path = path(table, key, folder)?;
    if let Err(error) = pem::authorities(&path) {
        error.report(table, key, key);
    }
    Some(path)
}

fn path(table: &Table<'_>, key: &'static str, folder: &Path) -> Option<PathBuf> {
    table.text(key, "the path of a file in PEM", parse_folder).map(|path| folder.join(path))
}

impl PemError {
    /// Where the files are named.
    fn report(&self, table: &Table<'_>, certificate: &'static str, key: &'static str) {
        let (at, help) = match self {
            Self::Certificate { .. } => (
                certificate,
                "a relative path begins at the folder of this file; the user that runs railgate must be able to read it",
            ),
            Self::NoCertificate { .. } | Self::BadCertificate { .. } => {
                (certificate, "the file holds one or more parts that begin with -----BEGIN CERTIFICATE-----")
            }
            Self::Key { .. } => (
                key,
                "a relative path begins at the folder of this file; the user that runs railgate must be able to read it",
            ),
            Self::NoKey { .. } | Self::BadKey { .. } => {
                (key, "the file holds an RSA, EC or Ed25519 key without a password: -----BEGIN PRIVATE KEY-----")
            }
            Self::Mismatch { .. } => (key, "name the key that the certificate was made for"),
        };
        table.reject(at, &format!("can't be used: {self}"), help);
    }
}

#[cfg(test)]
mod tests;
