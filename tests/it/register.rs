//! Accounts that users make for themselves: by the backend's own rules, with a session of the gateway's.

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::{Answer, Client},
    gateway::{AUTH, Gateway, Setup, Tokens},
    stub::{self, Stub},
};

const REGISTER: &str = "mutation($u: String!, $p: String!) { register(username: $u, email: \"new@example.com\", password: $p, \
     firstName: \"Ada\") { ok token refreshToken errors errorCode mfaRequired user { username firstName settings { theme } } } }";
const PASSWORD: &str = "ein langes Passwort";

fn register(client: &Client, username: &str, password: &str) -> Answer {
    client.graphql(AUTH, REGISTER, json!({ "u": username, "p": password }))
}

fn payload(gateway: &Gateway, username: &str, password: &str) -> Value {
    register(&gateway.client(), username, password).json()["data"]["register"].clone()
}

#[test]
fn who_registers_is_logged_in_at_the_gateway() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let answer = register(&gateway.client(), "ada", PASSWORD);
    let registered = answer.json()["data"]["register"].clone();
    let tokens = Tokens::of(&registered);
    assert_eq!(
        (&registered["ok"], &registered["errors"], &registered["errorCode"]),
        (&json!(true), &json!([]), &Value::Null)
    );
    let user = json!({ "username": "ada", "firstName": "Ada", "settings": null });
    assert_eq!(registered["user"], user, "what only the backend knows is asked as the new user");
    assert!(tokens.access.starts_with("v4.local."), "the token is the gateway's: {registered}");
    assert_eq!(gateway.whoami(&tokens.access), json!("ada"));
    assert_eq!(gateway.refresh(&tokens.refresh)["ok"], json!(true));
    // One pair of cookies, and it is the gateway's.
    for name in ["jwt=", "refresh_token="] {
        let lines: Vec<&str> = answer.all("set-cookie").into_iter().filter(|line| line.starts_with(name)).collect();
        let [line] = lines[..] else { panic!("{answer:?}") };
        assert!(!line.contains("=eyJ"), "a token of the backend: {line}");
    }
    assert_eq!(gateway.login("ada", PASSWORD)["ok"], json!(true));
    assert_eq!(backend.python("print(User.objects.filter(username='ada').count())"), "1");
}

/// Whoever has no account can't have what a path asks for, and registers all the same.
#[test]
fn a_route_keeps_nobody_from_registering() {
    for (number, rule) in ["mfa = true", "auth = \"required\"", "roles = [\"superadmin\"]"].into_iter().enumerate() {
        let backend = Backend::on_sqlite();
        let rules = format!("[[routes]]\npath = \"/graphql*\"\n{rule}\n[log]\n");
        let gateway = Setup::in_front_of(&backend).changed("[log]\n", &rules).start();
        let document = format!(
            "mutation {{ register(username: \"ada{number}\", email: \"ada@example.com\", password: \"{PASSWORD}\") \
             {{ ok token errors }} }}"
        );
        let registered = gateway.client().graphql(AUTH, &document, json!({})).field();
        assert_eq!((&registered["ok"], &registered["errors"]), (&json!(true), &json!([])), "{rule}: {registered}");
        assert!(registered["token"].as_str().is_some_and(|token| token.starts_with("v4.local.")), "{registered}");
        let others = gateway.client().graphql(AUTH, "{ posts { id } }", json!({}));
        assert_eq!(others.status, 401, "{rule}: the backend's own fields stay shut: {others:?}");
    }
}

#[test]
fn the_backends_own_validators_decide() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let refused = payload(&gateway, "john", "password");
    let document = REGISTER.replace(" errorCode", "");
    let direct = Client::new(backend.port).graphql(AUTH, &document, json!({ "u": "john", "p": "password" }));
    assert_eq!(refused["errors"], direct.json()["data"]["register"]["errors"]);
    assert!(refused["errors"].as_array().is_some_and(|errors| errors.len() >= 2), "{refused}");
    assert_eq!(
        (&refused["ok"], &refused["errorCode"], &refused["token"], &refused["user"]),
        (&json!(false), &json!("REGISTRATION_REFUSED"), &Value::Null, &Value::Null)
    );
}

#[test]
fn who_has_to_have_a_second_factor_sets_it_up_before_the_session() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).changed("#policy = \"optional\"", "policy = \"all\"").start();
    let registered = payload(&gateway, "ada", PASSWORD);
    assert_eq!(
        (&registered["ok"], &registered["mfaRequired"], &registered["token"]),
        (&json!(true), &json!(true), &Value::Null)
    );
}

