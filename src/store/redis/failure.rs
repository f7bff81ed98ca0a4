//! What Redis' failures mean to a caller.

use redis::{ErrorKind, RedisError, ServerErrorKind};

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
    /// Tell the caller.
    Tell,
}

pub(super) fn remedy(error: &RedisError) -> Remedy {
    match error.kind() {
        ErrorKind::Io | ErrorKind::Server(ServerErrorKind::ReadOnly) => Remedy::Repeat,
        _ => Remedy::Tell,
    }
}

/// Whether the connection is as good as before: a reply came and speaks of the command, not of the node.
///
/// Anything in doubt counts as no: a new connection costs a millisecond, a wrong one an outage. A demoted primary, for
/// one, answers `READONLY` for ever, while a new connection by name finds the new primary.
pub(super) fn connection_is_sound(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedReturnType | ErrorKind::Extension)
}
