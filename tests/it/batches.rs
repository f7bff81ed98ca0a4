//! Several requests in one body: what runs, in which order, what the backend sees of it, and what comes back.

use std::{io::Write as _, thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::{Answer, Client, exchange},
    gateway::{AUTH, Setup, Tokens},
    stub::{self, Stub},
    world::{RIGHT, WRONG, World, user_of},
};

const BATCH: &str = "/graphql/batch/";

/// A line of the shipped configuration, and what it becomes.
const BATCHING: (&str, &str) = ("#batching = false", "batching = true");

fn post(client: &Client, path: &str, body: &str) -> Answer {
    client.with("Content-Type", "application/json").send("POST", path, body).expect("an answer")
}

/// The backend is a stub that answers by this function.
fn world(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> World {
    World::around(Stub::with(move |received, stream| stream.write_all(answer(received.text()).as_bytes())), &[BATCHING])
}

fn ask(world: &World, documents: &[&str]) -> Answer {
    let requests: Vec<Value> = documents.iter().map(|document| json!({ "query": document })).collect();
    post(&world.gateway.client(), AUTH, &json!(requests).to_string())
}

/// As far as the log tells, once it has gone quiet.
fn logins(world: &World) -> usize {
    let mut log = world.gateway.process.output();
    loop {
        thread::sleep(Duration::from_millis(100));
        let later = world.gateway.process.output();
        if later == log {
            return log.lines().filter(|line| line.contains("login") && line.contains("session=")).count();
        }
        log = later;
    }
}

fn mutation(fields: &str) -> String {
    format!("mutation{{{fields}}}")
}

#[test]
fn every_attempt_of_a_batch_is_made_in_order() {
    let world = world(|_| unreachable!("nothing is forwarded"));
    let [right, wrong] = [RIGHT, WRONG].map(mutation);
    let answer = ask(&world, &[&right, &wrong, &right]);
    let expected = r#"[{"data":{"login":{"ok":true}},"id":null,"status":200},{"data":{"login":{"ok":false}},"id":null,"status":200},{"data":{"login":{"ok":true}},"id":null,"status":200}]"#;
    assert_eq!((answer.status, answer.body.as_str()), (200, expected));
    assert_eq!(answer.all("set-cookie").iter().filter(|line| line.starts_with("jwt=")).count(), 1, "the last one");
    assert_eq!(logins(&world), 2);
    // A login and a logout behind it leave no cookies.
    let answer = ask(&world, &[&right, "mutation{logout{ok}}"]);
    let cookies = answer.all("set-cookie");
    assert!(
        cookies.iter().filter(|line| line.starts_with("jwt=")).all(|line| line.contains("Max-Age=0")),
        "{cookies:?}"
    );

    let before = logins(&world);
    let two = mutation(&format!("a:{RIGHT} b:{RIGHT}"));
    for too_many in [vec![right.as_str(); 6], vec![two.as_str(); 3], vec!["{a{login}}"; 11]] {
        let answer = ask(&world, &too_many);
        assert_eq!((answer.status, answer.code().as_str()), (400, "BATCH_TOO_LARGE"), "{answer:?}");
    }
    assert_eq!(logins(&world), before, "nothing of it was tried");
    assert!(world.stub.requests().is_empty());
}

#[test]
fn a_batch_that_could_be_read_in_two_ways_is_refused_as_a_whole() {
    let world = world(|_| unreachable!("nothing is forwarded"));
    let query = json!(mutation(RIGHT));
    let plain = format!(r#"{{"query":{query}}}"#);
    for body in [
        format!("[{plain},{{}}]"),
        format!("[{plain},[{plain}]]"),
        format!("[{plain},null]"),
        format!(r#"[{plain},{{"query":{query},"query":"{{a}}"}}]"#),
        format!(r#"[{plain},{{"query":"{{a}}","variables":{{"a":1,"a":2}}}}]"#),
        format!(r#"[{plain},{{"id":"login"}}]"#),
        format!("[{plain}]{plain}"),
        format!("[{plain},"),
        format!("[{plain}{}", ",[".repeat(100_000)),
    ] {
        let answer = post(&world.gateway.client(), AUTH, &body);
        let what = &body[..body.len().min(200)];
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        assert!(answer.json()["errors"][0]["message"].is_string(), "{what}");
    }
    // A clean one without requests is the backend's to refuse.
    let empty = post(&world.gateway.client(), &format!("{AUTH}?x=%20"), "[]");
    assert_eq!(empty.status, 400, "{empty:?}");
    let beside = post(&world.gateway.client(), &format!("{AUTH}?query={{a}}"), &format!("[{plain}]"));
    assert_eq!(beside.status, 400);
    let by_get =
        world.gateway.client().with("Content-Type", "application/json").send("GET", AUTH, &format!("[{plain}]"));
    assert_eq!(by_get.expect("an answer").status, 400);
    assert_eq!(logins(&world), 0);
}

#[test]
fn what_is_the_backends_alone_goes_to_it_as_one_array() {
    let world = world(|_| stub::answer("", r#"[{"data":{"b":1}},{"data":null}]"#));
    let clean = r#" [ {"query" : "{ a }"}, {"query":"{ b }"} ] "#;
    let doubtful = r#" [ {"query" : "{ a }", "x": 1}, {"query":"{ b } # login", "variables":{"n":1.50}} ] "#;
    let canonical = r#"[{"query":"{ a }"},{"query":"{ b } # login","variables":{"n":1.50}}]"#;
    for (sent, arrives) in [(clean, clean), (doubtful, canonical)] {
        let answer = post(&world.gateway.client(), AUTH, sent);
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"[{"data":{"b":1}},{"data":null}]"#));
        assert_eq!(world.stub.take_one().text(), arrives);
    }
}

#[test]
fn what_is_the_backends_beside_a_login_goes_as_whoever_came() {
    let world = world(|body| match body {
        body if body.contains("broken") => "HTTP/1.1 500 Oh\r\nContent-Length: 6\r\n\r\n<html>".to_owned(),
        body if body.contains("me {") => {
            stub::answer("", r#"[{"data":{"railgate_0":{"railgate_id":"1","bio":"b"}},"id":null,"status":200}]"#)
        }
        _ => stub::answer("Set-Cookie: theme=dark\r\n", r#"[{"data":{"a":1.50},"id":null,"status":200}]"#),
    });
    let admin = Tokens::of(&world.gateway.login("admin", "adminpass1")).access;
    let login = mutation(&RIGHT.replace("{ok}", "{ok user{bio}}"));
    let sent = json!([
        { "query": "{ a }", "id": "first", "variables": { "n": 1 } },
        { "query": login, "id": 2 },
        { "query": "{ broken }" },
        { "query": "mutation { login }" },
        { "query": "{ a }", "operationName": "A" },
    ]);
    let answer = post(&world.gateway.client().bearer(&admin), AUTH, &sent.to_string());
    let entries = answer.json();
    assert_eq!(entries[0].to_string(), r#"{"data":{"a":1.50},"id":"first","status":200}"#);
    assert_eq!(entries[1].to_string(), r#"{"data":{"login":{"ok":true,"user":{"bio":"b"}}},"id":2,"status":200}"#);
    assert_eq!(
        (&entries[2]["status"], &entries[2]["errors"][0]["extensions"]["code"]),
        (&json!(500), &json!("UPSTREAM_FAILED"))
    );
    assert_eq!((&entries[3]["status"], entries[3].get("data")), (&json!(400), None), "{entries}");
    assert_eq!((entries[4]["status"].clone(), answer.status), (json!(400), 400), "{entries}");
    assert_eq!(answer.all("set-cookie").iter().filter(|line| line.starts_with("theme=")).count(), 1);

    let received = world.stub.requests();
    let bodies: Vec<Value> = received.iter().map(|one| serde_json::from_slice(&one.body).expect("JSON")).collect();
    assert_eq!(bodies[0], json!([{ "query": "{ a }", "variables": { "n": 1 } }]), "a batch of one, without its number");
    assert!(bodies.iter().all(|body| body.as_array().is_some_and(|list| list.len() == 1)), "{bodies:?}");
    // The first, what is checked and asked of john, and the broken one.
    let users: Vec<Value> = received.iter().map(user_of).collect();
    assert_eq!(users, ["admin", "admin", "john", "admin"].map(|name| json!(name)));
}

#[test]
fn files_may_come_with_a_batch() {
    let world = world(|_| stub::answer("", "[]"));
    let form = |operations: &str, map: &str| {
        let field = |name: &str, value: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let file = "--x\r\nContent-Disposition: form-data; name=\"0\"; filename=\"a\"\r\n\r\ncontent\r\n--x--\r\n";
        let body = format!("{}{}{file}", field("operations", operations), field("map", map));
        let request = format!(
            "POST {AUTH} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        exchange(world.gateway.port, request.as_bytes()).expect("an exchange").expect("an answer")
    };
    let place = r#"{"0":["1.variables.f"]}"#;
    let upload = r#"[{"query": "{ a }"}, {"query":"mutation($f: Upload!){ b(f: $f) }","variables":{"f":null}}]"#;
    assert_eq!(form(upload, place).status, 200);
    let received = world.stub.take_one();
    assert!(
        received.text().contains(&upload.replace(": \"{ a", ":\"{ a").replace("}, {", "},{")),
        "{}",
        received.text()
    );
    assert!(received.text().contains(place));
    let login = format!(r#"[{{"query":{}}}, {{"query":"{{ a }}"}}]"#, json!(mutation(RIGHT)));
    assert_eq!(form(&login, place).code(), "FORM_MALFORMED");
    assert_eq!(form(upload, r#"{"0":["variables.f"]}"#).code(), "FORM_MALFORMED");
    assert_eq!((logins(&world), world.stub.requests().len()), (0, 0));
}

/// The answer to a batch, but for the wording of errors.
fn shape(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    for error in body.as_array_mut().into_iter().flatten().filter_map(|entry| entry["errors"].as_array_mut()).flatten()
    {
        error["message"] = json!("");
        error.as_object_mut().expect("an object").remove("extensions");
    }
    let places: Vec<&str> = answer.all("set-cookie").iter().filter_map(|line| line.split('=').next()).collect();
    let sets = ["jwt", "refresh_token"].map(|name| places.contains(&name));
    (answer.status, json!([body, sets]))
}

/// A view of graphene's with `batch=True`.
#[test]
fn batches_are_answered_as_the_backend_alone_would() {
    let backend = Backend::on_sqlite();
    backend.cheap_password("john", "secret123");
    let gateway = Setup::in_front_of(&backend).changed(BATCHING.0, BATCHING.1).start();
    let login = mutation(&RIGHT.replace("{ok}", "{ok user{id settings{theme}}}"));
    let wrong = mutation(WRONG);
    let articles = "{ articles(limit: 1) { title } }";
    for entries in [
        json!([{ "query": login, "id": 1 }, { "query": articles, "id": "b" }]),
        json!([{ "query": articles, "id": 0 }, { "query": wrong }]),
        json!([{ "query": articles }, { "query": "{ articles { nope } } # login" }]),
        json!([{ "query": "{ nope", "id": 1 }, { "query": login }, { "query": "{ nope }" }]),
        json!([{ "query": login }, { "query": "mutation { login { ok } }" }]),
        json!([{ "query": format!("mutation {{ createArticle(title: \"t\") {{ ok }} {RIGHT} }}") }, { "query": articles }]),
        json!([{ "query": login }, { "query": "mutation { logout { ok } }" }]),
        json!([{ "query": "mutation { logout { ok } }" }, { "query": login }]),
        json!([{ "query": login, "operationName": "null", "variables": "{}" }]),
    ] {
        let [direct, through] =
            [backend.port, gateway.port].map(|port| post(&Client::new(port), BATCH, &entries.to_string()));
        assert_eq!(shape(&through), shape(&direct), "{entries}\nthrough {through:?}\ndirect {direct:?}");
    }
    for (body, what) in [("[]", "empty"), (r#"[{"query":""}]"#, "no document")] {
        let [direct, through] = [backend.port, gateway.port].map(|port| post(&Client::new(port), BATCH, body));
        assert_eq!((through.status, direct.status), (400, 400), "{what}");
        assert_eq!(through.json()["errors"][0]["message"], direct.json()["errors"][0]["message"], "{what}");
    }
    // What is one request goes on as one, which such a view refuses by itself.
    let [direct, through] =
        [backend.port, gateway.port].map(|port| Client::new(port).graphql(BATCH, "{ articles { title } }", json!({})));
    assert_eq!((through.status, through.body), (direct.status, direct.body));
}
