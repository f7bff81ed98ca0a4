//! What is left of a document for a caller whom nobody knows.

use super::*;
use crate::model::Shortfall;

const OWNED: Admits = Admits::OnlyOwned(Shortfall::Unauthenticated);

fn admitted(admits: Admits, document: &str, variables: &Value) -> Plan {
    let request = Request {
        document: document.to_owned(),
        variables: variables.as_object().cloned().unwrap_or_default(),
        operation_name: None,
    };
    let planner = Planner::new(Arc::new(Schema::embedded().unwrap()), LIMITS).with_cache(1 << 20);
    // Whoever came before is another caller: what was kept of the document must not let this one in.
    let _known = planner.plan(&request, Carries::All, Admits::Everything, Asker::Nobody);
    let plan = planner.plan(&request, Carries::All, admits, Asker::Nobody);
    let again = planner.plan(&request, Carries::All, admits, Asker::Nobody);
    assert_eq!(format!("{plan:?}"), format!("{again:?}"), "{document}");
    plan
}

/// The whole answer of a refusal.
fn answered(admits: Admits, document: &str) -> Value {
    match admitted(admits, document, &Value::Null) {
        Plan::Refuse(answer) => {
            assert_eq!(answer.outcome, Outcome::Executed, "{document}");
            assert!(matches!(answer.session, SessionChange::Keep));
            serde_json::from_slice(&answer.body).unwrap()
        }
        other => panic!("{document}: {other:?}"),
    }
}

/// `data`, and path and column of each error.
fn left(admits: Admits, document: &str) -> (Value, Vec<(String, u64)>) {
    let body = answered(admits, document);
    let errors = body["errors"].as_array().into_iter().flatten();
    let places = errors.map(|error| {
        assert_eq!(error["message"], json!("Authentication required"));
        assert_eq!(error["extensions"]["code"], json!("UNAUTHENTICATED"));
        (error["path"][0].as_str().unwrap().to_owned(), error["locations"][0]["column"].as_u64().unwrap())
    });
    (body["data"].clone(), places.collect())
}

#[test]
fn every_field_is_null_and_says_why() {
    let nothing = |document: &str| left(Admits::Nothing, document);
    assert_eq!(nothing(&format!("mutation{{{L}}}")), (json!({ "login": null }), vec![("login".to_owned(), 10)]));
    let merged = "mutation{a:logout{ok} b:createPost{id} ...F @include(if:true) logout@skip(if:true){ok}} \
                  fragment F on Mutation{c:logout{ok} a:logout{errors}}";
    let (data, errors) = nothing(merged);
    assert_eq!(data.to_string(), r#"{"a":null,"b":null,"c":null}"#, "in order, each once");
    assert_eq!(errors, [("a".to_owned(), 10), ("b".to_owned(), 23), ("c".to_owned(), 112)]);
    let body = answered(Admits::Nothing, merged);
    assert_eq!(body["errors"][0]["locations"].as_array().unwrap().len(), 2, "of all fields that were merged");
    assert_eq!(answered(Admits::Nothing, "{a @skip(if:true){b}}"), json!({ "data": {} }));
    assert_eq!(nothing("subscription{posts{id}}").0, json!({ "posts": null }));
}

#[test]
fn what_may_not_be_null_takes_the_rest_with_it() {
    let nothing = |document: &str| left(Admits::Nothing, document);
    assert_eq!(nothing("{__typename}"), (Value::Null, vec![("__typename".to_owned(), 2)]));
    let (data, errors) = nothing("{posts{id} s:__schema{queryType{name}} me{id}}");
    assert_eq!((data, errors.len(), errors[1].0.as_str()), (Value::Null, 2, "s"), "nothing further is looked at");
    assert_eq!(nothing("{t:__type(name:\"Query\"){name}}").0, json!({ "t": null }));
}

#[test]
fn a_document_is_validated_first() {
    for admits in [Admits::Nothing, Admits::OnlyBackends, OWNED] {
        for document in ["mutation{logout}", "mutation{login{ok}}", "mutation{logout{nope}}", "{", "{a ...F}"] {
            let plan = admitted(admits, document, &Value::Null);
            if !matches!(plan, Plan::Forward) {
                assert_eq!(refusal(plan).0, Outcome::Invalid, "{admits:?} {document}");
            }
        }
    }
    let unset =
        admitted(Admits::Nothing, "mutation($t:String!){refreshToken(refreshToken:$t){ok} x{id}}", &Value::Null);
    assert_eq!(refusal(unset).0, Outcome::Invalid, "a variable without a value");
    let null = json!({ "u": null });
    let document = "mutation($u:String=\"u\"){login(username:$u,password:\"p\"){ok}}";
    let Plan::Refuse(answer) = admitted(Admits::Nothing, document, &null) else { panic!("not refused") };
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&body["data"], &body["errors"][0]["path"]), (&json!({ "login": null }), &json!(["login"])));
    assert!(
        body["errors"][0]["message"].as_str().unwrap().contains("must not be null"),
        "arguments come first: {body}"
    );
    let get = Request { document: L.to_owned(), variables: Variables::new(), operation_name: None };
    let get = Request { document: format!("mutation{{{}}}", get.document), ..get };
    let planner = Planner::new(Arc::new(Schema::embedded().unwrap()), LIMITS);
    let Plan::Refuse(answer) = planner.plan(&get, Carries::Queries, Admits::Nothing, Asker::Nobody) else {
        panic!("not refused")
    };
    assert_eq!(answer.outcome, Outcome::QueryOnly);
}

