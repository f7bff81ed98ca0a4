//! What comes of a request that was worked out beside the backend's answer.

use cookie::Cookie;
use http::{HeaderMap, StatusCode, header::SET_COOKIE};
use serde_json::Value;

use super::{
    take::{Found, Take, Untold},
    tally::Difference,
};
use crate::http::{
    csrf,
    hygiene::Speaks,
    respond::{Response, ResponseBody},
};

/// In what the gateway would differ from the backend.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Untold(Untold),
    /// In nothing, if there is none.
    Told(Vec<Difference>),
}

impl Verdict {
    /// Of what the backend did, and what the gateway would have.
    pub(super) fn of(take: &Take, ours: &Response, speaks: Speaks) -> Self {
        match take.found.get() {
            Some(Found::Untold(untold)) => Self::Untold(*untold),
            Some(Found::Anonymous(credential)) => {
                let unknown = || Difference { operation: "request", kind: "anonymous", at: (*credential).to_owned() };
                Self::Told(take.was_accepted(speaks).then(unknown).into_iter().collect())
            }
            Some(Found::Compared { discrepancies, operations, is_whole }) => {
                let mut differences: Vec<Difference> = discrepancies.iter().map(Difference::from).collect();
                let refused = differences.iter().any(|difference| difference.kind == "accepted");
                if let (true, false, [operation, ..]) = (*is_whole, refused, operations.as_slice()) {
                    differences.extend(by_head(operation, take, ours));
                }
                Self::Told(differences)
            }
            None => by_refusal(take, ours, speaks),
        }
    }

    /// What it comes to that the gateway would refuse the request with this code: nothing, where the backend has not done it
    /// either.
    pub(super) fn refused(take: &Take, speaks: Speaks, at: String) -> Vec<Difference> {
        let refused = || Difference { operation: "request", kind: "refused", at };
        take.was_accepted(speaks).then(refused).into_iter().collect()
    }
}

/// Where no owned field runs, the gateway passes a request on or refuses it.
fn by_refusal(take: &Take, ours: &Response, speaks: Speaks) -> Verdict {
    let ResponseBody::Own(body) = ours.body() else { return Verdict::Told(Vec::new()) };
    if ours.status() == StatusCode::SERVICE_UNAVAILABLE {
        return Verdict::Untold(Untold::Unavailable);
    }
    Verdict::Told(Verdict::refused(take, speaks, code(body, ours.status())))
}

/// The code of the first error, by which programs tell refusals apart.
fn code(body: &[u8], status: StatusCode) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = ["/errors/0/extensions/code", "/errors/0/code"].iter().find_map(|at| answer.pointer(at)?.as_str());
    code.map_or_else(|| status.as_str().to_owned(), str::to_owned)
}

/// What a client notices before it looks into the body.
fn by_head(operation: &'static str, take: &Take, ours: &Response) -> Vec<Difference> {
    let mut differences = Vec::new();
    if take.status != ours.status() {
        let at = take.status.as_str().to_owned();
        differences.push(Difference { operation, kind: "status", at });
    }
    let ours = cookies(ours.headers());
    // Django sends one that the client has already with every answer that has used it.
    let is_known = |(name, is_taken): &(String, bool)| take.had_csrf && name == csrf::COOKIE_NAME && !is_taken;
    let counts = |theirs: &(String, bool)| take.cookies.contains(&theirs.0) && !is_known(theirs);
    let missing = cookies(&take.headers).into_iter().filter(|theirs| counts(theirs) && !ours.contains(theirs));
    differences.extend(missing.map(|(at, _)| Difference { operation, kind: "cookie", at }));
    differences
}

/// The cookies that an answer sets, by their names, and whether it takes them away.
fn cookies(headers: &HeaderMap) -> Vec<(String, bool)> {
    let lines =
        headers.get_all(SET_COOKIE).iter().filter_map(|line| Cookie::parse(line.to_str().ok()?.to_owned()).ok());
    lines.map(|cookie| (cookie.name().to_owned(), cookie.value_trimmed().is_empty())).collect()
}

#[cfg(test)]
mod tests {
    use std::{cell::OnceCell, rc::Rc};

    use bytes::Bytes;
    use http::{HeaderValue, StatusCode, header::SET_COOKIE};

    use super::*;
    use crate::{
        auth::rehearsal::Scope,
        graphql::{Discrepancy, compare::Kind},
        http::respond,
    };

