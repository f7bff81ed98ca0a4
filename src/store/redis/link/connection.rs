//! What becomes of a connection.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{RedisResult, aio::MultiplexedConnection};

use super::{
    access::{Access, Connection, Reached},
    eviction::Eviction,
    joint::Joint,
};
use crate::model::RedisNode;

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

/// A connection, until it is given up.
#[derive(Clone)]
pub(super) struct Shared {
    connection: Connection,
    given_up: Flag,
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
        self.eviction.look_again();
        let doubt = Doubt::unless_dispelled(&shared.given_up);
        Ok(Lease { connection: shared.connection, doubt, of_the_way: None })
    }

    /// The server that it leads to, and what that does when its memory is short, if it is known.
    pub(super) fn policy(&self) -> Option<(RedisNode, String)> {
        self.eviction.policy()
    }

    /// A connection of the caller's own beside it.
    pub(super) fn alone(&self, Reached { node, connection }: Reached) -> Lease {
        self.eviction.look(node);
        Lease { connection, doubt: Doubt::unless_dispelled(&Flag::default()), of_the_way: None }
    }
}

/// One call's hold on a connection. Unless the call ends well, the connection is given up.
pub(in crate::store::redis) struct Lease {
    connection: Connection,
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
        &mut self.connection.calls
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
