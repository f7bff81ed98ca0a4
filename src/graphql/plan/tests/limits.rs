//! Documents that are too much.

use std::time::{Duration, Instant};

use super::*;

#[test]
fn fields_are_counted_after_expansion() {
    let aliases = |count: usize| (0..count).map(|n| format!("a{n}:{L} ")).collect::<String>();
    let spread =
        |count: usize| format!("mutation{{{}}} fragment F on Mutation{{{}}}", "...F ".repeat(count), aliases(8));
    assert_eq!(runs(plan(&format!("mutation{{{}}}", aliases(10)))).len(), 10);
    assert_eq!(code(plan(&format!("mutation{{{}}}", aliases(100)))), "DOCUMENT_TOO_COMPLEX");
    assert_eq!(code(plan(&spread(100))), "DOCUMENT_TOO_COMPLEX");
    // As an alias is worth nothing to who spreads it twice, so is a level of fields.
    let mut levels = String::from("mutation{a:login(username:\"u\",password:\"p\"){...F0}}");
    for level in 0..30 {
        levels += &format!(" fragment F{level} on AuthPayload{{...F{} ...F{}}}", level + 1, level + 1);
    }
    levels += " fragment F30 on AuthPayload{ok}";
    let started = Instant::now();
    assert_eq!(code(plan(&levels)), "DOCUMENT_TOO_COMPLEX");
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}

#[test]
fn limits_name_themselves() {
    let long = format!("{{me{{id}}}} #{}", "x".repeat(LIMITS.bytes));
    let many = format!("{{{}}}", "a ".repeat(LIMITS.tokens));
    let chain: String = (0..100).map(|n| format!("fragment F{n} on Mutation{{...F{}}} ", n + 1)).collect();
    let chain = format!("mutation{{...F0}} {chain} fragment F100 on Mutation{{{L}}}");
    let flat: String = (0..300).map(|n| format!("a{n}:ok ")).collect();
    let wide = format!("mutation{{a:{} b:{}}} fragment F on AuthPayload{{{flat}}}", spreading(), spreading());
    for (document, word) in [(long, "bytes"), (many, "tokens"), (chain, "nested"), (wide, "fields")] {
        let (outcome, errors) = refusal(plan(&document));
        assert_eq!((outcome, &errors[0]["extensions"]["code"]), (Outcome::Invalid, &json!("DOCUMENT_TOO_COMPLEX")));
        assert!(errors[0]["message"].as_str().unwrap().contains(word), "{errors:?}");
    }
}

#[test]
fn a_fragment_chain_longer_than_the_stack_is_deep_does_no_harm() {
    let chain: String = (0..2_500).map(|n| format!("fragment F{n} on Q{{...F{}}}", n + 1)).collect();
    let limits = Limits { bytes: 1 << 20, tokens: 50_000, ..LIMITS };
    let planner = Planner::new(Arc::new(Schema::embedded().unwrap()), limits);
    let plan_of = |document: String| {
        planner.plan(
            &Request { document, variables: Variables::new(), operation_name: None },
            Carries::All,
            Admits::Everything,
            Asker::Nobody,
        )
    };
    assert!(matches!(plan_of(format!("mutation{{...F0}} {chain} fragment F2500 on M{{a}}")), Plan::Forward));
    assert_eq!(code(plan_of(format!("mutation{{...F0}} {chain} fragment F2500 on M{{{L}}}"))), "DOCUMENT_TOO_COMPLEX");
    let (_, errors) = refusal(plan_of(format!("mutation{{...F0 {L}}} {chain} fragment F2500 on M{{...F0}}")));
    assert!(errors[0]["message"].as_str().unwrap().contains("within itself"), "{errors:?}");
}
