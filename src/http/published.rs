//! What the gateway tells everybody: the public keys under its assertions, as a JWK set (RFC 7517 §5).
//!
//! The path is the gateway's own. Nothing of the backend's is ever seen there, and the backend never hears of a request for
//! it; without assertions there is no such path. A cache may keep the set for a while: a new key stands in it for a whole
//! rotation before it signs.

use std::rc::Rc;

use bytes::Bytes;
use http::{
    HeaderValue, Method, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE},
};

use super::{
    hygiene::{Purpose, Sanitised},
    reply::Reply,
    respond::{self, Response},
    stage::{Next, Stage},
};
use crate::{auth::assertion::Assertions, config::AssertionSettings};

/// The stage.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) key_set: Option<KeySet>,
}

/// Public keys, and where they are found.
#[derive(Debug)]
pub struct KeySet {
    path: String,
    body: Bytes,
}

impl KeySet {
    /// RFC 7517 §8.5.
    pub(super) const CONTENT_TYPE: &str = "application/jwk-set+json";

    /// Those of these assertions.
    #[must_use]
    pub fn new(settings: &AssertionSettings, assertions: &Assertions) -> Self {
        Self { path: settings.jwks_path.clone(), body: assertions.key_set().into() }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    fn answer(&self, method: &Method) -> Response {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let message = "The gateway's keys are only read here: send GET.";
            let mut response = respond::error(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let mut response = respond::json(StatusCode::OK, self.body.clone());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(Self::CONTENT_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        response
    }
}

impl Stage for Published {
    type Takes = Sanitised;
    type Gives = Sanitised;

    fn handle(self: &Rc<Self>, call: Sanitised, next: &mut impl Next<Sanitised>) -> Reply {
        match &self.key_set {
            // Behind another proxy the path is whoever's it is there.
            Some(key_set) if call.purpose == Purpose::Forward && call.request.uri().path() == key_set.path => {
                key_set.answer(call.request.method()).into()
            }
            Some(_) | None => next.call(call),
        }
    }
}
