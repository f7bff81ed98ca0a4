//! Which root fields are for whom; asserted on what arrives at the backend, too.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{BATCH, admin, in_every_transport, john, just_logged_in, ruled};
use crate::support::{
    client::{Answer, Client},
    gateway::{AUTH, Gateway, Setup},
    stub::{self, Stub},
};

const BATCHING: &str = "[graphql]\nbatching = true\n";
const DENIED: &str = "[[fields]]\nfield = \"secret\"\ndeny = true\n";

fn ask(client: &Client, document: &str) -> Answer {
    client.graphql(AUTH, document, json!({}))
}

/// In the one request of a batch as in one alone.
fn refusal(answer: &Answer) -> (u64, String, Value) {
    let body = answer.json();
    let (status, body) = match &body {
        Value::Array(entries) => (entries[0]["status"].as_u64().unwrap_or_default(), entries[0].clone()),
        _ => (u64::from(answer.status), body),
    };
    let code = body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned();
    (status, code, body["data"].clone())
}

#[test]
fn a_denied_field_is_refused_in_every_transport() {
    for (form, status) in [("http", 403), ("graphql", 200)] {
        let stub = Stub::start();
        let gateway = Setup::before(&stub, &format!("{BATCHING}{DENIED}"))
            .changed("[[listeners]]\n", &format!("[[listeners]]\nrefusal = \"{form}\"\n"))
            .start();
        for client in [gateway.client(), gateway.client().bearer(&admin())] {
            for document in [
                "{ secret { id } }",
                "mutation { secret }",
                "subscription { secret }",
                "{ ...F } fragment F on Query { secret }",
                "query($v: Boolean = true) { secret @include(if: $v) }",
            ] {
                for (transport, answer) in in_every_transport(&client, document) {
                    let expected = (status, "FORBIDDEN".to_owned(), json!({ "secret": null }));
                    assert_eq!(refusal(&answer), expected, "{document} as {transport}: {answer:?}");
                    assert!(answer.all("WWW-Authenticate").is_empty(), "no credential would do");
                }
            }
            let aliased = ask(&client, "{ posts { id } a: secret }");
            let all_null = (status, "NOT_RUN".to_owned(), json!({ "posts": null, "a": null }));
            assert_eq!(refusal(&aliased), all_null, "{aliased:?}");
        }
        assert!(stub.requests().is_empty(), "{:?}", stub.requests());
    }
}

