//! Other names of owned operations.

use super::*;
use crate::{
    graphql::excerpt::Excerpt,
    model::{Access, FieldRule, OwnedAlias, SystemClock},
};

/// `tokenAuth` is another name of `login`, `signUp` of `register`, `mySessions` of `authSessions`, `bye` of `logout`.
fn planner(rules: &[FieldRule]) -> Planner {
    let names = [("tokenAuth", "login"), ("signUp", "register"), ("mySessions", "authSessions"), ("bye", "logout")];
    let aliases = names.map(|(name, field)| OwnedAlias { name: name.to_owned(), field });
    let schema = Arc::new(Schema::deployed(&[], &aliases).unwrap());
    let rules = FieldRules::new(rules.iter().cloned(), &schema, Arc::new(SystemClock));
    Planner::new(schema, LIMITS).with_rules(Arc::new(rules)).with_cache(1 << 20)
}

fn by(planner: &Planner, document: &str, variables: &Value) -> Plan {
    let variables = variables.as_object().cloned().unwrap_or_default();
    let request = Request { document: document.to_owned(), variables, operation_name: None };
    planner.plan(&request, Carries::All, Admits::Everything, Asker::Nobody)
}

fn aliased(document: &str) -> Plan {
    by(&planner(&[]), document, &Value::Null)
}

#[test]
fn another_name_runs_what_the_operation_runs_under_the_clients_own_key() {
    for (document, expected) in [
        (r#"mutation{tokenAuth(username:"u",password:"p"){ok}}"#, "tokenAuth=login(u,p)"),
        (r#"mutation{login:tokenAuth(username:"u",password:"p",deviceId:"d"){ok}}"#, "login=login(u,p,d)"),
        (r#"mutation{...F} fragment F on Mutation{x:tokenAuth(username:"u",password:"p"){ok}}"#, "x=login(u,p)"),
        (r#"mutation{login(username:"u",password:"p"){ok}}"#, "login=login(u,p)"),
        ("mutation{bye{ok}}", "bye=logout"),
        ("{mySessions{id}}", "mySessions=sessions"),
    ] {
        assert_eq!(runs(aliased(document)), [expected], "{document}");
    }
    let Plan::Run(owned) = aliased("mutation{bye{ok} logout{ok}}") else { panic!() };
    assert_eq!(owned.names().collect::<Vec<_>>(), ["logout", "logout"], "it is one operation, and counted as that");
}

#[test]
fn a_registration_keeps_the_name_that_the_backend_knows() {
    for (name, document) in [
        ("signUp", r#"mutation{register:signUp(username:"u",email:"e",password:"p"){ok}}"#),
        ("register", r#"mutation{signUp:register(username:"u",email:"e",password:"p"){ok}}"#),
    ] {
        let Plan::Run(owned) = aliased(document) else { panic!("{document}") };
        let [RootField { action: Action::Register { name: asked, .. }, .. }] = fields(&owned)[..] else { panic!() };
        assert_eq!(asked, name);
    }
}

/// Of other kinds of operations, and below the root, such a name is the backend's.
#[test]
fn another_name_is_owned_where_the_operation_is() {
    for document in ["{tokenAuth{id}}", "mutation{mySessions{id}}", "subscription{tokenAuth}", "{user{tokenAuth}}"] {
        assert!(matches!(aliased(document), Plan::Forward), "{document}");
    }
    assert!(matches!(plan(r#"mutation{tokenAuth(username:"u",password:"p"){token}}"#), Plan::Forward), "without it");
}

#[test]
fn it_is_validated_as_the_operation_and_called_what_the_client_calls_it() {
    let told = |document: &str| refusal(aliased(document)).1[0]["message"].as_str().unwrap().to_owned();
    assert_eq!(
        told(r#"mutation{tokenAuth(username:"u"){ok}}"#),
        "Argument 'password' of type 'String!' is required on field 'Mutation.tokenAuth', but it was not provided."
    );
    assert_eq!(
        told(r#"mutation{tokenAuth(username:"u",password:"p",otp:1){ok}}"#),
        "Unknown argument 'otp' on field 'Mutation.tokenAuth'."
    );
    assert_eq!(
        told(r#"mutation{tokenAuth(username:"u",password:"p"){payload}}"#),
        "Cannot query field 'payload' on type 'AuthPayload'."
    );
    let both = r#"mutation{x:login(username:"u",password:"p"){ok} x:tokenAuth(username:"u",password:"p"){ok}}"#;
    assert!(told(both).starts_with("Fields 'x' conflict because 'login' and 'tokenAuth' are different fields."));
}

/// Nothing that the backend is asked names it.
#[test]
fn beside_fields_of_the_backend_it_is_the_gateways() {
    let document = r#"mutation{a tokenAuth(username:"u",password:"p"){ok user{bio}} b}"#;
    assert_eq!(runs(aliased(document)), ["backend(a)", "tokenAuth=login(u,p)", "backend(b)"]);
    let Plan::Run(owned) = aliased(document) else { panic!() };
    let parts = owned.steps.iter().filter_map(|step| match step {
        Step::Part(part) => Some(&part.excerpt),
        Step::Field(field) => field.users.as_ref().map(|users| &users.excerpt),
    });
    let asked: Vec<&Excerpt> = parts.chain(owned.checks.iter().map(|check| &check.excerpt)).collect();
    assert_eq!(asked.len(), 5, "two parts, a user, and two checks");
    for excerpt in asked {
        let document = &excerpt.request.document;
        assert!(!document.contains("tokenAuth") && !document.contains('"'), "{document}");
    }
}

#[test]
fn a_rule_for_an_operation_is_one_for_its_other_names() {
    let rule = |field: &str, access| FieldRule { field: Some(field.to_owned()), kind: None, access };
    let planner = planner(&[
        rule("login", Access::Denied),
        FieldRule { field: None, kind: None, access: Access::Denied },
        rule("mySession", Access::Denied),
    ]);
    let is_run = |document: &str| matches!(by(&planner, document, &Value::Null), Plan::Run(_));
    for document in ["login", "tokenAuth"] {
        let document = format!(r#"mutation{{{document}(username:"u",password:"p"){{ok}}}}"#);
        assert!(!is_run(&document), "{document}");
    }
    assert!(is_run("mutation{bye{ok}}") && is_run("{mySessions{id}}"), "a rule for every field means the backend's");
    assert!(!is_run("{posts{id}}"));
}

#[test]
fn what_is_generated_for_second_factors_is_open_where_it_is_another_name() {
    let aliases = [OwnedAlias { name: "mfaDevices".to_owned(), field: "authDevices" }];
    let schema = Arc::new(Schema::deployed(&[], &aliases).unwrap());
    let rules = FieldRules::new([], &schema, Arc::new(SystemClock)).without_generated_mfa();
    let planner = Planner::new(schema, LIMITS).with_rules(Arc::new(rules));
    assert!(matches!(by(&planner, "{mfaDevices{id}}", &Value::Null), Plan::Run(_)));
    assert!(matches!(by(&planner, "{mfaDeviceList{id}}", &Value::Null), Plan::Refuse(_)));
}
