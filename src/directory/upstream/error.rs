//! What goes wrong between the gateway and the backend's own login. Nothing that a user typed, and no token, is in a message.

use std::{io, time::Duration};

use http::StatusCode;

use crate::directory::{DirectoryError, DirectoryErrorKind, Unanswered};

/// Why the backend could not be asked, or its answer not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no connection to the backend")]
    Connect(#[source] io::Error),
    #[error("all `max_connections` to the backend were busy for {0:?}")]
    Queue(Duration),
    #[error("the backend gave no answer within {0:?}")]
    Late(Duration),
    #[error("the exchange with the backend broke off")]
    Broken(#[source] hyper::Error),
    #[error("the answer of the backend is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the answer of the backend could not be read to its end")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the backend has counted too much of the gateway's address, and answers no more for a while")]
    Throttled,
    #[error("the backend redirects ({0}); is `[directory] graphql_path` right, with the slash at its end?")]
    Redirect(StatusCode),
    #[error("the backend answers {0}")]
    Status(StatusCode),
    #[error(
        "the backend's answer ({status}, {content_type}) is not JSON; is `[directory] graphql_path` its GraphQL endpoint, and \
         `[directory] host` a name that it answers to?"
    )]
    NotJson { status: StatusCode, content_type: String },
    #[error("the backend's answer is JSON, but none of GraphQL's")]
    NotGraphql,
    #[error("the backend finds what it is asked not valid, {0}; see [directory.fields]")]
    Invalid(String),
    #[error("the backend failed, {0}")]
    Failed(String),
    #[error("the backend's answer lacks `{0}`, or has something else there")]
    Lacks(&'static str),
    #[error("the backend's token of one user is answered with another one")]
    OtherUser,
    #[error("what is kept of the backend's tokens can't be read")]
    Kept(#[source] serde_json::Error),
    #[error("others changed the kept tokens {0} times in a row")]
    Contended(u32),
    #[error("the backend's tokens are being renewed for longer than {0:?}")]
    Renewing(Duration),
    #[error("the backend's tokens could not be renewed just now, and are not tried again so soon")]
    BackOff,
    #[error(transparent)]
    Vault(#[from] DirectoryError),
}

impl Failure {
    /// Whether the backend may have seen what it was asked, and have counted a failure or used a token up. It has not where
    /// nothing was sent, and where only what it brought could not be kept. An answer that can't be read says nothing: somebody
    /// may bring it about at will.
    pub(super) const fn may_be_counted(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::Queue(_)
            | Self::Kept(_)
            | Self::Contended(_)
            | Self::Renewing(_)
            | Self::BackOff
            | Self::Vault(_) => false,
            Self::Late(_)
            | Self::Broken(_)
            | Self::TooLarge(_)
            | Self::Body(_)
            | Self::Throttled
            | Self::Status(_)
            | Self::Redirect(_)
            | Self::NotJson { .. }
            | Self::NotGraphql
            | Self::Invalid(_)
            | Self::Failed(_)
            | Self::Lacks(_)
            | Self::OtherUser => true,
        }
    }

    fn kind(&self) -> DirectoryErrorKind {
        match self {
            Self::Connect(_)
            | Self::Queue(_)
            | Self::Late(_)
            | Self::Broken(_)
            | Self::Body(_)
            | Self::Throttled
            | Self::Failed(_)
            | Self::Contended(_)
            | Self::Renewing(_)
            | Self::BackOff => DirectoryErrorKind::Unavailable,
            Self::Status(status) if status.is_server_error() => DirectoryErrorKind::Unavailable,
            Self::Status(_)
            | Self::Redirect(_)
            | Self::TooLarge(_)
            | Self::NotJson { .. }
            | Self::NotGraphql
            | Self::Invalid(_)
            | Self::Lacks(_) => DirectoryErrorKind::Misconfigured,
            Self::OtherUser | Self::Kept(_) => DirectoryErrorKind::Corrupt,
            Self::Vault(error) => error.kind,
        }
    }
}

impl From<Failure> for DirectoryError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Vault(error) => error,
            failure => Self::new(failure.kind(), failure),
        }
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        if matches!(failure, Failure::Throttled) {
            return Self::Blocked;
        }
        let may_count = failure.may_be_counted();
        Self::Failed { error: failure.into(), may_count }
    }
}
