//! What clients see of a small schema.

use serde_json::{Value, json};

use super::*;
use crate::{
    graphql::{scan::Scanner, schema::Schema},
    model::OwnedAlias,
};

fn scalar(name: &str) -> Value {
    json!({ "kind": "SCALAR", "name": name, "description": "theirs" })
}

fn field(name: &str, ty: &str) -> Value {
    json!({ "name": name, "args": [], "type": { "kind": "OBJECT", "name": ty }, "isDeprecated": name.starts_with("old") })
}

fn object(name: &str, interfaces: &[&str], fields: &[Value]) -> Value {
    let interfaces: Vec<Value> = interfaces.iter().map(|name| json!({ "kind": "INTERFACE", "name": name })).collect();
    json!({ "kind": "OBJECT", "name": name, "interfaces": interfaces, "fields": fields })
}

/// A backend with root types of its own names, its own `login`, and a user type of another name than ours.
fn theirs(mutation: Option<&str>) -> Value {
    let possible = json!([{ "kind": "OBJECT", "name": "AuthPayload" }, { "kind": "OBJECT", "name": "Person" }]);
    json!({
        "queryType": { "name": "RootQuery" },
        "mutationType": mutation.map(|name| json!({ "name": name })),
        "types": [
            scalar("String"), scalar("DateTime"),
            object("RootQuery", &[], &[field("me", "Person"), field("authSessions", "String"), field("old", "String")]),
            object("RootMutation", &[], &[field("login", "String"), field("post", "String"), field("authSessions", "String")]),
            object("Person", &["Node"], &[field("email", "DateTime"), field("settings", "Settings")]),
            object("AuthPayload", &["Node"], &[field("ok", "String"), field("theirs", "String")]),
            object("Settings", &[], &[field("theme", "String")]),
            { "kind": "INTERFACE", "name": "Node", "fields": [], "interfaces": [], "possibleTypes": possible },
        ],
        "directives": [],
    })
}

fn said(schema: &Value) -> Said {
    Said::read(json!({ "data": { "__schema": schema } }).to_string().as_bytes()).unwrap()
}

fn selection(fields: &[(&str, &[Selection])]) -> Vec<Selection> {
    let selected = |(field, inside): &(&str, &[Selection])| Selection {
        key: (*field).to_owned(),
        field: (*field).to_owned(),
        include_deprecated: false,
        inside: inside.to_vec(),
    };
    fields.iter().map(selected).collect()
}

fn answer_within(schema: &Value, what: What, selection: Vec<Selection>, limit: usize) -> Result<Value, Unanswered> {
    let own = Arc::clone(Schema::embedded().unwrap().own());
    let asked = [Asked { key: "x".to_owned(), what, selection }];
    let values = resolved(said(schema), &own, &asked, limit)?;
    Ok(serde_json::from_str(values[0].get()).unwrap())
}

