//! Why a socket is closed, as clients are told (RFC 6455 §7.4, and the protocol of `graphql-transport-ws`).
//!
//! | code | |
//! |---|---|
//! | 1002, 1007, 1009 | frames that are none, text that is no UTF-8, a message that is too large |
//! | 1012 | the gateway stops, or has another configuration by now; connect again |
//! | 1013 | whether the caller may come in can't be told at the moment; the backend fails, can't be reached, broke off, or takes nothing |
//! | 4400 | what is no message, two credentials, or pings instead of `connection_init` |
//! | 4401 | an operation before `connection_init`; a token that has run out |
//! | 4403 | a token that is no good, a session that is over, a caller who is wanted and not known |
//! | 4408, 4409, 4429 | no `connection_init` in time; an id twice; a second `connection_init` |
//! | 4500 | the backend takes no sockets here |
//!
//! 1014 (bad gateway) would say more than 1013, but some clients take it for no code at all.

use std::borrow::Cow;

use http::StatusCode;
use tokio_tungstenite::tungstenite::{
    Error,
    error::ProtocolError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::life::End;

/// A code, and a reason for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: Cow<'static, str>,
}

impl Close {
    pub(super) const NORMAL: Self = Self::new(1000, "");
    pub(super) const STOPPING: Self = Self::new(1012, "Service restart");
    pub(super) const TRY_AGAIN: Self = Self::new(1013, "Try again later");
    pub(super) const BACKEND_GONE: Self = Self::new(1013, "The backend can't be reached");
    pub(super) const BACKEND_STUCK: Self = Self::new(1013, "The backend takes nothing");
    pub(super) const INVALID: Self = Self::new(4400, "Invalid message");
    pub(super) const PINGS_ONLY: Self = Self::new(4400, "Too many pings before connection_init");
    pub(super) const SEVERAL_CREDENTIALS: Self = Self::new(4400, "There are several credentials; send one");
    pub(super) const UNAUTHORIZED: Self = Self::new(4401, "Unauthorized");
    pub(super) const TOKEN_EXPIRED: Self = Self::new(4401, "Token expired");
    pub(super) const FORBIDDEN: Self = Self::new(4403, "Forbidden");
    pub(super) const SESSION_ENDED: Self = Self::new(4403, "Session ended");
    pub(super) const INIT_TIMEOUT: Self = Self::new(4408, "Connection initialisation timeout");
    pub(super) const DUPLICATE_ID: Self = Self::new(4409, "Subscriber for this id already exists");
    pub(super) const SECOND_INIT: Self = Self::new(4429, "Too many initialisation requests");
    pub(super) const NO_SOCKETS: Self = Self::new(4500, "The backend takes no sockets here");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// As the backend closes; without a code, it has nothing to say.
    pub(super) fn by_backend(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(frame) => Self { code: frame.code.into(), reason: Cow::Owned(frame.reason.as_str().to_owned()) },
            None => Self::NORMAL,
        }
    }

    /// As the backend refuses an upgrade.
    pub(super) fn by_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::FORBIDDEN,
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Self::BACKEND_GONE,
            StatusCode::NOT_IMPLEMENTED => Self::NO_SOCKETS,
            // It is out of order, or has much to do: neither lasts.
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Self::TRY_AGAIN,
            _ => Self::NO_SOCKETS,
        }
    }

    /// What a client did wrong; `None` when it is gone, and there is nobody to tell.
    pub(super) fn by_fault(error: &Error) -> Option<Self> {
        match error {
            Error::Capacity(_) => Some(Self::new(1009, "Message too big")),
            Error::Utf8(_) => Some(Self::new(1007, "Text is UTF-8")),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            Error::Protocol(_) => Some(Self::new(1002, "Protocol error")),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Io(_)
            | Error::Tls(_)
            | Error::WriteBufferFull(_)
            | Error::AttackAttempt
            | Error::Url(_) => None,
        }
    }
}

impl From<End> for Close {
    fn from(end: End) -> Self {
        match end {
            End::Expired => Self::TOKEN_EXPIRED,
            End::Session => Self::SESSION_ENDED,
            End::Unconfirmed => Self::TRY_AGAIN,
            End::Stopping | End::Replaced => Self::STOPPING,
        }
    }
}

impl From<Close> for CloseFrame {
    fn from(close: Close) -> Self {
        Self { code: CloseCode::from(close.code), reason: close.reason.into_owned().into() }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::Close;

    #[test]
    fn a_backend_that_fails_may_be_asked_again_and_one_that_refuses_not() {
        for (status, code) in
            [(500, 1013), (503, 1013), (429, 1013), (502, 1013), (501, 4500), (404, 4500), (200, 4500), (403, 4403)]
        {
            assert_eq!(Close::by_status(StatusCode::from_u16(status).unwrap()).code, code, "{status}");
        }
    }
}
