//! Certificates and keys, from files in PEM (RFC 7468).

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    InconsistentKeys, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem, pem::PemObject as _},
};
use webpki::{EndEntityCert, Error as Verdict, KeyUsage};

use super::{ClientCertificates, KeyPair};
use crate::model::Timestamp;

/// A certificate with its key, ready to be shown.
pub use rustls::sign::CertifiedKey;

/// Why a certificate, its key or an authority can't be used. Tells nothing of what is in a key's file.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// The certificate's file can't be read.
    #[error("{} can't be read: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is none in it.
    #[error("{} holds no certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// What is in it is none.
    #[error("{} holds a certificate that can't be read", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key's file can't be read.
    #[error("{} can't be read: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is none in it.
    #[error("{} holds no private key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// What is in it is of no kind that is known.
    #[error("{} holds a private key that can't be used", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
    },
    /// It is another certificate's.
    #[error("{} is not the key of {}", key.display(), certificate.display())]
    Mismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's.
        certificate: PathBuf,
    },
}

impl KeyPair {
    /// Reads both files.
    ///
    /// # Errors
    /// When one can't be read, or they don't belong together.
    pub fn load(&self) -> Result<CertifiedKey, PemError> {
        let chain = certificates(&self.certificate)?;
        let first = chain.first().ok_or_else(|| PemError::NoCertificate { path: self.certificate.clone() })?;
        EndEntityCert::try_from(first).map_err(|_| PemError::BadCertificate { path: self.certificate.clone() })?;
        let key = private_key(&self.key)?;
        CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                PemError::Mismatch { key: self.key.clone(), certificate: self.certificate.clone() }
            }
            _ => PemError::BadKey { path: self.key.clone() },
        })
    }
}

impl ClientCertificates {
    /// Reads the authorities.
    ///
    /// # Errors
    /// When the file can't be read, or holds none.
    pub fn load(&self) -> Result<Arc<RootCertStore>, PemError> {
        authorities(&self.authority).map(Arc::new)
    }
}

/// Reads the authorities of a file.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, PemError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|_| PemError::BadCertificate { path: path.to_owned() })?;
    }
    if store.is_empty() { Err(PemError::NoCertificate { path: path.to_owned() }) } else { Ok(store) }
}

/// Whether a certificate is of no use at that time: expired, or for later.
#[must_use]
pub fn is_expired(pair: &CertifiedKey, now: Timestamp) -> bool {
    let Some(certificate) = pair.cert.first().and_then(|first| EndEntityCert::try_from(first).ok()) else {
        return true;
    };
    let seconds = u64::try_from(now.as_secs()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    // Without an authority to trust no certificate is good; but its time is looked at first.
    let verdict = certificate.verify_for_usage(&[], &[], &[], now, KeyUsage::server_auth(), None, None);
    matches!(verdict, Err(Verdict::CertExpired { .. } | Verdict::CertNotValidYet { .. } | Verdict::InvalidCertValidity))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let text = fs::read(path).map_err(|source| PemError::Certificate { path: path.to_owned(), source })?;
    let all: Result<_, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    all.map_err(|_| PemError::BadCertificate { path: path.to_owned() })
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let text = fs::read(path).map_err(|source| PemError::Key { path: path.to_owned(), source })?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => PemError::NoKey { path: path.to_owned() },
        _ => PemError::BadKey { path: path.to_owned() },
    })
}
