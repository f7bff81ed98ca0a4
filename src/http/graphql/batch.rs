//! Runs a batch: one request after the other, each as it would be alone, and one answer for all of them.
//!
//! The answer has the form that graphene-django gives it: a list in the order of the requests, each with the `id` that the
//! client gave and the `status` that it would have had alone. What is invalid keeps nothing else from running. The
//! backend is asked in batches of one, since a view of graphene's takes nothing else.
//!
//! The status of the whole is the highest of them, as in graphene-django, with one exception: a request that could not be
//! answered (401, 502, 503 …) beside one that was executed counts as 200. Clients throw away an answer with such a
//! status, and with it the tokens of a login; or send it again, and with it what has been done.

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE},
};
use indexmap::IndexMap;
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use super::{Graphql, errands::Asks, in_http};
use crate::{
    auth::Commands,
    graphql::{self, Planned, Ran, SessionChange, Task},
    http::{
        credentials::Identified,
        respond::{self, Response, ResponseBody},
        stage::Next,
    },
};

/// What an answer consists of (GraphQL October 2021 §7.1).
const PARTS: [&str; 3] = ["errors", "data", "extensions"];

type Members = IndexMap<String, Box<RawValue>>;

impl Graphql {
    pub(super) async fn run_batch(
        &self,
        batch: Vec<Planned>,
        commands: &impl Commands,
        call: &Identified,
        next: &impl Next<Identified>,
    ) -> Response {
        let (caller, mut errands) = (self.caller(call), self.errands(call, next, Asks::Batch));
        let (mut answers, mut session) = (Answers::default(), SessionChange::Keep);
        for Planned { id, task } in batch {
            let ended = match task {
                Task::Relay(request) => graphql::relay(request, &mut errands).await,
                Task::Run(owned) => match graphql::run(&owned, commands, &mut errands, &caller).await {
                    Ok(Ran::Answered(answer)) => Ok(answer),
                    Ok(Ran::Forward(request)) => graphql::relay(request, &mut errands).await,
                    Err(response) => Err(response),
                },
                Task::Refuse(answer) => Ok(*answer),
            };
            let response = ended.map_or_else(
                |response| response,
                |answer| {
                    if !matches!(answer.session, SessionChange::Keep) {
                        session = answer.session;
                    }
                    in_http(answer.outcome, answer.retry_after, answer.body, call.request.connection.refusal)
                },
            );
            answers.add(id, response);
        }
        let mut response = answers.into_response();
        self.change_session(session, response.headers_mut(), call);
        for cookie in errands.cookies.take() {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

/// The answers so far.
#[derive(Default)]
struct Answers {
    entries: Vec<Members>,
    heads: Vec<(StatusCode, HeaderMap)>,
}

impl Answers {
    fn add(&mut self, id: Option<Value>, response: Response) {
        let (parts, body) = response.into_parts();
        let (status, mut members) = match (body, parts.status) {
            // Errands read the backend's answers to their end.
            (ResponseBody::Own(body), status) => match members(&body) {
                Some(members) => (status, members),
                None => (failed(status), unreadable()),
            },
            (_, status) => (failed(status), unreadable()),
        };
        members.extend(raw("id", &id.unwrap_or_default()));
        members.extend(raw("status", &json!(status.as_u16())));
        self.entries.push(members);
        self.heads.push((status, parts.headers));
    }

    fn into_response(self) -> Response {
        let was_executed = self.heads.iter().any(|(status, _)| status.is_success());
        let counts = |(status, _): &&(StatusCode, HeaderMap)| !was_executed || *status <= StatusCode::BAD_REQUEST;
        let counting = || self.heads.iter().filter(counts);
        let highest = counting().max_by_key(|(status, _)| *status);
        let (status, head) = highest.cloned().unwrap_or_default();
        // It was read as JSON before: nothing in it can't be written.
        let mut response = respond::json(status, serde_json::to_vec(&self.entries).unwrap_or_default());
        let challenges = head.get_all(WWW_AUTHENTICATE).iter().cloned();
        response.headers_mut().extend(challenges.map(|value| (WWW_AUTHENTICATE, value)));
        let waits = counting().filter_map(|(_, head)| head.get(RETRY_AFTER));
        if let Some(wait) = waits.max_by_key(|wait| seconds(wait)) {
            response.headers_mut().insert(RETRY_AFTER, wait.clone());
        }
        response
    }
}

/// How long a `Retry-After` says to wait; `None` for a date, which a backend may have set (RFC 9110 §10.2.3).
fn seconds(wait: &HeaderValue) -> Option<u64> {
    wait.to_str().ok()?.parse().ok()
}

/// An answer, if it is GraphQL's. The refusals of the gateway's own stages are.
fn members(body: &[u8]) -> Option<Members> {
    let mut members: Members = serde_json::from_slice(body).ok()?;
    members.retain(|key, _| PARTS.contains(&key.as_str()));
    (!members.is_empty()).then_some(members)
}

/// The answer in place of one that is not GraphQL's.
fn unreadable() -> Members {
    let message = "The backend gave no answer to this request.";
    let errors = json!([{ "message": message, "extensions": { "code": "UPSTREAM_FAILED" } }]);
    raw("errors", &errors).into_iter().collect()
}

fn failed(status: StatusCode) -> StatusCode {
    if status.is_client_error() || status.is_server_error() { status } else { StatusCode::BAD_GATEWAY }
}

fn raw(key: &str, value: &Value) -> Option<(String, Box<RawValue>)> {
    Some((key.to_owned(), to_raw_value(value).ok()?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{config::RefusalForm, graphql::Outcome};

    fn whole(responses: Vec<Response>) -> (u16, HeaderMap, String) {
        let mut answers = Answers::default();
        for (index, response) in responses.into_iter().enumerate() {
            answers.add((index > 0).then(|| json!(index)), response);
        }
        let (parts, body) = answers.into_response().into_parts();
        let ResponseBody::Own(body) = body else { panic!("{body:?}") };
        (parts.status.as_u16(), parts.headers, String::from_utf8(body.into()).unwrap())
    }

    fn executed() -> Response {
        in_http(Outcome::Executed, None, br#"{"data":{"n":1.50},"hasNext":false}"#.to_vec(), RefusalForm::Http)
    }

    fn invalid() -> Response {
        in_http(Outcome::Invalid, None, br#"{"errors":[]}"#.to_vec(), RefusalForm::Http)
    }

    fn unavailable() -> Response {
        in_http(Outcome::Unavailable, None, br#"{"data":null}"#.to_vec(), RefusalForm::Http)
    }

    #[test]
    fn each_answer_has_its_number_and_status() {
        let (status, headers, body) = whole(vec![executed(), invalid()]);
        let expected = r#"[{"data":{"n":1.50},"id":null,"status":200},{"errors":[],"id":1,"status":400}]"#;
        assert_eq!((status, body.as_str()), (400, expected));
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(whole(vec![executed(), executed()]).0, 200);
    }

    #[test]
    fn what_was_done_is_not_to_be_tried_again() {
        let (status, headers, body) = whole(vec![unavailable(), executed()]);
        assert_eq!((status, headers.contains_key(RETRY_AFTER)), (200, false));
        assert!(body.contains(r#"{"data":null,"id":null,"status":503}"#), "{body}");
        assert_eq!(whole(vec![unavailable(), executed(), invalid()]).0, 400);
        let (status, headers, _) = whole(vec![unavailable(), invalid()]);
        assert_eq!((status, &headers[RETRY_AFTER]), (503, &HeaderValue::from_static("1")));
        let refused = || crate::http::refusal::by_status(crate::model::Shortfall::Unauthenticated);
        let (status, headers, _) = whole(vec![refused(), invalid()]);
        assert_eq!((status, &headers[WWW_AUTHENTICATE]), (401, &HeaderValue::from_static("Bearer")));
        assert_eq!(whole(vec![refused(), executed()]).0, 200);
    }

    #[test]
    fn the_longest_wait_of_those_that_count_is_told() {
        let limited = |millis| {
            in_http(
                Outcome::Executed,
                Some(Duration::from_millis(millis)),
                b"{\"data\":{}}".to_vec(),
                RefusalForm::Http,
            )
        };
        let wait = |responses| whole(responses).1.get(RETRY_AFTER).map(|wait| wait.to_str().unwrap().to_owned());
        assert_eq!(wait(vec![limited(9_001), executed(), limited(2_000)]).as_deref(), Some("10"));
        assert_eq!(wait(vec![limited(9_001), invalid()]).as_deref(), Some("10"), "not only that of the highest status");
        assert_eq!(wait(vec![unavailable(), limited(0)]).as_deref(), Some("0"), "what was executed is not tried again");
        let outage = |wait| {
            in_http(Outcome::Unavailable, Some(Duration::from_secs(wait)), b"{\"data\":{}}".to_vec(), RefusalForm::Http)
        };
        assert_eq!(wait(vec![outage(9)]).as_deref(), Some("9"));
        assert_eq!(wait(vec![outage(0)]).as_deref(), Some("1"), "an outage takes a second at least");
        let mut dated = unavailable();
        dated.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("Fri, 31 Dec 1999 23:59:59 GMT"));
        assert_eq!(wait(vec![unavailable(), dated]).as_deref(), Some("1"));
    }

    #[test]
    fn what_is_not_graphql_is_said_to_be_that() {
        for (given, expected) in [(200, 502), (302, 502), (403, 403), (500, 500)] {
            let mut html = respond::json(StatusCode::OK, "<html>");
            *html.status_mut() = StatusCode::from_u16(given).unwrap();
            let (status, _, body) = whole(vec![html]);
            assert_eq!(status, expected);
            assert!(body.contains("UPSTREAM_FAILED") && body.contains(&format!("\"status\":{expected}")), "{body}");
        }
    }
}
