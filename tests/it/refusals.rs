//! Who is not known, where a credential is wanted: refused as the backend refuses on its endpoint for users, or by 401.

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::{Answer, Client},
    django,
    gateway::{AUTH, GQL, Gateway, LOGIN, Setup, Tokens},
    stub::Stub,
};

const SECRET: &str = "a key for tests, 32 bytes or more";
const JOHN: &str = "mutation{login(username:\"john\",password:\"secret123\"){ok token}}";

/// A gateway whose one listener wants a credential.
fn strict(upstream: u16, users: &str, secret: &str, refusal: &str) -> Setup {
    Setup::bare(upstream, users, secret)
        .changed("#auth = \"optional\"", "auth = \"required\"")
        .changed("#refusal = \"http\"", &format!("refusal = \"{refusal}\""))
}

/// Status, `data` and what errors say but for their words.
fn said(answer: &Answer) -> (u16, Value, Vec<(Value, Value)>) {
    let body = answer.json();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let errors = errors.iter().map(|error| (error["path"].clone(), error["locations"].clone()));
    (answer.status, body["data"].clone(), errors.collect())
}

fn post(port: u16, path: &str, document: &str) -> Answer {
    Client::new(port).graphql(path, document, json!({}))
}

#[test]
fn nobody_is_refused_on_the_endpoint_for_users_as_the_backend_refuses() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    for document in [
        JOHN,
        "mutation A { a: login(username: \"john\", password: \"secret123\") { ok }\n b: logout { ok errors } }",
        "mutation { ...F a: logout { ok } } fragment F on Mutation { a: logout { errors } refreshToken { ok } }",
        "mutation { logout { ok } __typename refreshToken { ok } }",
        "mutation { createArticle(title: \"t\", body: \"b\") { __typename } logout { ok } }",
        "mutation { logout { ok } __typename createArticle(title: \"t\", body: \"b\") { __typename } }",
        "mutation { createArticle(title: \"t\", body: \"b\") { __typename } logout @include(if: false) { ok } __typename }",
        "mutation { setupMfa(method: \"totp\") { ok } revokeAllSessions { ok } }",
        "mutation { login(username: \"john\", password: \"x\") { user { settings { theme } } } }",
        "mutation { logout @skip(if: true) { ok } }",
        "mutation { logout @include(if: false) { ok } refreshToken { ok } }",
        "{ __typename }",
        "{ __schema { queryType { name } } }",
        "{ me { id } __typename t: __type(name: \"Query\") { name } }",
        "{ viewer { id } me { id } }",
        "mutation { login { ok } }",
        "mutation { logout { nope } }",
        "mutation { logout }",
        "mutation { logout { ok ",
    ] {
        let (through, direct) = (post(gateway.port, GQL, document), post(backend.port, GQL, document));
        assert_eq!(said(&through), said(&direct), "{document}\n{through:?}\n{direct:?}");
        assert!(through.all("Set-Cookie").iter().all(|line| !line.starts_with("jwt")), "{through:?}");
    }
    let query: String = form_urlencoded::byte_serialize(JOHN.as_bytes()).collect();
    let get = |port: u16| Client::new(port).get(&format!("{GQL}?query={query}")).expect("an answer");
    assert_eq!((get(gateway.port).status, get(backend.port).status), (405, 405));
}

