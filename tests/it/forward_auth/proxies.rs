//! nginx, Caddy, Envoy and HAProxy with the files of `deploy/`: what reaches the backend behind them.

use std::process::Command;

use serde_json::json;

use super::{ASK, IDENTITY, token};
use crate::support::{
    front::{Front, Kind, installed},
    gateway::{Gateway, Setup},
    jwt,
    stub::{Received, Stub},
    template::run,
};

/// Names that a client has no business to send, in spellings that some server folds.
const FORGED: [(&str, &str); 9] = [
    ("X-Auth-User-Id", "forged"),
    ("x_auth_user_id", "forged"),
    ("X.Auth.User.Id", "forged"),
    ("X-Auth_Username", "forged"),
    ("X-Auth-Permissions", "forged"),
    ("X-Auth-Assertion", "forged"),
    ("X-Forwarded-Method", "GET"),
    ("X-Forwarded-Uri", "/forged"),
    ("X-Original-URI", "/forged"),
];

struct Site {
    front: Front,
    stub: Stub,
    _gateway: Gateway,
}

impl Site {
    fn start(kind: Kind) -> Self {
        let stub = Stub::start();
        let more = format!(
            "{IDENTITY}[server]\ntrusted_proxies = [\"127.0.0.1\"]\n[forward_auth]\nenabled = true\noriginal = \"{}\"\n",
            kind.original()
        );
        let gateway = Setup::before(&stub, &more).start();
        Self { front: kind.start(gateway.port, stub.port), stub, _gateway: gateway }
    }
}

/// The one assertion of a request is for that request, and says this of the caller.
fn check(received: &Received, caller: &serde_json::Value) {
    let lines = received.all("X-Auth-Assertion");
    let [assertion] = lines.as_slice() else { panic!("{}", received.head) };
    let claims = jwt::claims(assertion);
    let asserted = format!("{} {} HTTP/1.1", claims["htm"].as_str().unwrap(), claims["target"].as_str().unwrap());
    assert_eq!(asserted, received.request_line());
    assert_eq!(&claims["username"], caller);
}

#[test]
fn the_backend_hears_of_callers_from_the_gateway_alone() {
    for kind in Kind::ALL {
        let site = Site::start(kind);
        let forging = FORGED.iter().fold(site.front.client(), |client, (name, value)| client.with(name, value));
        for client in [site.front.client(), forging.clone(), forging.bearer("garbage")] {
            let refused = client.get("/api?x=1").unwrap();
            assert_eq!((refused.status, refused.all("WWW-Authenticate")), (401, vec!["Bearer"]), "{kind:?}");
        }
        assert!(site.stub.requests().is_empty(), "{kind:?}");

        for client in [site.front.client(), forging] {
            let client = client.bearer(&token()).with("X-Forwarded-For", "6.6.6.6");
            let answer = client.send("POST", "/api?x=%20a&y", "the body").unwrap();
            assert_eq!((answer.status, answer.json()), (200, json!({ "data": { "stub": true } })), "{kind:?}");
            let received = site.stub.take_one();
            assert_eq!(received.request_line(), "POST /api?x=%20a&y HTTP/1.1", "{kind:?}");
            assert_eq!((received.text(), received.all("X-Auth-User-Id")), ("the body", vec!["1"]), "{kind:?}");
            assert_eq!(received.all("X-Auth-Username"), ["john"], "{kind:?}");
            let nothing = received.all("X-Auth-Permissions");
            assert!(nothing.iter().all(|value| value.is_empty()), "{kind:?}: {}", received.head);
            assert!(received.all("Authorization").is_empty(), "{kind:?}: the token was the gateway's");
            assert!(!received.all("X-Forwarded-For").contains(&"6.6.6.6"), "{kind:?}: {}", received.head);
            let told = received.head.to_lowercase();
            let told = told.lines().filter(|line| line.replace(['_', '.'], "-").starts_with("x-auth"));
            assert!(!told.collect::<String>().contains("forged"), "{kind:?}: {}", received.head);
            check(&received, &json!("john"));
        }
    }
}

