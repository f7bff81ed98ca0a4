//! What is cut out of documents, and that its places are found again.

use serde_json::json;

use super::*;
use crate::graphql::{Limits, document::Document, schema::Schema, validate::Scope};

const LIMITS: Limits = Limits { bytes: 1 << 16, tokens: 5_000, depth: 60, operations: 9, fields: 500, batch: 1 };

/// Cuts the backend's part out of a document with one operation.
fn cut(document: &str, keys: Option<&[&str]>, purpose: Purpose) -> Result<Excerpt, Shared> {
    let keys: Option<Vec<String>> = keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
    let schema = Schema::embedded().unwrap();
    let document = Document::parse(document, &LIMITS).unwrap_or_else(|errors| panic!("{document}: {errors:?}"));
    let scope = Scope::new(&schema, &document);
    let given = json!({ "a": 1, "b": 2 });
    let (cutter, given) = (Cutter::new(&scope, &scope.operations[0]), given.as_object().unwrap());
    match purpose {
        Purpose::Run => cutter.part(keys.as_deref().map_or(Wanted::Backend, Wanted::Keys), given),
        Purpose::Check => cutter.check(given).map(Option::unwrap),
    }
}

/// The same with what is blank made short.
fn short(document: &str, keys: Option<&[&str]>) -> String {
    let excerpt = cut(document, keys, Purpose::Run).unwrap();
    assert_eq!(excerpt.request.document.lines().count(), document.trim_end().lines().count(), "line ends are kept");
    excerpt.request.document.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_not_the_backends_is_left_out_with_all_that_only_it_used() {
    for (document, expected) in [
        ("mutation{login{ok}\n a(x:{y:[1]})@d(e:\"}\"){b{c}}}", "mutation{ a(x:{y:[1]})@d(e:\"}\"){b{c}}}"),
        ("mutation($a:Int,$b:I={c:1}){login(u:$a){ok} x:a(y:$b)}", "mutation( $b:I={c:1}){ x:a(y:$b)}"),
        ("mutation M($a:Int){login(u:$a){ok} a}", "mutation M { a}"),
        ("mutation M($a:Int)@d(x:$a){login{ok} a}", "mutation M($a:Int)@d(x:$a){ a}"),
        ("mutation{a ...{login{ok}} ...@x{b logout{ok}}}", "mutation{a ...@x{b }}"),
        (
            "mutation{a ...F ...G}fragment F on Mutation{login{ok}} fragment G on Mutation{b ...F}",
            "mutation{a ...G} fragment G on Mutation{b }",
        ),
        (
            "mutation{login{...P} a{...Q}}fragment P on AuthPayload{ok}fragment Q on A{b ...R}fragment R on B{c}",
            "mutation{ a{...Q}} fragment Q on A{b ...R}fragment R on B{c}",
        ),
        ("mutation{a #b\n,,login:logout{ok}}", "mutation{a }"),
        ("mutation{__typename login{ok} a b:__typename}", "mutation{ a }"),
        ("{authSessions{id} on:me{type}}", "{ on:me{type}}"),
    ] {
        assert_eq!(short(document, None), expected, "{document}");
    }
    let document = "mutation{login{ok} a{b} ...F c:d}fragment F on Mutation{a{e} x logout{ok}}";
    assert_eq!(short(document, Some(&["a"])), "mutation{ a{b} ...F }fragment F on Mutation{a{e} }");
    assert_eq!(short(document, Some(&["c"])), "mutation{ c:d}");
}

#[test]
fn variables_come_as_far_as_they_are_used() {
    let excerpt = cut("mutation($a:Int,$b:Int){login(u:$a){ok} x(y:[{z:$b}])}", None, Purpose::Run).unwrap();
    assert_eq!(Value::Object(excerpt.request.variables), json!({ "b": 2 }));
}

#[test]
fn one_fragment_in_two_places_can_not_be_cut() {
    let document = "mutation{...F a{query{...F}}}fragment F on Mutation{login{ok} b}";
    assert_eq!(cut(document, None, Purpose::Run).map(drop), Err(Shared));
    let document = "mutation A{...F a}query B{b{...F}}fragment F on Mutation{login{ok} b}";
    assert_eq!(cut(document, None, Purpose::Check).map(drop), Err(Shared), "in another operation");
    let document = "mutation{...F login{ok} a{query{...F}}}fragment F on Mutation{b}";
    assert_eq!(short(document, None), "mutation{...F a{query{...F}}}fragment F on Mutation{b}");
    let document = "mutation{login{ok} b{...G} a{...G}}fragment G on A{c}";
    assert!(cut(document, None, Purpose::Run).is_ok());
}

#[test]
fn operations_that_do_not_run_are_checked_too() {
    let checked = |document: &str| {
        let excerpt = cut(document, None, Purpose::Check).unwrap();
        let words: Vec<&str> = excerpt.request.document.split_whitespace().collect();
        (words.join(" "), excerpt.request.operation_name.unwrap_or_default())
    };
    assert_eq!(
        checked(
            "mutation A($a:Int){login(u:$a){ok}} query B($a:Int){a(x:$a) ...F} fragment F on Query{authDevices{id} b}"
        ),
        (
            "query B($a:Int){a(x:$a) ...F} fragment F on Query{ b} \
             query railgate_nothing { ... @skip(if: true) { __typename } }"
                .to_owned(),
            "railgate_nothing".to_owned()
        )
    );
    assert_eq!(
        checked("mutation A{login{ok} a} query B{b}"),
        ("mutation A{... @skip(if: true) { a}} query B{b}".to_owned(), "A".to_owned())
    );
}

#[test]
fn a_place_in_what_is_only_checked_is_one_of_the_clients() {
    let document = "mutation M{login{ok} a(t:\"\"\"\né\n\"\"\") b}   fragment F on X{y}";
    let document = document.replace("b}", "b ...on Mutation{...G}}").replace('F', "G").replace("on X", "on Mutation");
    let excerpt = cut(&document, None, Purpose::Check).unwrap();
    let checked = &excerpt.request.document;
    assert!(checked.starts_with("mutation M{... @skip(if: true) {"), "{checked}");
    for word in ["a(t", "b ", "...on", "fragment", "y}"] {
        let place = |text: &str| {
            let before = &text[..text.find(word).unwrap()];
            let line = before.rsplit('\n').next().unwrap();
            Pos { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
        };
        let Pos { line, column } = place(checked);
        assert_eq!(excerpt.place(&json!({ "line": line, "column": column })), Some(place(&document)), "{word}");
    }
    for nowhere in [json!({ "line": 1, "column": 12 }), json!({ "line": 99, "column": 1 }), json!(null)] {
        assert_eq!(excerpt.place(&nowhere), None);
    }
}

#[test]
fn a_user_is_asked_with_its_fields_side_by_side() {
    let text = "mutation($a:Int=1,$b:Int){login(u:$b){user{id x:bio(n:$a)@include(if:true){...F}}}}fragment F on B{c}";
    let (schema, document) = (Schema::embedded().unwrap(), Document::parse(text, &LIMITS).unwrap_or_else(|_| panic!()));
    let scope = Scope::new(&schema, &document);
    let field = scope.document.selection_at(Pos { line: 1, column: text.find("x:bio").unwrap() + 1 }).unwrap();
    let given = json!({ "a": 1, "b": 2 });
    let of = |groups: &[Group<'_>], purpose| {
        let excerpt = user(&scope, &scope.operations[0], groups, purpose, given.as_object().unwrap());
        assert_eq!(excerpt.request.operation_name.as_deref(), Some("railgate_user"));
        assert_eq!(Value::Object(excerpt.request.variables), json!({ "a": 1 }));
        excerpt.request.document.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let field_text = "x : bio ( n : $ a ) @ include ( if : true ) { ... F }";
    assert_eq!(
        of(&[vec![field, field]], Purpose::Run),
        format!(
            "query railgate_user($ a : Int = 1 ) {{ railgate_0: me {{ railgate_id: id {field_text} {field_text} }} }} fragment F on B {{ c }}"
        )
    );
    assert_eq!(
        of(&[vec![field], vec![field]], Purpose::Check),
        format!(
            "query railgate_user($ a : Int = 1 ) {{ ... @skip(if: true) {{railgate_0: me {{ railgate_id: id {field_text} }} railgate_1: me {{ railgate_id: id {field_text} }} }}}} fragment F on B {{ c }}"
        )
    );
}
