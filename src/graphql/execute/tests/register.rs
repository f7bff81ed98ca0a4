//! Registrations, with a backend that says what it is told to.

use std::cell::RefCell;

use super::*;
use crate::{
    graphql::{Registration, Whom},
    model::OwnedAlias,
};

const REGISTER: &str = r#"register(username: "new", email: "n@example.com", password: "right")"#;

/// What came of a document.
struct Done {
    answer: Answer,
    body: Value,
    commands: Vec<String>,
    /// What the backend was asked.
    asked: Vec<(Whom, Request)>,
}

async fn registered(document: &str, said: &str, registration: Registration) -> Result<Done, &'static str> {
    registered_by(document, said, &Caller { registration, ..Caller::default() }).await
}

/// `signUp` is another name of `register`.
async fn registered_by(document: &str, said: &str, caller: &Caller) -> Result<Done, &'static str> {
    let limits = Limits { bytes: 9_999, tokens: 999, depth: 30, operations: 10, fields: 500, batch: 10 };
    let aliases = [OwnedAlias { name: "signUp".to_owned(), field: "register" }];
    let planner = Planner::new(Arc::new(Schema::deployed(&[], &aliases).unwrap()), limits);
    let request = Request { document: document.to_owned(), variables: Variables::new(), operation_name: None };
    let Plan::Run(owned) = planner.plan(&request, Carries::All, Admits::Everything, Asker::Nobody) else {
        panic!("{document}")
    };
    let (noted, asked) = (Noted::default(), RefCell::default());
    let mut backend = tower::service_fn(|errand: Errand| {
        let asked: &RefCell<Vec<_>> = &asked;
        asked.borrow_mut().push((errand.whom, errand.request));
        std::future::ready(Said::read(said.as_bytes()).ok_or("no answer"))
    });
    let Ran::Answered(answer) = run(&owned, &noted, &mut backend, caller).await? else { panic!("{document}") };
    let body = serde_json::from_slice(&answer.body).unwrap();
    Ok(Done { answer, body, commands: noted.0.into_inner(), asked: asked.into_inner() })
}

async fn adopted(document: &str, said: &str) -> Done {
    registered(document, said, Registration::Adopt).await.unwrap()
}

const MADE: &str = r#"{"data":{"railgate_register":{"ok":true,"errors":[]}}}"#;

#[tokio::test]
async fn the_backend_makes_the_account_and_the_gateway_opens_the_session() {
    let document = format!("mutation {{ r: {REGISTER} {{ ok token errors errorCode user {{ username }} }} }}");
    let done = adopted(&document, MADE).await;
    let expected = json!({ "ok": true, "token": "access", "errors": [], "errorCode": null,
        "user": { "username": "new" } });
    assert_eq!(done.body, json!({ "data": { "r": expected } }));
    assert_eq!(done.commands, ["login new None"]);
    assert!(matches!(done.answer.session, SessionChange::Open(_)));
    let [(whom, request)] = &done.asked[..] else { panic!("{:?}", done.asked) };
    assert!(matches!(whom, Whom::Nobody), "{whom:?}");
    assert_eq!(
        request.document,
        "mutation($username: String!, $email: String!, $password: String!) \
         { railgate_register: register(username: $username, email: $email, password: $password) { ok errors } }"
    );
    let variables = json!({ "username": "new", "email": "n@example.com", "password": "right" });
    assert_eq!(Value::Object(request.variables.clone()), variables);
}

#[tokio::test]
async fn the_backend_is_asked_by_the_name_that_the_client_used() {
    for (name, other) in [("signUp", "register"), ("register", "signUp")] {
        let document = format!("mutation {{ {other}: {name}{} {{ ok }} }}", &REGISTER["register".len()..]);
        let done = adopted(&document, MADE).await;
        assert_eq!(done.body["data"][other], json!({ "ok": true }), "{}", done.body);
        let [(_, request)] = &done.asked[..] else { panic!("{:?}", done.asked) };
        assert!(request.document.contains(&format!("{{ railgate_register: {name}(username: $username")), "{request:?}");
    }
}

#[tokio::test]
async fn names_are_passed_on_where_they_are_given() {
    let document =
        r#"mutation { register(username: "u", email: "e", password: "half", lastName: "l") { ok mfaRequired } }"#;
    let done = adopted(document, MADE).await;
    let [(_, request)] = &done.asked[..] else { panic!("{:?}", done.asked) };
    assert!(request.document.contains("$lastName: String)") && request.document.contains("lastName: $lastName"));
    assert_eq!((request.variables.get("lastName"), request.variables.get("firstName")), (Some(&json!("l")), None));
    assert_eq!(done.body["data"]["register"], json!({ "ok": true, "mfaRequired": true }), "as for any login");
}

#[tokio::test]
async fn what_the_backend_finds_wrong_is_told_in_its_own_words() {
    let document = format!("mutation {{ {REGISTER} {{ ok token errors errorCode }} }}");
    let said = r#"{"data":{"railgate_register":{"ok":false,"errors":["Too short.",null,"Too common."]}}}"#;
    let done = adopted(&document, said).await;
    let expected = json!({ "ok": false, "token": null, "errors": ["Too short.", "Too common."],
        "errorCode": "REGISTRATION_REFUSED" });
    assert_eq!(done.body["data"]["register"], expected);
    assert!(done.commands.is_empty() && matches!(done.answer.session, SessionChange::Keep));
}

