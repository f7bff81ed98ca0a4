//! Documents that are the gateway's in part only: what the backend is asked, as whom, and what becomes of its answers.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::{Answer, Client},
    django,
    gateway::{AUTH, GQL, Gateway, Setup, Tokens},
    stub::{self, Received, Stub},
    world::{SECRET, World, user_of},
};

mod users;

const LOGIN: &str = r#"login(username: "john", password: "secret123")"#;

/// One document, sent to the backend itself and through the gateway.
struct Both {
    gateway: Gateway,
    backend: Backend,
}

impl Both {
    fn new() -> Self {
        let backend = Backend::on_sqlite();
        backend.cheap_password("john", "secret123");
        backend.cheap_password("amina", "motdepasse-é7-長い");
        Self { gateway: Setup::in_front_of(&backend).start(), backend }
    }

    /// Both answers are the same, to the order of keys, but for the wording of errors; returns it.
    fn same(&self, path: &str, document: &str, variables: &Value, bearers: Option<[&str; 2]>) -> Value {
        let ask = |port, side: usize| {
            let client = Client::new(port);
            let client = bearers.map_or_else(|| client.clone(), |bearers| client.bearer(bearers[side]));
            client.graphql(path, document, variables.clone())
        };
        let (direct, through) = (ask(self.backend.port, 0), ask(self.gateway.port, 1));
        let shape = |answer: &Answer| {
            let mut body = answer.json();
            let mut places = Vec::new();
            for error in body["errors"].as_array_mut().into_iter().flatten() {
                error["message"] = json!("");
                error.as_object_mut().expect("an object").remove("extensions");
                places.push(error.to_string());
            }
            places.sort();
            (answer.status, body["data"].to_string(), places)
        };
        assert_eq!(shape(&through), shape(&direct), "{document}\nthrough {through:?}\ndirect {direct:?}");
        through.json()
    }
}

#[test]
fn mixed_documents_are_answered_as_the_backend_alone_would() {
    let both = Both::new();
    let document = format!(
        "# one\nmutation M($t: String!, $unused: Int = 3, $n: Int) {{\n  before: createArticle(title: $t) {{ ok }}\n  \
         {LOGIN} {{ ok user {{ username }} }} ...More\n  after: createArticle(title: \"\"\"b\\\"\"\"lock\n  \"\"\") {{ ok article {{ ...T }} }}\n}}\n\
         fragment More on Mutation {{ logout {{ ok }} third: createArticle(title: \"é長\", body: \"login(\") {{ ok errors }} }}\n\
         fragment T on ArticleType {{ title author {{ username }} }}"
    )
    .replace("$unused: Int = 3, $n: Int", "$n: Boolean = false")
    .replace("...More", "...More @skip(if: $n)");
    let anonymous = both.same(AUTH, &document, &json!({ "t": "one" }), None);
    assert_eq!(anonymous["data"]["login"]["ok"], json!(true));
    assert_eq!(anonymous["errors"].as_array().map(Vec::len), Some(3), "nobody becomes john by a login beside it");

    let through = Tokens::of(&both.gateway.login("john", "secret123")).access;
    let direct =
        Client::new(both.backend.port).graphql(AUTH, &format!("mutation {{ {LOGIN} {{ token }} }}"), json!({}));
    let direct = direct.json()["data"]["login"]["token"].as_str().expect("a token").to_owned();
    let bearers = Some([direct.as_str(), through.as_str()]);
    for path in [AUTH, GQL] {
        let answer = both.same(path, &document.replace("logout { ok }", ""), &json!({ "t": "two" }), bearers);
        assert_eq!(answer["data"]["after"]["article"]["title"], json!("b\"\"\"lock"));
    }
    both.same(AUTH, &document, &json!({ "t": "two", "n": true }), bearers);
    assert_eq!(
        both.backend
            .python("from articles.models import Article; print(Article.objects.filter(title='two').count())")
            .trim(),
        "6"
    );
}

