//! Refuses anonymous requests where a listener wants a credential, and those of a caller whom nobody can confirm now.
//!
//! On a GraphQL path whose listener refuses in GraphQL's form, the stage before has answered already, since that takes a
//! look into the document; what gets here all the same gets 401.
//!
//! CORS preflights pass: browsers send them without credentials (Fetch standard, §3.3.5), and the backend answers them.

use std::rc::Rc;

use http::{
    HeaderValue, Method, Request, StatusCode,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::json;

use super::{
    credentials::{Identified, Who},
    hygiene::Speaks,
    reply::Reply,
    respond::{self, Response},
    stage::{Next, Stage},
};
use crate::config::{AuthPolicy, RefusalForm};

/// The stage. It stands behind `graphql`, so that a login needs no login.
#[derive(Debug)]
pub(super) struct Require;

impl Stage for Require {
    type Takes = Identified;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, call: Identified, next: &mut impl Next<Identified>) -> Reply {
        match (&call.who, call.request.connection.auth) {
            // Not as anonymous: the client would believe that its session is over.
            (Who::Unconfirmed(_), _) => unconfirmed().into(),
            (Who::Anonymous | Who::Expired(_), AuthPolicy::Required(_)) if !is_preflight(&call.request.request) => {
                unauthenticated().into()
            }
            (Who::Anonymous | Who::Expired(_) | Who::Known(_), _) => next.call(call),
        }
    }
}

fn is_preflight<B>(request: &Request<B>) -> bool {
    let asks = [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD].iter().all(|name| request.headers().contains_key(name));
    asks && *request.method() == Method::OPTIONS
}

/// The refusal of a caller who was known by a good token, and whom the directory does not let in any more. The document
/// has gone by, so GraphQL's form names none of its fields.
pub(super) fn refused(form: RefusalForm, speaks: Speaks) -> Response {
    match (form, speaks) {
        (RefusalForm::Graphql, Speaks::Graphql) => {
            let error = json!({ "message": "Authentication required", "extensions": { "code": "UNAUTHENTICATED" } });
            respond::json(StatusCode::OK, json!({ "errors": [error], "data": null }).to_string())
        }
        (RefusalForm::Http, _) | (RefusalForm::Graphql, Speaks::Other) => unauthenticated(),
    }
}

/// 401 with the challenge that RFC 9110 §11.6.1 asks for. It doesn't say whether a token was missing or no good.
pub(super) fn unauthenticated() -> Response {
    let mut response = respond::error(
        StatusCode::UNAUTHORIZED,
        "UNAUTHENTICATED",
        "Authentication required: send a valid access token as `Authorization: Bearer …`.",
    );
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// 503: whether the caller may still come in can't be told at the moment.
pub(super) fn unconfirmed() -> Response {
    let message = "Users or sessions are out of reach. Try again shortly.";
    let mut response = respond::error(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", message);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
