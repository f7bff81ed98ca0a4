//! Answers auth operations on GraphQL paths; passes everything else on.
//!
//! A request that is *clean*, so that no reading of it runs an owned field, goes on byte for byte. Everything else is
//! decoded strictly or refused; what has no owned field then goes on in canonical form, so that the gateway and the
//! backend can't disagree about it.

use std::{rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, USER_AGENT},
    uri::PathAndQuery,
};

use super::{
    body::{BodyError, RequestBody},
    cookies::{self, Jar},
    credentials::Identified,
    csrf,
    hygiene::Speaks,
    reply::Reply,
    respond::{self, Response},
    stage::{Next, Stage},
    upload::{self, Form},
};
use crate::{
    auth::{service::AuthHandle, tokens::Authenticator},
    graphql::{self, Answer, Caller, Carries, Encoding, Outcome, Owned, Plan, Planner, Ran, Scanner, SessionChange},
    model::{ClientInfo, Clock, Entropy, Language},
};

mod errands;
mod unreadable;

use errands::Errands;
use unreadable::Unreadable;

/// Characters of a `User-Agent` that a session remembers.
const USER_AGENT_LENGTH: usize = 256;

/// Keys of a query string that some backend reads a credential from. It would be in the logs of every hop.
const QUERY_TOKENS: [&str; 3] = ["token", "access_token", "jwt"];

/// The stage, and what answers auth operations.
#[derive(Debug)]
pub(super) struct Graphql {
    pub(super) scanner: Arc<Scanner>,
    pub(super) planner: Arc<Planner>,
    pub(super) commands: AuthHandle,
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) jar: Rc<Jar>,
    pub(super) trusted_origins: Rc<[String]>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) body_limit: usize,
    pub(super) body_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) language: Language,
}

impl Stage for Graphql {
    type Takes = Identified;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, call: Identified, next: &mut impl Next<Identified>) -> Reply {
        if call.request.speaks == Speaks::Other || *call.request.request.method() == Method::OPTIONS {
            return next.call(call);
        }
        let (stage, mut next) = (Rc::clone(self), next.clone());
        Reply::later(async move {
            match stage.attend(call, &next).await {
                Ok(Attended::Forward(call)) => {
                    let Ok(response) = next.call(*call).await;
                    response
                }
                Ok(Attended::Answered(response)) => response,
                Err(unreadable) => unreadable.into(),
            }
        })
    }
}

enum Attended {
    Forward(Box<Identified>),
    Answered(Response),
}

impl Graphql {
    async fn attend(&self, mut call: Identified, next: &impl Next<Identified>) -> Result<Attended, Unreadable> {
        if call.request.wants_websocket {
            return Err(Unreadable::WebSocket);
        }
        let carries = match *call.request.request.method() {
            Method::GET => Carries::Queries,
            Method::POST => Carries::All,
            _ => return Err(Unreadable::Method),
        };
        let body = std::mem::replace(call.request.request.body_mut(), RequestBody::Empty);
        let encoding = match written(call.request.request.headers(), body.is_absent())? {
            Written::Absent => None,
            Written::Plain(encoding) => Some(encoding),
            Written::Form { boundary } if carries == Carries::All => {
                return self.attend_upload(call, body, &boundary, next).await;
            }
            // A form in a GET is read by nobody.
            Written::Form { .. } => return Err(Unreadable::ContentType),
        };
        let body = self.read(body).await?;
        let query = call.request.request.uri().query().unwrap_or_default().as_bytes();
        if self.scanner.is_clean(encoding, query, &body) {
            if let Some(target) = without_tokens(call.request.request.uri()) {
                *call.request.request.uri_mut() = target;
            }
            if !body.is_empty() {
                *call.request.request.body_mut() = RequestBody::Whole(body);
            }
            return Ok(Attended::Forward(Box::new(call)));
        }
        self.decide(call, encoding, carries, &body, next).await
    }

