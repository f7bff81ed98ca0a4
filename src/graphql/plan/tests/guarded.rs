//! Fields that are not for everybody, wherever in a document they are executed.

use super::*;
use crate::model::{
    Access, AuthMethod, Demands, FieldRule, OperationKind, Principal, SessionId, SystemClock, Timestamp, UserId,
};

fn rule(field: Option<&str>, kind: Option<OperationKind>, access: Access) -> FieldRule {
    FieldRule { field: field.map(str::to_owned), kind, access }
}

/// `secret` is for nobody, as a mutation for editors; `login` and `__type` are for those who are known.
fn planner() -> Planner {
    let schema = Arc::new(Schema::embedded().unwrap());
    let editors = Demands { roles: vec!["editors".to_owned()], ..Demands::default() };
    let rules = [
        rule(Some("secret"), None, Access::Denied),
        rule(Some("secret"), Some(OperationKind::Mutation), Access::Known(editors)),
        rule(Some("logout"), None, Access::Known(Demands { mfa: true, ..Demands::default() })),
        rule(Some("__type"), None, Access::Denied),
    ];
    let rules = FieldRules::new(rules, &schema, Arc::new(SystemClock));
    Planner::new(schema, LIMITS).with_rules(Arc::new(rules)).with_cache(1 << 20)
}

fn eva() -> Principal {
    Principal {
        user: UserId::new("7"),
        username: "eva".into(),
        email: None,
        roles: Some(["editors".to_owned()].into()),
        permissions: None,
        session: None,
        handle: SessionId::from_bytes([1; 16]),
        method: AuthMethod::Bearer,
        mfa: false,
        auth_time: Timestamp::default(),
        expires: Timestamp::default(),
    }
}

/// What becomes of a document that everybody may see before and after, by the same planner.
fn by(planner: &Planner, document: &str, variables: &Value, asker: Asker<'_>) -> Plan {
    let request = Request {
        document: document.to_owned(),
        variables: variables.as_object().cloned().unwrap_or_default(),
        operation_name: None,
    };
    planner.plan(&request, Carries::All, Admits::Everything, asker)
}

/// The codes of the errors of a refusal, by path; empty where it is not refused.
fn codes(plan: &Plan) -> Vec<(String, String)> {
    let Plan::Refuse(answer) = plan else { return Vec::new() };
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{body}")).clone();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
    errors.iter().map(|error| (text(&error["path"][0]), text(&error["extensions"]["code"]))).collect()
}

fn is_refused(document: &str, variables: &Value) -> bool {
    let planner = planner();
    let first = codes(&by(&planner, document, variables, Asker::Nobody));
    let again = codes(&by(&planner, document, variables, Asker::Nobody));
    assert_eq!(first, again, "{document}: what was kept is asked the same");
    !first.is_empty()
}

#[test]
fn a_field_is_found_wherever_it_is_executed() {
    let null = Value::Null;
    for document in [
        "{secret}",
        "{posts secret}",
        "{a:secret{id}}",
        "{posts:secret}",
        "{...F} fragment F on Query{...on Query{...G}} fragment G on Query{secret}",
        "{...@include(if:true){secret}}",
        "{secret @skip(if:false)}",
        "subscription{secret}",
        "query($v:Boolean){secret @skip(if:$v)}",
        "query($v:Boolean=false){secret @skip(if:$v)}",
        "{secret @skip(if:$undefined)}",
        "{secret @skip(if:true) @skip(if:false)}",
        "{secret @include(if:false) @include(if:true)}",
        "{secret @skip(if:\"true\")}",
        "{secret @other(if:true)}",
        "{x:posts @skip(if:true) x:secret}",
        "{...F @skip(if:true) ...F} fragment F on Query{secret}",
        "{...F ...G} fragment F on Query{...G} fragment G on Query{...F secret}",
        "{__type(name:\"Query\"){name}}",
        &format!("mutation{{{L} secret}}"),
        "mutation{logout{ok}}",
    ] {
        assert!(is_refused(document, &null), "{document}");
    }
    for document in [
        "{posts{secret}}",
        "{secret:posts}",
        "{secrets}",
        "{secret @skip(if:true)}",
        "{secret @include(if:false) posts}",
        "{...F @include(if:false)} fragment F on Query{secret}",
        "query($v:Boolean=true){secret @skip(if:$v)}",
        "{posts(secret:\"secret\")}",
        "{__schema{queryType{name}}}",
        &format!("mutation{{{L}}}"),
    ] {
        assert!(!is_refused(document, &null), "{document}");
    }
    let chosen = "query A{posts} query B{secret}";
    let request = |name: &str| Request {
        document: chosen.to_owned(),
        variables: Variables::new(),
        operation_name: Some(name.to_owned()),
    };
    let plan = |name| planner().plan(&request(name), Carries::All, Admits::Everything, Asker::Nobody);
    assert_eq!((codes(&plan("A")).len(), codes(&plan("B")).len()), (0, 1), "of the operation that is selected");
}