/// Also with a credential that is no good, and with a refresh token in a cookie; with a good one everything runs.
#[test]
fn a_closed_path_is_open_to_who_is_known() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    let by_cookie = gateway
        .client()
        .with("Cookie", &format!("jwt=gone; refresh_token={}", tokens.refresh))
        .with("Sec-Fetch-Site", "same-origin");
    let refresh = "mutation { refreshToken { ok token refreshToken } logout { ok } }";
    for client in [by_cookie.clone(), gateway.client().bearer("garbage"), gateway.client().bearer(&tokens.refresh)] {
        let answer = client.graphql(GQL, refresh, json!({}));
        assert_eq!(answer.json()["data"], json!({ "refreshToken": null, "logout": null }), "{answer:?}");
        assert_eq!((answer.code().as_str(), answer.all("Set-Cookie").len()), ("UNAUTHENTICATED", 0));
    }
    assert_eq!(gateway.whoami(&tokens.access), json!("john"), "nothing of it ran");
    let open = gateway.client().bearer("garbage").graphql(AUTH, JOHN, json!({}));
    assert_eq!(open.json()["data"]["login"]["ok"], json!(true), "an open path ignores a stale credential");

    let known = gateway.client().bearer(&tokens.access);
    let answer = known.graphql(GQL, "{ authSessions { current } viewer { username } }", json!({}));
    assert_eq!(answer.json()["data"]["viewer"]["username"], json!("john"), "{answer:?}");
    let again = known.graphql(GQL, LOGIN, json!({ "u": "john", "p": "secret123" }));
    assert_eq!(again.json()["data"]["login"]["ok"], json!(true));
    let out = known.graphql(GQL, "mutation { logout { ok } }", json!({}));
    assert_eq!(out.json()["data"]["logout"]["ok"], json!(true));
    let after = known.graphql(GQL, "mutation { logout { ok } }", json!({}));
    assert_eq!((after.status, after.code().as_str()), (200, "UNAUTHENTICATED"), "a token that is revoked");
}

#[test]
fn which_paths_are_closed_is_the_operators_to_say() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    users.cheap_password("john", "secret123");
    let setup = |closed: &str| {
        Setup::bare(stub.port, users.url(), SECRET)
            .changed("#closed_paths = [\"/graphql/gql\"]", &format!("closed_paths = {closed}"))
    };
    let is_open = |gateway: &Gateway, path: &str| {
        let answer = post(gateway.port, path, JOHN).json();
        answer["data"]["login"]["ok"] == json!(true)
    };
    let none = setup("[]").start();
    assert!(is_open(&none, GQL) && is_open(&none, AUTH));
    let others = setup("[\"/graphql/users*\"]").start();
    assert!(is_open(&others, GQL) && !is_open(&others, "/graphql/users/a") && !is_open(&others, "/GraphQL/Users"));
    assert!(stub.requests().is_empty(), "no login reaches the backend, refused or not");
    post(others.port, "/graphql/users/a", "{ a }");
    assert!(stub.take_one().text().contains("{ a }"), "what is the backend's is for it to refuse");
}

/// The backend hears of nobody whom it is not told of.
#[test]
fn a_listener_refuses_in_the_backends_form() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    users.cheap_password("john", "secret123");
    let gateway = strict(stub.port, users.url(), SECRET, "graphql").start();
    let null = |answer: &Answer, data: Value| {
        let (status, found, errors) = said(answer);
        assert_eq!((status, found, errors.is_empty()), (200, data, false), "{answer:?}");
        assert_eq!((answer.code().as_str(), answer.all("WWW-Authenticate").len()), ("UNAUTHENTICATED", 0));
    };
    for client in [gateway.client(), gateway.client().bearer("garbage"), gateway.client().with("Cookie", "sessionid=x")]
    {
        null(
            &client.graphql(AUTH, "{ a: posts { id } b: posts { nope } }", json!({})),
            json!({ "a": null, "b": null }),
        );
        null(&client.graphql(AUTH, "{ posts { id } __typename }", json!({})), Value::Null);
        null(&client.graphql(AUTH, "{ __schema { queryType { name } } }", json!({})), Value::Null);
        null(&client.graphql(GQL, JOHN, json!({})), json!({ "login": null }));
        null(
            &client.graphql(AUTH, &JOHN.replace("}}", "} createPost { id } }"), json!({})),
            json!({ "login": null, "createPost": null }),
        );
        null(&client.get(&format!("{AUTH}?query={{posts}}")).expect("an answer"), json!({ "posts": null }));
        for (status, document) in [(400, "{ posts"), (400, "mutation { login { ok } }")] {
            assert_eq!(client.graphql(AUTH, document, json!({})).status, status, "{document}");
        }
        let page = client.get("/api").expect("an answer");
        assert_eq!((page.status, page.all("WWW-Authenticate")), (401, vec!["Bearer"]), "no GraphQL is spoken there");
    }
    let get = gateway.client().get(&format!("{AUTH}?query=mutation{{createPost}}")).expect("an answer");
    assert_eq!((get.status, get.code().as_str()), (405, "GET_QUERY_ONLY"));
    let form = "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n\
                {\"query\":\"mutation($f:Upload!){put(file:$f)}\",\"variables\":{\"f\":null}}\r\n--x\r\n\
                Content-Disposition: form-data; name=\"map\"\r\n\r\n{\"0\":[\"variables.f\"]}\r\n--x\r\n\
                Content-Disposition: form-data; name=\"0\"; filename=\"a\"\r\n\r\nfile\r\n--x--\r\n";
    let upload = gateway.client().with("Content-Type", "multipart/form-data; boundary=x").send("POST", AUTH, form);
    null(&upload.expect("an answer"), json!({ "put": null }));
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());

    let login = post(gateway.port, AUTH, JOHN).json();
    let token = login["data"]["login"]["token"].as_str().expect("a token");
    let known = gateway.client().bearer(token);
    assert_eq!(known.graphql(AUTH, "{ posts { id } }", json!({})).json(), json!({ "data": { "stub": true } }));
    assert!(stub.take_one().text().contains("posts"));
}

