//! The costliest documents that the limits allow.

use std::time::{Duration, Instant};

use super::*;

/// The ceilings of the configuration.
const MOST: Limits = Limits { bytes: 1 << 20, tokens: 100_000, depth: 64, operations: 50, fields: 10_000, batch: 100 };

fn many(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect()
}

fn costly(document: &str) -> Plan {
    let request =
        Request { document: document.to_owned(), variables: Variables::new(), operation_name: Some("A".to_owned()) };
    Planner::new(Arc::new(Schema::embedded().unwrap()), MOST).plan(
        &request,
        Carries::All,
        Admits::Everything,
        Asker::Nobody,
    )
}

/// What the backend is asked, checks aside.
fn asked(owned: &Owned) -> Vec<&Request> {
    let steps = owned.steps.iter().filter_map(|step| match step {
        Step::Part(part) => Some(&part.excerpt.request),
        Step::Field(field) => field.users.as_ref().map(|part| &part.excerpt.request),
    });
    steps.collect()
}

/// Without optimisation, and beside other tests: products of two of these sizes would take minutes.
#[test]
fn a_large_fragment_is_read_once_however_many_operations_use_it() {
    let began = Instant::now();
    let operations = many(2_500, |index| format!("query Q{index}{{...F}}"));
    let numbers = many(60_000, |_| "1 ".to_owned());
    let document = format!("mutation A{{{L}}} {operations} fragment F on Query{{a(x:[{numbers}])}}");
    let Plan::Run(owned) = costly(&document) else { panic!("refused") };
    assert_eq!(owned.checks.len(), 1);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn many_variables_are_no_product_either() {
    let began = Instant::now();
    let defined = many(4_900, |index| format!("$v{index}:Boolean=true "));
    let used = many(4_900, |index| format!("a{index}:ok@include(if:$v{index})"));
    let login = L.replace("{ok}", &format!("{{{used}}}"));
    let Plan::Run(owned) = costly(&format!("mutation A({defined}){{{login} a}}")) else { panic!("refused") };
    assert_eq!(asked(&owned)[0].document.split_whitespace().collect::<String>(), "mutationA{a}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

/// Each question holds what it needs of the text and of the variables, and is a request to the backend.
#[test]
fn the_backend_is_asked_as_often_as_owned_fields_run_and_no_more() {
    let users = L.replace("{ok}", &format!("{{{}}}", many(2_000, |index| format!("u{index}:user{{b}}"))));
    let Plan::Run(owned) = costly(&format!("mutation A{{{users}}}")) else { panic!("refused") };
    assert_eq!(asked(&owned).len(), 1, "about all users at once");

    let fields = many(2_000, |index| format!("a{index} t{index}:__typename "));
    let Plan::Run(owned) = costly(&format!("mutation A{{{L} {fields}}}")) else { panic!("refused") };
    assert_eq!(asked(&owned).len(), 1, "a name of a type parts nothing");
}