/// The fields of a type.
fn fields_of(schema: &Value, name: &str) -> Vec<String> {
    let names = selection(&[("fields", &selection(&[("name", &[])]))]);
    let ty = answer_within(schema, What::Type(name.to_owned()), names, ANSWER_LIMIT).unwrap();
    ty["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect()
}

fn own_fields(name: &str) -> Vec<String> {
    Schema::embedded().unwrap().object(name).unwrap().fields.keys().cloned().collect()
}

#[test]
fn root_types_have_the_backends_fields_and_then_ours() {
    let theirs = theirs(Some("RootMutation"));
    assert_eq!(
        fields_of(&theirs, "RootQuery"),
        ["me", "authSessions", "authDevices"],
        "what is deprecated is not shown"
    );
    let mutation = fields_of(&theirs, "RootMutation");
    assert_eq!(mutation[..2], ["post", "authSessions"], "owned is a name of the root that owns it");
    assert_eq!(mutation[2..], own_fields("Mutation"));
}

/// What the backend has under such a name is shown to nobody, since nobody reaches it.
#[test]
fn another_name_of_an_operation_is_shown_once_as_ours() {
    let aliases =
        [("post", "login"), ("old", "authDevices")].map(|(name, field)| OwnedAlias { name: name.to_owned(), field });
    let schema = Schema::deployed(&[], &aliases).unwrap();
    let asked = |name: &str| {
        let inside = selection(&[("name", &[]), ("args", &selection(&[("name", &[])]))]);
        let what = What::Type(name.to_owned());
        let asked = [Asked { key: "x".to_owned(), what, selection: selection(&[("fields", &inside)]) }];
        let values = resolved(said(&theirs(Some("RootMutation"))), schema.own(), &asked, ANSWER_LIMIT).unwrap();
        let ty: Value = serde_json::from_str(values[0].get()).unwrap();
        ty["fields"].as_array().unwrap().clone()
    };
    let fields = asked("RootMutation");
    let named = |name: &str| fields.iter().filter(|field| field["name"] == name).collect::<Vec<_>>();
    let ([post], [login]) = (&named("post")[..], &named("login")[..]) else { panic!("{fields:?}") };
    assert_eq!((post["args"].as_array().unwrap().len(), &post["args"]), (4, &login["args"]));
    assert!(
        asked("RootQuery").iter().any(|field| field["name"] == "old"),
        "the backend's, which is gone, was deprecated"
    );
}

#[test]
fn a_backend_without_mutations_gets_ours() {
    let theirs = theirs(None);
    assert_eq!(fields_of(&theirs, "Mutation"), own_fields("Mutation"));
    let root = selection(&[("mutationType", &selection(&[("name", &[]), ("kind", &[]), ("interfaces", &[])]))]);
    let schema = answer_within(&theirs, What::Schema, root, ANSWER_LIMIT).unwrap();
    assert_eq!(schema, json!({ "mutationType": { "name": "Mutation", "kind": "OBJECT", "interfaces": [] } }));
}

#[test]
fn types_of_ours_win_but_for_scalars_and_what_only_the_backend_knows_of_a_user() {
    let theirs = theirs(None);
    assert_eq!(fields_of(&theirs, "AuthPayload"), own_fields("AuthPayload"));
    let mut user = own_fields("AuthenticatedUserType");
    user.push("settings".to_owned());
    assert_eq!(fields_of(&theirs, "AuthenticatedUserType"), user);
    let about = selection(&[("description", &[]), ("fields", &[])]);
    let date = answer_within(&theirs, What::Type("DateTime".to_owned()), about, ANSWER_LIMIT).unwrap();
    assert_eq!(date, json!({ "description": "theirs", "fields": null }));
    let possible = selection(&[("possibleTypes", &selection(&[("name", &[])]))]);
    let node = answer_within(&theirs, What::Type("Node".to_owned()), possible, ANSWER_LIMIT).unwrap();
    assert_eq!(node, json!({ "possibleTypes": [{ "name": "Person" }] }), "ours implements nothing");

    let names = selection(&[("types", &selection(&[("name", &[])]))]);
    let schema = answer_within(&theirs, What::Schema, names, ANSWER_LIMIT).unwrap();
    let mut names: Vec<&str> =
        schema["types"].as_array().unwrap().iter().map(|ty| ty["name"].as_str().unwrap()).collect();
    for name in ["String", "Boolean", "ID", "AuthSession", "Mutation", "Settings"] {
        assert!(names.contains(&name), "{name}");
    }
    assert!(!names.contains(&"Float"), "nothing is of it");
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "each once");
}

#[test]
fn types_in_their_place_are_walked_through_lists() {
    let ty = selection(&[("kind", &[]), ("name", &[]), ("__typename", &[])]);
    let item = selection(&[("kind", &[]), ("name", &[]), ("ofType", &ty)]);
    let list = selection(&[("kind", &[]), ("ofType", &item)]);
    let fields = selection(&[("fields", &selection(&[("name", &[]), ("type", &list)]))]);
    let root = answer_within(&theirs(None), What::Type("RootQuery".to_owned()), fields, ANSWER_LIMIT).unwrap();
    let expected = json!({ "name": "authSessions", "type": { "kind": "LIST", "ofType": {
        "kind": "NON_NULL", "name": null,
        "ofType": { "kind": "OBJECT", "name": "AuthSession", "__typename": "__Type" } } } });
    assert_eq!(root["fields"][1], expected);
}

#[test]
fn a_type_that_is_not_there_is_null() {
    let name = selection(&[("name", &[])]);
    assert_eq!(answer_within(&theirs(None), What::Type("Nope".to_owned()), name, ANSWER_LIMIT), Ok(Value::Null));
}