#[test]
fn cookies_need_a_proof_behind_a_proxy_too() {
    for kind in Kind::ALL {
        let site = Site::start(kind);
        let client = site.front.client().with("Cookie", &format!("jwt={}", token()));
        assert_eq!(client.get("/api").unwrap().status, 200, "{kind:?}");
        check(&site.stub.take_one(), &json!("john"));
        for (origin, status) in [("https://evil.test", 403), (&*format!("http://127.0.0.1:{}", site.front.port), 200)] {
            let forging =
                client.with("Origin", origin).with("X-Forwarded-Method", "GET").with("X-Forwarded-Host", "evil.test");
            assert_eq!(forging.send("POST", "/api", "").unwrap().status, status, "{kind:?} {origin}");
        }
        check(&site.stub.take_one(), &json!("john"));
    }
}

#[test]
fn a_handshake_over_http2_needs_the_proof_too() {
    // The one of these that takes one (RFC 8441).
    let site = Site::start(Kind::Haproxy);
    let cookie = format!("cookie: jwt={}", token());
    let status = |what: &str| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/http2.py");
        let mut command = Command::new(installed("python"));
        command.args([script, &site.front.port.to_string(), what, &cookie, "origin: https://evil.test"]);
        run(&mut command).trim().to_owned()
    };
    assert_eq!(status("given"), "200", "a page may send a GET, of which it reads nothing");
    check(&site.stub.take_one(), &json!("john"));
    assert_eq!(status("handshake"), "403");
    assert!(site.stub.requests().is_empty());
}

#[test]
fn long_targets_and_large_bodies_pass_with_the_assertion() {
    for kind in Kind::ALL {
        let site = Site::start(kind);
        let client = site.front.client().bearer(&token());
        let (long, body) = (format!("/api?x={}", "x".repeat(6000)), "the body".repeat(20_000));
        for (method, target, body) in [("GET", long.as_str(), ""), ("POST", "/api", &body), ("POST", &long, &body)] {
            let answer = client.send(method, target, body).unwrap();
            assert_eq!(answer.status, 200, "{kind:?} {method} {} {}", target.len(), body.len());
            let received = site.stub.take_one();
            assert_eq!(received.text(), body, "{kind:?}");
            check(&received, &json!("john"));
        }
    }
}

#[test]
fn clients_of_the_proxy_do_not_ask() {
    for kind in Kind::ALL {
        let site = Site::start(kind);
        let client = site.front.client().bearer(&token());
        let client = client.with("X-Forwarded-Method", "GET").with("X-Forwarded-Uri", "/api");
        for target in [ASK, "/_railgate/auth/api", "/_railgate/auth?x"] {
            let answer = client.get(target).unwrap();
            assert_eq!((answer.status, answer.all("X-Auth-Assertion").len()), (404, 0), "{kind:?} {target}");
        }
        assert!(site.stub.requests().is_empty(), "{kind:?}");
    }
}

#[test]
fn graphql_takes_its_way_through_the_gateway() {
    for kind in Kind::ALL {
        let site = Site::start(kind);
        let client = site.front.client().bearer(&token());
        let answer = site.front.client().graphql("/graphql/", "mutation { logout { ok } }", json!({}));
        assert!(answer.json()["data"]["logout"]["ok"].is_boolean(), "{kind:?}: {answer:?}");
        assert!(site.stub.requests().is_empty(), "the gateway answers it itself");
        client.graphql("/graphql/", "{ viewer { id } }", json!({}));
        check(&site.stub.take_one(), &json!("john"));
    }
}

#[test]
fn what_was_judged_is_what_is_sent() {
    for kind in Kind::ALL {
        let site = Site::start(kind);
        let client = site.front.client().bearer(&token()).with("Content-Type", "application/json");
        for target in [
            "/x/../graphql/",
            "/x/%2e%2e/graphql/",
            "/%67raphql/",
            "//graphql/",
            "/Graphql/",
            "/graphql%2Fauth",
            "/x/..%2Fgraphql/",
            "/..;a/graphql/",
            "/_railgate/../graphql/",
        ] {
            client.send("POST", target, "{\"query\":\"{ authSessions { id } }\"}").unwrap();
            for received in site.stub.requests() {
                assert!(!received.text().contains("authSessions"), "{kind:?} {target}: {}", received.head);
            }
        }
    }
}