    fn theirs(status: u16, cookies: &[&'static str], body: &'static str) -> Take {
        let headers = cookies.iter().map(|line| (SET_COOKIE, HeaderValue::from_static(line))).collect();
        let scope = Scope { logins: true, refreshes: true };
        let status = StatusCode::from_u16(status).unwrap();
        let cookies = ["jwt", "refresh_token", "csrftoken"].map(str::to_owned);
        let answer = serde_json::from_str(body).unwrap_or_default();
        let (body, found) = (Bytes::from_static(body.as_bytes()), OnceCell::new());
        Take { scope, status, headers, body, answer, cookies: Rc::new(cookies), had_csrf: false, found }
    }

    fn ours(status: u16, cookies: &[&'static str]) -> Response {
        let mut response = respond::json(StatusCode::from_u16(status).unwrap(), "{}");
        for line in cookies {
            response.headers_mut().append(SET_COOKIE, HeaderValue::from_static(line));
        }
        response
    }

    fn told(verdict: Verdict) -> Vec<String> {
        let Verdict::Told(differences) = verdict else { panic!("{verdict:?}") };
        differences.iter().map(|it| format!("{} {} {}", it.operation, it.kind, it.at)).collect()
    }

    fn compared(discrepancies: Vec<Discrepancy>, is_whole: bool) -> Found {
        Found::Compared { discrepancies, operations: vec!["login"], is_whole }
    }

    #[test]
    fn what_would_be_passed_on_is_the_same() {
        let take = theirs(200, &[], "{}");
        assert_eq!(told(Verdict::of(&take, &take.answer(), Speaks::Graphql)), [""; 0]);
    }

    #[test]
    fn one_that_would_go_on_as_nobodys_counts_where_the_backend_has_done_something() {
        for (body, expected) in
            [(r#"{"data":{"me":1}}"#, vec!["request anonymous bearer"]), (r#"{"data":{"me":null}}"#, vec![])]
        {
            let take = theirs(200, &[], body);
            take.note(Found::Anonymous("bearer"));
            assert_eq!(told(Verdict::of(&take, &take.answer(), Speaks::Graphql)), expected);
        }
    }

    #[test]
    fn a_refusal_counts_where_the_backend_has_done_something() {
        let refusal = respond::error(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "no");
        let csrf = respond::csrf_failed("no");
        let cases = [
            (200, r#"{"data":{"me":{"id":1}}}"#, true),
            (200, r#"{"data":{"me":null},"errors":[]}"#, false),
            (200, r#"{"data":null}"#, false),
            (200, r#"[{"data":{"me":1}}]"#, true),
            (400, r#"{"errors":[]}"#, false),
            (500, "", false),
        ];
        for (status, body, counts) in cases {
            let expected = |code: &str| if counts { vec![format!("request refused {code}")] } else { vec![] };
            let take = theirs(status, &[], body);
            assert_eq!(told(Verdict::of(&take, &refusal, Speaks::Graphql)), expected("UNAUTHENTICATED"), "{body}");
            assert_eq!(told(Verdict::of(&take, &csrf, Speaks::Graphql)), expected("CSRF_FAILED"), "{body}");
        }
        let refused = ["request refused UNAUTHENTICATED"];
        assert_eq!(told(Verdict::of(&theirs(201, &[], ""), &refusal, Speaks::Other)), refused);
        assert_eq!(told(Verdict::of(&theirs(302, &[], ""), &refusal, Speaks::Other)), [""; 0], "to a login");
        let outage = respond::error(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", "no");
        assert_eq!(Verdict::of(&theirs(200, &[], "x"), &outage, Speaks::Other), Verdict::Untold(Untold::Unavailable));
    }

    #[test]
    fn status_and_cookies_count_where_all_was_tried() {
        let take = |is_whole| {
            let take = theirs(200, &["jwt=x; Path=/", "other=1", "refresh_token=\"\"; Max-Age=0"], "{}");
            take.note(compared(vec![], is_whole));
            take
        };
        let same = ours(200, &["refresh_token=; Max-Age=0", "jwt=y", "known_device=z"]);
        assert_eq!(told(Verdict::of(&take(true), &same, Speaks::Graphql)), [""; 0]);
        let token = |had_csrf| {
            let take = Take { had_csrf, ..theirs(200, &["csrftoken=t"], "{}") };
            take.note(compared(vec![], true));
            told(Verdict::of(&take, &ours(200, &[]), Speaks::Graphql))
        };
        assert_eq!((token(true), token(false)), (vec![], vec!["login cookie csrftoken".to_owned()]));
        let other = ours(503, &["refresh_token=r"]);
        let expected = ["login status 200", "login cookie jwt", "login cookie refresh_token"];
        assert_eq!(told(Verdict::of(&take(true), &other, Speaks::Graphql)), expected);
        assert_eq!(told(Verdict::of(&take(false), &other, Speaks::Graphql)), [""; 0]);
    }

    #[test]
    fn of_what_the_backend_refuses_as_a_whole_nothing_else_is_told() {
        let take = theirs(400, &["a=b"], "{}");
        take.note(compared(vec![Discrepancy { operation: "login", kind: Kind::Accepted, at: String::new() }], true));
        assert_eq!(told(Verdict::of(&take, &ours(200, &[]), Speaks::Graphql)), ["login accepted "]);
    }
}
