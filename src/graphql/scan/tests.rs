//! What the scan lets through, and what it must not.

use std::sync::Arc;

use super::*;
use crate::model::{Access, FieldRule, OwnedAlias, SystemClock};

fn scanner() -> Scanner {
    Scanner::new(&Schema::embedded().unwrap())
}

fn json_is_clean(body: &str) -> bool {
    scanner().is_clean(Some(Encoding::Json), b"", body.as_bytes())
}

#[test]
fn ordinary_requests_are_clean() {
    for body in [
        r#"{"query":"query Posts($id: ID!) {\n  post(id: $id) { title author { lastLogin loginCount } }\n}","variables":{"id":"5"}}"#,
        r#"{"operationName":null,"variables":{"text":"a \"quoted\" \\ text\t/ é 😀"},"query":"{ me { id __typename } }"}"#,
        r#"{"query":"{ a { registered logouts verifyTotpX myDocumentIds } }"}"#,
        r#"[{"query":"{a}"},{"query":"{b}","variables":{"id":1}}]"#,
        r#"{"query":"{a}","variables":{"documentId":"5","nested":[{"id":1}]}}"#,
        "",
    ] {
        assert!(json_is_clean(body), "{body}");
    }
    let scanner = scanner();
    assert!(scanner.is_clean(Some(Encoding::Graphql), b"", b"query { me { id } }"));
    assert!(scanner.is_clean(Some(Encoding::Form), b"", b"query={me+{username}}&variables={}"));
    assert!(scanner.is_clean(None, b"query={me{username}}", b""));
    assert!(scanner.is_clean(None, b"", b""), "a page for people is no request");
}

#[test]
fn whatever_could_hide_a_name_is_unclear() {
    for body in [
        r#"{"query":"mutation{\nlogin(a:1)}"}"#,
        r#"{"query":"mutation{login{ok}}"}"#,
        r#"{"query":"mutation{\u006cogin{ok}}"}"#,
        r#"{"query":"mutation{logi\u006e{ok}}"}"#,
        r#"{"query":"mutation{x:register}"}"#,
        r#"{"query":"{authSessions}"}"#,
        r#"{"query":"{__schema{types{name}}}"}"#,
        r#"{"query":"{__type(name:1){name}}"}"#,
        "{\"query\":\"{a}\u{0}\"}",
        "\u{feff}{\"query\":\"{a}\"}",
        r#"{"query":"{a}","x":"\x"}"#,
        r#"{"query":"{a}\"#,
        r#"{"query":"{a}","extensions":{"persistedQuery":{"sha256Hash":"x"}}}"#,
        r#"{"id":"x"}"#,
        r#" [ {"query":"{a}"}, {"documentId" : "x"} ]"#,
        r#"{"variables":{"a":"}"},"id":"x"}"#,
        r#"{"variables":{"a":"\\\"}{"},"doc_id":"x"}"#,
    ] {
        assert!(!json_is_clean(body), "{body}");
    }
    let scanner = scanner();
    assert!(!scanner.is_clean(Some(Encoding::Json), b"", b"{\"query\":\"{a}\xff\"}"));
    for text in ["query=%7Bme%7D", "query={login}", "id=x", "a=1;id=x", " id =x", "query={a}&documentId=x&login"] {
        assert!(!scanner.is_clean(None, text.as_bytes(), b""), "{text}");
        assert!(!scanner.is_clean(Some(Encoding::Form), b"", text.as_bytes()), "{text}");
        assert!(!scanner.is_clean(Some(Encoding::Json), text.as_bytes(), b"{\"query\":\"{a}\"}"), "{text}");
    }
    assert!(!scanner.is_clean(None, b"", b"{}"), "a body of no known kind");
    assert!(!scanner.is_clean(Some(Encoding::Graphql), b"", b"mutation{logout}"));
}

