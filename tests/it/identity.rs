//! What the backend is told of the caller, and what it never gets to see.

use serde_json::json;

use crate::support::{
    client::exchange,
    django,
    gateway::{AUTH, GQL, Gateway, LOGIN, STUB_SECRET, Setup, Tokens},
    jwt,
    stub::{Received, Stub},
};

const SECRET: &str = "the Django project's secret, which signs";

/// The shipped configuration, with real users, in front of a stub.
fn in_front_of(stub: &Stub, users: &django::Backend) -> Gateway {
    Setup::bare(stub.port, users.url(), SECRET).start()
}

fn bearer_of(received: &Received) -> String {
    let lines = received.all("Authorization");
    let [line] = lines.as_slice() else { panic!("{}", received.head) };
    line.strip_prefix("Bearer ").expect("a bearer token").to_owned()
}

#[test]
fn the_backend_gets_headers_and_a_token_that_it_believes() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    let gateway = in_front_of(&stub, &users);
    let before = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    assert!(stub.requests().is_empty(), "a login is answered by the gateway alone");

    gateway.client().bearer(&tokens.access).graphql(GQL, "{ viewer { id } }", json!({}));
    let received = stub.take_one();
    for (name, value) in [
        ("X-Auth-User-Id", "1"),
        ("X-Auth-Username", "john"),
        ("X-Auth-Email", "john@example.com"),
        ("X-Auth-Roles", "editors"),
        ("X-Auth-Method", "bearer"),
        ("X-Auth-Mfa", "false"),
    ] {
        assert_eq!(received.all(name), [value], "{name}");
    }
    assert!(received.all("X-Auth-Permissions").is_empty(), "off by default");
    assert_eq!(received.all("X-Auth-Session-Id")[0].len(), 22);
    let shown: u64 = received.all("X-Auth-Time")[0].parse().expect("seconds");
    assert!((before..before + 60).contains(&shown), "{shown}");

    let claims = jwt::open(SECRET, &bearer_of(&received));
    assert_eq!(claims["user_id"], json!(1), "an integer, as Django compares it");
    assert_eq!((&claims["username"], &claims["type"]), (&json!("john"), &json!("access")));
    assert_eq!(claims["roles"], json!(["editors"]));
    assert_eq!(claims["permissions"], json!(["users.change_user", "users.view_user"]));
    assert!(claims["iat"].as_u64().expect("seconds") <= before - 60, "the backend's clock may lag");
    assert!(claims["exp"].as_u64().expect("seconds") > before);
    assert!(claims["railgate"].is_string() && claims.get("aud").is_none(), "{claims}");
}

#[test]
fn one_bearer_serves_a_session() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    let gateway = in_front_of(&stub, &users);
    let sessions =
        [gateway.login("john", "secret123"), gateway.login("john", "secret123")].map(|login| Tokens::of(&login));
    let bearers = [0, 0, 1].map(|session| {
        let token: &Tokens = &sessions[session];
        gateway.client().bearer(&token.access).graphql(GQL, "{ viewer { id } }", json!({}));
        bearer_of(&stub.take_one())
    });
    assert_eq!(bearers[0], bearers[1], "the backend remembers every token that it was ever shown");
    assert_ne!(bearers[1], bearers[2]);
}

#[test]
fn tokens_and_cookies_of_the_gateway_stay_with_it() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    let gateway = in_front_of(&stub, &users);
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    let cookies = format!(
        "theme=dark; jwt={}; sessionid=abc; refresh_token={}; trusted_device=t; csrftoken=def",
        tokens.access, tokens.refresh
    );
    for (path, left) in [(AUTH, "theme=dark; csrftoken=def"), ("/admin/", "theme=dark; sessionid=abc; csrftoken=def")] {
        let client = gateway.client().with("Cookie", &cookies);
        client.get(&format!("{path}?query=%7Bme%7Bid%7D%7D")).expect("an answer");
        let received = stub.take_one();
        assert_eq!(received.all("Cookie"), [left], "{path}");
        assert_eq!((received.all("X-Auth-User-Id"), received.all("X-Auth-Method")), (vec!["1"], vec!["cookie"]));
        assert!(!received.head.contains(&tokens.access) && !received.head.contains(&tokens.refresh));
    }
    let client = gateway.client().with("Cookie", &format!("jwt={}", tokens.access));
    client.get("/admin/").expect("an answer");
    assert!(stub.take_one().all("Cookie").is_empty());
}

