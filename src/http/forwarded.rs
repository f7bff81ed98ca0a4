//! Where a request came from, as the backend is told it: by whom it was made, for which host, and how.
//!
//! | header | value |
//! |---|---|
//! | `X-Forwarded-For`, `-Host`, `-Proto` | the client's address, the host it asked for, `http` or `https` |
//! | `Forwarded` (RFC 7239 §4) | the same in one element: `for=192.0.2.7;host="api.example.com";proto=https` |
//!
//! `[upstream] forwarded` says which of the two. Nothing stands there but the client: hops between are nobody's business, and
//! backends read the left-most address. What came in under these names went in [`hygiene`](super::hygiene).

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{FORWARDED, HOST},
};

use super::hygiene::{Connection, Scheme};
use crate::config::ForwardedHeaders;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Says in these headers, which have the request's `Host`, where it came from.
pub(super) fn tell(headers: &mut HeaderMap, connection: &Connection, which: ForwardedHeaders) {
    let host = connection.host.as_ref().or_else(|| headers.get(HOST)).cloned();
    if which != ForwardedHeaders::XForwarded
        && let Ok(element) = HeaderValue::try_from(element(connection.peer, connection.scheme, host.as_ref()))
    {
        headers.insert(FORWARDED, element);
    }
    if which != ForwardedHeaders::Forwarded {
        headers.insert(FORWARDED_FOR, connection.forwarded_for.clone());
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(connection.scheme.as_str()));
        if let Some(host) = host {
            headers.insert(FORWARDED_HOST, host);
        }
    }
}

/// The one element of `Forwarded`. What holds a colon has to stand in quotes, and a host may; none holds what would end them.
fn element(client: IpAddr, scheme: Scheme, host: Option<&HeaderValue>) -> String {
    let client = match client {
        IpAddr::V4(client) => client.to_string(),
        IpAddr::V6(client) => format!("\"[{client}]\""),
    };
    let host = host.and_then(|host| host.to_str().ok()).map(|host| format!(";host=\"{host}\"")).unwrap_or_default();
    format!("for={client}{host};proto={}", scheme.as_str())
}
