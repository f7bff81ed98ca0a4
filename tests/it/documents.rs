//! Documents that try to get an auth operation past the gateway, or to bring it down; a stub notes what arrives.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    gateway::AUTH,
    stub::ANSWER,
    world::{JSON, RIGHT, WRONG, World},
};

#[test]
fn a_login_is_answered_here_wherever_it_hides() {
    let world = World::new();
    let nested = format!(
        "mutation{{...A}} fragment A on Mutation{{...B}} fragment B on Mutation{{...C}} fragment C on Mutation{{{RIGHT}}}"
    );
    let included = |name: &str| RIGHT.replace("{ok}", &format!("@{name}{{ok}}"));
    for document in [
        format!("mutation{{{RIGHT}}}"),
        format!("mutation\n{{\n{RIGHT}\n}}"),
        format!("mutation{{...A}} fragment A on Mutation{{{RIGHT}}}"),
        nested,
        format!("mutation{{... on Mutation{{{RIGHT}}}}}"),
        format!("mutation{{...{{{RIGHT}}}}}"),
        format!("mutation{{... on Mutation{{...{{{RIGHT}}}}}}}"),
        format!("mutation($v:Boolean=true){{...@include(if:$v){{{RIGHT}}}}}"),
        format!("mutation($v:Boolean=true){{{}}}", included("include(if:$v)")),
        format!("mutation($v:Boolean!=false){{{}}}", included("skip(if:$v)")),
        "mutation($u:String=\"john\",$p:String!=\"secret123\"){login(username:$u,password:$p){ok}}".to_owned(),
        "mutation{login(username:\"\"\"john\"\"\",password:\"secret\\u0031\\u0032\\u0033\"){ok}}".to_owned(),
        format!("mutation{{# login(\n{RIGHT},,}}#"),
    ] {
        world.logs_in(&world.document(&document), &document);
    }
    let spelt = r#"{"qu\u0065ry":"mutation{\u006cogin(username:\"john\",password:\"secret123\"){ok}}"}"#;
    world.logs_in(&world.post(JSON, AUTH, spelt), spelt);
    let alias = world.document(&format!("mutation{{profile:{RIGHT}}}"));
    assert_eq!(alias.json(), json!({ "data": { "profile": { "ok": true } } }), "the field counts, not the alias");
    world.nothing_arrived("a login");
}

/// It is in the request of whoever sent it, in whatever form, and in nothing that the gateway says or keeps.
#[test]
fn a_password_is_in_no_log_no_answer_and_no_file() {
    const CANARY: &str = "canary-7f3a9c";
    let mut world = World::changed(&[("#level = \"info\"", "level = \"trace\"")]);
    let login = |password: &str| format!("login(username:\"john\",password:{password}){{ok}}");
    let literal = login(&format!("\"{CANARY}\""));
    let refused = json!({ "data": { "login": { "ok": false } } });
    let asked = json!({ "query": format!("mutation($p:String!){{{}}}", login("$p")), "variables": { "p": CANARY } });
    for body in [json!({ "query": format!("mutation{{{literal}}}") }), asked] {
        let answer = world.post(JSON, AUTH, &body.to_string());
        assert_eq!(answer.json(), refused, "{body}");
    }
    let misplaced = json!({
        "query": "mutation($p:Boolean){login(username:$p,password:$p){ok}}",
        "variables": { "p": CANARY },
    });
    let mut answers = vec![world.post(JSON, AUTH, &misplaced.to_string())];
    for document in [
        format!("mutation{{{literal}"),
        format!("mutation{{{}}}", literal.replace("{ok}", "{nope}")),
        format!("mutation{{login(username:\"john\",pasword:\"{CANARY}\"){{ok}}}}"),
        format!("mutation($p:Boolean=\"{CANARY}\"){{{}}}", login("$p")),
        format!("mutation{{login(username:\"john\",password:[\"{CANARY}\"]){{ok}}}}"),
        format!("mutation{{...@include(if:\"{CANARY}\"){{{literal}}}}}"),
        format!("mutation{{{literal} \u{1}}}"),
    ] {
        answers.push(world.document(&document));
    }
    let form = format!("query=mutation{{{literal}}}&query=x");
    answers.push(world.post("application/x-www-form-urlencoded", AUTH, &form));
    answers.push(world.post("text/plain", AUTH, &literal));
    let get = format!("{AUTH}?query=mutation%7B{}%7D", literal.replace('"', "%22"));
    answers.push(world.gateway.client().get(&get).expect("an answer"));
    for answer in answers {
        world.refuses(&answer, CANARY);
        assert!(!answer.body.contains(CANARY), "{answer:?}");
    }
    let bearer = world.gateway.client().bearer(CANARY);
    world.logs_in(&bearer.graphql(AUTH, &format!("mutation{{{RIGHT}}}"), json!({})), "a token that is none");
    let held = |bytes: &[u8]| bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
    world.gateway.process.wait_for_line("login");
    let log = world.gateway.process.output();
    assert!(log.contains("DEBUG") && !held(log.as_bytes()), "{log}");
    assert!(!held(&world.gateway.state()));
}