#[test]
fn an_open_path_runs_what_is_owned_alone() {
    let plan = |document: &str| admitted(OWNED, document, &Value::Null);
    assert_eq!(runs(plan(&format!("mutation{{{L} __typename}}"))), ["login=login(u,p)", "__typename=Mutation"]);
    assert_eq!(
        runs(plan(&format!("mutation{{{}}}", L.replace("{ok}", "{user{settings{theme}}}")))),
        ["login=login(u,p)"]
    );
    for document in ["{posts{id}}", "{__typename}", "{__schema{queryType{name}}}", "{authSessions{id} posts{id}}"] {
        assert!(!left(OWNED, document).1.is_empty(), "{document}");
    }
    assert_eq!(
        left(OWNED, &format!("mutation{{{L} createPost{{id}}}}")).0,
        json!({ "login": null, "createPost": null }),
        "nothing of it runs"
    );
}

#[test]
fn a_closed_path_runs_what_is_the_backends() {
    let plan = |document: &str| admitted(Admits::OnlyBackends, document, &Value::Null);
    for document in ["{posts{id}}", "{__typename}", "{posts{id}", "query{lastLogin}"] {
        let open = admitted(Admits::Everything, document, &Value::Null);
        assert_eq!(format!("{:?}", plan(document)), format!("{open:?}"), "{document}");
    }
    assert_eq!(left(Admits::OnlyBackends, &format!("mutation{{__typename {L}}}")).0, Value::Null);
    let mixed = format!("mutation{{a:createPost{{id}} {L} __typename b:createPost{{id}}}}");
    let Plan::Run(owned) = plan(&mixed) else { panic!("not run") };
    let refused = |field: &&RootField| matches!(field.action, Action::Refuse(_));
    assert_eq!(fields(&owned).iter().copied().filter(refused).count(), 1, "login");
    assert!(matches!(fields(&owned)[1].action, Action::RefuseAll(_)), "__typename");
    let parts = owned.steps.iter().filter(|step| matches!(step, Step::Part(_)));
    assert_eq!(parts.count(), 2, "what comes behind it is never asked");
    for left_out in ["logout @include(if:false){ok}", "logout @skip(if:true){ok}", "...@skip(if:true){logout{ok}}"] {
        let Plan::Run(owned) = plan(&format!("mutation{{a:createPost{{id}} {left_out} __typename}}")) else { panic!() };
        assert!(matches!(fields(&owned)[0].action, Action::RefuseAll(_)), "{left_out}");
    }
}