    async fn read(&self, body: RequestBody) -> Result<Bytes, Unreadable> {
        match tokio::time::timeout(self.body_timeout, body.collect(self.body_limit)).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(BodyError::TooLarge)) => Err(Unreadable::TooLarge),
            Ok(Err(BodyError::Broken(_) | BodyError::Gone | BodyError::Malformed(_))) => Err(Unreadable::Broken),
            Err(_elapsed) => Err(Unreadable::TooSlow),
        }
    }

    /// What becomes of a request that could run an owned field under some reading.
    async fn decide(
        &self,
        call: Identified,
        encoding: Option<Encoding>,
        carries: Carries,
        body: &[u8],
        next: &impl Next<Identified>,
    ) -> Result<Attended, Unreadable> {
        let query = call.request.request.uri().query().unwrap_or_default().as_bytes();
        let request = match graphql::decode(encoding, query, body) {
            Ok(request) => request,
            Err(answer) => return Ok(Attended::Answered(self.translate(*answer, &call))),
        };
        Ok(match self.planner.plan(&request, carries) {
            Plan::Forward => Attended::Forward(Box::new(canonical(call, &request)?)),
            Plan::Refuse(answer) => Attended::Answered(self.translate(*answer, &call)),
            Plan::Run(owned) => match self.run(&owned, &call, next).await {
                Some(response) => Attended::Answered(response),
                None => Attended::Forward(Box::new(canonical(call, &request)?)),
            },
        })
    }

    /// The answer to a document; `None` where that is the backend's to give.
    async fn run(&self, owned: &Owned, call: &Identified, next: &impl Next<Identified>) -> Option<Response> {
        let caller = Caller {
            principal: call.principal.clone(),
            expired: call.expired.clone(),
            refresh_cookie: call.refresh_cookie.clone(),
            client: client(call),
            language: self.language,
        };
        let mut errands = Errands {
            call,
            next: next.clone(),
            authenticator: &self.authenticator,
            patience: self.response_timeout,
            cookies: Rc::default(),
        };
        match graphql::run(owned, &self.commands, &mut errands, &caller).await {
            Ok(Ran::Forward) => None,
            Ok(Ran::Answered(answer)) => {
                let mut response = self.translate(answer, call);
                for cookie in errands.cookies.take() {
                    response.headers_mut().append(SET_COOKIE, cookie);
                }
                Some(response)
            }
            Err(response) => Some(response),
        }
    }

    /// A form with files. Its operations are decided like any others; its files go on as they come.
    async fn attend_upload(
        &self,
        mut call: Identified,
        body: RequestBody,
        boundary: &str,
        next: &impl Next<Identified>,
    ) -> Result<Attended, Unreadable> {
        let begun = Form::begin(body, boundary, self.body_limit);
        let form = tokio::time::timeout(self.body_timeout, begun).await.map_err(|_elapsed| Unreadable::TooSlow)??;
        let query = call.request.request.uri().query().unwrap_or_default().as_bytes();
        let request = match graphql::decode(Some(Encoding::Json), query, &form.operations) {
            Ok(request) => request,
            Err(answer) => return Ok(Attended::Answered(self.translate(*answer, &call))),
        };
        match self.planner.plan(&request, Carries::All) {
            Plan::Forward => {}
            // No auth operation takes a file.
            Plan::Run(_) if form.has_files() => return Err(Unreadable::FilesForNobody),
            Plan::Run(owned) => {
                if let Some(response) = self.run(&owned, &call, next).await {
                    return Ok(Attended::Answered(response));
                }
            }
            Plan::Refuse(answer) => return Ok(Attended::Answered(self.translate(*answer, &call))),
        }
        let (body, content_type) =
            upload::relay(form, request.to_json(), &*self.entropy).map_err(|_| Unreadable::Unavailable)?;
        let path: PathAndQuery = call.request.request.uri().path().parse().map_err(|_| Unreadable::TooLong)?;
        *call.request.request.uri_mut() = path.into();
        call.request.request.headers_mut().insert(CONTENT_TYPE, content_type);
        *call.request.request.body_mut() = body;
        Ok(Attended::Forward(Box::new(call)))
    }

    /// The one place where a GraphQL answer becomes HTTP.
    fn translate(&self, answer: Answer, call: &Identified) -> Response {
        let status = match answer.outcome {
            Outcome::Executed => StatusCode::OK,
            Outcome::Invalid => StatusCode::BAD_REQUEST,
            Outcome::QueryOnly => StatusCode::METHOD_NOT_ALLOWED,
            Outcome::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        let mut response = respond::json(status, answer.body);
        let headers = response.headers_mut();
        match answer.outcome {
            Outcome::QueryOnly => drop(headers.insert(ALLOW, HeaderValue::from_static("POST"))),
            Outcome::Unavailable => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("1"))),
            Outcome::Executed | Outcome::Invalid => {}
        }
        let asked = call.request.request.headers();
        match answer.session {
            SessionChange::Keep => {}
            // The tokens are in the answer, which another site's page can read if the backend's CORS headers say so.
            SessionChange::Open(_) if csrf::is_cross_site(asked, &self.trusted_origins) => {}
            SessionChange::Open(grant) => {
                let has_csrf = cookies::only(asked, csrf::COOKIE_NAME).is_some();
                self.jar.open(headers, &grant, self.clock.now(), has_csrf, &*self.entropy);
            }
            SessionChange::Close => self.jar.close(headers),
        }
        response
    }
}

/// How a body is written.
#[derive(Debug, PartialEq, Eq)]
enum Written {
    /// There is none.
    Absent,
    Plain(Encoding),
    /// A form that may carry files.
    Form {
        boundary: String,
    },
}

