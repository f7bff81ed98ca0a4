use serde_json::{Value, json};

use super::{Difference, Surface, Untold};
use crate::{
    graphql::schema::Schema,
    model::{OperationKind, OwnedAlias},
};

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
    let found = surface.differences(&schema, |_, name| ruled.contains(&name));
    found.into_iter().filter(|difference| !matches!(difference, Difference::Added { .. })).collect()
}

fn alias(name: &str, field: &'static str) -> OwnedAlias {
    OwnedAlias { name: name.to_owned(), field }
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
    let logs_in = |one: &&Difference| matches!(one, Difference::Renamed { .. });
    let told: Vec<String> = found.iter().filter(logs_in).map(ToString::to_string).collect();
    let as_login = "of the backend takes a password (`password`) and returns a token (`token`), as `login` does, and no rule is for it";
    assert_eq!(told, ["signIn", "tokenAuth"].map(|name| format!("mutation `{name}` {as_login}")));
    assert!(
        found[1].help().unwrap().contains(": tokenAuth = \"login\" below [graphql.owned_aliases]; or say that nobody")
    );
    assert_eq!(found.len(), 2 + 2 + 2 + 1, "the others take a password, return a token, or both: {found:?}");
}

/// So are those by which a session is renewed, and an account made.
#[test]
fn a_renewal_and_a_registration_may_be_the_gateways() {
    let text = || scalar("String");
    let account = ["username", "email", "password"].map(|name| (name, required(text())));
    let surface = surface(
        vec![
            field("tokenRefresh", &[("refreshToken", text())], object("Pair")),
            field("renew", &[("token", text())], object("Pair")),
            field("impersonate", &[], object("Pair")),
            field("revoke", &[("refreshToken", text())], scalar("Boolean")),
            field("signUp", &account, object("Pair")),
            field("createAccount", &account, scalar("Boolean")),
            field("addUser", &[&account[..], &[("isStaff", scalar("Boolean"))]].concat(), scalar("Boolean")),
        ],
        vec![payload("Pair", &[("token", text())])],
    );
    let told: Vec<String> = found(&surface, &[]).iter().map(|one| format!("{one}\n{}", one.help().unwrap())).collect();
    let line = |name: &str, does: &str, operation: &str| {
        let found = told.iter().find(|told| told.starts_with(&format!("mutation `{name}` of the backend {does}")));
        let found = found.unwrap_or_else(|| panic!("{name} {does}: {told:#?}"));
        let answer = format!("its own {operation}: {name} = \"{operation}\" below [graphql.owned_aliases]");
        let as_ours = format!(", as `{operation}` does, and no rule is for it\n");
        assert!(found.contains(&answer) && found.contains(&as_ours), "{found}");
    };
    line("tokenRefresh", "returns a token (`token`)", "refreshToken");
    line("signUp", "takes a password (`password`) and returns a token (`token`)", "register");
    line("createAccount", "takes a password (`password`)", "register");
    let others: Vec<&String> = told.iter().filter(|told| !told.contains("owned_aliases")).collect();
    assert_eq!((told.len(), others.len()), (6, 3), "{told:#?}");

    let left = Schema::deployed(&["register"], &[]).unwrap();
    let differences = surface.differences(&left, |_, _| false);
    let helped: Vec<String> = differences.iter().filter_map(Difference::help).collect();
    assert!(helped.iter().all(|help| !help.contains("\"register\"")), "it is the backend's: {helped:#?}");
}

/// It would be forwarded where the backend has it, whatever it means here.
#[test]
fn another_name_that_is_in_the_other_root_is_a_door() {
    let schema = Schema::deployed(&[], &[alias("me", "login"), alias("mine", "authSessions"), alias("bye", "logout")]);
    let schema = schema.unwrap();
    let mutations = ["mine", "bye"].map(|name| field(name, &[], scalar("Boolean"))).to_vec();
    let surface = surface(mutations, Vec::new());
    let misplaced = |ruled: &[(OperationKind, &str)]| -> Vec<String> {
        let found = surface.differences(&schema, |kind, name| ruled.contains(&(kind, name)));
        let told = |one: &Difference| one.help().map(|help| format!("{one}\n{help}"));
        found.iter().filter(|one| one.is_door()).filter_map(told).collect()
    };
    let told = misplaced(&[]);
    let [me, mine] = &told[..] else { panic!("{told:#?}") };
    assert!(me.starts_with("`me` is another name of the mutation `login`, but a query at the backend"), "{me}");
    assert!(me.contains("[[fields]] with field = \"login\", type = \"Query\" and deny = true"), "{me}");
    assert!(mine.starts_with("`mine` is another name of the query `authSessions`, but a mutation at the backend"));
    assert!(mine.contains("field = \"authSessions\", type = \"Mutation\""), "{mine}");
    assert_eq!(misplaced(&[(OperationKind::Query, "me"), (OperationKind::Query, "mine")]), [mine.as_str()]);
}

/// A query of the same name is another field then.
#[test]
fn another_name_that_is_in_both_roots_is_where_it_belongs() {
    let schema = Schema::deployed(&[], &[alias("me", "login")]).unwrap();
    let surface = surface(vec![field("me", &[("password", scalar("String"))], scalar("Boolean"))], Vec::new());
    assert!(surface.differences(&schema, |_, _| false).iter().all(|one| !one.is_door()));
}

#[test]
fn another_name_is_held_against_the_operation_that_it_means() {
    let surface = surface(
        vec![field("tokenAuth", &[("username", scalar("ID")), ("otp", scalar("String"))], scalar("String"))],
        Vec::new(),
    );
    let schema = Schema::deployed(&[], &[alias("tokenAuth", "login"), alias("bye", "logout")]).unwrap();
    let found: Vec<String> = surface.differences(&schema, |_, _| false).iter().map(ToString::to_string).collect();
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
