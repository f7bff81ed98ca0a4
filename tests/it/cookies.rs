//! Cookies as browsers get them, and the proof that a request by cookie needs.

use std::io::Write as _;

use serde_json::json;

use crate::support::{
    backend::Backend,
    client::{Answer, Client},
    gateway::{AUTH, Gateway, LOGIN, Setup, Tokens},
    stub::{ANSWER, Stub, answer},
};

fn log_in(gateway: &Gateway) -> (Answer, Tokens) {
    let answer = gateway.client().graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }));
    let tokens = Tokens::of(&answer.json()["data"]["login"]);
    (answer, tokens)
}

/// Name, value and sorted attributes of each cookie that was set.
fn set(answer: &Answer) -> Vec<(String, String, Vec<String>)> {
    let line = |line: &str| {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie");
        let mut attributes: Vec<String> = parts.map(str::to_owned).collect();
        attributes.sort();
        (name.to_owned(), value.to_owned(), attributes)
    };
    answer.all("Set-Cookie").into_iter().map(line).collect()
}

#[test]
fn a_login_sets_cookies_and_a_logout_deletes_them() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let (answer, tokens) = log_in(&gateway);
    assert_eq!(answer.all("Cache-Control"), ["no-store"]);
    let cookies = set(&answer);
    let [access, refresh, csrf, known] = cookies.as_slice() else { panic!("{cookies:?}") };
    assert_eq!((access.0.as_str(), &access.1), ("jwt", &tokens.access));
    assert_eq!(access.2, ["HttpOnly", "Max-Age=900", "Path=/", "SameSite=Lax", "Secure"]);
    assert_eq!((refresh.0.as_str(), &refresh.1), ("refresh_token", &tokens.refresh));
    assert_eq!(refresh.2, ["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Lax", "Secure"]);
    assert_eq!((csrf.0.as_str(), csrf.1.len()), ("csrftoken", 32));
    assert_eq!(csrf.2, ["Max-Age=31449600", "Path=/", "SameSite=Lax", "Secure"]);
    assert_eq!(known.0, "known_device");
    assert_eq!(known.2, ["HttpOnly", "Max-Age=15552000", "Path=/", "SameSite=Lax", "Secure"]);

    let again =
        gateway.client().with("Cookie", "csrftoken=abcdefghijklmnopqrstuvwxyzABCDEF").with("Sec-Fetch-Site", "none");
    let names: Vec<String> = set(&again.graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" })))
        .into_iter()
        .map(|cookie| cookie.0)
        .collect();
    assert_eq!(names, ["jwt", "refresh_token", "known_device"], "a csrftoken that is there stays");

    let failed = gateway.client().graphql(AUTH, LOGIN, json!({ "u": "john", "p": "wrong" }));
    assert!(set(&failed).is_empty(), "a login that failed takes nobody's session away");

    let out = gateway.client().bearer(&tokens.access).graphql(AUTH, "mutation { logout { ok } }", json!({}));
    for (cookie, name) in set(&out).iter().zip(["jwt", "refresh_token"]) {
        assert_eq!((cookie.0.as_str(), cookie.1.as_str()), (name, ""));
        assert_eq!(cookie.2, ["Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Max-Age=0", "Path=/", "Secure"]);
    }
    assert_eq!(set(&out).len(), 2);
}

#[test]
fn a_cookie_needs_a_proof_of_where_the_request_comes_from() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let (answer, tokens) = log_in(&gateway);
    let csrf = set(&answer)[2].1.clone();
    let jar = format!("jwt={}; refresh_token={}; csrftoken={csrf}", tokens.access, tokens.refresh);
    let browser = gateway.client().with("Cookie", &jar);
    let me = |client: &Client| client.graphql(AUTH, "{ me { username } }", json!({}));
    let own = format!("http://127.0.0.1:{}", gateway.port);

    for (name, value) in [("X-CSRFToken", csrf.as_str()), ("Sec-Fetch-Site", "same-origin"), ("Origin", &own)] {
        assert_eq!(
            me(&browser.with(name, value)).json(),
            json!({ "data": { "me": { "username": "john" } } }),
            "{name}"
        );
    }
    for client in [
        browser.clone(),
        browser.with("X-CSRFToken", "abcdefghijklmnopqrstuvwxyzABCDEF"),
        browser.with("Origin", "null").with("X-CSRFToken", &csrf),
        browser.with("Origin", &format!("{own}.evil.example")).with("X-CSRFToken", &csrf),
        browser.with("Sec-Fetch-Site", "cross-site"),
        browser.with("Sec-Fetch-Site", "same-site"),
    ] {
        for answer in [
            me(&client),
            client.graphql(AUTH, "mutation { logout { ok } }", json!({})),
            client.graphql(AUTH, "mutation { refreshToken { ok } }", json!({})),
            client.send("POST", "/admin/", "").expect("an answer"),
        ] {
            assert_eq!(answer.status, 403, "{answer:?}");
            assert_eq!(answer.json()["errors"][0]["code"], json!("CSRF_FAILED"));
            assert!(set(&answer).is_empty());
        }
    }
    let refresh_only = gateway.client().with("Cookie", &format!("refresh_token={}", tokens.refresh));
    assert_eq!(me(&refresh_only).status, 403, "the refresh token is a credential, too");
    assert_eq!(gateway.whoami(&tokens.access), json!("john"), "nothing of all that was carried out");

    let safe = browser.get(&format!("{AUTH}?query=%7Bme%7Busername%7D%7D")).expect("an answer");
    assert_eq!(safe.json(), json!({ "data": { "me": { "username": "john" } } }), "a safe method needs none");
    let bearer = me(&browser.bearer(&tokens.access));
    assert_eq!(bearer.status, 200, "no other site's page can send Authorization");
}