/// Each time anew, though the document was seen before.
#[test]
fn variables_decide_where_they_are_true_or_false() {
    let planner = planner();
    let document = "query($v:Boolean,$w:Boolean=true){posts secret @include(if:$v) s:secret @skip(if:$w)}";
    for (variables, refused) in [
        (json!({ "v": false }), vec![]),
        (json!({ "v": true }), vec!["secret"]),
        (json!({ "v": false, "w": false }), vec!["s"]),
        (json!({}), vec!["secret"]),
        (json!({ "v": null }), vec!["secret"]),
        (json!({ "v": "false" }), vec!["secret"]),
        (json!({ "v": 0 }), vec!["secret"]),
        (json!({ "v": false, "w": null }), vec!["s"]),
        (json!({ "v": false }), vec![]),
    ] {
        let codes = codes(&by(&planner, document, &variables, Asker::Nobody));
        let denied = codes.iter().filter(|(_, code)| code == "FORBIDDEN").map(|(key, _)| key.as_str());
        assert_eq!(denied.collect::<Vec<_>>(), refused, "{variables}");
    }
}

/// What one caller may is no answer to another, whatever was kept of the document.
#[test]
fn who_asks_is_asked_each_time() {
    let (planner, eva) = (planner(), eva());
    let editor = Asker::Known(&eva);
    for document in ["mutation{secret}", "mutation{logout{ok} secret}"] {
        let logout = if document.contains("logout") { 1 } else { 0 };
        assert_eq!(codes(&by(&planner, document, &Value::Null, editor)).len(), 2 * logout, "{document}");
        assert_eq!(codes(&by(&planner, document, &Value::Null, Asker::Nobody)).len(), 1 + logout, "{document}");
        assert_eq!(codes(&by(&planner, document, &Value::Null, Asker::Unconfirmed)).len(), 1 + logout);
    }
    let document = "mutation{logout{ok}}";
    let strong = Principal { mfa: true, ..eva.clone() };
    assert!(matches!(by(&planner, document, &Value::Null, Asker::Known(&strong)), Plan::Run(_)));
    let (weak, nobody) =
        (by(&planner, document, &Value::Null, editor), by(&planner, document, &Value::Null, Asker::Nobody));
    assert_eq!(codes(&weak)[0].1, "STEP_UP_REQUIRED");
    assert_eq!(codes(&nobody)[0].1, "UNAUTHENTICATED");
}

/// A refusal tells of ten fields, and how many more there are; it is not to be made by a look at thousands.
#[test]
fn a_refusal_is_not_many_times_its_document() {
    let refused = |fields: String| {
        let plan = by(&planner(), &format!("{{{fields}}}"), &Value::Null, Asker::Nobody);
        let Plan::Refuse(answer) = plan else { panic!("not refused") };
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.outcome, body["errors"].as_array().map(Vec::len), body["errors"][0]["extensions"]["code"].clone())
    };
    let aliases = |count: usize| (1..count).map(|n| format!("a{n} ")).collect::<String>() + "secret";
    let (outcome, errors, _) = refused(aliases(LIMITS.fields));
    assert!(matches!(outcome, Outcome::Refused(Shortfall::Denied)) && errors == Some(11), "{errors:?}");
    for fields in [aliases(LIMITS.fields + 1), "secret ".repeat(LIMITS.fields + 1)] {
        let (outcome, errors, code) = refused(fields);
        assert!(matches!(outcome, Outcome::Invalid), "{outcome:?}");
        assert_eq!((errors, code), (Some(1), json!("DOCUMENT_TOO_COMPLEX")));
    }
}

#[test]
fn every_field_of_a_refusal_is_null_and_says_why() {
    let document = "{\n posts\n a: secret\n ...F } fragment F on Query { a: secret b: posts }";
    let Plan::Refuse(answer) = by(&planner(), document, &Value::Null, Asker::Nobody) else { panic!("not refused") };
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["data"], json!({ "posts": null, "a": null, "b": null }));
    let told = |index: usize| {
        let error = &body["errors"][index];
        (error["path"][0].clone(), error["extensions"].clone(), error["locations"].as_array().map(Vec::len))
    };
    assert_eq!(told(0), (json!("posts"), json!({ "code": "NOT_RUN" }), Some(1)));
    assert_eq!(told(1), (json!("a"), json!({ "code": "FORBIDDEN" }), Some(2)));
    assert_eq!(body["errors"][1]["locations"][0], json!({ "line": 3, "column": 2 }));
    assert!(matches!(answer.outcome, Outcome::Refused(Shortfall::Denied)));
    let whole = by(&planner(), "{__typename secret}", &Value::Null, Asker::Nobody);
    let Plan::Refuse(answer) = whole else { panic!("not refused") };
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&body["data"], body["errors"].as_array().map(Vec::len)), (&Value::Null, Some(2)));
}
