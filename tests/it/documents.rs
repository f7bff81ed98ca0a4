//! Documents and bodies that try to get an auth operation past the gateway, or to bring it down; a stub notes what arrives.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    client::Answer,
    django::Backend,
    gateway::{AUTH, Gateway, Setup},
    stub::{ANSWER, Stub},
};

const SECRET: &str = "a key for tests, 32 bytes or more";
/// A login that succeeds, and one that does not.
const RIGHT: &str = r#"login(username:"john",password:"secret123"){ok}"#;
const WRONG: &str = r#"login(username:"john",password:"wrong"){ok}"#;
const JSON: &str = "application/json";

/// The gateway between a real directory and a stub.
struct World {
    stub: Stub,
    gateway: Gateway,
    _directory: Backend,
}

impl World {
    fn new() -> Self {
        let (stub, directory) = (Stub::start(), Backend::sqlite());
        // A hash that costs nothing, so that a test can log in often.
        directory.python(
            "from django.contrib.auth.hashers import PBKDF2PasswordHasher as Hasher; \
             User.objects.filter(username='john').update(password=Hasher().encode('secret123', 'salt', 1))",
        );
        let gateway = Setup::bare(stub.port, directory.url(), SECRET).start();
        Self { stub, gateway, _directory: directory }
    }

    fn post(&self, content_type: &str, path: &str, body: &str) -> Answer {
        self.gateway.client().with("Content-Type", content_type).send("POST", path, body).expect("an answer")
    }

    fn document(&self, document: &str) -> Answer {
        self.post(JSON, AUTH, &json!({ "query": document }).to_string())
    }

    /// The backend saw nothing of it.
    fn nothing_arrived(&self, what: &str) {
        assert!(self.stub.requests().is_empty(), "{what}\n{:?}", self.stub.requests());
    }

    /// It is refused with an error that says why, nothing of it arrives, and the gateway goes on.
    fn refuses(&self, answer: &Answer, what: &str) {
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        let message = answer.json()["errors"][0]["message"].as_str().map(str::to_owned);
        assert!(message.is_some_and(|message| !message.is_empty()), "{what}: {answer:?}");
        self.nothing_arrived(what);
    }

    fn still_works(&self) {
        assert_eq!(self.document(&format!("mutation{{{RIGHT}}}")).json()["data"]["login"]["ok"], json!(true));
    }
}

#[test]
fn a_login_is_answered_here_wherever_it_hides() {
    let world = World::new();
    let nested = format!(
        "mutation{{...A}} fragment A on Mutation{{...B}} fragment B on Mutation{{...C}} fragment C on Mutation{{{RIGHT}}}"
    );
    for document in [
        format!("mutation{{{RIGHT}}}"),
        format!("mutation\n{{\n{RIGHT}\n}}"),
        nested,
        format!("mutation{{... on Mutation{{...{{{RIGHT}}}}}}}"),
        format!("mutation($v:Boolean=true){{...@include(if:$v){{{RIGHT}}}}}"),
        "mutation($u:String=\"john\",$p:String!=\"secret123\"){login(username:$u,password:$p){ok}}".to_owned(),
        "mutation{login(username:\"\"\"john\"\"\",password:\"secret\\u0031\\u0032\\u0033\"){ok}}".to_owned(),
        format!("mutation{{# login(\n{RIGHT},,}}#"),
    ] {
        let answer = world.document(&document);
        assert_eq!((answer.status, answer.json()), (200, json!({ "data": { "login": { "ok": true } } })), "{document}");
        assert_eq!(answer.all("set-cookie").iter().filter(|line| line.starts_with("jwt=")).count(), 1, "{document}");
    }
    let spelt = r#"{"qu\u0065ry":"mutation{\u006cogin(username:\"john\",password:\"secret123\"){ok}}"}"#;
    assert_eq!(world.post(JSON, AUTH, spelt).json()["data"]["login"]["ok"], json!(true));
    world.nothing_arrived("a login");
    let log = world.gateway.process.output();
    assert!(log.contains("login") && !log.contains("secret123"), "{log}");
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
    world.nothing_arrived("B");
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
    let levels: String =
        (0..30).map(|n| format!("fragment F{n} on AuthPayload{{...F{} ...F{}}} ", n + 1, n + 1)).collect();
    let documents = [
        ("aliases", format!("mutation{{{}}}", aliases(100))),
        ("spreads", format!("mutation{{{}}} fragment F on Mutation{{{}}}", "...F ".repeat(100), aliases(100))),
        (
            "levels",
            format!("mutation{{{}}} {levels} fragment F30 on AuthPayload{{ok}}", RIGHT.replace("{ok}", "{...F0}")),
        ),
        ("cycle", format!("mutation{{...F}} fragment F on Mutation{{{RIGHT} ...F}}")),
    ];
    for (what, document) in documents {
        let started = Instant::now();
        world.refuses(&world.document(&document), what);
        assert!(started.elapsed() < Duration::from_secs(2), "{what} took {:?}", started.elapsed());
    }
    for depth in [500, 2_000, 7_000, 100_000] {
        let (open, repeat) = (RIGHT.replace("{ok}", ""), |text: &str| text.repeat(depth));
        for document in [
            format!("mutation{{{open}{}ok{}}}", repeat("{ok"), repeat("}")),
            format!("mutation{{login(username:{}1{})}}", repeat("["), repeat("]")),
            format!("mutation{{login(username:{}1{})}}", repeat("{a:"), repeat("}")),
            format!("mutation($v:{}Int{}){{login}}", repeat("["), repeat("]")),
        ] {
            world.refuses(&world.document(&document), &format!("{depth} deep"));
        }
    }
    world.still_works();
}