/// How the body is written. What is not one of the four types, spelt plainly, could be read in more ways than one.
fn written(headers: &HeaderMap, no_body: bool) -> Result<Written, Unreadable> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Unreadable::ContentCoding);
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let line = match (types.next(), types.next()) {
        (None, _) if no_body => return Ok(Written::Absent),
        (Some(line), None) => line.to_str().map_err(|_| Unreadable::ContentType)?,
        (None, _) | (Some(_), Some(_)) => return Err(Unreadable::ContentType),
    };
    let (media_type, parameter) = match line.split_once(';') {
        Some((media_type, parameter)) => (media_type.trim(), Some(parameter.trim())),
        None => (line.trim(), None),
    };
    if media_type.eq_ignore_ascii_case("multipart/form-data") {
        let boundary = parameter.and_then(upload::boundary).ok_or(Unreadable::ContentType)?;
        return Ok(Written::Form { boundary: boundary.to_owned() });
    }
    if parameter.is_some_and(|parameter| !parameter.eq_ignore_ascii_case("charset=utf-8")) {
        return Err(Unreadable::ContentType);
    }
    match media_type.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Written::Plain(Encoding::Json)),
        "application/graphql" => Ok(Written::Plain(Encoding::Graphql)),
        "application/x-www-form-urlencoded" => Ok(Written::Plain(Encoding::Form)),
        _ => Err(Unreadable::ContentType),
    }
}

/// The request as the one text that says what was understood of it: JSON in a body, or the query string of a GET, which
/// may be longer than the client's.
fn canonical(mut call: Identified, understood: &graphql::Request) -> Result<Identified, Unreadable> {
    let request = &mut call.request.request;
    let path = request.uri().path().to_owned();
    let target = if *request.method() == Method::GET {
        request.headers_mut().remove(CONTENT_TYPE);
        *request.body_mut() = RequestBody::Empty;
        format!("{path}?{}", understood.to_query_string())
    } else {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = RequestBody::Whole(understood.to_json().into());
        path
    };
    *request.uri_mut() = PathAndQuery::try_from(target).map_err(|_| Unreadable::TooLong)?.into();
    Ok(call)
}

/// The target without what could be a credential in its query string, where there is one: a backend that takes it would
/// let somebody in past the gateway. A clean query string has its keys in plain text.
fn without_tokens(target: &Uri) -> Option<Uri> {
    let query = target.query()?;
    let is_token = |pair: &&str| {
        let key = pair.split('=').next().unwrap_or_default();
        QUERY_TOKENS.iter().any(|token| key.eq_ignore_ascii_case(token))
    };
    if !query.split(['&', ';']).any(|pair| is_token(&pair)) {
        return None;
    }
    let kept: Vec<&str> = query.split(['&', ';']).filter(|pair| !is_token(pair)).collect();
    let path = target.path();
    let text = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    PathAndQuery::try_from(text).ok().map(Uri::from)
}

fn client(call: &Identified) -> ClientInfo {
    let agent = call.request.request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    ClientInfo {
        ip: Some(call.request.connection.peer),
        user_agent: agent.map(|agent| agent.chars().take(USER_AGENT_LENGTH).collect()),
        device_name: None,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

    use super::{Encoding, Unreadable, Written, written};

    fn read(types: &[&'static str]) -> Result<Written, Unreadable> {
        let mut headers = HeaderMap::new();
        for line in types {
            headers.append(CONTENT_TYPE, HeaderValue::from_static(line));
        }
        written(&headers, false)
    }

    #[test]
    fn four_types_spelt_plainly() {
        assert_eq!(read(&["application/json"]), Ok(Written::Plain(Encoding::Json)));
        assert_eq!(read(&["Application/JSON; Charset=UTF-8"]), Ok(Written::Plain(Encoding::Json)));
        assert_eq!(read(&["application/graphql"]), Ok(Written::Plain(Encoding::Graphql)));
        assert_eq!(read(&["application/x-www-form-urlencoded;charset=utf-8"]), Ok(Written::Plain(Encoding::Form)));
        assert_eq!(read(&["multipart/form-data; boundary=x"]), Ok(Written::Form { boundary: "x".to_owned() }));
        for other in [
            "text/plain",
            "application/jsonx",
            "multipart/form-data",
            "multipart/form-data; boundary=x; charset=utf-7",
            "multipart/mixed; boundary=x",
            "application/json; charset=utf-7",
            "application/json; charset*=utf-8''utf-7",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json; charset=\"utf-8\"",
            "application/json,text/plain",
            "application/json;",
            "",
        ] {
            assert_eq!(read(&[other]), Err(Unreadable::ContentType), "{other}");
        }
        assert_eq!(read(&["application/json", "application/json"]), Err(Unreadable::ContentType));
        assert_eq!(read(&[]), Err(Unreadable::ContentType), "a body of no type");
        assert_eq!(written(&HeaderMap::new(), true), Ok(Written::Absent));
    }
}
