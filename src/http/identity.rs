//! What the backend is told of the caller: `X-Auth-*`, where the request came from ([`forwarded`]), and the bearer token it
//! believes.
//!
//! It stands last before the backend: nothing that a client sent can take away or change what is set here, since managed
//! and hop-by-hop headers went in `hygiene`. Values are percent-encoded where they are not visible ASCII, and where they
//! hold `%`, so that decoding gives the value back; in lists also the comma.
//!
//! | header | value |
//! |---|---|
//! | `X-Auth-User-Id`, `X-Auth-Username` | as the directory has them |
//! | `X-Auth-Email`, `X-Auth-Roles`, `X-Auth-Permissions` | as far as the access token carries them; lists by comma |
//! | `X-Auth-Session-Id` | the session; absent for a token or a session of the backend |
//! | `X-Auth-Method` | `bearer`, `cookie`, `rail-jwt`, `django-session` |
//! | `X-Auth-Mfa` | `true`, `false` |
//! | `X-Auth-Time` | when credentials were shown, seconds since 1970; 0 for a session or a token of the backend's, which doesn't say |
//! | `X-Auth-Assertion` | the same facts and the request, signed; of the anonymous, too ([`assertion`](crate::auth::assertion)) |
//! | `traceparent` | the gateway's own span of the request's trace, as parent (W3C Trace Context); where a collector gets spans, that of what the backend is asked ([`Asking`](access::Asking)) |

use std::{rc::Rc, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Request, header::AUTHORIZATION, uri::PathAndQuery};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{
    access,
    body::RequestBody,
    cookies::Jar,
    credentials::{Authorization, Identified},
    forwarded,
    hygiene::{Speaks, headers::remove_folded},
    refusal,
    reply::Reply,
    require::is_preflight,
    stage::{Next, Stage},
};
use crate::{
    auth::{Refusal, assertion::Assertions, identity::UpstreamBearer},
    config::{AuthPolicy, ForwardedHeaders},
    model::{Clock, Principal, Shortfall},
};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");
const USERNAME: HeaderName = HeaderName::from_static("x-auth-username");
const EMAIL: HeaderName = HeaderName::from_static("x-auth-email");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
const PERMISSIONS: HeaderName = HeaderName::from_static("x-auth-permissions");
const SESSION_ID: HeaderName = HeaderName::from_static("x-auth-session-id");
const METHOD: HeaderName = HeaderName::from_static("x-auth-method");
const MFA: HeaderName = HeaderName::from_static("x-auth-mfa");
const TIME: HeaderName = HeaderName::from_static("x-auth-time");
const ASSERTION: HeaderName = HeaderName::from_static("x-auth-assertion");

/// Headers by which some frameworks let a request say that it is of another method.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
const ENCODED_ITEM: &AsciiSet = &ENCODED.add(b',');

/// The stage.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) headers: bool,
    pub(super) permissions: bool,
    pub(super) forwarded: ForwardedHeaders,
    pub(super) bearer: Option<UpstreamBearer>,
    pub(super) assertions: Option<Arc<Assertions>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) jar: Rc<Jar>,
}

impl Stage for Identity {
    type Takes = Identified;
    type Gives = Request<RequestBody>;

    fn handle(self: &Rc<Self>, call: Identified, next: &mut impl Next<Request<RequestBody>>) -> Reply {
        let (policy, speaks) = (call.request.terms.auth, call.request.speaks);
        let form = call.request.connection.refusal;
        let (mut request, principal) = self.prepare(call);
        let (principal, bearer) = match (principal, &self.bearer) {
            (Some(principal), Some(bearer)) => (principal, bearer.clone()),
            (principal, _) => {
                self.describe(&mut request, principal.as_ref());
                return next.call(request);
            }
        };
        let (stage, mut next) = (Rc::clone(self), next.clone());
        Reply::later(async move {
            match bearer.token_for(&principal).await {
                Ok(token) => {
                    if let Ok(mut value) = HeaderValue::try_from(format!("Bearer {token}")) {
                        value.set_sensitive(true);
                        request.headers_mut().insert(AUTHORIZATION, value);
                    }
                    stage.describe(&mut request, Some(&principal));
                }
                Err(Refusal::Unavailable | Refusal::Busy(_)) => return refusal::by_status(Shortfall::Unconfirmed),
                // The user may not come in any more: the token is no good.
                Err(_) => {
                    if policy == AuthPolicy::Required {
                        return refusal::refused(Shortfall::Unauthenticated, form, speaks);
                    }
                    stage.describe(&mut request, None);
                }
            }
            let Ok(response) = next.call(request).await;
            response
        })
    }
}

