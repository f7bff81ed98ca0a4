//! What a caller lacks, as HTTP says it.
//!
//! | lacks | status | `WWW-Authenticate: Bearer` |
//! |---|---|---|
//! | a credential | 401 | nothing more: it doesn't say whether a token was missing or no good (RFC 9110 §11.6.1) |
//! | a role or a permission | 403 | `error="insufficient_scope"` (RFC 6750 §3.1) |
//! | a second factor, a recent login | 401 | `error="insufficient_user_authentication"`, `max_age` (RFC 9470 §3) |
//! | anybody's right to it | 403 | absent: no credential would do |
//! | an answer, since nobody can tell now | 503 | absent; `Retry-After` |

use std::sync::LazyLock;

use bytes::Bytes;
use http::{
    HeaderValue, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::json;

use super::{
    access,
    hygiene::Speaks,
    respond::{self, Response},
};
use crate::{
    config::RefusalForm,
    graphql,
    model::{Shortfall, StepUp},
};

/// The refusal of a request of which no field is named: what it asks was not looked into, or has gone by.
pub(super) fn refused(shortfall: Shortfall, form: RefusalForm, speaks: Speaks) -> Response {
    match (form, speaks) {
        (RefusalForm::Graphql, Speaks::Graphql) => {
            access::code(shortfall.code());
            let error = json!({ "message": shortfall.message(), "extensions": graphql::extensions(shortfall) });
            respond::json(StatusCode::OK, json!({ "errors": [error], "data": null }).to_string())
        }
        (RefusalForm::Http, _) | (RefusalForm::Graphql, Speaks::Other) => by_status(shortfall),
    }
}

/// The refusal of a request that is not GraphQL's, or is refused as if it weren't.
pub(super) fn by_status(shortfall: Shortfall) -> Response {
    // Whoever comes without a good token is not to cost more than a look at it.
    static UNAUTHENTICATED: LazyLock<Bytes> = LazyLock::new(|| {
        let message = "Authentication required: send a valid access token as `Authorization: Bearer …`.";
        text(message, Shortfall::Unauthenticated)
    });
    let text = match shortfall {
        Shortfall::Unauthenticated => UNAUTHENTICATED.clone(),
        other => text(other.message(), other),
    };
    let mut response = respond::json(StatusCode::OK, text);
    mark(&mut response, shortfall);
    response
}

fn text(message: &str, shortfall: Shortfall) -> Bytes {
    let error = json!({ "message": message, "extensions": graphql::extensions(shortfall) });
    json!({ "errors": [error] }).to_string().into()
}

/// Gives an answer the status of a refusal, and what goes with it.
pub(super) fn mark(response: &mut Response, shortfall: Shortfall) {
    access::code(shortfall.code());
    *response.status_mut() = match shortfall {
        Shortfall::Unauthenticated | Shortfall::StepUp(_) => StatusCode::UNAUTHORIZED,
        Shortfall::Forbidden | Shortfall::Denied => StatusCode::FORBIDDEN,
        Shortfall::Unconfirmed => StatusCode::SERVICE_UNAVAILABLE,
    };
    if let Some(challenge) = challenge(shortfall) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    if shortfall == Shortfall::Unconfirmed {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
}

fn challenge(shortfall: Shortfall) -> Option<HeaderValue> {
    match shortfall {
        Shortfall::Unauthenticated => Some(HeaderValue::from_static("Bearer")),
        Shortfall::Forbidden => Some(HeaderValue::from_static("Bearer error=\"insufficient_scope\"")),
        Shortfall::StepUp(StepUp { max_auth_age, .. }) => {
            let age = max_auth_age.map(|age| format!(", max_age=\"{}\"", age.as_secs())).unwrap_or_default();
            let why = shortfall.message();
            let error = "error=\"insufficient_user_authentication\"";
            HeaderValue::try_from(format!("Bearer {error}, error_description=\"{why}\"{age}")).ok()
        }
        Shortfall::Denied | Shortfall::Unconfirmed => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_lacking_is_told_as_the_standards_say() {
        let told = |shortfall| {
            let response = by_status(shortfall);
            let challenge = response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), challenge)
        };
        let bearer = |rest: &str| Some(format!("Bearer{rest}"));
        assert_eq!(told(Shortfall::Unauthenticated), (401, bearer("")));
        assert_eq!(told(Shortfall::Forbidden), (403, bearer(" error=\"insufficient_scope\"")));
        assert_eq!(told(Shortfall::Denied), (403, None));
        assert_eq!(told(Shortfall::Unconfirmed), (503, None));
        let again = StepUp { mfa: true, max_auth_age: Some(Duration::from_secs(300)) };
        let expected = " error=\"insufficient_user_authentication\", error_description=\"This takes a login with a second \
                        factor. Log in again.\", max_age=\"300\"";
        assert_eq!(told(Shortfall::StepUp(again)), (401, bearer(expected)));
        let (_, challenge) = told(Shortfall::StepUp(StepUp { max_auth_age: None, ..again }));
        assert!(!challenge.unwrap().contains("max_age"));
    }
}
