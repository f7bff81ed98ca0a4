//! TLS towards clients, by [`Connector`] towards the backend, and by [`follow`] towards others that the gateway asks (RFC 8446,
//! RFC 5246): version 1.2 at least, the suites of rustls, ring's cryptography.
//!
//! A client names the host that it wants in clear (SNI, RFC 6066 §3), and gets the first certificate that is for this name
//! and of a kind that it can check; else the first of all. Certificates are those that are in their files now
//! ([`Reload`]); a connection keeps what it began with.

use std::{io, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::ServerName,
    server::{ClientHello, NoClientAuth, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use webpki::EndEntityCert;

use crate::config::{CertifiedKey, ClientCertificates, KeyPair, PemError, ServerTls};

mod client;
mod reload;

pub use client::{Connector, follow};
pub use reload::Reload;

/// HTTP/2's name in ALPN (RFC 9113 §3.2).
pub(super) const HTTP2: &[u8] = b"h2";
/// HTTP/1.1's name in ALPN (RFC 7301 §6).
pub(super) const HTTP1: &[u8] = b"http/1.1";

/// Why a listener can't speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not what it should be.
    #[error(transparent)]
    File(#[from] PemError),
    /// The authorities for clients can't be used.
    #[error("clients can't be checked")]
    Clients(#[from] VerifierBuilderError),
    /// Nobody is trusted, so the other side can't be.
    #[error("the system trusts no authority; name one by `ca`")]
    NoAuthorities,
    /// What the files hold can't be used together.
    #[error("TLS can't be set up")]
    Unusable(#[from] rustls::Error),
}

/// Speaks TLS with the clients of a listener.
#[derive(Clone, Debug)]
pub struct Acceptor {
    current: watch::Receiver<Arc<ServerConfig>>,
    handshake_timeout: Duration,
}

impl Acceptor {
    /// With the certificates that the files hold now, and a task for [`Reload::run`] that looks for others.
    ///
    /// # Errors
    /// When they can't be used.
    pub fn open(settings: &ServerTls) -> Result<(Self, Reload<ServerConfig>), TlsError> {
        let pairs = settings.certificates.iter().flat_map(|pair| [pair.certificate.clone(), pair.key.clone()]);
        let files = pairs.chain(settings.clients.iter().map(|clients| clients.authority.clone())).collect();
        let (certificates, clients) = (settings.certificates.clone(), settings.clients.clone());
        let (reload, current) = Reload::start(files, move || configure(&certificates, clients.as_ref()))?;
        Ok((Self { current, handshake_timeout: settings.handshake_timeout }, reload))
    }

    /// The connection once TLS stands.
    ///
    /// # Errors
    /// When the client breaks off, takes too long, or can't be agreed with.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.current.borrow()));
        tokio::time::timeout(self.handshake_timeout, acceptor.accept(stream)).await?
    }
}

fn configure(pairs: &[KeyPair], clients: Option<&ClientCertificates>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = match clients {
        None => Arc::new(NoClientAuth) as _,
        Some(clients) => {
            let builder = WebPkiClientVerifier::builder_with_provider(clients.load()?, Arc::clone(&provider));
            if clients.required { builder.build()? } else { builder.allow_unauthenticated().build()? }
        }
    };
    let pairs = pairs.iter().map(|pair| pair.load().map(Arc::new)).collect::<Result<_, _>>()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(ByName(pairs)));
    config.alpn_protocols = [HTTP2, HTTP1].map(<[u8]>::to_vec).into();
    // A client comes back on whichever core; with a session of its own in memory for each of them none would be found.
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}

/// The certificates of a listener, the first for whoever asks for none of the others.
#[derive(Debug)]
struct ByName(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let usable = || self.0.iter().filter(|pair| pair.key.choose_scheme(schemes).is_some());
        let named = hello.server_name().and_then(|name| usable().find(|pair| is_for(pair, name)));
        named.or_else(|| usable().next()).or_else(|| self.0.first()).cloned()
    }
}

fn is_for(pair: &CertifiedKey, name: &str) -> bool {
    let Ok(name) = ServerName::try_from(name) else { return false };
    let first = pair.cert.first().and_then(|first| EndEntityCert::try_from(first).ok());
    first.is_some_and(|certificate| certificate.verify_is_valid_for_subject_name(&name).is_ok())
}
