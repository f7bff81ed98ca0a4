//! What another site's page can make a browser send without asking first: a form in its three encodings, and no more.
//!
//! With the browser's cookies it is refused, whatever it says. Without them it may log in or out, but to no effect on the
//! browser. Nothing of either reaches the backend.

use serde_json::json;

use crate::support::{
    client::{Answer, Client},
    gateway::{AUTH, LOGIN, Tokens},
    world::{RIGHT, World},
};

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=x";

/// A document in each encoding that a form has, with its content type.
fn forms(document: &str) -> [(&'static str, String); 4] {
    let json = json!({ "query": document }).to_string();
    let urlencoded = form_urlencoded::Serializer::new(String::new()).append_pair("query", document).finish();
    let part = |name: &str, text: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n--x--\r\n")
    };
    [
        ("text/plain", json),
        (FORM, urlencoded),
        (MULTIPART, part("query", document)),
        // As a page writes JSON by a form: the rest of the document is the field's name.
        ("text/plain", format!("{{\"query\":\"{}\",\"x\":\"=\"}}", document.replace('"', "\\\""))),
    ]
}

fn post(client: &Client, (content_type, body): &(&str, String)) -> Answer {
    client.with("Content-Type", content_type).send("POST", AUTH, body).expect("an answer")
}

/// How browsers mark it: of our day, older ones, and from a sandboxed frame.
fn pages(world: &World) -> [Client; 4] {
    let client = world.gateway.client();
    [
        client.with("Sec-Fetch-Site", "cross-site").with("Origin", "https://evil.example"),
        client.with("Origin", "https://evil.example"),
        client.with("Origin", "null"),
        client.with("Sec-Fetch-Site", "same-site").with("Origin", "https://other.127.0.0.1.example"),
    ]
}

#[test]
fn a_form_with_the_browsers_cookies_is_refused() {
    let world = World::new();
    let login = world.gateway.client().graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" })).json();
    let tokens = Tokens::of(&login["data"]["login"]);
    let jars = [
        format!("jwt={}", tokens.access),
        format!("refresh_token={}", tokens.refresh),
        format!("jwt={}; refresh_token={}", tokens.access, tokens.refresh),
    ];
    // And a browser that says nothing.
    let clients = pages(&world).into_iter().chain([world.gateway.client()]);
    for client in clients {
        for jar in &jars {
            for document in
                ["mutation { createPost { id } }", "mutation { logout { ok } }", "mutation { refreshToken { ok } }"]
            {
                for form in forms(document) {
                    let answer = post(&client.with("Cookie", jar), &form);
                    assert_eq!((answer.status, &answer.json()["errors"][0]["code"]), (403, &json!("CSRF_FAILED")));
                    assert!(answer.all("set-cookie").is_empty(), "{answer:?}");
                }
            }
        }
    }
    world.nothing_arrived("by a form");
    assert_eq!(world.gateway.refresh(&tokens.refresh)["ok"], json!(true), "nothing was done");
}

#[test]
fn a_form_logs_nobody_in_or_out_in_the_browser() {
    let world = World::new();
    for client in pages(&world) {
        for document in [format!("mutation {{ {RIGHT} }}"), "mutation { logout { ok } }".to_owned()] {
            for form in forms(&document) {
                let answer = post(&client, &form);
                let expected: &[u16] = if form.0 == FORM || form.0 == MULTIPART { &[200, 400] } else { &[415] };
                assert!(expected.contains(&answer.status), "{form:?}: {answer:?}");
                assert!(answer.all("set-cookie").is_empty(), "{form:?}: {answer:?}");
            }
        }
    }
    world.nothing_arrived("by a form");
}
