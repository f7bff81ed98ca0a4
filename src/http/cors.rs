//! Lets other sites' pages read what the gateway answers itself (Fetch standard, §3.3).
//!
//! The backend speaks for its own answers, preflights among them: they pass as they are. But a login is no longer
//! answered by it, so what it would have said stands in `[cors]`. An answer that says already who may read it is left
//! alone. Where origins are named, every answer of the gateway's says that it depends on the `Origin`, so that no cache
//! gives one site's answer to another.
//!
//! ```toml
//! [cors]
//! allowed_origins = ["https://app.example.com"]
//! ```
//!
//! Caveat: to be readable is not to be trusted. Whether a page's requests by cookie count is for `trusted_origins` to say.

use std::rc::Rc;

use http::{
    HeaderMap, HeaderValue,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, VARY,
    },
};

use super::{
    hygiene::{Inbound, headers::only},
    reply::Reply,
    respond::ResponseBody,
    stage::{Next, Stage},
};
use crate::config::CorsSettings;

/// The stage.
#[derive(Debug)]
pub(super) struct Cors {
    allowed: Vec<HeaderValue>,
    credentials: bool,
    exposed: Option<HeaderValue>,
}

impl From<&CorsSettings> for Cors {
    fn from(settings: &CorsSettings) -> Self {
        let names: Vec<&str> = settings.exposed_headers.iter().map(http::HeaderName::as_str).collect();
        Self {
            allowed: settings.allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect(),
            credentials: settings.credentials,
            exposed: HeaderValue::try_from(names.join(", ")).ok().filter(|value| !value.is_empty()),
        }
    }
}

impl Stage for Cors {
    type Takes = Inbound;
    type Gives = Inbound;

    fn handle(self: &Rc<Self>, inbound: Inbound, next: &mut impl Next<Inbound>) -> Reply {
        if self.allowed.is_empty() {
            return next.call(inbound);
        }
        // Browsers send one.
        let origin = only(inbound.request.headers(), ORIGIN);
        let allowed = origin.filter(|origin| self.allowed.contains(origin)).cloned();
        let (stage, reply) = (Rc::clone(self), next.call(inbound));
        Reply::later(async move {
            let Ok(mut response) = reply.await;
            if matches!(response.body(), ResponseBody::Own(_)) {
                stage.describe(response.headers_mut(), allowed);
            }
            response
        })
    }
}

impl Cors {
    fn describe(&self, headers: &mut HeaderMap, origin: Option<HeaderValue>) {
        if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(exposed) = &self.exposed {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }
}