#[tokio::test]
async fn an_account_is_made_even_where_the_login_after_it_is_refused() {
    for (password, code, outcome) in [
        ("unconfirmed", "INVALID_CREDENTIALS", Outcome::Executed),
        ("often", "RATE_LIMITED", Outcome::Executed),
        ("busy", "BUSY", Outcome::Executed),
    ] {
        let document = format!("mutation {{ {REGISTER} {{ ok token errorCode }} }}").replace("right", password);
        let done = adopted(&document, MADE).await;
        assert_eq!(done.body["data"]["register"], json!({ "ok": true, "token": null, "errorCode": code }));
        assert_eq!(done.answer.outcome, outcome, "{code}: nothing is to be tried again");
        assert!(matches!(done.answer.session, SessionChange::Keep));
    }
}

#[tokio::test]
async fn a_backend_without_the_field_finds_the_document_invalid() {
    let said = r#"{"errors":[{"message":"Cannot query field 'register' on type 'Mutation'.","locations":[{"line":1,"column":70}]}]}"#;
    let done = adopted(&format!("mutation {{\n {REGISTER} {{ ok }}\n logout {{ ok }} }}"), said).await;
    assert_eq!(done.answer.outcome, Outcome::Invalid);
    let error = json!({ "message": "Cannot query field 'register' on type 'Mutation'.",
        "locations": [{ "line": 2, "column": 2 }] });
    assert_eq!((done.body, done.commands.len()), (json!({ "errors": [error.clone()] }), 0));

    let later = adopted(&format!("mutation {{ logout {{ ok }}\n  x: {REGISTER} {{ ok }} }}"), said).await;
    assert_eq!(later.body["data"], json!({ "logout": { "ok": true }, "x": null }));
    let error = &later.body["errors"][0];
    assert_eq!((&error["path"], &error["locations"]), (&json!(["x"]), &json!([{ "line": 2, "column": 3 }])));
}

#[tokio::test]
async fn what_fails_in_the_backend_is_null_with_its_error() {
    let document = format!("mutation {{ x: {REGISTER} {{ ok }} }}");
    let said = r#"{"errors":[{"message":"boom","locations":[{"line":1,"column":9}],"path":["railgate_register","ok"]}],
        "data":{"railgate_register":null}}"#;
    let done = adopted(&document, said).await;
    assert_eq!(done.body["data"], json!({ "x": null }));
    let expected = json!({ "message": "boom", "locations": [{ "line": 1, "column": 12 }], "path": ["x", "ok"] });
    assert_eq!(done.body["errors"], json!([expected]));
    assert!(done.commands.is_empty());
    for strange in [r#"{"data":{"railgate_register":7}}"#, r#"{"data":{"other":null}}"#] {
        let done = adopted(&document, strange).await;
        assert_eq!(done.body["errors"][0]["extensions"]["code"], json!("UPSTREAM_FAILED"), "{strange}");
    }
    assert_eq!(registered(&document, "<html>", Registration::Adopt).await.err(), Some("no answer"));
    let later = adopted(&format!("mutation {{ logout {{ ok }} {REGISTER} {{ ok }} }}"), "<html>").await;
    assert_eq!(later.body["data"], json!({ "logout": { "ok": true }, "register": null }));
}

#[tokio::test]
async fn nobody_registers_where_that_is_switched_off() {
    let document = format!("mutation {{ {REGISTER} {{ ok errorCode }} }}");
    let done = registered(&document, MADE, Registration::Refuse).await.unwrap();
    assert_eq!(done.body["data"]["register"], json!({ "ok": false, "errorCode": "REGISTRATION_DISABLED" }));
    assert!(done.asked.is_empty() && done.commands.is_empty());
}

#[tokio::test]
async fn nobody_is_logged_in_where_accounts_are_only_made() {
    let document = format!("mutation {{ {REGISTER} {{ ok token errors errorCode user {{ username }} }} }}");
    let done = registered(&document, MADE, Registration::Create).await.unwrap();
    let expected = json!({ "ok": true, "token": null, "errors": [], "errorCode": null, "user": null });
    assert_eq!(done.body["data"]["register"], expected);
    assert!(done.commands.is_empty() && matches!(done.answer.session, SessionChange::Keep));
    assert_eq!((done.asked.len(), done.answer.outcome), (1, Outcome::Executed));
}

#[tokio::test]
async fn who_has_made_too_many_makes_no_more_for_a_while() {
    let document = format!("mutation {{ {REGISTER} {{ ok errorCode }} }}");
    let client = ClientInfo { user_agent: Some("often".to_owned()), ..ClientInfo::default() };
    let done = registered_by(&document, MADE, &Caller { client, ..Caller::default() }).await.unwrap();
    assert_eq!(done.body["data"]["register"], json!({ "ok": false, "errorCode": "RATE_LIMITED" }));
    assert_eq!(done.answer.retry_after, Some(std::time::Duration::from_secs(9)));
    assert!(done.asked.is_empty(), "the backend makes no account");
}
