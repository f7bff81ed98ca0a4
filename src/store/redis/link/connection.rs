//! One connection, and what becomes of it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo, RedisResult,
    aio::MultiplexedConnection, io::tcp::TcpSettings,
};

use super::{eviction::Eviction, joint::Joint};
use crate::model::{RedisLogin, RedisNode};

/// How to open a connection to a server, whichever it is.
#[derive(Clone)]
pub(super) struct Access {
    settings: RedisConnectionInfo,
}

impl Access {
    pub(super) fn new(login: RedisLogin, db: u16) -> Self {
        let mut settings = RedisConnectionInfo::default().set_db(i64::from(db));
        if let Some(username) = login.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = login.password {
            settings = settings.set_password(password.expose());
        }
        Self { settings }
    }

    /// A new connection. It has no limits of its own: whoever waits for it has one, and so does each call on it.
    pub(super) async fn connect(&self, node: &RedisNode) -> RedisResult<MultiplexedConnection> {
        let address = ConnectionAddr::Tcp(node.host.clone(), node.port).into_connection_info()?;
        // Calls share the connection: none is to wait until what the one before it sent has been confirmed.
        let address = address.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(address.set_redis_settings(self.settings.clone()))?;
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// The same to a server that keeps sessions.
    pub(super) async fn reach(&self, node: RedisNode) -> RedisResult<Reached> {
        let connection = self.connect(&node).await?;
        Ok(Reached { node, connection })
    }
}

/// A flag that is raised once, for others to see.
#[derive(Clone, Default)]
pub(super) struct Flag(Arc<AtomicBool>);

impl Flag {
    pub(super) fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A connection that concurrent calls are pipelined on.
#[derive(Clone)]
pub(super) struct Shared {
    connection: MultiplexedConnection,
    given_up: Flag,
}

/// A connection, and where it leads.
pub(super) struct Reached {
    pub(super) node: RedisNode,
    pub(super) connection: MultiplexedConnection,
}

/// The connection to one server, made when it is needed and replaced when it was given up.
pub(super) struct Line {
    shared: Joint<Shared>,
    eviction: Arc<Eviction>,
}

impl Line {
    pub(super) fn new(access: Access, limit: Duration) -> Self {
        Self { shared: Joint::new(limit), eviction: Arc::new(Eviction::new(access, limit)) }
    }

    /// A hold on it; `connect` makes a new one.
    pub(super) async fn lease(
        &self,
        connect: impl Future<Output = RedisResult<Reached>> + Send + 'static,
    ) -> RedisResult<Lease> {
        let eviction = Arc::clone(&self.eviction);
        let make = async move {
            let Reached { node, connection } = connect.await?;
            eviction.look(node);
            Ok(Shared { connection, given_up: Flag::default() })
        };
        let shared = self.shared.get(|shared| !shared.given_up.is_raised(), make).await?;
        if shared.given_up.is_raised() {
            // Another call that waited for it had it first, and it broke.
            return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into());
        }
        let doubt = Doubt::unless_dispelled(&shared.given_up);
        Ok(Lease { connection: shared.connection, doubt, of_the_way: None })
    }

    /// A connection of the caller's own beside it.
    pub(super) fn alone(&self, Reached { node, connection }: Reached) -> Lease {
        self.eviction.look(node);
        Lease { connection, doubt: Doubt::unless_dispelled(&Flag::default()), of_the_way: None }
    }
}

/// One call's hold on a connection. Unless the call ends well, the connection is given up.
pub(in crate::store::redis) struct Lease {
    connection: MultiplexedConnection,
    doubt: Doubt,
    /// Whether this was the right server.
    of_the_way: Option<Doubt>,
}

impl Lease {
    /// The same, found in a way that is in doubt, too, unless the call ends well.
    pub(super) fn by(self, way: Doubt) -> Self {
        Self { of_the_way: Some(way), ..self }
    }

    pub(in crate::store::redis) const fn connection(&mut self) -> &mut MultiplexedConnection {
        &mut self.connection
    }

    /// The connection is as good as before. Where it leads to may be the wrong server all the same.
    pub(super) fn is_sound(&mut self) {
        self.doubt.dispel();
    }

    /// The server was the right one, and the connection is as good as before.
    pub(super) fn ends_well(mut self) {
        self.doubt.dispel();
        self.of_the_way.iter_mut().for_each(Doubt::dispel);
    }
}

/// Raises a flag unless it is dispelled. A future may be dropped at any await, and `Drop` is the one place that sees it.
pub(super) struct Doubt(Option<Flag>);

impl Doubt {
    pub(super) fn unless_dispelled(flag: &Flag) -> Self {
        Self(Some(flag.clone()))
    }

    fn dispel(&mut self) {
        self.0 = None;
    }
}

impl Drop for Doubt {
    fn drop(&mut self) {
        if let Some(flag) = &self.0 {
            flag.raise();
        }
    }
}
