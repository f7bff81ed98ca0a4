use serde_json::{Value, json};

use super::{Difference, Surface, Untold};
use crate::{graphql::schema::Schema, model::OwnedAlias};

fn scalar(name: &str) -> Value {
    json!({ "kind": "SCALAR", "name": name })
}

fn required(ty: Value) -> Value {
    json!({ "kind": "NON_NULL", "name": null, "ofType": ty })
}

fn object(name: &str) -> Value {
    json!({ "kind": "OBJECT", "name": name })
}

fn field(name: &str, arguments: &[(&str, Value)], ty: Value) -> Value {
    let arguments: Vec<Value> = arguments.iter().map(|(name, ty)| json!({ "name": name, "type": ty })).collect();
    json!({ "name": name, "args": arguments, "type": ty })
}

/// A schema with these mutations, and these types besides.
fn surface(mutations: Vec<Value>, types: Vec<Value>) -> Surface {
    let scalars = ["String", "Int", "Boolean", "ID"].map(|name| json!({ "kind": "SCALAR", "name": name }));
    let roots = [
        json!({ "kind": "OBJECT", "name": "Query", "fields": [field("me", &[], scalar("String"))] }),
        json!({ "kind": "OBJECT", "name": "Mutation", "fields": mutations }),
    ];
    let types: Vec<Value> = scalars.into_iter().chain(roots).chain(types).collect();
    let schema = json!({ "queryType": { "name": "Query" }, "mutationType": { "name": "Mutation" }, "types": types });
    Surface::read(json!({ "data": { "__schema": schema } }).to_string().as_bytes()).unwrap()
}

fn found(surface: &Surface, ruled: &[&str]) -> Vec<Difference> {
    let schema = Schema::embedded().unwrap();
    let found = surface.differences(&schema, |name| ruled.contains(&name));
    found.into_iter().filter(|difference| !matches!(difference, Difference::Added { .. })).collect()
}

fn payload(name: &str, fields: &[(&str, Value)]) -> Value {
    let fields: Vec<Value> = fields.iter().map(|(name, ty)| field(name, &[], ty.clone())).collect();
    json!({ "kind": "OBJECT", "name": name, "fields": fields })
}

#[test]
fn a_password_is_found_in_arguments_and_in_what_they_hold() {
    let input = json!({ "kind": "INPUT_OBJECT", "name": "UserInput", "inputFields": [
        { "name": "email", "type": scalar("String") }, { "name": "new_password", "type": scalar("String") },
    ] });
    let input_of = required(json!({ "kind": "INPUT_OBJECT", "name": "UserInput" }));
    let surface = surface(
        vec![
            field("setPassword", &[("passwordConfirm", scalar("String"))], scalar("Boolean")),
            field("updateUser", &[("id", scalar("ID")), ("input", input_of)], scalar("Boolean")),
            field("rename", &[("name", scalar("String"))], scalar("Boolean")),
        ],
        vec![input],
    );
    let takes =
        |field: &str, argument: &str| Difference::TakesPassword { field: field.into(), argument: argument.into() };
    assert_eq!(
        found(&surface, &[]),
        [takes("setPassword", "passwordConfirm"), takes("updateUser", "input.new_password")]
    );
    assert_eq!(found(&surface, &["updateUser"]), [takes("setPassword", "passwordConfirm")]);
}

#[test]
fn a_token_is_found_in_payloads_and_a_count_of_tokens_is_none() {
    let surface = surface(
        vec![
            field("impersonate", &[], object("Impersonated")),
            field("tokenAuth", &[], object("Pair")),
            field("measure", &[], object("Measured")),
        ],
        vec![
            payload("Impersonated", &[("ok", scalar("Boolean")), ("accessToken", scalar("String"))]),
            payload("Pair", &[("tokens", object("Tokens"))]),
            payload("Tokens", &[("access", scalar("String"))]),
            payload("Measured", &[("tokens", scalar("Int")), ("name", scalar("String"))]),
        ],
    );
    let returns =
        |field: &str, payload: &str| Difference::ReturnsToken { field: field.into(), payload: payload.into() };
    assert_eq!(found(&surface, &[]), [returns("impersonate", "accessToken"), returns("tokenAuth", "tokens.access")]);
}

