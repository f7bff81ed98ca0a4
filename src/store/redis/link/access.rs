//! How a connection is opened.
//!
//! The stream is made here, and only what is said on it is the driver's. By the driver's own way to a server no certificate
//! could be for another name than the host, none would be taken anew when its file has changed, and all that the system
//! trusts would be read for each connection.

use std::{io, sync::Arc};

use futures_util::future::select_ok;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisResult, aio::MultiplexedConnection};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinHandle,
};

use super::tls::Tls;
use crate::model::{RedisLogin, RedisNode};

/// How to open a connection to a server, whichever it is.
#[derive(Clone)]
pub(super) struct Access {
    settings: RedisConnectionInfo,
    /// `None`: in clear.
    tls: Option<Tls>,
}

/// A connection that concurrent calls are pipelined on. It is closed when the last who holds it lets go, whatever is still
/// outstanding.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) calls: MultiplexedConnection,
    _driver: Arc<Driver>,
}

/// The task that writes and reads. By itself it would go on until all is sent, to a server that may read nothing for ever.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection, and where it leads.
pub(super) struct Reached {
    pub(super) node: RedisNode,
    pub(super) connection: Connection,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Access {
    pub(super) fn new(login: RedisLogin, db: u16, tls: Option<Tls>) -> Self {
        let mut settings = RedisConnectionInfo::default().set_db(i64::from(db));
        if let Some(username) = login.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = login.password {
            settings = settings.set_password(password.expose());
        }
        Self { settings, tls }
    }

    /// A new connection. It has no limits of its own: whoever waits for it has one, and so does each call on it.
    pub(super) async fn connect(&self, node: &RedisNode) -> RedisResult<Connection> {
        let stream = self.stream(node).await?;
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let (calls, driver) = MultiplexedConnection::new_with_config(&self.settings, stream, config).await?;
        Ok(Connection { calls, _driver: Arc::new(Driver(tokio::spawn(driver))) })
    }

    /// The same to a server that keeps sessions.
    pub(super) async fn reach(&self, node: RedisNode) -> RedisResult<Reached> {
        let connection = self.connect(&node).await?;
        Ok(Reached { node, connection })
    }

    async fn stream(&self, node: &RedisNode) -> io::Result<Box<dyn Stream>> {
        let stream = dial(node).await?;
        // Calls share the connection: none is to wait until what the one before it sent has been confirmed.
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            Some(tls) => Box::new(tls.secure(node, stream).await?),
            None => Box::new(stream),
        })
    }
}

/// To the first of the host's addresses that answers.
async fn dial(node: &RedisNode) -> io::Result<TcpStream> {
    let addresses = lookup_host((node.host.as_str(), node.port)).await?;
    let attempts: Vec<_> = addresses.map(|address| Box::pin(TcpStream::connect(address))).collect();
    if attempts.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
    }
    select_ok(attempts).await.map(|(stream, _)| stream)
}