/// What has nothing to do with a rule goes byte for byte; what a rule lets through, as it was understood.
#[test]
fn what_is_let_through_is_what_was_asked() {
    let (stub, gateway) = ruled("[[fields]]\nfield = \"secret\"\nauth = \"required\"\n");
    let john = gateway.client().bearer(&john()).with("Content-Type", "application/json");
    for (sent, arrives) in [
        (r#" {"query" : "{ posts { secrets } }", "x": 1}"#, r#" {"query" : "{ posts { secrets } }", "x": 1}"#),
        (r#" {"query" : "{ secret { id } }", "x": 1}"#, r#"{"query":"{ secret { id } }"}"#),
        (r#" {"query" : "{ posts { secret } }"}"#, r#"{"query":"{ posts { secret } }"}"#),
    ] {
        assert_eq!(john.send("POST", AUTH, sent).expect("an answer").json(), json!({ "data": { "stub": true } }));
        assert_eq!(stub.take_one().text(), arrives);
    }
    let nobody = gateway.client().with("Content-Type", "application/json");
    assert_eq!(nobody.send("POST", AUTH, r#"{"query":"{ posts { secret } }"}"#).expect("an answer").status, 200);
    stub.take_one();
    assert_eq!(nobody.send("POST", AUTH, r#"{"query":"{ secret }"}"#).expect("an answer").status, 401);
    assert!(stub.requests().is_empty());
}

#[test]
fn each_field_asks_for_what_its_rule_says() {
    let (stub, gateway) = ruled(
        r#"claims = ["roles", "permissions"]
[[fields]]
field = "editors"
roles = ["editors", "superadmin"]
[[fields]]
field = "purge"
type = "Mutation"
permissions = ["users.delete_user"]
[[fields]]
field = "recent"
max_auth_age = "10m"
[[fields]]
field = "factor"
mfa = true
"#,
    );
    let by = |token: &str| gateway.client().bearer(token);
    let (old, fresh) = (john(), just_logged_in(&gateway));
    for (client, document, expected) in [
        (gateway.client(), "{ editors }", (401, "UNAUTHENTICATED", json!({ "code": "UNAUTHENTICATED" }))),
        (by(&john()), "mutation { purge }", (403, "FORBIDDEN", json!({ "code": "FORBIDDEN" }))),
        (by(&old), "{ recent }", (401, "STEP_UP_REQUIRED", json!({ "code": "STEP_UP_REQUIRED", "maxAuthAge": 600 }))),
        (by(&admin()), "{ factor }", (401, "STEP_UP_REQUIRED", json!({ "code": "STEP_UP_REQUIRED", "mfa": true }))),
    ] {
        let answer = ask(&client, document);
        let (status, code, extensions) = expected;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{document}: {answer:?}");
        assert_eq!(answer.json()["errors"][0]["extensions"], extensions);
        assert_eq!(answer.all("WWW-Authenticate").len(), 1, "{answer:?}");
    }
    let both = ask(&by(&old), "{ recent factor }");
    let challenge = both.all("WWW-Authenticate").concat();
    assert!(
        challenge.contains("second factor") && challenge.ends_with("max_age=\"600\""),
        "one login does: {challenge}"
    );
    let scope = ask(&by(&john()), "mutation { purge }");
    assert_eq!(scope.all("WWW-Authenticate"), ["Bearer error=\"insufficient_scope\""]);
    assert!(stub.requests().is_empty());
    for (client, document) in [
        (by(&fresh), "{ editors recent }"),
        (by(&admin()), "mutation { purge }"),
        (gateway.client(), "{ purge }"),
        (gateway.client(), "{ posts }"),
    ] {
        assert_eq!(ask(&client, document).status, 200, "{document}");
        assert!(stub.take_one().text().contains(document));
    }
}

/// A refusal says something of ten fields at most, and of that one first that it is about.
#[test]
fn of_many_fields_few_are_told_of() {
    let (stub, gateway) = ruled(DENIED);
    let names: Vec<String> = (0..300).map(|number| format!("f{number}")).collect();
    let answer = ask(&gateway.client(), &format!("{{ {} secret }}", names.join(" ")));
    let body = answer.json();
    let errors = body["errors"].as_array().expect("errors");
    assert_eq!((answer.status, errors.len(), body["data"].as_object().map(|data| data.len())), (403, 11, Some(301)));
    assert_eq!(errors[9]["path"], json!(["secret"]));
    assert_eq!(errors[10]["message"], json!("Not run: 291 more fields of this request."));
    assert!(stub.requests().is_empty());
}

/// Not the login beside it, either, though that needs no rule's leave.
#[test]
fn nothing_of_a_refused_request_runs() {
    let (stub, gateway) = ruled(&format!("{BATCHING}{DENIED}"));
    let login = "login(username: \"john\", password: \"secret123\") { ok token }";
    for document in [
        format!("mutation {{ {login} secret }}"),
        format!("mutation {{ secret {login} }}"),
        format!("mutation {{ ...F }} fragment F on Mutation {{ {login} posts s: secret }}"),
    ] {
        for (transport, answer) in in_every_transport(&gateway.client(), &document) {
            assert!(answer.body.contains("FORBIDDEN") && !answer.body.contains("\"ok\""), "{transport}: {answer:?}");
            assert!(answer.all("Set-Cookie").is_empty(), "{transport}: {answer:?}");
        }
    }
    assert!(stub.requests().is_empty());
    assert!(!gateway.process.output().contains("login outcome"), "{}", gateway.process.output());
}

/// The others are asked, one by one, and each answer says how it went.
#[test]
fn in_a_batch_each_request_is_refused_by_itself() {
    let stub = Stub::with(|_, stream| stream.write_all(stub::answer("", r#"[{"data":{"posts":[]}}]"#).as_bytes()));
    let gateway = Setup::before(&stub, &format!("{BATCHING}{DENIED}")).start();
    let client = gateway.client().with("Content-Type", "application/json");
    let batch = json!([{ "query": "{ posts }" }, { "query": "{ secret }" }]).to_string();
    let answer = client.send("POST", BATCH, &batch).expect("an answer");
    let entries = answer.json();
    assert_eq!((&entries[0]["data"], &entries[0]["status"]), (&json!({ "posts": [] }), &json!(200)), "{answer:?}");
    assert_eq!((&entries[1]["data"], &entries[1]["status"]), (&json!({ "secret": null }), &json!(403)), "{answer:?}");
    assert_eq!((answer.status, stub.take_one().text()), (200, r#"[{"query":"{ posts }"}]"#));
    let alone = client.send("POST", BATCH, &json!([{ "query": "{ secret }" }]).to_string()).expect("an answer");
    assert_eq!(alone.status, 403);
}

fn for_users_only() -> (Stub, Gateway) {
    ruled(
        "[graphql]\nbatching = true\n[[fields]]\nfield = \"*\"\nauth = \"required\"\n[[fields]]\nfield = \"version\"\nauth = \"optional\"\n\
         [[fields]]\nfield = \"*\"\ntype = \"Subscription\"\ndeny = true\n",
    )
}

#[test]
fn a_rule_for_every_field_is_asked_about_every_document() {
    let (stub, gateway) = for_users_only();
    let (nobody, john) = (gateway.client(), gateway.client().bearer(&john()));
    for document in
        ["{ posts { id } }", "mutation { createPost { id } }", "{ version posts }", "{ a: version b: posts }"]
    {
        for (transport, answer) in in_every_transport(&nobody, document) {
            assert!(answer.body.contains("UNAUTHENTICATED"), "{document} as {transport}: {answer:?}");
        }
    }
    assert_eq!(ask(&john, "subscription { posts }").code(), "FORBIDDEN");
    assert!(stub.requests().is_empty());
    for (client, document) in [(&nobody, "{ version }"), (&john, "{ version posts }"), (&nobody, "{ __typename }")] {
        assert_eq!(ask(client, document).status, 200, "{document}");
        assert!(stub.take_one().text().contains(document));
    }
    let page = nobody.with("Accept", "text/html").get("/graphql/").expect("an answer");
    assert_eq!(page.status, 200, "a page for people asks nothing");
    stub.take_one();
    let login = ask(&nobody, "mutation { login(username: \"john\", password: \"secret123\") { ok } }");
    assert_eq!(login.json(), json!({ "data": { "login": { "ok": true } } }), "a login needs no login");
}

/// What the backend's parser takes and the gateway's doesn't, could be anything.
#[test]
fn a_document_that_can_not_be_read_is_refused_where_every_field_has_a_rule() {
    let (stub, gateway) = for_users_only();
    let john = gateway.client().bearer(&john());
    for document in ["{ posts", "{ x:nullable }{", "", "query A { a } query B { b }"] {
        assert_eq!(ask(&john, document).status, 400, "{document}");
    }
    assert!(stub.requests().is_empty());
}
