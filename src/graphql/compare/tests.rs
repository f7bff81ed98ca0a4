//! What is found in two answers.

use std::sync::Arc;

use async_graphql_parser::types::OperationType;
use serde_json::{Value, json};

use super::*;
use crate::{
    graphql::{Admits, Carries, Limits, Plan, Request, envelope::Variables, schema::named},
    model::Asker,
};

const ALL: Scope = Scope { logins: true, refreshes: true };

fn planner() -> Planner {
    let limits = Limits { bytes: 20_000, tokens: 2_000, depth: 30, operations: 10, fields: 500, batch: 10 };
    Planner::new(Arc::new(Schema::embedded().unwrap()), limits)
}

fn owned(document: &str) -> Box<Owned> {
    let request = Request { document: document.to_owned(), variables: Variables::new(), operation_name: None };
    let plan = planner().plan(&request, Carries::All, Admits::Everything, Asker::Nobody);
    let Plan::Run(owned) = plan else { panic!("{document}: {plan:?}") };
    owned
}

/// What is found, as `operation kind at`.
fn found(document: &str, scope: Scope, ours: &Value, theirs: &Value) -> Vec<String> {
    let found = planner().compare(&owned(document), scope, ours.to_string().as_bytes(), theirs);
    found.iter().map(|it| format!("{} {} {}", it.operation, it.kind.as_str(), it.at)).collect()
}

