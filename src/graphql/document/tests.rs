//! What the lexer and the guard keep from the parser.

use std::time::{Duration, Instant};

use super::*;

const LIMITS: Limits =
    Limits { bytes: 1 << 20, tokens: 100_000, depth: 1_000_000, operations: 1, fields: 1, batch: 10 };

fn place(document: &str) -> String {
    match Document::parse(document, &LIMITS) {
        Ok(_) => "read".to_owned(),
        Err(errors) => errors[0].locations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

/// What the parser would read as something else than graphql-core does, or would accept although graphql-core refuses
/// it.
#[test]
fn what_the_parser_misreads_is_refused() {
    for (document, expected) in [
        ("mutationLogin{login}", "1:1"),
        ("queryA{a}", "1:1"),
        ("fragmentF on A{a} {a}", "1:1"),
        ("fragment on on A{a} {a}", "1:10"),
        ("{a(b:[01])}", "1:8"),
        ("{a(b:[1.5.5])}", "1:10"),
        ("query(){a}", "1:7"),
        ("query($a:Int@d=1){a(b:$a)}", "1:13"),
        ("query($a:Int=1@d){a(b:$a)}", "1:15"),
        ("{a(b:nullable)}", "1:6"),
        ("{a(b:[trueFoo])}", "1:7"),
        ("{a(b:nullc:1)}", "1:6"),
        ("{a(b:{c:falsed:1})}", "1:9"),
        ("{...on}", "1:7"),
        ("mutation A b{a}", "1:12"),
        ("{a(b:]1)}", "1:6"),
        ("query($a", "1:9"),
        ("query($a!){a}", "1:9"),
        ("query($a:){a}", "1:10"),
    ] {
        assert_eq!(place(document), expected, "{document}");
    }
}

/// What graphql-core accepts and the parser does not: refused, too, but as an error and not as something else.
#[test]
fn what_the_parser_can_not_read_is_refused() {
    for (document, expected) in [("\"d\" query{a}", "1:1"), ("{a} type A{a:Int}", "1:5"), ("{a(b:\"\u{1}\")}", "1:7")] {
        assert_eq!(place(document), expected, "{document}");
    }
}

/// Where the parser alone would give up; places stay those of the client's text.
#[test]
fn what_the_parser_need_not_know_is_kept_from_it() {
    for document in [
        "{a(b:\"\\u{6c}\")}",
        "{a(b:\"\\ud83d\\ude00\")}",
        "query($a:[Int !] ,!){a(b:$a)}",
        "query($a :#\n [\n Int\n!\n ]\n=[ 1 ] $b:A !){a(b:$a)}",
        "query($a:Int#c\n!=1){a(b:$a)}",
        "{...on#\nA{a}}",
        "{...F}fragment F on#c\rA{a}",
    ] {
        assert_eq!(place(document), "read", "{document}");
    }
    for (document, expected) in [
        ("{a(b:\"\\u{}\")}", "1:7"),
        ("{a(b:\"\\u{110000}\")}", "1:7"),
        ("{a(b:\"\\u{000000041}\")}", "1:7"),
        ("{a(b:\"\\ud83d\")}", "1:7"),
        ("{a(b:\"\\ude00\\ud83d\")}", "1:7"),
        ("query($a:Int ! =1 1){a(b:$a)}", "1:19"),
        ("query($a: [\n Int\n ]%){a(b:$a)}", "3:3"),
        ("{a(b:\"é\",c:\"\"\"\n長\"\"\")} # é\n }", "3:2"),
    ] {
        assert_eq!(place(document), expected, "{document}");
    }
}

#[test]
fn names_that_only_look_like_keywords_are_read() {
    for document in [
        "{nullable trueValue falsehood on query mutation}",
        "{a(nullable:1,trueA:{falseB:2}){b}}",
        "query($nullable:Int){a(b:$nullable)}",
        "query query{a}",
        "mutation mutation{...onA ...mutationB} fragment onA on M{a} fragment mutationB on M{b}",
        "{...on\nA{a}}",
        "{a(b:E){c} d(e:-0,f:1e9,g:[],h:{})}",
        "\u{feff}{a}",
    ] {
        assert_eq!(place(document), "read", "{document}");
    }
}

/// Deeper than the parser's stack, in a thread with the stack that a runtime's have; 500 to 7,000 are what aborts it.
#[test]
fn depth_is_bounded_before_the_parser_recurses() {
    let nested = |depth: usize| {
        let (inner, repeat) = (depth - 2, |text: &str| text.repeat(depth - 2));
        [
            format!("{{a{{{}a{}}}}}", repeat("a{"), repeat("}")),
            format!("{{a(b:{}{})}}", repeat("["), repeat("]")),
            format!("{{a(b:{}1{})}}", repeat("{c:"), repeat("}")),
            format!("query($v:[{}Int{}]){{a}}", repeat("["), repeat("]")),
            format!("{{a(b:{}", "[".repeat(inner + 1)),
            format!("{{{}", "...{".repeat(inner + 2)),
        ]
    };
    let run = move || {
        for depth in [500, 2_000, 7_000, 100_000] {
            for document in nested(depth) {
                let Err(errors) = Document::parse(&document, &LIMITS) else { panic!("read at depth {depth}") };
                assert_eq!(errors[0].code, Some("DOCUMENT_TOO_COMPLEX"), "{:?}", errors[0]);
            }
        }
        // As deep as it may be: the parser copes.
        for document in nested(DEEPEST).iter().take(4) {
            assert_eq!(place(document), "read");
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn every_line_end_counts_once() {
    for document in ["{\n\n a % }", "{\r\n\r\n a % }", "{\r\r a % }", "{\n\r a % }"] {
        assert_eq!(place(document), "3:4", "{document:?}");
    }
    assert_eq!(place("{ é長(a:\"é長\") }"), "1:3", "columns count characters");
    assert_eq!(place("{ a(b:\"é長\" %) }"), "1:12");
}

/// As graphql-core compares the arguments of fields that would be merged.
#[test]
fn values_compare_by_what_they_say() {
    let text = r#"{a(b:"a",c:"\u0061",d:"""a""",e:"""a""",f:[1 $a],g:[1,$a],h:[1 $b])}"#;
    let document = Document::parse(text, &LIMITS).unwrap();
    let same = |one: usize, other: usize| {
        let at = |column| document.value_at(Pos { line: 1, column });
        at(one) == at(other)
    };
    assert!(same(6, 12) && same(23, 33) && same(43, 52), "escapes and commas do not count");
    assert!(!same(6, 23) && !same(43, 61), "quotes and names do");
}

#[test]
fn uses_of_fragments_and_variables_are_found_by_their_tokens() {
    let text = "query Q($a:Int=1,$b:[Int]){x(y:{z:[$a $b]})@skip(if:$c){...F ... on F{...G}}} fragment F on T{...G}";
    let document = Document::parse(text, &LIMITS).unwrap();
    let operation = document.operations()[0];
    let names = |source: Source<'_>| source.spreads().map(|spread| spread.name.to_owned()).collect::<Vec<_>>();
    assert_eq!(operation.name, Some("Q"));
    assert_eq!(names(operation.source), ["F", "G"]);
    assert_eq!(operation.source.variables().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(names(document.fragments()[0].source), ["G"]);
}

#[test]
fn a_row_of_names_costs_no_more_than_its_length() {
    let limits = Limits { bytes: 100_000, tokens: 20_000, depth: 64, operations: 1, fields: 1, batch: 1 };
    let took = |text: &str| {
        let tokens = lexer::tokens(text, &limits).unwrap();
        let started = Instant::now();
        let _text = readable::for_the_parser(text, &tokens);
        started.elapsed()
    };
    let (plain, hostile) = (took(&"a ".repeat(20_000)), took(&"a! ".repeat(10_000)));
    assert!(hostile < plain * 50 + Duration::from_millis(20), "{hostile:?}, {plain:?}");
}