#[test]
fn an_answer_that_grows_with_each_level_is_ended() {
    let mut walk = selection(&[("name", &[])]);
    for _ in 0..20 {
        walk = selection(&[("fields", &selection(&[("type", &walk)]))]);
    }
    let all = selection(&[("types", &walk)]);
    let mut schema = theirs(None);
    let fields: Vec<Value> = (0..50).map(|number| field(&format!("f{number}"), "Loop")).collect();
    schema["types"].as_array_mut().unwrap().push(object("Loop", &[], &fields));
    let started = std::time::Instant::now();
    assert_eq!(answer_within(&schema, What::Schema, all, ANSWER_LIMIT), Err(Unanswered::TooLarge));
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn looking_costs_even_where_nothing_is_shown() {
    let mut schema = theirs(None);
    let fields: Vec<Value> = (0..1000).map(|number| field(&format!("old{number}"), "String")).collect();
    schema["types"].as_array_mut().unwrap().push(object("Old", &[], &fields));
    let about = || selection(&[("fields", &[])]);
    let old = || What::Type("Old".to_owned());
    assert_eq!(answer_within(&schema, old(), about(), 9_000), Ok(json!({ "fields": [] })));
    assert_eq!(answer_within(&schema, old(), about(), 7_000), Err(Unanswered::TooLarge));
}

#[test]
fn what_can_not_be_read_is_no_schema() {
    let endless = json!({ "kind": "LIST", "ofType": { "kind": "NON_NULL", "name": null } });
    let mut broken = theirs(None);
    broken["types"][2]["fields"][0]["type"] = endless;
    for schema in [broken, json!(null), json!({}), json!({ "queryType": null, "types": [] })] {
        let name = selection(&[("name", &[])]);
        assert_eq!(answer_within(&schema, What::Schema, name, ANSWER_LIMIT), Err(Unanswered::NoSchema), "{schema}");
    }
}

#[test]
fn only_what_the_backend_knows_is_asked() {
    let fields = |names: &[&str]| {
        let args = |name: &str| if name == "fields" { json!([{ "name": "includeDeprecated" }]) } else { json!([]) };
        json!({ "fields": names.iter().map(|name| json!({ "name": name, "args": args(name) })).collect::<Vec<_>>() })
    };
    let about = json!({ "data": {
        "schema": fields(&["types"]), "type": fields(&["fields", "isOneOf"]), "field": fields(&["args"]),
        "input": fields(&["name"]), "directive": fields(&["args", "isRepeatable"]),
    } });
    let features = Features::read(Said::read(about.to_string().as_bytes()).unwrap()).unwrap();
    let asked = features.everything().document;
    for word in ["isOneOf", "isRepeatable", "fields(includeDeprecated: true)", "enumValues {", "args {"] {
        assert!(asked.contains(word), "{word}: {asked}");
    }
    for word in ["specifiedByURL", "__schema { description"] {
        assert!(!asked.contains(word), "{word}: {asked}");
    }
    let partly = json!({ "data": about["data"], "errors": [{ "message": "no" }] });
    assert!(Features::read(Said::read(partly.to_string().as_bytes()).unwrap()).is_none(), "not all of it");
    for refused in [json!({ "errors": [{ "message": "no" }] }), json!({ "data": { "schema": null } })] {
        assert!(Features::read(Said::read(refused.to_string().as_bytes()).unwrap()).is_none(), "{refused}");
    }
}

#[test]
fn introspection_is_never_clean() {
    let scanner = Scanner::new(&Schema::embedded().unwrap());
    for name in ["__schema", "__type"] {
        assert!(!scanner.is_clean(Some(crate::graphql::Encoding::Graphql), b"", format!("{{{name}}}").as_bytes()));
    }
}

/// A client that goes away leaves its work behind, which goes on: its turn must not be another's until it has ended.
#[tokio::test]
async fn a_turn_lasts_as_long_as_the_work() {
    static TURNS: Semaphore = Semaphore::const_new(1);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (end, is_to_end) = std::sync::mpsc::channel::<()>();
    let work = tokio::spawn(one_of(&TURNS, move || {
        begun.send(()).unwrap();
        is_to_end.recv().unwrap();
    }));
    has_begun.await.unwrap();
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    assert_eq!(TURNS.available_permits(), 0, "nobody waits, but the thread is at work");
    end.send(()).unwrap();
    let _turn = TURNS.acquire().await.unwrap();
}
