//! Another proxy asks whether a request may pass: who gets which answer. [`proxies`] has real ones ask.

use serde_json::json;

use crate::support::{
    client::{Answer, Client},
    gateway::{GQL, Gateway, STUB_SECRET, Setup},
    jwt,
    stub::Stub,
};

mod proxies;

const ASK: &str = "/_railgate/auth";
const IDENTITY: &str = "[upstream.identity]\nassertion = true\naudience = \"api\"\n";

/// A gateway that this machine may ask, with these further keys of `[forward_auth]`.
fn asked_by_us(stub: &Stub, keys: &str) -> Gateway {
    let proxies = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    Setup::before(stub, &format!("{IDENTITY}{proxies}[forward_auth]\nenabled = true\n{keys}")).start()
}

fn token() -> String {
    jwt::sign(STUB_SECRET, &jwt::johns_claims())
}

/// A question about this request.
fn about(gateway: &Gateway, method: &str, target: &str) -> Client {
    gateway.client().with("X-Forwarded-Method", method).with("X-Forwarded-Uri", target)
}

fn ask(question: &Client) -> Answer {
    question.get(ASK).unwrap()
}

/// The headers that tell something of a caller.
fn names(answer: &Answer) -> Vec<String> {
    let told = answer.headers.iter().filter(|(_, value)| !value.is_empty());
    told.map(|(name, _)| name.to_lowercase()).filter(|name| name.contains("auth")).collect()
}

/// The claims of the assertion in an answer.
fn asserted(answer: &Answer) -> serde_json::Value {
    jwt::claims(answer.all("X-Auth-Assertion")[0])
}

#[test]
fn who_is_known_may_pass_with_his_name() {
    let stub = Stub::start();
    let gateway = asked_by_us(&stub, "");
    let john = about(&gateway, "DELETE", "/api/7?x=%20&y").bearer(&token());
    let answer = ask(&john);
    assert_eq!((answer.status, answer.body.as_str(), answer.all("Cache-Control")), (200, "", vec!["no-store"]));
    assert_eq!((answer.all("X-Auth-User-Id"), answer.all("X-Auth-Username")), (vec!["1"], vec!["john"]));
    let claims = asserted(&answer);
    assert_eq!((&claims["htm"], &claims["target"]), (&json!("DELETE"), &json!("/api/7?x=%20&y")));
    assert_eq!(claims["sub"], json!("1"));
    assert_eq!(john.send("POST", ASK, "").unwrap().status, 200, "the question's own method says nothing");
    assert!(stub.requests().is_empty());
}

#[test]
fn no_answer_has_a_token_that_the_backend_believes() {
    let stub = Stub::start();
    let bearer = "bearer = \"rail-jwt\"\nrail_jwt_secret = { env = \"RAILGATE_RAIL_JWT_SECRET\" }\n";
    let more =
        format!("{IDENTITY}{bearer}[server]\ntrusted_proxies = [\"127.0.0.1\"]\n[forward_auth]\nenabled = true\n");
    let gateway = Setup::before(&stub, &more).start();
    let answer = ask(&about(&gateway, "GET", "/api").bearer(&token()));
    assert_eq!((answer.status, answer.all("X-Auth-User-Id")), (200, vec!["1"]));
    assert!(answer.all("Authorization").is_empty() && !format!("{answer:?}").contains("Bearer "), "{answer:?}");
    gateway.client().bearer(&token()).get("/api").unwrap();
    assert!(stub.take_one().all("Authorization")[0].starts_with("Bearer "), "which it has for the backend itself");
}

#[test]
fn who_is_not_known_may_pass_only_where_that_is_said() {
    let stub = Stub::start();
    let forged = |question: Client| question.with("X-Auth-User-Id", "1").with("x_auth_username", "john");
    let strict = asked_by_us(&stub, "");
    for question in [about(&strict, "GET", "/api"), about(&strict, "GET", "/api").bearer("garbage")] {
        let answer = ask(&forged(question));
        assert_eq!((answer.status, answer.all("WWW-Authenticate")), (401, vec!["Bearer"]));
        assert_eq!(names(&answer), ["www-authenticate"]);
    }
    let open = asked_by_us(&stub, "auth = \"optional\"\n");
    let answer = ask(&forged(about(&open, "GET", "/api")));
    assert_eq!((answer.status, names(&answer)), (200, vec!["x-auth-assertion".to_owned()]));
    assert!(asserted(&answer).get("sub").is_none());
    assert_eq!(answer.all("X-Auth-User-Id"), [""], "a proxy that copies it overwrites its client's");
}

#[test]
fn nobody_else_finds_anything_there() {
    let stub = Stub::start();
    let more = "[server]\ntrusted_proxies = [\"192.0.2.1\"]\n[forward_auth]\nenabled = true\n";
    let gateway = Setup::before(&stub, more).start();
    for path in [ASK, "//_railgate/auth", "/_railgate/%61uth", "/_railgate/auth?x", "/_railgate/auth/api"] {
        let question = about(&gateway, "GET", "/api").bearer(&token()).with("X-Forwarded-For", "192.0.2.1");
        assert_eq!(question.get(path).unwrap().status, 404, "{path}");
    }
    assert!(stub.requests().is_empty());
    let off = Setup::before(&stub, "").start();
    off.client().get(ASK).unwrap();
    assert_eq!(stub.take_one().request_line(), format!("GET {ASK} HTTP/1.1"), "where nobody may ask it is any path");
}

