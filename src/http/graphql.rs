//! Answers auth operations on GraphQL paths; passes everything else on.
//!
//! A request that is *clean*, so that no reading of it runs an owned field, goes on byte for byte. Everything else is
//! decoded strictly or refused; what has no owned field then goes on in canonical form, so that the gateway and the
//! backend can't disagree about it. A field that is under a rule of `[[fields]]` makes a request unclean, too; the planner
//! asks the rules.

use std::{rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, UPGRADE, USER_AGENT},
    uri::PathAndQuery,
};

use super::{
    access,
    body::{BodyError, RequestBody},
    cookies::{self, Jar},
    credentials::{Identified, Who},
    csrf,
    hygiene::{Sanitised, Speaks},
    refusal,
    reply::Reply,
    respond::{self, Response},
    stage::{Next, Stage},
};
use crate::{
    auth::{
        Commands,
        audit::{Audited, Origin},
        service::AuthHandle,
        tokens::Authenticator,
    },
    config::{PathPattern, RefusalForm},
    graphql::{
        self, Admits, Answer, Caller, Carries, Encoding, Outcome, Owned, Planner, Ran, Registration, Scanner,
        SessionChange,
    },
    model::{AuditSink, ClientInfo, Clock, Entropy, Language, Shortfall},
};

mod admits;
mod asked;
mod batch;
mod errands;
mod form;
mod rehearsal;
mod unreadable;
mod written;

use admits::Door;
use asked::{Decided, Understood, Work};
use errands::{Asks, Errands};
use unreadable::Unreadable;
use written::{Written, written};

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
    pub(super) audit: Arc<dyn AuditSink>,
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) jar: Rc<Jar>,
    pub(super) trusted_origins: Rc<[String]>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) closed_paths: Vec<PathPattern>,
    pub(super) batching: bool,
    pub(super) body_limit: usize,
    pub(super) body_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) language: Language,
    pub(super) registration: Registration,
}