#[test]
fn a_page_refreshes_by_cookie() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let (_, tokens) = log_in(&gateway);
    let browser = gateway
        .client()
        .with("Cookie", &format!("jwt=expired; refresh_token={}", tokens.refresh))
        .with("Sec-Fetch-Site", "same-origin");
    let answer = browser.graphql(AUTH, "mutation { refreshToken { ok token refreshToken } }", json!({}));
    let renewed = Tokens::of(&answer.json()["data"]["refreshToken"]);
    let cookies = set(&answer);
    assert_eq!((&cookies[0].1, &cookies[1].1), (&renewed.access, &renewed.refresh));
    assert_eq!(gateway.whoami(&renewed.access), json!("john"));

    let gone = gateway.client().with("Cookie", "refresh_token=gone").with("Sec-Fetch-Site", "same-origin");
    let refused = gone.graphql(AUTH, "mutation { refreshToken { ok errorCode } }", json!({}));
    assert_eq!(refused.json()["data"]["refreshToken"], json!({ "ok": false, "errorCode": "REFRESH_TOKEN_INVALID" }));
}

/// Another site's page can make a browser log in, to the page's own account. Without cookies it comes to nothing.
#[test]
fn another_sites_page_gets_no_session_into_the_browser() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let form = "query=mutation{login(username:\"john\",password:\"secret123\"){ok}}";
    let client = gateway.client().with("Content-Type", "application/x-www-form-urlencoded");
    let own = format!("http://127.0.0.1:{}", gateway.port);
    for (name, value, count) in [
        ("Origin", "https://evil.example", 0),
        ("Origin", "null", 0),
        ("Sec-Fetch-Site", "cross-site", 0),
        ("Sec-Fetch-Site", "same-site", 0),
        ("Origin", &own, 4),
        ("Sec-Fetch-Site", "same-origin", 4),
        ("Accept", "*/*", 4),
    ] {
        let answer = client.with(name, value).send("POST", AUTH, form).expect("an answer");
        assert_eq!(answer.json()["data"]["login"]["ok"], json!(true));
        assert_eq!(set(&answer).len(), count, "{name}: {value}");
    }
}

/// Such a page needs no cookie to be answered, and its answer is the browser's all the same.
#[test]
fn another_sites_page_takes_no_session_out_of_the_browser() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let client = gateway.client().with("Content-Type", "application/x-www-form-urlencoded");
    let own = format!("http://127.0.0.1:{}", gateway.port);
    for (name, value, count) in [
        ("Origin", "https://evil.example", 0),
        ("Origin", "null", 0),
        ("Sec-Fetch-Site", "cross-site", 0),
        ("Origin", &own, 2),
        ("Accept", "*/*", 2),
    ] {
        let answer = client.with(name, value).send("POST", AUTH, "query=mutation{logout{ok}}").expect("an answer");
        assert_eq!(answer.json()["data"]["logout"]["ok"], json!(true));
        assert_eq!(set(&answer).len(), count, "{name}: {value}");
    }
}

/// Which pages may send `Authorization` is for the backend's CORS headers to say; whether they may use cookies, for
/// `trusted_origins`.
#[test]
fn a_bearer_token_opens_no_way_to_the_refresh_cookie_for_another_sites_page() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let (_, tokens) = log_in(&gateway);
    let client = gateway.client().with("Cookie", &format!("refresh_token={}", tokens.refresh)).bearer("garbage");
    let (logout, refresh) = ("mutation { logout { ok } }", "mutation { refreshToken { ok errorCode } }");
    for (name, value) in [("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")] {
        let page = client.with(name, value);
        let refused = page.graphql(AUTH, refresh, json!({})).json();
        assert_eq!(refused["data"]["refreshToken"], json!({ "ok": false, "errorCode": "REFRESH_TOKEN_MISSING" }));
        assert_eq!(page.graphql(AUTH, logout, json!({})).status, 200);
    }
    assert_eq!(gateway.whoami(&tokens.access), json!("john"), "nobody was logged out");
    let own = client.with("Sec-Fetch-Site", "same-origin").graphql(AUTH, refresh, json!({})).json();
    assert_eq!(
        own["data"]["refreshToken"]["ok"],
        json!(true),
        "a page of the gateway's, with a token that has run out"
    );
    let app = client.graphql(AUTH, refresh, json!({})).json();
    assert_eq!(app["data"]["refreshToken"]["ok"], json!(true), "what is no browser, within grace");
}

/// A gateway that looks for nobody has no cookies of its own, whatever those of the backend are called.
#[test]
fn the_backends_cookies_pass_where_nobody_is_looked_for() {
    const OTHER_DOOR: &str = "[[listeners]]\naddress = '127.0.0.1:0'\n";
    for (more, set, sent) in [("", vec!["jwt=theirs"], vec!["jwt=theirs; a=b"]), (OTHER_DOOR, vec![], vec!["a=b"])] {
        let stub = Stub::with(|_, stream| stream.write_all(answer("Set-Cookie: jwt=theirs\r\n", ANSWER).as_bytes()));
        let setup = Setup::before(&stub, more)
            .changed("[[listeners]]\naddress = {", "[[listeners]]\nauth = 'none'\naddress = {");
        let gateway = setup.start();
        let client = gateway.client().with("Cookie", "jwt=theirs; a=b").with("Content-Type", "application/json");
        let answer = client.send("POST", AUTH, r#"{"query":"mutation { login { ok } }"}"#).expect("an answer");
        assert_eq!((answer.status, answer.all("Set-Cookie")), (200, set), "{more}");
        assert_eq!(stub.take_one().all("Cookie"), sent, "{more}");
    }
}