impl Identity {
    /// The request for the backend, without the client's credentials; and the caller, if there is one to describe.
    fn prepare(&self, call: Identified) -> (Request<RequestBody>, Option<Principal>) {
        let Identified { request, who, authorization, .. } = call;
        let principal = who.into_known();
        let graphql = request.speaks == Speaks::Graphql;
        let (connection, terms) = (request.connection, request.terms);
        let mut request = request.request;
        let preflight = is_preflight(&request);
        if preflight {
            // It passes rules that ask for a caller, so nothing comes by it that could be more than a question.
            *request.body_mut() = RequestBody::Empty;
        }
        let headers = request.headers_mut();
        if self.withholds(authorization, graphql, terms.auth) {
            headers.remove(AUTHORIZATION);
        }
        self.jar.withhold(headers, graphql);
        if graphql || terms.is_routed || preflight {
            remove_folded(headers, &METHOD_OVERRIDES);
        }
        forwarded::tell(headers, &connection, self.forwarded);
        if let Some(Ok(parent)) = access::trace().map(|trace| HeaderValue::from_bytes(&trace.to_header())) {
            headers.insert(TRACEPARENT, parent);
        }
        (request, principal)
    }

    /// A bearer token is the gateway's to read and stays here. Another scheme is the backend's affair, except on GraphQL
    /// paths, where it would let somebody in past the gateway. A listener without authentication changes nothing; a route
    /// without any keeps back bearer tokens, unread.
    fn withholds(&self, authorization: Authorization, graphql: bool, policy: AuthPolicy) -> bool {
        match authorization {
            Authorization::Absent => false,
            Authorization::Bearer => true,
            Authorization::Foreign => graphql && policy != AuthPolicy::None,
        }
    }

    /// Says who makes the request, which is as it will be sent.
    fn describe(&self, request: &mut Request<RequestBody>, caller: Option<&Principal>) {
        if let Some(assertions) = &self.assertions {
            let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
            let signed = assertions.sign(caller, request.method().as_str(), target, self.clock.now());
            // Base64url and dots.
            if let Ok(mut value) = HeaderValue::try_from(signed) {
                value.set_sensitive(true);
                request.headers_mut().insert(ASSERTION, value);
            }
        }
        if let (true, Some(caller)) = (self.headers, caller) {
            self.tell(request.headers_mut(), caller);
        }
    }

    fn tell(&self, headers: &mut HeaderMap, caller: &Principal) {
        set(headers, USER_ID, caller.user.as_str());
        set(headers, USERNAME, &caller.username);
        if let Some(email) = &caller.email {
            set(headers, EMAIL, email);
        }
        if let Some(roles) = &caller.roles {
            set_list(headers, ROLES, roles);
        }
        if let (true, Some(permissions)) = (self.permissions, &caller.permissions) {
            set_list(headers, PERMISSIONS, permissions);
        }
        if let Some(session) = &caller.session {
            set(headers, SESSION_ID, &session.to_string());
        }
        headers.insert(METHOD, HeaderValue::from_static(caller.method.as_str()));
        headers.insert(MFA, HeaderValue::from_static(if caller.mfa { "true" } else { "false" }));
        headers.insert(TIME, HeaderValue::from(caller.auth_time.as_secs()));
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let is_plain = |byte: &u8| (0x21..0x7f).contains(byte) && *byte != b'%';
    let encoded = if value.as_bytes().iter().all(is_plain) {
        HeaderValue::from_str(value)
    } else {
        HeaderValue::try_from(utf8_percent_encode(value, ENCODED).to_string())
    };
    if let Ok(encoded) = encoded {
        headers.insert(name, encoded);
    }
}

fn set_list(headers: &mut HeaderMap, name: HeaderName, items: &[String]) {
    let encoded: Vec<String> = items.iter().map(|item| utf8_percent_encode(item, ENCODED_ITEM).to_string()).collect();
    if let Ok(value) = HeaderValue::try_from(encoded.join(",")) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{ROLES, USERNAME, set, set_list};

    #[test]
    fn values_can_be_decoded_to_what_they_were() {
        let mut headers = HeaderMap::new();
        for (value, sent) in [
            ("john", "john"),
            ("a b", "a%20b"),
            ("Élodie", "%C3%89lodie"),
            ("50%", "50%25"),
            ("x\r\ny", "x%0D%0Ay"),
            ("a,b", "a,b"),
        ] {
            set(&mut headers, USERNAME, value);
            assert_eq!(headers[USERNAME], sent);
        }
    }

    #[test]
    fn a_group_can_not_pass_for_two() {
        let mut headers = HeaderMap::new();
        set_list(&mut headers, ROLES, &["a,admin".to_owned(), "b%2C".to_owned(), "é".to_owned()]);
        assert_eq!(headers[ROLES], "a%2Cadmin,b%252C,%C3%A9");
        set_list(&mut headers, ROLES, &[]);
        assert_eq!(headers[ROLES], "");
    }
}