#[test]
fn what_can_not_be_judged_may_not_pass() {
    let stub = Stub::start();
    let gateway = asked_by_us(&stub, "");
    let refused = |question: &Client| {
        let answer = ask(&question.bearer(&token()));
        assert!(names(&answer).is_empty(), "{answer:?}");
        (answer.status, answer.code())
    };
    for target in
        [GQL, "/graphql", "/%67raphql/", "//graphql/?query={me}", "/graphql;x", "/graphql%2fauth", "/a%2f..%2fgraphql"]
    {
        for method in ["POST", "GET"] {
            let (status, code) = refused(&about(&gateway, method, target));
            assert!(status == 403 && ["GRAPHQL_NOT_SEEN", "BAD_PATH"].contains(&code.as_str()), "{target}: {code}");
        }
    }
    for target in ["/x/../api", "/x/%2e%2e/api", "/..;a/api", "/a%00", "/a%zz"] {
        assert_eq!(refused(&about(&gateway, "GET", target)), (403, "BAD_PATH".to_owned()), "{target}");
    }
    for target in ["", "api", "http://127.0.0.1/api", "/api#/public", "*"] {
        assert_eq!(refused(&about(&gateway, "GET", target)), (403, "BAD_QUESTION".to_owned()), "{target}");
    }
    let bare = gateway.client();
    for question in [
        bare.clone(),
        bare.with("X-Forwarded-Method", "GET"),
        bare.with("X-Forwarded-Uri", "/api"),
        bare.with("X-Original-Method", "GET").with("X-Original-URI", "/api"),
        about(&gateway, "GET", "/api").with("X-Forwarded-Uri", "/api"),
        about(&gateway, "GET", "/api").with("X-Forwarded-Method", "GET"),
    ] {
        assert_eq!(refused(&question), (403, "BAD_QUESTION".to_owned()));
    }
    assert_eq!(refused(&about(&gateway, "TRACE", "/api")), (403, "METHOD_NOT_ALLOWED".to_owned()));
    assert_eq!(refused(&about(&gateway, "GET", "/api").with("X-Forwarded-Host", "a,b")), (403, "BAD_HOST".to_owned()));
    for near in ["/_railgate/auth/", "/_railgate/auth//api", "/_railgate/auth/api", "/_railgate/auth%2Fapi"] {
        let answer = about(&gateway, "GET", "/api").bearer(&token()).get(near).unwrap();
        assert_eq!((answer.status, answer.code()), (403, "BAD_QUESTION".to_owned()), "{near}");
    }
    for target in ["//api", "/api//7"] {
        assert_eq!(refused(&about(&gateway, "GET", target)), (403, "BAD_PATH".to_owned()), "{target}");
    }
    let two = about(&gateway, "GET", "/api").bearer("other");
    assert_eq!(refused(&two), (403, "SEVERAL_CREDENTIALS".to_owned()));
    let keys = ask(&about(&gateway, "GET", "/.well-known/jwks.json").bearer(&token()));
    assert_eq!((keys.status, keys.body.as_str()), (200, ""), "behind the proxy the path is the backend's");
    assert_eq!(ask(&about(&gateway, "GET", "/.well-known/jwks.json")).status, 401);
    assert!(stub.requests().is_empty());
}

#[test]
fn a_cookie_needs_its_proof_by_the_method_that_was_asked_for() {
    let stub = Stub::start();
    let gateway = asked_by_us(&stub, "");
    let by_cookie = |method: &str| {
        about(&gateway, method, "/api").with("Cookie", &format!("jwt={}", token())).with("X-Forwarded-Host", "app.test")
    };
    assert_eq!(ask(&by_cookie("GET")).all("X-Auth-Username"), ["john"]);
    let unproven = ask(&by_cookie("POST"));
    assert_eq!((unproven.status, names(&unproven).len()), (403, 0));
    assert!(unproven.body.contains("CSRF"), "{unproven:?}");
    for (name, value, status) in [
        ("Sec-Fetch-Site", "same-origin", 200),
        ("Origin", "https://app.test", 200),
        ("Origin", "https://app.test.evil", 403),
        ("Origin", &format!("http://127.0.0.1:{}", gateway.port), 403),
    ] {
        assert_eq!(ask(&by_cookie("POST").with(name, value)).status, status, "{name}: {value}");
        let socket = by_cookie("GET").with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==").with(name, value);
        assert_eq!(ask(&socket).status, status, "a page opens a socket by a GET, {name}: {value}");
    }
}

#[test]
fn the_place_that_says_what_is_asked_about_is_one() {
    let stub = Stub::start();
    let original = asked_by_us(&stub, "original = \"x-original\"\npath = \"/ask\"\n");
    let question = original.client().bearer(&token()).with("X-Original-Method", "PUT").with("X-Original-URI", "/c?d");
    let answer = question.with("X-Forwarded-Method", "GET").with("X-Forwarded-Uri", "/public").get("/ask").unwrap();
    let claims = asserted(&answer);
    assert_eq!((&claims["htm"], &claims["target"]), (&json!("PUT"), &json!("/c?d")));

    let by_path = asked_by_us(&stub, "original = \"path\"\n");
    let question =
        by_path.client().bearer(&token()).with("X-Forwarded-Uri", "/public").with("X-Original-URI", "/public");
    let claims = asserted(&question.send("PATCH", "/_railgate/auth/e?f", "").unwrap());
    assert_eq!((&claims["htm"], &claims["target"]), (&json!("PATCH"), &json!("/e?f")));
    assert_eq!(question.get(ASK).unwrap().code(), "BAD_QUESTION");
    assert_eq!(question.get("/_railgate/auth/graphql/").unwrap().code(), "GRAPHQL_NOT_SEEN");
    assert!(stub.requests().is_empty());
}