#[test]
fn every_attempt_of_a_document_is_made_in_order_and_a_skipped_one_is_none() {
    let world = World::new();
    let both = world.document(&format!("mutation{{a:{RIGHT} b:{WRONG} x:{RIGHT}}}")).json();
    assert_eq!(both["data"].to_string(), r#"{"a":{"ok":true},"b":{"ok":false},"x":{"ok":true}}"#);
    let skipped = world.document(&format!(
        "mutation{{a:{} ...@include(if:false){{{RIGHT}}}}}",
        RIGHT.replace("{ok}", "@skip(if:true){ok}")
    ));
    assert_eq!((skipped.json(), skipped.all("set-cookie").len()), (json!({ "data": {} }), 0));
    world.nothing_arrived("logins");
}

#[test]
fn the_operation_that_is_chosen_decides() {
    let world = World::new();
    let document = format!("query A{{me{{id}}}} mutation B{{{RIGHT}}}");
    let choose = |name: &str| world.post(JSON, AUTH, &json!({ "query": document, "operationName": name }).to_string());
    assert_eq!(choose("B").json()["data"]["login"]["ok"], json!(true));
    let checked = world.stub.take_one().document();
    assert!(checked.starts_with("query A{me{id}}") && !checked.contains("login"), "validated, not run: {checked}");
    assert_eq!(choose("A").body, ANSWER);
    let arrived: Value = serde_json::from_slice(&world.stub.take_one().body).expect("JSON");
    assert_eq!(arrived, json!({ "query": document, "operationName": "A" }), "the client's own text");
}

#[test]
fn what_only_looks_like_a_login_is_forwarded() {
    let world = World::new();
    for (document, is_clean) in [
        ("{ me { lastLogin loginCount } }", true),
        ("{\n\tme { id }\r\n}", true),
        ("{login:profile{id}}", false),
        ("subscription{login{ok}}", false),
        ("{a{login{ok}}} # login", false),
        ("{x:profile{login:id}}", false),
        ("{a(login:1){id}}", false),
        ("mutation{post(text:\"l\\u006fgin(\"){id}}", true),
        ("mutation{post(text:\"\"\"login(username:1)\"\"\"){id}}", false),
        ("mutation{post(text:\"\\\"login(\"){id}}", false),
        ("mutation{__schema{types{name}}}", false),
    ] {
        let spaced = format!(r#"{{ "operationName" : null, "query":{} }}"#, json!(document));
        assert_eq!(world.post(JSON, &format!("{AUTH}?x=1"), &spaced).body, ANSWER, "{document}");
        let arrived = world.stub.take_one();
        let (expected, target) = match is_clean {
            true => (spaced, format!("{AUTH}?x=1")),
            false => (json!({ "query": document }).to_string(), AUTH.to_owned()),
        };
        assert_eq!(
            (arrived.text(), arrived.request_line()),
            (expected.as_str(), format!("POST {target} HTTP/1.1").as_str())
        );
    }
}

#[test]
fn documents_that_would_be_too_much_are_refused() {
    let world = World::new();
    let aliases = |count: usize| (0..count).map(|n| format!("a{n}:{RIGHT} ")).collect::<String>();
    let levels = |ty: &str, last: &str| {
        let level = |n: usize| format!("fragment F{n} on {ty}{{...F{} ...F{}}} ", n + 1, n + 1);
        format!("{} fragment F30 on {ty}{{{last}}}", (0..30).map(level).collect::<String>())
    };
    let payload = RIGHT.replace("{ok}", "{...F0}");
    for (what, document) in [
        ("aliases", format!("mutation{{{}}}", aliases(100))),
        ("aliases in a fragment", format!("mutation{{...F}} fragment F on Mutation{{{}}}", aliases(100))),
        ("spreads", format!("mutation{{{}}} fragment F on Mutation{{{}}}", "...F ".repeat(100), aliases(100))),
        ("levels of a payload", format!("mutation{{{payload}}} {}", levels("AuthPayload", "ok"))),
        ("levels of the root", format!("mutation{{...F0}} {}", levels("Mutation", RIGHT))),
        ("a cycle", format!("mutation{{...F}} fragment F on Mutation{{{RIGHT} ...F}}")),
        (
            "a cycle of two",
            format!("mutation{{...F}} fragment F on Mutation{{...G}} fragment G on Mutation{{{RIGHT} ...F}}"),
        ),
        ("a cycle in a payload", format!("mutation{{{payload}}} fragment F0 on AuthPayload{{ok ...F0}}")),
        ("a cycle beside a login", format!("mutation{{{RIGHT} post{{...F}}}} fragment F on Post{{id ...F}}")),
        ("a cycle that nobody uses", format!("mutation{{{RIGHT}}} fragment F on AuthPayload{{ok ...F}}")),
    ] {
        let started = Instant::now();
        world.refuses(&world.document(&document), what);
        assert!(started.elapsed() < Duration::from_secs(2), "{what} took {:?}", started.elapsed());
    }
    world.still_works();
}

/// Whatever is nested: the gateway's own part of a document, the backend's, what stands around both.
fn nested(depth: usize) -> [String; 9] {
    let (open, repeat) = (RIGHT.replace("{ok}", ""), |text: &str| text.repeat(depth));
    [
        format!("mutation{{{open}{}ok{}}}", repeat("{ok"), repeat("}")),
        format!("mutation{}{RIGHT}{}", repeat("{..."), repeat("}")),
        format!("mutation{{{RIGHT} a{}b{}}}", repeat("{a"), repeat("}")),
        format!("mutation{{login(username:{}1{})}}", repeat("["), repeat("]")),
        format!("mutation{{login(username:{}1{})}}", repeat("{a:"), repeat("}")),
        format!("mutation{{{RIGHT} a(b:{}{})}}", repeat("["), repeat("]")),
        format!("mutation($v:{}Int{}){{{RIGHT}}}", repeat("["), repeat("]")),
        format!("mutation($v:[Int]={}{}){{{RIGHT}}}", repeat("["), repeat("]")),
        format!("mutation@a(b:{}{}){{{RIGHT}}}", repeat("["), repeat("]")),
    ]
}

fn depth_does_no_harm(world: &World) {
    for depth in [500, 2_000, 7_000, 100_000] {
        for document in nested(depth) {
            world.refuses(&world.document(&document), &format!("{depth} deep: {}", &document[..100]));
        }
    }
    world.still_works();
}

#[test]
fn depth_does_no_harm_within_the_limits_of_the_sample() {
    depth_does_no_harm(&World::new());
}

#[test]
fn depth_does_no_harm_within_the_widest_limits() {
    depth_does_no_harm(&World::changed(&[
        ("#bytes = \"64KiB\"", "bytes = \"1MiB\""),
        ("#tokens = 8000", "tokens = 100000"),
        ("#depth = 64", "depth = 128"),
        ("#fields = 1000", "fields = 10000"),
    ]));
}

/// Each is one level deep; together they are as deep as there are fragments.
#[test]
fn a_long_chain_of_fragments_does_no_harm() {
    let world = World::changed(&[
        ("#body_limit = \"1MiB\"", "body_limit = \"8MiB\""),
        ("#bytes = \"64KiB\"", "bytes = \"1MiB\""),
        ("#tokens = 8000", "tokens = 100000"),
    ]);
    for length in [500, 2_000, 7_000] {
        let chain: String = (0..length).map(|n| format!("fragment F{n} on Mutation{{...F{}}} ", n + 1)).collect();
        let document = format!("mutation{{...F0}} {chain} fragment F{length} on Mutation{{{RIGHT}}}");
        world.refuses(&world.document(&document), &format!("{length} fragments"));
    }
    world.still_works();
}