/// The document has gone by when the directory says so, so no field of it is named.
#[test]
fn who_may_not_come_in_any_more_is_refused_in_the_same_form() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    users.cheap_password("john", "secret123");
    for (refusal, status) in [("graphql", 200), ("http", 401)] {
        users.python("User.objects.filter(username='john').update(is_active=True)");
        let gateway = strict(stub.port, users.url(), SECRET, refusal).start();
        let tokens = Tokens::of(&gateway.login("john", "secret123"));
        users.python("User.objects.filter(username='john').update(is_active=False)");
        let known = gateway.client().bearer(&tokens.access);
        let answer = known.graphql(AUTH, "{ posts { id } }", json!({}));
        assert_eq!((answer.status, answer.code().as_str()), (status, "UNAUTHENTICATED"), "{answer:?}");
        assert_eq!(answer.json()["data"], Value::Null);
        assert_eq!(known.get("/api").expect("an answer").status, 401);
    }
    assert!(stub.requests().is_empty());
}

#[test]
fn by_401_a_closed_path_is_closed_whatever_is_asked() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    let gateway = strict(stub.port, users.url(), SECRET, "http").start();
    for document in [JOHN, "{ posts { id } }", "mutation { login"] {
        let answer = post(gateway.port, GQL, document);
        assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHENTICATED"), "{document}");
    }
    assert!(stub.requests().is_empty());
    assert_eq!(post(gateway.port, AUTH, JOHN).status, 200, "a login needs no login on an open one");
}

#[test]
fn each_request_of_a_batch_is_refused_by_itself() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    let gateway =
        strict(stub.port, users.url(), SECRET, "graphql").changed("#batching = false", "batching = true").start();
    let entries: Vec<Value> =
        ["{ a }", "mutation { logout { ok } }", "{ __typename }", "{"].iter().map(|q| json!({ "query": q })).collect();
    let client = gateway.client().with("Content-Type", "application/json");
    let answer = client.send("POST", GQL, &json!(entries).to_string()).expect("an answer");
    let body = answer.json();
    let seen: Vec<(Value, Value)> =
        body.as_array().expect("a list").iter().map(|each| (each["status"].clone(), each["data"].clone())).collect();
    let expected = [
        (json!(200), json!({ "a": null })),
        (json!(200), json!({ "logout": null })),
        (json!(200), Value::Null),
        (json!(400), Value::Null),
    ];
    assert_eq!(seen, expected, "{body}");
    assert!(stub.requests().is_empty());
}