#[test]
fn bodies_that_can_be_read_in_two_ways_are_refused() {
    let world = World::new();
    let document = format!("mutation{{{RIGHT}}}");
    let query = json!(document);
    let plain = format!(r#"{{"query":{query}}}"#);
    let utf16: String = plain.chars().flat_map(|character| [character, '\0']).collect();
    for (content_type, body) in [
        (JSON, format!(r#"{{"query":"{{me{{id}}}}","query":{query}}}"#)),
        (JSON, format!(r#"{{"query":{query},"qu\u0065ry":"{{me{{id}}}}"}}"#)),
        (JSON, format!(r#"{{"query":{query},"variables":{{"a":NaN}}}}"#)),
        (JSON, format!(r#"{{"query":{query},"variables":{{"a":"\ud800"}}}}"#)),
        (JSON, format!("[{plain}]")),
        (JSON, format!("[{plain},{plain}]")),
        (JSON, format!("\u{feff}{plain}")),
        (JSON, format!("{plain}{plain}")),
        (JSON, utf16),
        (JSON, plain.replace("login", "log\0in")),
        (JSON, format!(r#"{{"query":{query},"variables":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000))),
        (JSON, format!("{}{plain}", "[".repeat(100_000))),
        (JSON, format!(r#"{{"documentId":"login","query":{query}}}"#)),
        ("application/json; charset=utf-7", plain.clone()),
        ("application/jsonx", plain.clone()),
        ("text/plain", plain.clone()),
        ("application/x-www-form-urlencoded", format!("query={{me{{id}}}}&query={document}")),
        ("application/x-www-form-urlencoded", format!("query={document}&qu%65ry={{me{{id}}}}")),
        ("application/x-www-form-urlencoded", format!("query={document}%")),
    ] {
        let what = format!("{content_type} {}", &body[..body.len().min(200)]);
        world.refuses(&world.post(content_type, AUTH, &body), &what);
    }
    for parameter in ["query={login}", "operationName=A", "variables={}", "%71uery=x"] {
        world.refuses(&world.post(JSON, &format!("{AUTH}?{parameter}"), &plain), parameter);
    }
    let client = world.gateway.client();
    world.refuses(&client.send("POST", AUTH, &plain).expect("an answer"), "no content type");
    let coded = client.with("Content-Type", JSON).with("Content-Encoding", "gzip");
    world.refuses(&coded.send("POST", AUTH, &plain).expect("an answer"), "gzip");
    world.still_works();
}

/// A million would be over the limit of a body.
#[test]
fn as_many_keys_as_a_body_can_hold_do_no_harm() {
    let world = World::new();
    let keys = (0..90_000).map(|n| format!(r#""{n:x}":0"#)).collect::<Vec<_>>().join(",");
    let document = json!(format!("mutation{{{RIGHT}}}"));
    let started = Instant::now();
    let answer = world.post(JSON, AUTH, &format!(r#"{{"query":{document},"variables":{{{keys}}}}}"#));
    assert_eq!(answer.json()["data"]["login"]["ok"], json!(true), "{answer:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn stored_documents_are_asked_for_in_full() {
    let world = World::new();
    let hash = r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"0"}},"query":""}"#;
    let answer = world.post(JSON, AUTH, hash);
    assert_eq!(
        (answer.status, &answer.json()["errors"][0]["extensions"]["code"]),
        (200, &json!("PERSISTED_QUERY_NOT_FOUND"))
    );
    world.refuses(&world.post(JSON, AUTH, r#"{"id":"login"}"#), "a stored document");
    let with_hash = hash.replace(r#""query":"""#, r#""query":"{me{id}}""#);
    assert_eq!(world.post(JSON, AUTH, &with_hash).body, ANSWER);
    assert_eq!(
        world.stub.take_one().text(),
        r#"{"query":"{me{id}}"}"#,
        "without the hash, which the backend could prefer"
    );
}

#[test]
fn other_encodings_run_here_and_go_on_as_json() {
    let world = World::new();
    let form = "application/x-www-form-urlencoded";
    let login = format!("mutation{{{RIGHT}}}");
    for (content_type, body) in [
        ("application/graphql", login.clone()),
        (form, format!("query={login}")),
        (form, format!("query={}&variables=%7B%7D", login.replace("login", "log%69n"))),
    ] {
        assert_eq!(world.post(content_type, AUTH, &body).json()["data"]["login"]["ok"], json!(true), "{body}");
    }
    world.nothing_arrived("logins");
    assert_eq!(world.post(form, AUTH, "query=%7Bme%7Bid%7D%7D&variables=%7B%22n%22%3A1.50%7D").body, ANSWER);
    let arrived = world.stub.take_one();
    assert_eq!(
        (arrived.text(), arrived.all("content-type")),
        (r#"{"query":"{me{id}}","variables":{"n":1.50}}"#, vec![JSON])
    );
}

#[test]
fn a_get_carries_queries_only() {
    let world = World::new();
    let get = |query: &str| world.gateway.client().get(&format!("{AUTH}?{query}")).expect("an answer");
    for query in
        ["query=mutation%7Blogin%7Bok%7D%7D", "query=mutation{login{ok}}", "query=mutation%7Bcreate%7Bid%7D%7D"]
    {
        let answer = get(query);
        assert_eq!((answer.status, answer.all("allow")), (405, vec!["POST"]), "{answer:?}");
        world.refuses(&answer, query);
    }
    assert_eq!(get("query=%7Bme%7Bid%7D%7D&x=%20").body, ANSWER);
    let line = format!("GET {AUTH}?query=%7Bme%7Bid%7D%7D HTTP/1.1");
    assert_eq!(world.stub.take_one().request_line(), line, "one reading is left");
}