/// What the backend would let somebody in by is its cookie's name, not the gateway's.
#[test]
fn the_backends_own_cookie_lets_nobody_in_past_the_gateway() {
    let stub = Stub::start();
    for cookies in ["access_name = \"__Host-id\"", "enabled = false"] {
        let gateway = Setup::before(&stub, &format!("[cookies]\n{cookies}\n")).start();
        let token = jwt::sign(STUB_SECRET, &jwt::johns_claims());
        let client = gateway.client().with("Cookie", &format!("jwt={token}; theme=dark"));
        for path in [GQL, AUTH, "/graphql/"] {
            client.graphql(path, "{ posts { id } }", serde_json::json!({}));
            assert_eq!(stub.take_one().all("Cookie"), ["theme=dark"], "{cookies}: {path}");
        }
        client.get("/api").expect("an answer");
        assert_eq!(
            stub.take_one().all("Cookie"),
            [format!("jwt={token}; theme=dark")],
            "elsewhere it is the backend's"
        );
    }
}

#[test]
fn a_token_in_a_query_string_is_neither_accepted_nor_passed_on() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let token = jwt::sign(STUB_SECRET, &jwt::johns_claims());
    for (query, left) in [
        (format!("?token={token}"), ""),
        (format!("?query={{a}}&token={token}&x=1"), "?query={a}&x=1"),
        (format!("?x=1;JWT={token}&access_token={token}"), "?x=1"),
        (format!("?query={{a}}&t%6Fken={token}"), "?query=%7Ba%7D"),
        ("?tokens=1&x=token".to_owned(), "?tokens=1&x=token"),
    ] {
        gateway.client().get(&format!("{GQL}{query}")).expect("an answer");
        let received = stub.take_one();
        assert_eq!(received.request_line(), format!("GET {GQL}{left} HTTP/1.1"));
        assert!(received.all("X-Auth-User-Id").is_empty() && received.all("Authorization").is_empty());
    }
    gateway.client().get("/reset?token=x").expect("an answer");
    assert_eq!(stub.take_one().request_line(), "GET /reset?token=x HTTP/1.1", "elsewhere it is the backend's affair");
}

/// A page on a sibling domain can plant a cookie that is not UTF-8. Django reads the line all the same.
#[test]
fn a_cookie_line_that_is_no_text_is_read_all_the_same() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, "").start();
    let token = jwt::sign(STUB_SECRET, &jwt::johns_claims());
    let send = |method: &str| {
        let mut request =
            format!("{method} /graphql/?query={{me}} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n").into_bytes();
        request.extend(b"Cookie: planted=\xff; messages=\"a\\054\\\"b\"; \xa0sessionid=forbidden; jwt=");
        request.extend(format!("{token}\r\n\r\n").as_bytes());
        exchange(gateway.port, &request).expect("an exchange").expect("an answer")
    };
    assert_eq!(send("POST").status, 403, "it carries a cookie of the gateway's, and no proof");
    assert!(stub.requests().is_empty());
    assert_eq!(send("GET").status, 200);
    let received = stub.take_one();
    assert_eq!(received.all("X-Auth-User-Id"), ["1"]);
    assert_eq!(received.all("Cookie"), ["planted=\u{fffd}; messages=\"a\\054\\\"b\""], "the others as they came");
}

#[test]
fn a_credential_that_is_no_good_reaches_nobody() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    let gateway = in_front_of(&stub, &users);
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    gateway.client().bearer(&tokens.access).graphql(GQL, "{ viewer { id } }", json!({}));
    let for_the_backend = bearer_of(&stub.take_one());
    let of_rail_django = jwt::sign(SECRET, &jwt::johns_claims());

    for token in
        ["garbage", "", &tokens.refresh, &for_the_backend, &of_rail_django, &tokens.access[..tokens.access.len() - 1]]
    {
        for path in [GQL, "/api"] {
            gateway
                .client()
                .bearer(token)
                .with("Cookie", &format!("jwt={}", tokens.access))
                .get(path)
                .expect("an answer");
            let received = stub.take_one();
            assert!(received.all("Authorization").is_empty(), "{path} {token}: {}", received.head);
            assert!(
                received.all("X-Auth-User-Id").is_empty(),
                "a bearer token counts, good or not, and the cookie doesn't"
            );
        }
    }
    let tab = format!("Bearer\t{}", tokens.access);
    gateway.client().with("Authorization", &tab).get("/api").expect("an answer");
    assert!(!stub.take_one().head.contains(&tokens.access), "a tab makes no other scheme of it");
    for scheme in ["Basic am9objpzZWNyZXQxMjM=", "Token abc"] {
        gateway.client().with("Authorization", scheme).get(GQL).expect("an answer");
        assert!(stub.take_one().all("Authorization").is_empty(), "{scheme} would let somebody in past the gateway");
        gateway.client().with("Authorization", scheme).get("/api").expect("an answer");
        assert_eq!(stub.take_one().all("Authorization"), [scheme], "elsewhere it is the backend's affair");
    }
    let twice = gateway.client().bearer(&tokens.access).bearer(&tokens.access).get("/api").expect("an answer");
    assert_eq!((twice.status, twice.code().as_str()), (400, "SEVERAL_CREDENTIALS"));
    let doubled = format!("jwt={0}; jwt={0}", tokens.access);
    gateway.client().with("Cookie", &doubled).get("/api").expect("an answer");
    assert!(stub.take_one().all("X-Auth-User-Id").is_empty(), "two cookies of one name count for nothing");
    assert!(stub.requests().is_empty());
}