impl Stage for Graphql {
    type Takes = Identified;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, call: Identified, next: &mut impl Next<Identified>) -> Reply {
        let request = &call.request.request;
        // An upgrade is the gateway's own: what goes through the socket, `sockets` looks into.
        let is_upgrade = request.headers().contains_key(UPGRADE);
        if call.request.speaks == Speaks::Other || *request.method() == Method::OPTIONS || is_upgrade {
            return next.call(call);
        }
        // `Require` refuses it whatever it says.
        let Door::Read(admits) = self.door(&call) else { return next.call(call) };
        let (stage, mut next) = (Rc::clone(self), next.clone());
        Reply::later(async move {
            match stage.attend(call, admits, &next).await {
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

/// How work ended.
enum Ended {
    Answered(Response),
    /// The backend is to answer after all.
    Forward(Understood),
}

impl Graphql {
    async fn attend(
        &self,
        mut call: Identified,
        admits: Admits,
        next: &impl Next<Identified>,
    ) -> Result<Attended, Unreadable> {
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
                return Box::pin(self.attend_form(call, admits, body, &boundary, next)).await;
            }
            // A form in a GET is read by nobody.
            Written::Form { .. } => return Err(Unreadable::ContentType),
        };
        let body = self.read(body).await?;
        let query = call.request.request.uri().query().unwrap_or_default().as_bytes();
        if admits.backends() && self.scanner.is_clean(encoding, query, &body) {
            if let Some(target) = without_tokens(call.request.request.uri()) {
                *call.request.request.uri_mut() = target;
            }
            if !body.is_empty() {
                *call.request.request.body_mut() = RequestBody::Whole(body);
            }
            return Ok(Attended::Forward(Box::new(call)));
        }
        // Far larger than all of the above, which is moved for every request.
        Box::pin(self.decide(call, admits, encoding, carries, &body, next)).await
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
        admits: Admits,
        encoding: Option<Encoding>,
        carries: Carries,
        body: &[u8],
        next: &impl Next<Identified>,
    ) -> Result<Attended, Unreadable> {
        let query = call.request.request.uri().query().unwrap_or_default().as_bytes();
        let asked = match self.asked(encoding, carries, query, body) {
            Ok(asked) => asked,
            Err(answer) => return Ok(Attended::Answered(self.translate(*answer, &call))),
        };
        Ok(match self.decided(asked, &call, carries, admits) {
            Decided::Forward(understood) => Attended::Forward(Box::new(canonical(call, &understood)?)),
            Decided::Refuse(answer) => Attended::Answered(self.translate(*answer, &call)),
            Decided::Run(work) => match self.run(work, &call, next).await {
                Ended::Answered(response) => Attended::Answered(response),
                Ended::Forward(understood) => Attended::Forward(Box::new(canonical(call, &understood)?)),
            },
        })
    }

    async fn run(&self, work: Work, call: &Identified, next: &impl Next<Identified>) -> Ended {
        if let Some(take) = &call.request.rehearsed {
            return self.rehearse(take, work, call, next).await;
        }
        access::operations(work.operations());
        let origin = Origin { request: call.request.id.clone(), trace: access::trace(), client: client(call) };
        let commands = Audited::new(&self.commands, origin, &*self.audit);
        match work {
            Work::One(owned) => self.run_one(&owned, &commands, call, next).await,
            Work::Batch(batch) => Ended::Answered(self.run_batch(batch, &commands, call, next).await),
        }
    }

    async fn run_one(
        &self,
        owned: &Owned,
        commands: &impl Commands,
        call: &Identified,
        next: &impl Next<Identified>,
    ) -> Ended {
        let (caller, mut errands) = (self.caller(call), self.errands(call, next, Asks::One));
        match graphql::run(owned, commands, &mut errands, &caller).await {
            Ok(Ran::Forward(request)) => Ended::Forward(Understood::One(request)),
            Ok(Ran::Answered(answer)) => {
                let mut response = self.translate(answer, call);
                for cookie in errands.cookies.take() {
                    response.headers_mut().append(SET_COOKIE, cookie);
                }
                Ended::Answered(response)
            }
            Err(response) => Ended::Answered(response),
        }
    }

    fn caller(&self, call: &Identified) -> Caller {
        let (principal, expired) = match &call.who {
            Who::Anonymous | Who::Unconfirmed(None) => (None, None),
            Who::Known(principal) | Who::Unconfirmed(Some(principal)) => (Some(principal.clone()), None),
            Who::Expired(principal) => (None, Some(principal.clone())),
        };
        Caller {
            principal,
            sees_no_tokens: self.hides_tokens(&call.request),
            is_unconfirmed: matches!(call.who, Who::Unconfirmed(None)),
            expired,
            refresh_cookie: call.refresh_cookie.clone(),
            device_cookies: call.device_cookies.clone(),
            client: client(call),
            language: self.language,
            registration: self.registration,
        }
    }

    /// In an answer that sets the session's cookie for a page, tokens are what a script could take away.
    fn hides_tokens(&self, asked: &Sanitised) -> bool {
        let of_a_page = csrf::is_of_a_page(asked.request.headers());
        self.jar.hides_tokens() && of_a_page && !csrf::is_cross_site(asked, &self.trusted_origins)
    }

    fn errands<'a, N: Next<Identified>>(&'a self, call: &'a Identified, next: &N, asks: Asks) -> Errands<'a, N> {
        Errands {
            call,
            next: next.clone(),
            authenticator: &self.authenticator,
            patience: self.response_timeout,
            asks,
            cookies: Rc::default(),
        }
    }

    /// A GraphQL answer to one request, as HTTP.
    fn translate(&self, answer: Answer, call: &Identified) -> Response {
        let mut response = in_http(answer.outcome, answer.retry_after, answer.body, call.request.connection.refusal);
        self.change_session(answer.session, response.headers_mut(), call);
        response
    }

    fn change_session(&self, change: SessionChange, headers: &mut HeaderMap, call: &Identified) {
        let asked = call.request.request.headers();
        match change {
            SessionChange::Keep => {}
            // Another site's page puts no session into the browser, and takes none out of it. Tokens are in the answer, which
            // that page can read if the backend's CORS headers say so.
            SessionChange::Open(_) | SessionChange::Close
                if csrf::is_cross_site(&call.request, &self.trusted_origins) => {}
            SessionChange::Open(grant) => {
                let has_csrf = cookies::only(asked, csrf::COOKIE_NAME).is_some();
                self.jar.open(headers, &grant, self.clock.now(), has_csrf, &*self.entropy);
            }
            SessionChange::Close => self.jar.close(headers),
        }
    }
}

/// The one place where the outcome of a GraphQL request becomes HTTP's; refusals have this form.
fn in_http(outcome: Outcome, retry_after: Option<Duration>, body: Vec<u8>, form: RefusalForm) -> Response {
    let status = match outcome {
        Outcome::Executed | Outcome::Refused(_) => StatusCode::OK,
        Outcome::Invalid => StatusCode::BAD_REQUEST,
        Outcome::QueryOnly => StatusCode::METHOD_NOT_ALLOWED,
        Outcome::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = respond::json(status, body);
    match (outcome, form) {
        // An outage is no refusal, whatever the form.
        (Outcome::Refused(Shortfall::Unconfirmed), _) => refusal::mark(&mut response, Shortfall::Unconfirmed),
        (Outcome::Refused(shortfall), RefusalForm::Http) => refusal::mark(&mut response, shortfall),
        (Outcome::Refused(shortfall), RefusalForm::Graphql) => access::code(shortfall.code()),
        _ => {}
    }
    let headers = response.headers_mut();
    if outcome == Outcome::QueryOnly {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    let outage = (outcome == Outcome::Unavailable).then_some(Duration::from_secs(1));
    if let Some(wait) = retry_after.max(outage) {
        headers.insert(RETRY_AFTER, respond::whole_seconds(wait).into());
    }
    response
}

/// The request as the one text that says what was understood of it: JSON in a body, or the query string of a GET, which
/// may be longer than the client's.
fn canonical(mut call: Identified, understood: &Understood) -> Result<Identified, Unreadable> {
    let request = &mut call.request.request;
    let path = request.uri().path().to_owned();
    let target = match understood {
        Understood::One(one) if *request.method() == Method::GET => {
            request.headers_mut().remove(CONTENT_TYPE);
            *request.body_mut() = RequestBody::Empty;
            format!("{path}?{}", one.to_query_string())
        }
        Understood::One(_) | Understood::Batch(_) => {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = RequestBody::Whole(understood.to_json().into());
            path
        }
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