#[test]
fn a_name_that_begins_inside_another_is_found() {
    // The first name found, `register`, goes on; the second begins with its last letter.
    assert!(!json_is_clean(r#"{"query":"mutation{registerefreshToken{ok}}"}"#));
}

/// A small generator (splitmix64), so that a failure can be repeated by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// A document that runs this field, somehow.
fn document(random: &mut Random, name: &str) -> String {
    let gap = ["", " ", "\n", "\t", ",", "\r\n", "#c\n"];
    let before =
        format!("{}{}", random.pick(&["", "a:", "x : ", "b{c} ", "...{", "... on Mutation{"]), random.pick(&gap));
    let after = random.pick(&["", "(a:1)", " {ok}", "@skip(if:true)", "\n{ok}", ",b", "#c\n"]);
    let head = random.pick(&["mutation{", "query A{", "{", "mutation\n{", "fragment F on Mutation{"]);
    format!("{head}{}{before}{name}{after}}}", random.pick(&gap))
}

/// The document in an envelope, its characters spelt in one of the ways that decoders understand.
fn envelope(random: &mut Random, document: &str) -> (Option<Encoding>, Vec<u8>, Vec<u8>) {
    let spelt = |random: &mut Random, plain: &dyn Fn(char) -> String, odd: &dyn Fn(char) -> String| {
        document.chars().map(|c| if random.below(20) == 0 { odd(c) } else { plain(c) }).collect::<String>()
    };
    let percent = |c: char| c.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let plus = |c: char| if c == ' ' { "+".to_owned() } else { c.to_string() };
    match random.below(4) {
        0 => {
            let quoted = |c: char| serde_json::to_string(&c.to_string()).unwrap().trim_matches('"').to_owned();
            let text = spelt(random, &quoted, &|c| format!("\\u{:04x}", u32::from(c)));
            (Some(Encoding::Json), Vec::new(), format!("{{\"query\":\"{text}\"}}").into_bytes())
        }
        1 => (Some(Encoding::Form), Vec::new(), format!("query={}", spelt(random, &plus, &percent)).into_bytes()),
        2 => (None, format!("query={}", spelt(random, &plus, &percent)).into_bytes(), Vec::new()),
        _ => (Some(Encoding::Graphql), Vec::new(), document.as_bytes().to_vec()),
    }
}

#[test]
fn no_spelling_of_an_owned_field_is_clean() {
    let schema = Schema::embedded().unwrap();
    let (scanner, names) = (scanner(), schema.owned_names().collect::<Vec<_>>());
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let name = random.pick(&names);
        let document = document(&mut random, name);
        let (encoding, query_string, body) = envelope(&mut random, &document);
        let text = String::from_utf8_lossy(if body.is_empty() { &query_string } else { &body });
        assert!(!scanner.is_clean(encoding, &query_string, &body), "seed {seed}: {text}");
    }
}

fn ruled(field: Option<&str>) -> Scanner {
    let rule = FieldRule { field: field.map(str::to_owned), kind: None, access: Access::Open };
    let schema = Schema::embedded().unwrap();
    Scanner::with_rules(&schema, &FieldRules::new([rule], &schema, Arc::new(SystemClock)))
}

#[test]
fn a_name_under_a_rule_is_looked_for_like_an_owned_one() {
    let scanner = ruled(Some("deletePost"));
    for (clean, text) in [
        (true, "{deletePosts lastDeletePost}"),
        (false, "{deletePost}"),
        (false, "{\\ndeletePost(id:1){id}}"),
        (false, "mutation{login}"),
        (false, "{delete\\u0050ost}"),
    ] {
        let body = format!(r#"{{"query":"{text}"}}"#);
        assert_eq!(scanner.is_clean(Some(Encoding::Json), b"", body.as_bytes()), clean, "{text}");
    }
    assert!(!scanner.is_clean(None, b"query={deletePost}", b"") && scanner.is_clean(None, b"query={posts}", b""));
}

#[test]
fn no_spelling_of_another_name_is_clean() {
    let aliases = [OwnedAlias { name: "tokenAuth".to_owned(), field: "login" }];
    let schema = Schema::deployed(&[], &aliases).unwrap();
    let scanner = Scanner::new(&schema);
    for seed in 0..2_000 {
        let mut random = Random(seed);
        let document = document(&mut random, "tokenAuth");
        let (encoding, query_string, body) = envelope(&mut random, &document);
        assert!(!scanner.is_clean(encoding, &query_string, &body), "seed {seed}: {document}");
    }
    let is_clean = |text: &str| scanner.is_clean(Some(Encoding::Graphql), b"", text.as_bytes());
    assert!(is_clean("{tokenAuths tokenauth}") && !is_clean("mutation{login}"));
}

#[test]
fn where_every_field_has_a_rule_only_a_page_is_clean() {
    let wary = ruled(None);
    assert!(wary.is_clean(None, b"", b"") && wary.is_clean(Some(Encoding::Json), b"", b""));
    assert!(!wary.is_clean(None, b"query={a}", b"") && !wary.is_clean(None, b"x", b""));
    assert!(!wary.is_clean(Some(Encoding::Json), b"", br#"{"query":"{a}"}"#));
    assert!(!wary.is_clean(Some(Encoding::Graphql), b"", b"{a}"));
}
