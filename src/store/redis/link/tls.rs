//! TLS with the servers of a Redis and its sentinels (RFC 8446, RFC 5246).

use std::{io, sync::Arc};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::model::RedisNode;

/// How TLS is spoken with all that a Redis consists of.
#[derive(Clone, Debug)]
pub struct Tls {
    /// By which keys and authorities, as time goes by. A connection keeps what it began with.
    pub current: watch::Receiver<Arc<ClientConfig>>,
    /// What every certificate has to be for; `None`: for the host by which a server is reached. Sentinels and nodes of a
    /// cluster mostly name each other by addresses, which certificates are seldom for.
    pub name: Option<ServerName<'static>>,
}

impl Tls {
    /// The connection once TLS stands.
    pub(super) async fn secure(&self, node: &RedisNode, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => ServerName::try_from(node.host.clone()).map_err(io::Error::other)?,
        };
        let connector = TlsConnector::from(Arc::clone(&self.current.borrow()));
        let told = |error: io::Error| io::Error::new(error.kind(), format!("TLS: {error}"));
        connector.connect(name, stream).await.map_err(told)
    }
}
