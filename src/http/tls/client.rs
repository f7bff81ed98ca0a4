//! TLS towards others: the certificate of the other side has to be good, for the name that it is asked by.

use std::{io, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName, sign::SingleCertAndKey};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{HTTP1, HTTP2, Reload, TlsError};
use crate::config::{ClientFiles, ClientTls, Protocol};

/// Speaks TLS with the backend.
#[derive(Clone, Debug)]
pub struct Connector {
    /// By the files as they are now.
    pub current: watch::Receiver<Arc<ClientConfig>>,
    /// What the backend's certificate has to be for.
    pub name: ServerName<'static>,
}

impl Connector {
    /// By the files as they are now, and a task for [`Reload::run`] that looks for others.
    ///
    /// # Errors
    /// When they can't be used, or nothing says whom to trust.
    pub fn open(settings: &ClientTls, protocol: Protocol) -> Result<(Self, Reload<ClientConfig>), TlsError> {
        let offered: &[&[u8]] = match protocol {
            Protocol::Http1 => &[HTTP1],
            Protocol::Http2 => &[HTTP2],
            Protocol::Auto => &[HTTP2, HTTP1],
        };
        let (current, reload) = follow(&settings.files, offered)?;
        Ok((Self { current, name: settings.server_name.clone() }, reload))
    }

    /// The connection once TLS stands, and whether it is for HTTP/2.
    pub(in crate::http) async fn connect(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, bool)> {
        let connector = TlsConnector::from(Arc::clone(&self.current.borrow()));
        let stream = connector.connect(self.name.clone(), stream).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        Ok((stream, is_http2))
    }
}

/// How TLS is spoken by these files as they are now, and a task for [`Reload::run`] that looks for others. The other side is
/// offered these protocols (ALPN, RFC 7301), if any.
///
/// # Errors
/// When the files can't be used, or nothing says whom to trust.
pub fn follow(
    files: &ClientFiles,
    offered: &'static [&'static [u8]],
) -> Result<(watch::Receiver<Arc<ClientConfig>>, Reload<ClientConfig>), TlsError> {
    let owned = files.clone();
    let (reload, current) = Reload::start(files.paths(), move || configure(&owned, offered))?;
    Ok((current, reload))
}

fn configure(files: &ClientFiles, offered: &[&[u8]]) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities(files)?);
    let mut config = match &files.identity {
        None => builder.with_no_client_auth(),
        Some(pair) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair.load()?))),
    };
    config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

/// Those that are named, and no others; else those that the system trusts.
fn authorities(files: &ClientFiles) -> Result<RootCertStore, TlsError> {
    if let Some(named) = files.authorities()? {
        return Ok(named);
    }
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() { Err(TlsError::NoAuthorities) } else { Ok(store) }
}