/// Such a mutation is told once, with the line that has the gateway answer it.
#[test]
fn a_login_by_another_name_may_be_the_gateways() {
    let text = || scalar("String");
    let pair = [("username", required(text())), ("password", required(text()))];
    let with = |further: &'static str| [&pair[..], &[(further, text())]].concat();
    let surface = surface(
        vec![
            field("tokenAuth", &pair, object("Pair")),
            field("signIn", &with("deviceId"), object("Pair")),
            field("enter", &with("otp"), object("Pair")),
            field("changePassword", &pair[1..], object("Pair")),
            field("check", &pair, text()),
        ],
        vec![payload("Pair", &[("token", text())])],
    );
    let found = found(&surface, &[]);
    assert!(found.iter().all(|one| one.is_door() && !one.is_noticed()), "{found:?}");
    let logs_in = |one: &&Difference| matches!(one, Difference::LogsIn { .. });
    let told: Vec<String> = found.iter().filter(logs_in).map(ToString::to_string).collect();
    let as_login = "of the backend takes a password (`password`) and returns a token (`token`), as `login` does, and no rule is for it";
    assert_eq!(told, ["signIn", "tokenAuth"].map(|name| format!("mutation `{name}` {as_login}")));
    assert!(
        found[1].help().unwrap().contains(": tokenAuth = \"login\" below [graphql.owned_aliases]; or say that nobody")
    );
    assert_eq!(found.len(), 2 + 2 + 2 + 1, "the others take a password, return a token, or both: {found:?}");
}

#[test]
fn another_name_is_held_against_the_operation_that_it_means() {
    let surface = surface(
        vec![field("tokenAuth", &[("username", scalar("ID")), ("otp", scalar("String"))], scalar("String"))],
        Vec::new(),
    );
    let alias = |name: &str, field| OwnedAlias { name: name.to_owned(), field };
    let schema = Schema::deployed(&[], &[alias("tokenAuth", "login"), alias("bye", "logout")]).unwrap();
    let found: Vec<String> = surface.differences(&schema, |_| false).iter().map(ToString::to_string).collect();
    for told in [
        "`Mutation.tokenAuth` of the backend takes `otp: String`, the gateway's does not",
        "`Mutation.tokenAuth.username` is ID at the backend, and String! at the gateway",
        "`Mutation.bye` is not at the backend: the gateway adds it",
    ] {
        assert!(found.iter().any(|found| found == told), "{told}: {found:#?}");
    }
    assert!(found.iter().all(|found| !found.contains("no rule is for it")), "{found:#?}");
}

/// What clients of the backend's `login` would notice.
#[test]
fn arguments_and_payloads_that_differ_are_told() {
    let surface = surface(
        vec![field(
            "login",
            &[("username", required(scalar("String"))), ("password", scalar("String")), ("tenant", scalar("String"))],
            object("LoginPayload"),
        )],
        vec![payload("LoginPayload", &[("ok", scalar("Boolean")), ("legacy", scalar("String"))])],
    );
    let found = found(&surface, &[]);
    assert!(found.iter().all(|one| one.is_noticed() && !one.is_door()), "{found:?}");
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`Mutation.login` of the backend takes `tenant: String`, the gateway's does not",
            "`Mutation.login.password` is String at the backend, and String! at the gateway",
            "`Mutation.login.legacy` is at the backend, and not at the gateway",
        ]
    );
}

#[test]
fn what_is_not_shown_and_what_is_no_schema_are_told_apart() {
    let refused = br#"{"errors":[{"message":"Introspection is disabled"}],"data":null}"#;
    assert!(matches!(Surface::read(refused), Err(Untold::Refused(why)) if why == "Introspection is disabled"));
    assert!(matches!(Surface::second_question(b"<html>"), Err(Untold::NotGraphql)));
    assert!(matches!(Surface::read(br#"{"data":{"__schema":{}}}"#), Err(Untold::Unreadable(_))));
}