#[test]
fn names_of_any_kind_are_told_without_ambiguity() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    users.python(
        "from django.contrib.auth.models import Group\n\
         zoe = User.objects.create_user('zoé+100%', email='z@example.com', password='secret123')\n\
         zoe.groups.add(Group.objects.create(name='a,admin'), Group.objects.create(name='b%2C'))",
    );
    let gateway = in_front_of(&stub, &users);
    let tokens = Tokens::of(&gateway.login("zoé+100%", "secret123"));
    gateway.client().bearer(&tokens.access).get("/api").expect("an answer");
    let received = stub.take_one();
    assert_eq!(received.all("X-Auth-Username"), ["zo%C3%A9+100%25"]);
    assert_eq!(received.all("X-Auth-Roles"), ["a%2Cadmin,b%252C"]);
}

#[test]
fn a_listener_may_want_a_credential_or_look_at_none() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    let config = |auth: &str| {
        format!(
            "state_dir = {{ env = \"RAILGATE_STATE_DIR\" }}\n[[listeners]]\naddress = {{ env = \"RAILGATE_LISTEN\" }}\n\
             auth = \"{auth}\"\n[upstream]\nurl = {{ env = \"RAILGATE_UPSTREAM\" }}\n\
             [directory]\nurl = {{ env = \"RAILGATE_DIRECTORY_URL\" }}\n"
        )
    };
    let strict = Setup::bare(stub.port, users.url(), SECRET).config(&config("required")).start();
    for answer in [
        strict.client().get("/api").expect("an answer"),
        strict.client().graphql(AUTH, "{ me { id } }", json!({})),
        strict.client().bearer("garbage").graphql(AUTH, "{ me { id } }", json!({})),
        strict.client().graphql(AUTH, "query A { me { id } } mutation B { logout { ok } }", json!({})),
    ] {
        assert!(matches!(answer.status, 400 | 401), "{answer:?}");
        if answer.status == 401 {
            assert_eq!((answer.all("WWW-Authenticate"), answer.code().as_str()), (vec!["Bearer"], "UNAUTHENTICATED"));
        }
    }
    assert!(stub.requests().is_empty());
    let page = strict.client().with("Origin", "https://app.example.com");
    assert_eq!(page.send("OPTIONS", AUTH, "").expect("an answer").status, 401);
    let preflight = page.with("Access-Control-Request-Method", "POST");
    assert_eq!(preflight.send("OPTIONS", AUTH, "").expect("an answer").status, 200, "a browser sends it without");
    assert_eq!(stub.take_one().request_line(), format!("OPTIONS {AUTH} HTTP/1.1"));
    let stale = strict.client().bearer("garbage").graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }));
    assert_eq!(
        stale.json()["data"]["login"]["ok"],
        json!(true),
        "a login needs no good token, nor does a bad one harm"
    );
    let tokens = Tokens::of(&strict.login("john", "secret123"));
    assert_eq!(strict.client().bearer(&tokens.access).get("/api").expect("an answer").status, 200);
    assert_eq!(stub.take_one().all("X-Auth-User-Id"), ["1"]);

    let open = Setup::bare(stub.port, users.url(), SECRET).config(&config("none")).start();
    let forged = open.client().with("Authorization", "Bearer for-the-backend").with("X_Auth_User_Id", "1");
    let document = "mutation { login(username: \"john\", password: \"x\") { ok } }";
    assert_eq!(forged.graphql(AUTH, document, json!({})).status, 200);
    let received = stub.take_one();
    assert!(received.text().contains("login"), "nothing is looked into");
    assert!(!received.head.to_lowercase().contains("auth_user_id") && received.all("X-Auth-User-Id").is_empty());
}
