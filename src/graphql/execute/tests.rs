//! What documents do, with commands that are only noted.

use std::sync::Arc;

use serde_json::json;

use self::noted::{Noted, granted};
use super::*;
use crate::{
    auth::OwnSession,
    graphql::{
        Admits, Carries, Errand, Limits, Plan, Planner, Request, Said,
        envelope::Variables,
        schema::{Schema, TypeKind},
    },
    model::{Asker, AuthMethod, Language, PlainToken, Principal, Session, SessionExpiry, SessionId, Timestamp, UserId},
};

mod factors;
mod noted;
mod payloads;
mod register;

/// A caller whose session is numbered 7.
fn calling(username: &str) -> Caller {
    let principal = Principal {
        user: UserId::new("1"),
        username: username.into(),
        email: None,
        roles: None,
        permissions: None,
        session: Some(SessionId::from_bytes([7; 16])),
        handle: SessionId::from_bytes([7; 16]),
        method: AuthMethod::Bearer,
        mfa: false,
        auth_time: Timestamp::default(),
        expires: Timestamp::from_secs(60),
    };
    Caller { principal: Some(principal), ..Caller::default() }
}

/// The caller's session as a store keeps it.
fn own(caller: &Principal) -> OwnSession {
    let at = Timestamp::from_secs;
    let session = Session {
        id: caller.session.unwrap(),
        user: caller.user.clone(),
        created: at(1),
        last_used: at(2),
        expiry: SessionExpiry { idle: at(3), absolute: at(4) },
        auth_time: at(1),
        mfa: false,
        client: ClientInfo { ip: Some([127, 0, 0, 1].into()), user_agent: None, device_name: Some("phone".into()) },
        password: None,
    };
    OwnSession { session, is_current: true }
}

/// The answer to a document, and what was asked of the commands.
async fn answer(document: &str, caller: &Caller) -> (Answer, Value, Vec<String>) {
    let limits = Limits { bytes: 9_999, tokens: 999, depth: 30, operations: 10, fields: 500, batch: 10 };
    let planner = Planner::new(Arc::new(Schema::embedded().unwrap()), limits);
    let request = Request { document: document.to_owned(), variables: Variables::new(), operation_name: None };
    let Plan::Run(owned) = planner.plan(&request, Carries::All, Admits::Everything, Asker::Nobody) else {
        panic!("{document}")
    };
    let noted = Noted::default();
    let mut nobody = tower::service_fn(|_: Errand| async { Err::<Said, _>("no backend is asked") });
    let Ran::Answered(answer) = run(&owned, &noted, &mut nobody, caller).await.unwrap() else { panic!("{document}") };
    let body = serde_json::from_slice(&answer.body).unwrap();
    (answer, body, noted.0.into_inner())
}