/// The same of a login with this selection and these payloads.
fn of_logins(selection: &str, ours: Value, theirs: Value) -> Vec<String> {
    let document = format!(r#"mutation {{ l: login(username: "u", password: "p") {selection} }}"#);
    let answer = |payload: Value| json!({ "data": { "l": payload } });
    found(&document, ALL, &answer(ours), &answer(theirs))
}

#[test]
fn the_same_is_the_same_whatever_is_another_each_time() {
    let selection = "{ ok token t: refreshToken expiresAt errors user { id lastLogin roles { name } } }";
    let payload = |token: &str, at: &str| {
        let user = json!({ "id": "7", "lastLogin": at, "roles": [{ "name": "editor" }] });
        json!({ "ok": true, "token": token, "t": token, "expiresAt": at, "errors": [], "user": user })
    };
    assert!(of_logins(selection, payload("a", "1"), payload("b", "2")).is_empty());
    let refused = |message: &str| json!({ "ok": false, "errors": [message] });
    assert!(of_logins("{ ok errors }", refused("No."), refused("Non.")).is_empty());
}

#[test]
fn each_way_to_differ_is_told_by_its_place() {
    let ok = |rest: Value| {
        let mut payload = json!({ "ok": true });
        payload.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        payload
    };
    let cases = [
        ("{ ok }", json!({ "ok": false }), json!({ "ok": true }), "login value ok"),
        ("{ ok token }", ok(json!({ "token": null })), ok(json!({ "token": "t" })), "login missing token"),
        ("{ ok mfaRequired }", ok(json!({ "mfaRequired": true })), ok(json!({})), "login added mfaRequired"),
        ("{ ok e: expiresAt }", ok(json!({ "e": "2026" })), ok(json!({ "e": 2026 })), "login type expiresAt"),
        ("{ ok errors }", ok(json!({ "errors": ["No."] })), ok(json!({ "errors": [] })), "login length errors"),
        (
            "{ ok user { roles { name } } }",
            ok(json!({ "user": { "roles": [{ "name": "a" }, { "name": "b" }] } })),
            ok(json!({ "user": { "roles": [{ "name": "a" }, { "name": "c" }] } })),
            "login value user.roles.name",
        ),
        ("{ ok user { id } }", ok(json!({ "user": { "id": "1" } })), ok(json!({ "user": null })), "login added user"),
    ];
    for (selection, ours, theirs, expected) in cases {
        assert_eq!(of_logins(selection, ours, theirs), [expected], "{selection}");
    }
    assert_eq!(of_logins("{ ok }", Value::Null, json!({ "ok": true })), ["login missing "]);
}

#[test]
fn what_only_the_backend_has_of_a_user_is_its_own() {
    let selection = "{ user { id profile { bio } } }";
    let (ours, theirs) = (json!({ "id": "1", "profile": null }), json!({ "id": "1", "profile": { "bio": "b" } }));
    let document = format!(r#"mutation {{ l: login(username: "u", password: "p") {selection} }}"#);
    let unasked = json!([{ "message": "", "path": ["l", "user"], "extensions": { "code": "UPSTREAM_FAILED" } }]);
    let ours = json!({ "data": { "l": { "user": ours } }, "errors": unasked });
    assert!(found(&document, ALL, &ours, &json!({ "data": { "l": { "user": theirs } } })).is_empty());
}

#[test]
fn an_error_on_one_side_only_is_told() {
    let document = r#"mutation { a: login(username: "u", password: "p") { ok } b: refreshToken { ok } }"#;
    let (a, b) = (json!({ "ok": true }), json!({ "ok": true }));
    let ours = json!({ "data": { "a": a, "b": b } });
    let theirs = json!({ "data": { "a": a, "b": null }, "errors": [{ "message": "no", "path": ["b"] }] });
    assert_eq!(found(document, ALL, &ours, &theirs), ["refresh errors ", "refresh added "]);
}

#[test]
fn what_the_backend_refuses_as_a_whole_is_told_of_what_was_tried() {
    let document = "mutation { refreshToken { ok } logout { ok } }";
    let ours = json!({ "data": { "refreshToken": { "ok": true }, "logout": null } });
    for theirs in [json!({ "errors": [{ "message": "no" }] }), json!({ "data": null }), json!("<html>")] {
        assert_eq!(found(document, ALL, &ours, &theirs), ["refresh accepted "]);
    }
}

/// Arguments that have no value: the field is refused by itself. The other way round `data` may be null as a whole.
#[test]
fn what_is_refused_beside_what_runs_is_told() {
    let document = r#"mutation { l: login(username: "u", password: "p") { ok } s: setupMfa(method: "totp") { ok } }"#;
    let theirs = json!({ "data": { "l": { "ok": true }, "s": null } });
    assert_eq!(found(document, ALL, &json!({ "data": null }), &theirs), ["login missing "]);
    let owned = owned(document);
    let field = owned.steps[0].as_field().unwrap();
    let error = crate::graphql::error::GraphqlError::new("no").with_code("FORBIDDEN");
    let action = Action::Refuse(error);
    let refused_field = RootField { key: field.key.clone(), action, users: None };
    let told = refused(&refused_field, Some(&json!({ "ok": true })));
    assert_eq!(told, Some(Discrepancy { operation: "request", kind: Kind::Refused, at: "FORBIDDEN".to_owned() }));
    assert_eq!(refused(&refused_field, Some(&Value::Null)), None);
}

/// Roles and permissions have no order; a list of another length is told by that alone.
#[test]
fn the_order_of_roles_is_nobodys() {
    let names = |names: &[&str]| names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
    let payload = |roles: &[&str]| json!({ "user": { "roles": names(roles) } });
    let selection = "{ user { roles { name } } }";
    assert!(of_logins(selection, payload(&["a", "b"]), payload(&["b", "a"])).is_empty());
    assert_eq!(of_logins(selection, payload(&["a", "b"]), payload(&["b"])), ["login length user.roles"]);
}

/// What can't be tried is held against what clients are promised.
#[test]
fn what_is_not_tried_has_to_be_of_the_types_that_are_promised() {
    let nothing = json!({ "data": { "s": null } });
    let sessions = "{ s: authSessions { id current mfa expiresAt } }";
    let of_sessions = |theirs: Value| found(sessions, ALL, &nothing, &json!({ "data": { "s": theirs } }));
    let session = json!({ "id": "1", "current": true, "mfa": false, "expiresAt": "2026" });
    assert!(of_sessions(json!([session])).is_empty());
    assert!(of_sessions(Value::Null).is_empty());
    assert_eq!(of_sessions(json!({ "id": "1" })), ["list_sessions type "], "one is no list");
    let mut other = session;
    other["mfa"] = Value::Null;
    other["current"] = json!("yes");
    assert_eq!(of_sessions(json!([other])), ["list_sessions type current", "list_sessions type mfa"]);
    let codes = r#"mutation { v: verifyTotp(deviceId: "1", token: "123456") { ok backupCodes } }"#;
    let of_codes =
        |codes_: Value| found(codes, ALL, &json!({ "data": { "v": null } }), &json!({ "data": { "v": codes_ } }));
    assert!(of_codes(json!({ "ok": true, "backupCodes": ["a", null] })).is_empty());
    assert_eq!(
        of_codes(json!({ "ok": 1, "backupCodes": "a b" })),
        ["confirm_factor type backupCodes", "confirm_factor type ok"]
    );
}

#[test]
fn a_login_that_is_not_tried_is_held_against_types_alone() {
    let document = r#"mutation { login(username: "u", password: "p") { ok user { username } } }"#;
    let theirs = json!({ "data": { "login": { "ok": true, "user": { "username": "u" } } } });
    let nothing = json!({ "data": { "login": null } });
    let scope = Scope { logins: false, refreshes: false };
    assert!(found(document, scope, &nothing, &theirs).is_empty());
    assert_eq!(found(document, ALL, &nothing, &theirs), ["login missing "]);
}

/// The types are those of `auth.graphql`, for every owned field.
#[test]
fn payloads_are_of_the_types_of_the_schema() {
    let schema = Schema::embedded().unwrap();
    let mut seen = 0;
    for kind in [OperationType::Query, OperationType::Mutation] {
        let root = schema.root(kind).unwrap();
        for (name, field) in &root.fields {
            let arguments: Vec<String> = (field.arguments.iter())
                .filter(|(_, argument)| argument.is_required())
                .map(|(name, _)| format!(r#"{name}: "x""#))
                .collect();
            let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
            let document = format!("{kind} {{ {name}{arguments} {{ __typename }} }}");
            let owned = owned(&document);
            let field_run = owned.steps[0].as_field().unwrap();
            assert_eq!(field_run.action.payload(), Some(named(&field.ty)), "{name}");
            assert_eq!(field_run.action.shown().len(), 1, "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, schema.owned_names().count());
}