#[test]
fn left_to_the_backend_it_is_the_backends_own() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).changed("#register = \"adopt\"", "register = \"forward\"").start();
    let document =
        "mutation($p: String!) { register(username: \"ada\", email: \"a@example.com\", password: $p) { ok token } }";
    let answer = gateway.client().graphql(AUTH, document, json!({ "p": PASSWORD }));
    let registered = answer.json()["data"]["register"].clone();
    assert_eq!(registered["ok"], json!(true), "{answer:?}");
    assert!(registered["token"].as_str().is_some_and(|token| token.starts_with("eyJ")), "{registered}");
    assert!(answer.all("set-cookie").iter().all(|line| !line.starts_with("jwt=")), "{answer:?}");
}

#[test]
fn switched_off_nobody_hears_of_it() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "[graphql]\nregister = \"refuse\"\n").start();
    let refused = gateway.client().graphql(
        AUTH,
        "mutation { register(username: \"u\", email: \"e\", password: \"p\") { ok errors errorCode } }",
        json!({}),
    );
    let expected =
        json!({ "ok": false, "errors": ["Accounts can't be made here."], "errorCode": "REGISTRATION_DISABLED" });
    assert_eq!((refused.status, &refused.json()["data"]["register"]), (200, &expected));
    assert!(stub.requests().is_empty());
}

#[test]
fn the_backend_is_asked_as_nobody_and_its_cookies_stay_behind() {
    let made = r#"{"data":{"railgate_register":{"ok":true,"errors":[]}}}"#;
    let stub = Stub::with(move |_, stream| {
        use std::io::Write as _;
        stream.write_all(stub::answer("Set-Cookie: sessionid=backends\r\nSet-Cookie: other=1\r\n", made).as_bytes())
    });
    let gateway = Setup::before(&stub, "").start();
    let client = gateway.client().with("Cookie", "mine=1; sessionid=x").with("X-Forwarded-For", "9.9.9.9");
    let document = "mutation { register(username: \"john\", email: \"e\", password: \"secret123\") { ok token } }";
    let answer = client.graphql(AUTH, document, json!({}));
    assert_eq!(answer.json()["data"]["register"]["ok"], json!(true), "{answer:?}");
    let asked = stub.take_one();
    assert!(asked.all("Cookie").is_empty() && asked.all("Authorization").is_empty(), "{asked:?}");
    assert_eq!(asked.all("X-Forwarded-For"), ["127.0.0.1"]);
    assert!(answer.all("set-cookie").iter().all(|line| !line.starts_with("sessionid") && !line.starts_with("other")));
}

#[test]
fn a_backend_without_it_finds_the_document_invalid() {
    let said = r#"{"errors":[{"message":"Cannot query field 'register' on type 'Mutation'.","locations":[{"line":1,"column":9}]}]}"#;
    let stub = Stub::with(move |_, stream| {
        use std::io::Write as _;
        let answer = stub::answer("", said).replace("200 OK", "400 Bad Request");
        stream.write_all(answer.as_bytes())
    });
    let gateway = Setup::before(&stub, "").start();
    let document = "mutation { register(username: \"u\", email: \"e\", password: \"p\") { ok } }";
    let answer = gateway.client().graphql(AUTH, document, json!({}));
    let error = json!({ "message": "Cannot query field 'register' on type 'Mutation'.",
        "locations": [{ "line": 1, "column": 12 }] });
    assert_eq!((answer.status, answer.json()), (400, json!({ "errors": [error] })));
}

#[test]
fn accounts_are_counted_at_the_address_with_the_logins() {
    let backend = Backend::on_sqlite();
    let limits = ("#address_attempts = 50", "address_attempts = 3");
    let gateway = Setup::in_front_of(&backend).changed(limits.0, limits.1).start();
    for username in ["ada", "bob", "carol"] {
        let made = payload(&gateway, username, "x");
        assert_eq!(made["errorCode"], json!("REGISTRATION_REFUSED"), "{made}");
    }
    let answer = register(&gateway.client(), "dave", PASSWORD);
    assert_eq!(answer.json()["data"]["register"]["errorCode"], json!("RATE_LIMITED"), "{answer:?}");
    assert!(!answer.all("retry-after").is_empty());
    assert_eq!(backend.python("print(User.objects.filter(username='dave').count())"), "0");
}
