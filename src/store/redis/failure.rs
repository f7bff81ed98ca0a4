//! What Redis' failures mean to a caller.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::link::Route;
use crate::{
    model::RedisNode,
    store::{StoreError, StoreErrorKind},
};

/// Sorts a failure. A reply or key of the wrong type stays wrong until somebody repairs it; all else may pass: no
/// connection, `LOADING`, `OOM`, `READONLY`, `MISCONF`, a password that was just changed.
pub(super) fn translate(error: RedisError) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::UnexpectedReturnType => StoreErrorKind::Corrupt,
        _ if error.code() == Some("WRONGTYPE") => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, error)
}

/// A failure to learn something from a server, with its address.
pub(super) fn at(node: &RedisNode, error: &RedisError) -> RedisError {
    (error.kind(), "asking a server", format!("{node}: {error}")).into()
}

/// What can be done about a failure within the same call.
pub(super) enum Remedy {
    /// Run the step once more, on a new connection. The connection broke, so nothing is known of the outcome; or the
    /// server has become a replica, and another one is the primary now.
    Repeat,
    /// Run it where the cluster says. Nothing has been done.
    Follow(Route),
    /// Run it again a little later: its slot is moving to another node, and its keys are on both or not there yet.
    Wait,
    /// Tell the caller.
    Tell,
}

pub(super) fn remedy(error: &RedisError) -> Remedy {
    match error.kind() {
        ErrorKind::Io | ErrorKind::Server(ServerErrorKind::ReadOnly) => Remedy::Repeat,
        ErrorKind::Server(ServerErrorKind::Moved) => {
            Remedy::Follow(Route::Moved(named_by(error).filter(|node| !node.host.is_empty())))
        }
        ErrorKind::Server(ServerErrorKind::Ask) => {
            named_by(error).map_or(Remedy::Tell, |node| Remedy::Follow(Route::Ask(node)))
        }
        ErrorKind::Server(ServerErrorKind::TryAgain) => Remedy::Wait,
        _ => Remedy::Tell,
    }
}

/// The node that a redirection names. The host is empty where it is that of the node that said so, and `?` where that node
/// does not know it.
fn named_by(error: &RedisError) -> Option<RedisNode> {
    let (host, port) = error.redirect_node()?.0.rsplit_once(':')?;
    let node = RedisNode { host: host.to_owned(), port: port.parse().ok()? };
    Some(node).filter(|node| node.host != "?")
}

/// What a failure says of the connection.
pub(super) enum Verdict {
    /// It is as good as before: a reply came and speaks of the command, not of the server.
    Sound,
    /// It is, but it leads to a server that has not got the keys.
    WrongServer,
    /// Not to be used again.
    ///
    /// Anything in doubt: a new connection costs a millisecond, a wrong one an outage. A demoted primary, for one,
    /// answers `READONLY` for ever, while a new connection by name finds the new primary.
    Broken,
}

pub(super) fn verdict(error: &RedisError) -> Verdict {
    match error.kind() {
        ErrorKind::UnexpectedReturnType
        | ErrorKind::Extension
        | ErrorKind::Server(ServerErrorKind::Ask | ServerErrorKind::TryAgain) => Verdict::Sound,
        ErrorKind::Server(ServerErrorKind::Moved) => Verdict::WrongServer,
        _ => Verdict::Broken,
    }
}