#[test]
fn nothing_runs_when_either_part_is_invalid() {
    let both = Both::new();
    for (document, variables) in [
        (format!("mutation {{\n {LOGIN} {{ ok }}\n nope }}"), json!({})),
        (format!("mutation {{ {LOGIN} {{ ok }} createArticle(title: 1, wrong: 2) {{ ok nope }} }}"), json!({})),
        (format!("mutation {{ {LOGIN} {{ ok }} createArticle {{ ok }} }}"), json!({})),
        (format!("mutation {{ {LOGIN} {{ ok }} createArticle(title: \"x\") }}"), json!({})),
        (format!("mutation($t: String!) {{ {LOGIN} {{ ok }} createArticle(title: $t) {{ ok }} }}"), json!({})),
        (format!("mutation($t: Int) {{ {LOGIN} {{ ok }} createArticle(title: $t) {{ ok }} }}"), json!({})),
        (format!("mutation($i: Nope) {{ {LOGIN} {{ ok }} createArticle(title: $i) {{ ok }} }}"), json!({})),
        (format!("mutation {{ {LOGIN} {{ ok }} createArticle(title: \"x\") @nope {{ ok }} }}"), json!({})),
        (format!("mutation {{ {LOGIN} {{ ok }} ... @skip(if: true) {{ nope }} }}"), json!({})),
        (format!("mutation {{ {LOGIN} {{ ok\n user {{ id\n nope }} }} }}"), json!({})),
        (format!("mutation {{ {LOGIN} {{ ok user {{ settings {{ theme\n nope }} }} }} }}"), json!({})),
        (format!("mutation {{ {LOGIN} {{ ok user {{ settings }} }} }}"), json!({})),
        (format!("mutation {{ {LOGIN} {{ user {{ x: settings {{ theme }} x: articles {{ id }} }} }} }}"), json!({})),
        (
            format!(
                "mutation {{ {LOGIN} {{ user {{ ...F }} }} }} fragment F on AuthenticatedUserType {{\n settings(a: 1) {{ theme }} }}"
            ),
            json!({}),
        ),
    ] {
        let answer = both.same(AUTH, &document, &variables, None);
        assert!(answer.get("data").is_none() && !answer["errors"].as_array().expect("errors").is_empty(), "{answer}");
    }
    let sessions = both.gateway.process.output();
    assert!(!sessions.contains(" audit: "), "{sessions}");
}

