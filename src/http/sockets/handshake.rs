//! The opening handshake of a socket that ends here (RFC 6455 §4). No extensions are agreed to, so that a frame holds what it
//! says.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION,
    },
};
use sha1::{Digest as _, Sha1};

use crate::{
    graphql::Dialect,
    http::{
        hygiene::headers,
        respond::{self, Response, ResponseBody},
        upstream::ask_for_websocket,
    },
};

const VERSION: HeaderValue = HeaderValue::from_static("13");
/// What RFC 6455 §1.3 has servers add to a key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A client's handshake that is in order.
#[derive(Debug)]
pub(super) struct Handshake {
    accept: HeaderValue,
    pub(super) dialect: Dialect,
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Another version of WebSocket than 13.
    Version,
    /// No key, or none that is one.
    Key,
    /// No subprotocol that is one of GraphQL's.
    Subprotocol,
}

impl Handshake {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Unfit> {
        if only(headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err(Unfit::Version);
        }
        let key = only(headers, &SEC_WEBSOCKET_KEY).filter(|key| STANDARD.decode(key).is_ok_and(|key| key.len() == 16));
        let accept = accept(key.ok_or(Unfit::Key)?);
        let dialect = subprotocols(headers).find_map(Dialect::named).ok_or(Unfit::Subprotocol)?;
        Ok(Self { accept: HeaderValue::try_from(accept).map_err(|_| Unfit::Key)?, dialect })
    }

    /// Agrees to it.
    pub(super) fn answer(&self) -> Response {
        let mut response = http::Response::new(ResponseBody::Own(Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        ask_for_websocket(headers);
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(self.dialect.name()));
        response
    }
}

impl From<Unfit> for Response {
    fn from(unfit: Unfit) -> Self {
        let bad = StatusCode::BAD_REQUEST;
        match unfit {
            Unfit::Version => {
                let message = "Only version 13 of WebSocket is spoken here.";
                let mut response = respond::error(StatusCode::UPGRADE_REQUIRED, "WEBSOCKET_VERSION", message);
                ask_for_websocket(response.headers_mut());
                response.headers_mut().insert(SEC_WEBSOCKET_VERSION, VERSION);
                response
            }
            Unfit::Key => respond::error(bad, "WEBSOCKET_KEY", "Send one Sec-WebSocket-Key of 16 bytes in base64."),
            Unfit::Subprotocol => {
                let message = "Offer graphql-transport-ws or graphql-ws in Sec-WebSocket-Protocol.";
                respond::error(bad, "SUBPROTOCOL_UNSUPPORTED", message)
            }
        }
    }
}

/// Makes a client's headers those of the gateway's own handshake with the backend.
pub(super) fn offer(headers: &mut HeaderMap, dialect: Dialect, nonce: [u8; 16]) -> Accepts {
    let key = STANDARD.encode(nonce);
    let accepts = Accepts { accept: accept(&key), dialect };
    ask_for_websocket(headers);
    headers.remove(SEC_WEBSOCKET_EXTENSIONS);
    headers.insert(SEC_WEBSOCKET_VERSION, VERSION);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(dialect.name()));
    if let Ok(key) = HeaderValue::try_from(key) {
        headers.insert(SEC_WEBSOCKET_KEY, key);
    }
    accepts
}

/// What a backend has to agree to.
#[derive(Debug)]
pub(super) struct Accepts {
    accept: String,
    dialect: Dialect,
}

impl Accepts {
    /// Whether it has, to exactly that.
    pub(super) fn is_met(&self, headers: &HeaderMap) -> bool {
        only(headers, &SEC_WEBSOCKET_ACCEPT) == Some(&self.accept)
            && only(headers, &SEC_WEBSOCKET_PROTOCOL) == Some(self.dialect.name())
            && !headers.contains_key(SEC_WEBSOCKET_EXTENSIONS)
    }
}

fn only<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Option<&'h str> {
    headers::only(headers, name.clone())?.to_str().ok().map(str::trim)
}

/// What is offered, in the client's order.
fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}