fn login(password: &str) -> String {
    format!(r#"login(username:"john",password:"{password}")"#)
}

#[tokio::test]
async fn a_payload_has_the_shape_of_its_selection() {
    let selection = "{ __typename good: ok \
                     u: user { __typename desc roles { id permissions { codename } } lastLogin dateJoined } \
                     errorCode errors permissions token refreshToken expiresAt \
                     mfaRequired mfaSetupRequired challengeToken }";
    let document = format!("mutation {{ __typename who: {} {selection} }}", login("right"));
    let (answer, _, _) = answer(&document, &Caller::default()).await;
    let expected = concat!(
        r#"{"data":{"__typename":"Mutation","who":{"__typename":"AuthPayload","good":true,"#,
        r#""u":{"__typename":"AuthenticatedUserType","desc":"John Doe","#,
        r#""roles":[{"id":"group:1","permissions":[{"codename":"view_user"}]}],"#,
        r#""lastLogin":null,"dateJoined":"1970-01-01T00:00:00+00:00"},"errorCode":null,"errors":[],"#,
        r#""permissions":["users.view_user"],"token":"access","refreshToken":"refresh","#,
        r#""expiresAt":"1970-01-01T00:01:00+00:00","mfaRequired":null,"mfaSetupRequired":null,"challengeToken":null}}}"#,
    );
    assert_eq!(String::from_utf8(answer.body).unwrap(), expected, "order is the document's");
    assert!(matches!(answer.session, SessionChange::Open(grant) if grant.user.username == "john"));
}

#[tokio::test]
async fn a_login_that_waits_for_a_code_shows_its_challenge_and_opens_nothing() {
    let selection = "{ ok mfaRequired mfaSetupRequired challengeToken ephemeralToken \
                     token refreshToken expiresAt permissions user { id } errors errorCode }";
    let caller = Caller { sees_no_tokens: true, ..Caller::default() };
    let (answer, body, _) = answer(&format!("mutation {{ {} {selection} }}", login("half")), &caller).await;
    let expected = json!({ "data": { "login": { "ok": true, "mfaRequired": true, "mfaSetupRequired": false,
        "challengeToken": "challenge", "ephemeralToken": "challenge", "token": null, "refreshToken": null,
        "expiresAt": null, "permissions": null, "user": null, "errors": [], "errorCode": null } } });
    assert_eq!((body, answer.outcome), (expected, Outcome::Executed));
    assert!(matches!(answer.session, SessionChange::Keep));
}

#[tokio::test]
async fn a_right_code_opens_the_session_and_a_wrong_one_says_so() {
    let complete = |code: &str| {
        format!(r#"mutation {{ completeMfaLogin(challengeToken: "c", totpCode: "{code}") {{ ok token errorCode }} }}"#)
    };
    let (right, body, noted) = answer(&complete("123456"), &Caller::default()).await;
    assert_eq!(body["data"]["completeMfaLogin"], json!({ "ok": true, "token": "access", "errorCode": null }));
    assert!(matches!(right.session, SessionChange::Open(_)));
    assert_eq!(noted, ["complete c"]);
    let (wrong, body, _) = answer(&complete("654321"), &Caller::default()).await;
    let expected = json!({ "ok": false, "token": null, "errorCode": "MFA_INVALID_CODE" });
    assert_eq!((&body["data"]["completeMfaLogin"], wrong.outcome), (&expected, Outcome::Executed));
    assert!(matches!(wrong.session, SessionChange::Keep));
}

#[tokio::test]
async fn a_refused_login_says_why_and_keeps_the_session() {
    let document = format!("mutation {{ {} {{ ok token user {{ id }} errors errorCode }} }}", login("wrong"));
    let (answer, body, _) = answer(&document, &Caller::default()).await;
    let expected = json!({ "data": { "login": { "ok": false, "token": null, "user": null,
        "errors": ["Invalid username or password."], "errorCode": "INVALID_CREDENTIALS" } } });
    assert_eq!((body, answer.outcome), (expected, Outcome::Executed));
    assert!(matches!(answer.session, SessionChange::Keep));
}

#[tokio::test]
async fn fields_run_in_order_and_the_last_change_of_session_wins() {
    let document =
        format!("mutation {{ b: {} {{ ok }} logout {{ ok errors }} a: {} {{ ok }} }}", login("right"), login("wrong"));
    let (answer, body, noted) = answer(&document, &Caller::default()).await;
    assert_eq!(noted, ["login john None", "logout false", "login john None"]);
    assert!(matches!(answer.session, SessionChange::Close), "what failed after it changed nothing");
    assert_eq!(body["data"]["logout"], json!({ "ok": true, "errors": [] }));
}

#[tokio::test]
async fn a_refresh_takes_its_argument_before_the_cookie() {
    let caller = Caller { refresh_cookie: Some(PlainToken::new("cookie")), ..Caller::default() };
    let document = r#"mutation { a: refreshToken { ok } b: refreshToken(refreshToken: "given") { ok } }"#;
    assert_eq!(answer(document, &caller).await.2, ["refresh cookie", "refresh given"]);
    let (_, body, _) = answer("mutation { refreshToken { ok errorCode } }", &Caller::default()).await;
    assert_eq!(body["data"]["refreshToken"], json!({ "ok": false, "errorCode": "REFRESH_TOKEN_MISSING" }));
}

#[tokio::test]
async fn an_outage_is_one_unless_a_session_was_opened() {
    let (alone, body, _) =
        answer(&format!("mutation {{ {} {{ ok errorCode }} }}", login("busy")), &Caller::default()).await;
    assert_eq!((alone.outcome, &body["data"]["login"]["errorCode"]), (Outcome::Unavailable, &json!("BUSY")));
    let both = format!("mutation {{ a: {} {{ ok }} b: {} {{ ok }} }}", login("right"), login("busy"));
    assert_eq!(answer(&both, &Caller::default()).await.0.outcome, Outcome::Executed);
}

#[tokio::test]
async fn a_device_name_is_cut() {
    let name = "é".repeat(150);
    let document = format!(r#"mutation {{ login(username:"u",password:"right",deviceName:"{name}") {{ ok }} }}"#);
    assert_eq!(answer(&document, &Caller::default()).await.2, [format!("login u {:?}", Some("é".repeat(100)))]);
}

#[tokio::test]
async fn a_logout_that_is_refused_closes_nothing() {
    let caller = Caller { refresh_cookie: Some(PlainToken::new("cookie")), ..Caller::default() };
    let (answer, body, _) = answer("mutation { logout { __typename ok errors } }", &caller).await;
    assert!(matches!(answer.session, SessionChange::Keep));
    assert_eq!(body["data"]["logout"]["__typename"], json!("LogoutMutation"));
    assert_eq!(
        (&body["data"]["logout"]["ok"], body["data"]["logout"]["errors"].as_array().map(Vec::len)),
        (&json!(false), Some(1))
    );
}

#[tokio::test]
async fn sessions_are_null_for_the_anonymous_and_an_outage_says_so() {
    let document =
        "{ s: authSessions { id current deviceName ip: ipAddress userAgent createdAt lastUsedAt expiresAt mfa } }";
    let (_, john, _) = answer(document, &calling("john")).await;
    let expected = json!({ "data": { "s": [{
        "id": "BwcHBwcHBwcHBwcHBwcHBw", "current": true, "deviceName": "phone", "ip": "127.0.0.1", "userAgent": null,
        "createdAt": "1970-01-01T00:00:01+00:00", "lastUsedAt": "1970-01-01T00:00:02+00:00",
        "expiresAt": "1970-01-01T00:00:03+00:00", "mfa": false,
    }] } });
    assert_eq!(john, expected);
    let (_, nobody, _) = answer(document, &Caller::default()).await;
    assert_eq!(nobody, json!({ "data": { "s": null } }));
    let (answer, body, _) = answer(document, &calling("nobody's")).await;
    assert_eq!((answer.outcome, &body["data"]), (Outcome::Unavailable, &json!({ "s": null })));
    let error = &body["errors"][0];
    assert_eq!((&error["path"], &error["extensions"]["code"]), (&json!(["s"]), &json!("SERVICE_UNAVAILABLE")));
}

#[tokio::test]
async fn cookies_go_with_the_callers_own_session_and_with_no_other() {
    let revoke = |id: [u8; 16]| {
        let id = SessionId::from_bytes(id);
        format!(r#"mutation {{ revokeSession(sessionId: "{id}") {{ ok errors }} }}"#)
    };
    let all = "mutation { revokeAllSessions { ok errors } }".to_owned();
    for (document, caller, ok, closes) in [
        (revoke([7; 16]), calling("john"), true, true),
        (revoke([8; 16]), calling("john"), true, false),
        (r#"mutation { revokeSession(sessionId: "x") { ok errors } }"#.to_owned(), calling("john"), false, false),
        (revoke([7; 16]), Caller::default(), false, false),
        (all.clone(), calling("john"), true, true),
        (all, Caller::default(), false, false),
    ] {
        let (answer, body, _) = answer(&document, &caller).await;
        let payload = body["data"].as_object().unwrap().values().next().unwrap();
        assert_eq!((&payload["ok"], payload["errors"].as_array().unwrap().is_empty()), (&json!(ok), ok), "{document}");
        assert_eq!((matches!(answer.session, SessionChange::Close), answer.outcome), (closes, Outcome::Executed));
    }
}

/// A client that is told to try again later would have the backend's part run twice.
#[tokio::test]
async fn an_outage_after_the_backends_part_is_not_to_be_tried_again() {
    let limits = Limits { bytes: 9_999, tokens: 999, depth: 30, operations: 10, fields: 500, batch: 1 };
    let planner = Planner::new(Arc::new(Schema::embedded().unwrap()), limits);
    for (document, outcome) in [
        (format!("mutation {{ pay {} {{ errorCode }} }}", login("busy")), Outcome::Executed),
        (format!("mutation {{ {} {{ errorCode }} }}", login("busy")), Outcome::Unavailable),
    ] {
        let request = Request { document, variables: Variables::new(), operation_name: None };
        let Plan::Run(owned) = planner.plan(&request, Carries::All, Admits::Everything, Asker::Nobody) else {
            panic!("{}", request.document)
        };
        let mut backend =
            tower::service_fn(|_: Errand| async { Said::read(br#"{"data":{"pay":1}}"#).ok_or("no answer") });
        let noted = Noted::default();
        let Ok(Ran::Answered(answer)) = run(&owned, &noted, &mut backend, &Caller::default()).await else { panic!() };
        assert_eq!(answer.outcome, outcome, "{}", request.document);
    }
}
