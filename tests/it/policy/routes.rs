//! What single paths ask of callers; asserted on what arrives at the backend, too.

use serde_json::json;

use super::{admin, john, just_logged_in, ruled};
use crate::support::{
    backend::Backend,
    client::{Answer, Client, exchange},
    gateway::{AUTH, Gateway, Setup, Tokens},
    phone::Phone,
    stub::Stub,
    world::{World, user_of},
};

const RULES: &str = r#"claims = ["roles", "permissions"]
[[routes]]
path = "/admin*"
roles = ["staff", "superadmin"]
[[routes]]
path = "/reports*"
auth = "required"
[[routes]]
path = "/reports/public"
[[routes]]
path = "/api/users"
methods = ["POST"]
permissions = ["users.change_user", "users.view_user"]
[[routes]]
path = "/api/groups"
methods = ["GET"]
permissions = ["users.delete_user"]
"#;

fn ask(client: &Client, method: &str, path: &str) -> Answer {
    client.send(method, path, "").expect("an answer")
}

/// Status and code.
fn said(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

fn challenge(answer: &Answer) -> String {
    answer.all("WWW-Authenticate").join("; ")
}

#[test]
fn each_path_asks_for_what_its_route_says() {
    let (stub, gateway) = ruled(RULES);
    let [nobody, john, admin] = [gateway.client(), gateway.client().bearer(&john()), gateway.client().bearer(&admin())];
    for (client, method, path, status) in [
        (&nobody, "GET", "/admin/", 401),
        (&john, "GET", "/admin/", 403),
        (&admin, "GET", "/admin/", 200),
        (&nobody, "GET", "/reports/7", 401),
        (&john, "GET", "/reports/7", 200),
        (&nobody, "GET", "/reports/public", 200),
        (&nobody, "GET", "/reports/public/", 200),
        (&nobody, "GET", "/reports/public/x", 401),
        (&nobody, "POST", "/api/users", 401),
        (&john, "POST", "/api/users", 200),
        (&admin, "POST", "/api/users", 200),
        (&nobody, "GET", "/api/users", 200),
        (&john, "GET", "/api/groups", 403),
        (&john, "HEAD", "/api/groups", 403),
        (&admin, "HEAD", "/api/groups", 200),
        (&john, "OPTIONS", "/api/groups", 200),
        (&nobody, "GET", "/elsewhere", 200),
    ] {
        let answer = ask(client, method, path);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        let arrived = usize::from(status == 200);
        assert_eq!(stub.requests().len(), arrived, "{method} {path}");
        if arrived == 1 {
            assert_eq!(stub.take_one().request_line(), format!("{method} {path} HTTP/1.1"));
        }
    }
    let refused = ask(&nobody, "GET", "/admin/");
    assert_eq!((said(&refused).1.as_str(), challenge(&refused).as_str()), ("UNAUTHENTICATED", "Bearer"));
    let refused = ask(&john, "GET", "/admin/");
    assert_eq!(said(&refused).1, "FORBIDDEN");
    assert_eq!(challenge(&refused), "Bearer error=\"insufficient_scope\"");
}

/// What was matched is what is sent: no spelling comes past a route.
#[test]
fn a_route_can_not_be_evaded_by_another_spelling() {
    let (stub, gateway) = ruled(&format!("{RULES}[[routes]]\npath = \"/internal/keys\"\nroles = [\"superadmin\"]\n"));
    for target in [
        "/admin",
        "/admin/",
        "//admin/",
        "/%61dmin/",
        "/%61%64min/x",
        "/ADMIN/",
        "/Admin",
        "/admin%2Fx",
        "/admin;x=1/",
        "/admin?x",
        "/admin/../admin/",
        "/x/../admin/",
        "/x/%2e%2e/admin/",
        "/x/..%2fadmin/",
        "/x%2f..%2fadmin/",
        "/%2561dmin/",
        "/%252561dmin/",
        "/;x/admin/",
        "/%2fadmin/",
        "/x/..;/admin",
        "/x/..%5cadmin",
        "/administrators",
        "http://127.0.0.1/admin/",
        "/internal/keys",
        "/internal//keys/",
        "/internal%2Fkeys",
        "/internal%252Fkeys",
        "/internal/keys;x",
        "/internal/keys%3Fx",
        "/internal/x%2f..%2fkeys",
        "/x%3F/..%2Fadmin/users",
        "/x%23/..%2Finternal/keys",
        "/reports/public%2F..%252F7",
        "/x/..%2Fadmin/secret%252F..%252F..%252Fx/y",
        "/internal/%6Beys",
        "/INTERNAL/keys",
    ] {
        for headers in ["", "X-HTTP-Method-Override: OPTIONS\r\n", "X-Original-URL: /reports/public\r\n"] {
            let bytes = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n");
            let answer = exchange(gateway.port, bytes.as_bytes()).expect("an exchange").expect("an answer");
            assert!(matches!(answer.status, 400 | 401), "{target}: {answer:?}");
            assert!(stub.requests().is_empty(), "{target}: {:?}", stub.requests());
        }
    }
    let known = format!("Authorization: Bearer {}\r\n", admin());
    for (target, sent) in
        [("/%61dmin//x?a=%2F", "/admin/x?a=%2F"), ("/ADMIN/", "/ADMIN/"), ("/admin%2fx", "/admin%2Fx")]
    {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{known}\r\n");
        let answer = exchange(gateway.port, bytes.as_bytes()).expect("an exchange").expect("an answer");
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(stub.take_one().request_line(), format!("GET {sent} HTTP/1.1"));
    }
}

/// Where there are routes, nothing else says the method, and no other spelling of it goes on.
#[test]
fn a_request_can_not_pass_for_one_of_another_method() {
    let overrides = ["X-HTTP-Method-Override", "X_HTTP_Method_Override", "X-Method-Override", "X-HTTP-Method"];
    for (rules, arrives) in [(RULES, 0), ("[[routes]]\npath = \"/x*\"\nmfa = true\n", 0), ("", 1)] {
        let (stub, gateway) = ruled(rules);
        for name in overrides {
            let client = gateway.client().with(name, "POST");
            assert_eq!(ask(&client, "PUT", "/elsewhere").status, 200, "{name}");
            assert_eq!(stub.take_one().all(name).len(), arrives, "{name}");
            assert_eq!(ask(&client, "GET", "/api/users").status, 200, "{name}");
            assert_eq!(stub.take_one().all(name).len(), arrives, "{name}");
        }
    }
}

#[test]
fn a_method_in_small_letters_is_none() {
    let (stub, gateway) = ruled(RULES);
    for method in ["post", "Post", "get", "options"] {
        let bytes = format!("{method} /api/users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
        let answer = exchange(gateway.port, bytes.as_bytes()).expect("an exchange").expect("an answer");
        assert_eq!(said(&answer), (405, "METHOD_NOT_ALLOWED".to_owned()), "{method}: {answer:?}");
    }
    assert!(stub.requests().is_empty());
}

#[test]
fn a_preflight_passes_and_nothing_else_of_its_method() {
    let (stub, gateway) = ruled("[[routes]]\npath = \"/*\"\nroles = [\"superadmin\"]\n");
    let page = gateway.client().with("Origin", "https://app.example.com");
    let preflight = page.with("Access-Control-Request-Method", "POST");
    let disguised = preflight.with("X-HTTP-Method-Override", "DELETE");
    assert_eq!(disguised.send("OPTIONS", "/api", "all=1").expect("an answer").status, 200);
    let received = stub.take_one();
    assert!(received.all("X-HTTP-Method-Override").is_empty(), "{}", received.head);
    assert_eq!(received.text(), "", "a question has no body");
    for path in ["/api", AUTH] {
        assert_eq!(ask(&preflight, "OPTIONS", path).status, 200, "{path}");
        assert_eq!(stub.take_one().request_line(), format!("OPTIONS {path} HTTP/1.1"));
        assert_eq!(ask(&preflight.bearer(&john()), "OPTIONS", path).status, 200, "{path}");
        stub.take_one();
        for (client, status) in [(&page, 401), (&gateway.client(), 401), (&page.bearer(&john()), 403)] {
            assert_eq!(ask(client, "OPTIONS", path).status, status, "{path}");
        }
    }
    assert!(stub.requests().is_empty());
}

/// RFC 9470: the client is told which login would do.
#[test]
fn a_login_that_is_too_old_or_without_a_factor_is_to_be_done_again() {
    let (stub, gateway) = ruled(
        "[[routes]]\npath = \"/recent\"\nmax_auth_age = \"10m\"\n[[routes]]\npath = \"/factor\"\nmfa = true\n\
         [[routes]]\npath = \"/both\"\nmfa = true\nmax_auth_age = \"10m\"\n",
    );
    let (fresh, unknown) = (gateway.client().bearer(&just_logged_in(&gateway)), gateway.client().bearer(&john()));
    assert_eq!(ask(&fresh, "GET", "/recent").status, 200);
    stub.take_one();
    let extensions = |answer: &Answer| answer.json()["errors"][0]["extensions"].clone();
    let old = ask(&unknown, "GET", "/recent");
    assert_eq!((old.status, extensions(&old)), (401, json!({ "code": "STEP_UP_REQUIRED", "maxAuthAge": 600 })));
    let told = challenge(&old);
    assert!(told.starts_with("Bearer error=\"insufficient_user_authentication\", "), "{told}");
    assert!(told.ends_with(", max_age=\"600\""), "{told}");
    let weak = ask(&fresh, "GET", "/factor");
    assert_eq!((weak.status, extensions(&weak)), (401, json!({ "code": "STEP_UP_REQUIRED", "mfa": true })));
    assert!(!challenge(&weak).contains("max_age"), "{weak:?}");
    let neither = extensions(&ask(&unknown, "GET", "/both"));
    assert_eq!(neither, json!({ "code": "STEP_UP_REQUIRED", "mfa": true, "maxAuthAge": 600 }));
    assert!(stub.requests().is_empty());
}

/// A session that has shown a code, on the path that wants one; the login that gets it is made on a path that wants it, too.
#[test]
fn a_second_factor_opens_a_route_that_wants_one() {
    let rules = "[[routes]]\npath = \"/*\"\nmfa = true\nmax_auth_age = \"1h\"\n[log]\n";
    let world = World::changed(&[("[log]\n", rules)]);
    let run = |client: &Client, document: &str| client.graphql(AUTH, document, json!({})).field();
    let session = Tokens::of(&world.gateway.login("john", "secret123")).access;
    let weak = world.gateway.client().bearer(&session);
    assert_eq!(said(&ask(&weak, "GET", "/api")), (401, "STEP_UP_REQUIRED".to_owned()));
    assert_eq!(said(&weak.graphql(AUTH, "{ posts { id } }", json!({}))), (401, "STEP_UP_REQUIRED".to_owned()));

    let setup = run(&weak, "mutation { setupTotp(deviceName: \"p\") { totpSecret deviceId } }");
    let phone = Phone::told(setup["totpSecret"].as_str().expect("a secret"));
    let [first, second, _] = phone.codes();
    let device = &setup["deviceId"];
    let verified = run(&weak, &format!("mutation {{ verifyTotp(deviceId: {device}, token: \"{first}\") {{ ok }} }}"));
    assert_eq!(verified["ok"], json!(true), "{verified}");
    let half = run(
        &world.gateway.client(),
        "mutation { login(username: \"john\", password: \"secret123\") { challengeToken } }",
    );
    let challenge = &half["challengeToken"];
    let complete =
        format!("mutation {{ completeMfaLogin(challengeToken: {challenge}, totpCode: \"{second}\") {{ token }} }}");
    let whole = run(&world.gateway.client(), &complete);
    world.nothing_arrived("auth operations are the gateway's");
    let strong = world.gateway.client().bearer(whole["token"].as_str().expect("a token"));
    assert_eq!(ask(&strong, "GET", "/api").status, 200);
    assert_eq!(user_of(&world.stub.take_one()), json!("john"));
    assert_eq!(strong.graphql(AUTH, "{ posts { id } }", json!({})).status, 200);
    world.stub.take_one();
}

#[test]
fn a_route_may_ask_for_less_than_its_listener() {
    let stub = Stub::start();
    let rules = "[[routes]]\npath = \"/public*\"\nauth = \"none\"\n[[routes]]\npath = \"/open\"\nauth = \"optional\"\n";
    let gateway =
        Setup::before(&stub, rules).changed("[[listeners]]\n", "[[listeners]]\nauth = \"required\"\n").start();
    let john = gateway.client().bearer(&john());
    assert_eq!(ask(&gateway.client(), "GET", "/api").status, 401);
    for (client, path, user) in [
        (&gateway.client(), "/public/x", false),
        (&john, "/public/x", false),
        (&gateway.client(), "/open", false),
        (&john, "/open", true),
        (&john, "/api", true),
    ] {
        assert_eq!(ask(client, "GET", path).status, 200, "{path}");
        assert_eq!(stub.take_one().all("X-Auth-User-Id").len(), usize::from(user), "{path}");
    }
    let foreign = gateway.client().with("Authorization", "Token abc");
    assert_eq!(ask(&foreign, "GET", "/public/x").status, 200);
    assert_eq!(stub.take_one().all("Authorization"), ["Token abc"]);
    let browser =
        gateway.client().with("Authorization", "bearer x.y.z").with("Cookie", "jwt=a; theme=dark; refresh_token=b");
    assert_eq!(ask(&browser, "GET", "/public/x").status, 200);
    let received = stub.take_one();
    assert!(received.all("Authorization").is_empty(), "a token of the gateway's: {}", received.head);
    assert_eq!(received.all("Cookie"), ["theme=dark"]);
    assert!(!gateway.process.output().contains("not accepted"), "no credential is looked at there");
    for path in ["/PUBLIC/x", "/Open"] {
        let answer = ask(&gateway.client(), "GET", path);
        assert_eq!(said(&answer), (400, "BAD_PATH".to_owned()), "{path}: to some backends it is another path");
    }
    assert!(stub.requests().is_empty());
}

fn refusing(form: &str) -> (Stub, Gateway) {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "[[routes]]\npath = \"/graphql*\"\nroles = [\"superadmin\"]\n")
        .changed("[[listeners]]\n", &format!("[[listeners]]\nrefusal = \"{form}\"\n"))
        .start();
    (stub, gateway)
}

/// A login needs no role, nor does a logout; the backend's fields do, beside a login or not.
#[test]
fn on_graphql_paths_auth_operations_go_on() {
    for form in ["http", "graphql"] {
        let (stub, gateway) = refusing(form);
        let john = gateway.client().bearer(&john());
        let login = "login(username:\"john\",password:\"secret123\"){ok}";
        let logged_in = gateway.client().graphql(AUTH, &format!("mutation{{{login}}}"), json!({}));
        assert_eq!(logged_in.json(), json!({ "data": { "login": { "ok": true } } }), "{form}");
        let sessions = john.graphql(AUTH, "{ authSessions { current } }", json!({}));
        assert!(sessions.field().is_array(), "{form}: {sessions:?}");
        for document in [
            "{ posts { id } }".to_owned(),
            format!("mutation {{ {login} createPost {{ id }} }}"),
            "{ __schema { queryType { name } } }".to_owned(),
        ] {
            let answer = john.graphql(AUTH, &document, json!({}));
            let (status, challenges) = if form == "http" { (403, 1) } else { (200, 0) };
            assert_eq!(said(&answer), (status, "FORBIDDEN".to_owned()), "{document}: {answer:?}");
            assert_eq!(answer.all("WWW-Authenticate").len(), challenges);
            assert!(answer.all("Set-Cookie").is_empty() && !answer.body.contains("\"ok\":true"), "{answer:?}");
            let nobody = gateway.client().graphql(AUTH, &document, json!({}));
            assert_eq!(nobody.code(), "UNAUTHENTICATED", "{document}: {nobody:?}");
        }
        assert!(stub.requests().is_empty(), "{:?}", stub.requests());
        let admin = gateway.client().bearer(&admin());
        assert_eq!(admin.graphql(AUTH, "{ posts { id } }", json!({})).status, 200);
        stub.take_one();
    }
    let (_stub, gateway) = refusing("graphql");
    let null = gateway.client().bearer(&john()).graphql(AUTH, "{ a: posts { id } b }", json!({})).json();
    assert_eq!((&null["data"], &null["errors"][1]["path"]), (&json!({ "a": null, "b": null }), &json!(["b"])));
    assert_eq!(null["errors"].as_array().map(Vec::len), Some(2), "{null}");
}

/// What only the backend knows of a user who has just logged in is asked of it as that user, by a route like anything else: who
/// lacks what the path wants is logged in, and shown what the gateway knows itself.
#[test]
fn a_login_shows_of_its_user_what_the_route_lets_it_see() {
    let backend = Backend::on_sqlite();
    let rules = "[[routes]]\npath = \"/graphql*\"\nroles = [\"superadmin\"]\n[log]\n";
    let gateway = Setup::in_front_of(&backend).changed("[log]\n", rules).start();
    let shown = |name: &str, password: &str| {
        let user = "user { username settings { theme } }";
        let document =
            format!("mutation {{ login(username: \"{name}\", password: \"{password}\") {{ ok token {user} }} }}");
        gateway.client().graphql(AUTH, &document, json!({})).json()
    };
    let john = shown("john", "secret123");
    let login = &john["data"]["login"];
    assert_eq!(
        (&login["ok"], &login["user"]),
        (&json!(true), &json!({ "username": "john", "settings": null })),
        "{john}"
    );
    assert_eq!(john["errors"][0]["path"], json!(["login", "user"]), "{john}");
    let mine = gateway.client().bearer(login["token"].as_str().expect("a token"));
    assert_eq!(said(&mine.graphql(AUTH, "{ me { username } }", json!({}))), (403, "FORBIDDEN".to_owned()));
    let admin = shown("admin", "adminpass1");
    assert_eq!((&admin["data"]["login"]["ok"], admin.get("errors")), (&json!(true), None), "{admin}");
}

/// With the line of the second.
#[test]
fn two_routes_for_the_same_are_a_mistake_in_the_file() {
    let stub = Stub::start();
    let rules = "[[routes]]\npath = \"/a\"\nmfa = true\n[[routes]]\npath = \"/A/\"\n";
    let checked = Setup::before(&stub, rules).command(&["check"]).output().expect("check");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("`routes.path` is that of another route, for the same requests"), "{said}");
    assert!(said.contains("path = \"/A/\""), "{said}");
}