/// The backend is a stub that finds everything valid, and answers by this function.
fn world(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> World {
    let stub = Stub::with(move |received, stream| {
        let document = received.document();
        let is_check = document.contains("@skip(if: true)");
        let answer = if is_check { stub::answer("", r#"{"data":{}}"#) } else { answer(&document) };
        stream.write_all(answer.as_bytes())
    });
    World::around(stub, &[])
}

fn ask(client: &Client, document: &str) -> Value {
    let answer = client.graphql(AUTH, document, json!({}));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The text with everything blanked but these pieces of it.
fn blanked(text: &str, kept: &[&str]) -> String {
    let ranges: Vec<_> =
        kept.iter().map(|piece| text.find(piece).map(|at| at..at + piece.len()).expect("a piece")).collect();
    let keeps =
        |at: usize, character| matches!(character, '\r' | '\n') || ranges.iter().any(|range| range.contains(&at));
    text.char_indices().map(|(at, character)| if keeps(at, character) { character } else { ' ' }).collect()
}

#[test]
fn the_backend_gets_the_clients_own_text_where_it_stood() {
    let data = r#"{"data":{"a":{"ok":1.50},"b":12345678901234567890,"c":[{"x":1e400}]},"extensions":{"cost":7}}"#;
    let world = world(move |_| stub::answer("Set-Cookie: theme=dark\r\nSet-Cookie: jwt=stolen\r\n", data));
    let sent = format!(
        "mutation Name($p: Boolean = true, # secret\r\n  $q: String) {{\n  a: one(x: $q) {{ ...G }}, {LOGIN} {{ok}}\n  \
         ...F logout @include(if: $p) {{ ok }} }}\nfragment F on Mutation {{ two\n {LOGIN} {{ok}} b: three }}\n\
         fragment G on Thing {{ ok }}"
    );
    let body = json!({ "query": sent, "variables": { "q": "é", "p": false } }).to_string();
    let client = world.gateway.client().with("Content-Type", "application/json");
    let answer = client
        .with("Cookie", "csrftoken=x; other=y")
        .with("Accept-Encoding", "br")
        .bearer("no token of anybody's")
        .with("If-None-Match", "\"x\"")
        .with("X-Trace", "t")
        .send("POST", AUTH, &body)
        .expect("an answer");

    let received = world.stub.requests();
    let documents: Vec<String> = received.iter().map(Received::document).collect();
    // `a` alone, then `two` and `b`: the login that stands between these has run by then.
    let [check, first, second] = documents.as_slice() else { panic!("{documents:?}") };
    let kept =
        ["mutation Name(", "$q: String) {", "a: one(x: $q) { ...G }", "}\nfragment F", "fragment G on Thing { ok }"];
    assert_eq!(*first, blanked(&sent, &kept).replace("fragment F", "          "));
    assert!(
        second.contains("fragment F on Mutation { two\n") && second.contains(" b: three }") && !second.contains("$q"),
        "{second}"
    );
    assert!(check.contains("...F") && check.contains("a: one") && !check.contains("login"), "{check}");
    for received in &received {
        let body: Value = serde_json::from_slice(&received.body).expect("JSON");
        assert_eq!(body["operationName"], json!("Name"));
        assert!(received.head.starts_with(&format!("POST {AUTH} HTTP/1.1")), "{}", received.head);
        assert!(
            received.all("Cookie").is_empty()
                && received.all("Authorization").is_empty()
                && received.all("If-None-Match").is_empty()
                && received.all("Accept-Encoding").is_empty(),
            "{}",
            received.head
        );
        assert_eq!((received.all("X-Trace"), received.all("Accept")), (vec!["t"], vec!["application/json"]));
    }
    let variables =
        |index: usize| serde_json::from_slice::<Value>(&received[index].body).expect("JSON")["variables"].clone();
    assert_eq!((variables(0), variables(1), variables(2)), (json!({ "q": "é" }), json!({ "q": "é" }), Value::Null));

    let expected =
        r#"{"data":{"a":{"ok":1.50},"login":{"ok":true},"two":null,"b":12345678901234567890},"extensions":{"cost":7}}"#;
    assert_eq!(answer.body, expected, "to the letter");
    let cookies = answer.all("set-cookie");
    assert_eq!(cookies.iter().filter(|line| line.starts_with("theme=")).count(), 2);
    assert!(!cookies.iter().any(|line| line.contains("stolen")), "{cookies:?}");
}

#[test]
fn the_backends_part_is_run_as_the_caller_that_it_came_from() {
    let world = world(|document| {
        let user = r#"{"data":{"railgate_0":{"railgate_id":"1","bio":"b"}}}"#;
        match document.contains("me {") {
            true => stub::answer("Set-Cookie: of=user\r\n", user),
            false => stub::answer("Set-Cookie: of=caller\r\n", r#"{"data":{"a":1,"b":2}}"#),
        }
    });
    let document = format!("mutation {{ a {LOGIN} {{ user {{ bio username }} }} b }}");
    let answer = world.gateway.client().graphql(AUTH, &document, json!({}));
    let cookies: Vec<&str> = answer.all("set-cookie").into_iter().filter(|line| line.starts_with("of=")).collect();
    assert_eq!(cookies, ["of=caller", "of=caller"], "another site's page may have made the login");
    let answer = answer.json();
    assert_eq!(answer["data"].to_string(), r#"{"a":1,"login":{"user":{"bio":"b","username":"john"}},"b":2}"#);
    let users: Vec<Value> = world.stub.requests().iter().map(user_of).collect();
    let nobody = Value::Null;
    assert_eq!(
        users,
        [nobody.clone(), nobody.clone(), nobody.clone(), json!("john"), nobody],
        "checks, a, the user, b"
    );

    let admin = Tokens::of(&world.gateway.login("admin", "adminpass1")).access;
    ask(&world.gateway.client().bearer(&admin), &document);
    let users: Vec<Value> = world.stub.requests().iter().skip(5).map(user_of).collect();
    assert_eq!(users, ["admin", "admin", "admin", "john", "admin"].map(|name| json!(name)));
    // A login that comes to nothing has no user to ask for.
    let before = world.stub.requests().len();
    let wrong = document.replace("secret123", "wrong").replace("a login", "login").replace(" b }", " }");
    assert_eq!(ask(&world.gateway.client(), &wrong)["data"]["login"]["user"], Value::Null);
    assert_eq!(world.stub.requests().len(), before + 1, "one check");
}

#[test]
fn nothing_runs_when_the_backend_can_not_be_asked() {
    let directory = django::Backend::sqlite();
    directory.cheap_password("john", "secret123");
    let refused = |status: &'static str, body: &'static str| {
        let stub = Stub::with(move |_, stream| {
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nX-Own: 1\r\n\r\n");
            stream.write_all(format!("{head}{body}").as_bytes())
        });
        let gateway = Setup::bare(stub.port, directory.url(), SECRET).start();
        let document = format!("mutation {{ {LOGIN} {{ ok }} a }}");
        let answer = gateway.client().graphql(AUTH, &document, json!({}));
        assert_eq!(stub.requests().len(), 1);
        assert!(!gateway.process.output().contains("login"), "{}", gateway.process.output());
        answer
    };
    let answer = refused("403 Forbidden", "<h1>no</h1>");
    assert_eq!(
        (answer.status, answer.body.as_str(), answer.all("x-own").len()),
        (403, "<h1>no</h1>", 1),
        "the backend's own"
    );
    let answer = refused("200 OK", "<h1>no</h1>");
    assert_eq!((answer.status, answer.body.as_str()), (200, "<h1>no</h1>"));
    let answer = refused("403 Forbidden", r#"{"errors":[{"message":"no"}]}"#);
    assert_eq!(answer.status, 403, "a refusal in GraphQL's own words is one all the same");
    let answer = refused("400 Bad Request", r#"{"errors":[{"message":"no"}]}"#);
    assert_eq!((answer.status, answer.json()), (400, json!({ "errors": [{ "message": "no" }] })));
    let answer = refused("401 Unauthorized", r#"{"errors":[{"message":"no"}],"data":{"a":1}}"#);
    assert_eq!((answer.status, answer.all("x-own").len()), (401, 1), "not an answer, whatever it looks like");

    // Nobody listens there.
    let gateway = Setup::bare(1, directory.url(), SECRET).start();
    let mixed = gateway.client().graphql(AUTH, &format!("mutation {{ {LOGIN} {{ ok }} a }}"), json!({}));
    assert_eq!((mixed.status, mixed.code().as_str()), (502, "UPSTREAM_UNREACHABLE"));
    assert!(mixed.all("set-cookie").is_empty());
    let login = gateway.client().graphql(AUTH, &format!("mutation {{ {LOGIN} {{ ok user {{ bio }} }} }}"), json!({}));
    assert_eq!(login.json()["data"]["login"], json!({ "ok": true, "user": { "bio": null } }));
}

#[test]
fn a_part_that_fails_late_is_a_part_of_the_answer() {
    let world = world(|document| match document.contains("broken") {
        true => "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_owned(),
        false if document.contains("late") => stub::answer("", r#"{"errors":[{"message":"no"}]}"#),
        false if document.contains("strict") => {
            stub::answer("", r#"{"errors":[{"message":"no","path":["strict"]}],"data":null}"#)
        }
        false => stub::answer("", r#"{"data":{"a":1}}"#),
    });
    let ask = |document: String| ask(&world.gateway.client(), &document);
    let answer = ask(format!("mutation {{ a {LOGIN} {{ ok }} broken x: broken refreshToken {{ ok }} }}"));
    let data = r#"{"a":1,"login":{"ok":true},"broken":null,"x":null,"refreshToken":{"ok":false}}"#;
    assert_eq!(answer["data"].to_string(), data);
    let errors = answer["errors"].as_array().expect("errors");
    assert_eq!(errors.iter().map(|error| error["path"].clone()).collect::<Vec<_>>(), [json!(["broken"]), json!(["x"])]);
    assert_eq!(errors[0]["extensions"]["code"], json!("UPSTREAM_FAILED"));
    // A field that may not be null takes everything with it, and ends the mutation (GraphQL §6.2.2, §6.4.4).
    let before = world.stub.requests().len();
    let answer = ask(format!("mutation {{ {LOGIN} {{ ok }} strict logout {{ ok }} a }}"));
    assert_eq!((&answer["data"], &answer["errors"][0]["path"]), (&Value::Null, &json!(["strict"])));
    assert_eq!(world.stub.requests().len(), before + 2, "a check and the field: nothing runs behind it");
    // What was done before is told, whatever the backend makes of the rest.
    let answer = ask(format!("mutation {{ {LOGIN} {{ ok }} late }}"));
    assert_eq!(answer["data"].to_string(), r#"{"login":{"ok":true},"late":null}"#);
    assert_eq!(answer["errors"], json!([{ "message": "no" }]));
    Tokens::of(&world.gateway.login("john", "secret123"));
}
