//! The schema as clients see it: the backend's and the gateway's as one, shown to whom the backend shows its own.

use std::{
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    clients::node,
    support::{
        backend::Backend,
        client::{Answer, Client},
        gateway::{AUTH, GQL, Gateway, STUB_SECRET, Setup, Tokens},
        jwt,
        plain::Plain,
        stub::{self, Stub},
    },
};

const NAMES: &str = "{ __schema { queryType { name } } }";

/// What `introspection.mjs` finds: nothing wrong. Returns the schema, printed.
fn is_whole(gateway: u16, backend: u16, path: &str, tokens: &[&str]) -> String {
    let url = |port: u16| format!("http://127.0.0.1:{port}{path}");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/graphql/auth.graphql").display().to_string();
    let (through, direct) = (url(gateway), url(backend));
    let arguments = [&[through.as_str(), direct.as_str(), own.as_str()], tokens].concat();
    let told = node("introspection.mjs", &arguments).swap_remove(0);
    for list in ["mistakes", "repeated", "different", "lost", "unstable"] {
        assert_eq!(told[list], json!([]), "{list} of {through}");
    }
    told["schema"].as_str().expect("a text").to_owned()
}

/// John's access tokens, the gateway's and the backend's.
fn tokens(gateway: &Gateway, backend: &Backend) -> [String; 2] {
    let login = r#"mutation { login(username: "john", password: "secret123") { token } }"#;
    let direct = Client::new(backend.port).graphql(AUTH, login, json!({})).json();
    let direct = direct["data"]["login"]["token"].as_str().expect("a token").to_owned();
    [Tokens::of(&gateway.login("john", "secret123")).access, direct]
}

#[test]
fn what_is_owned_stands_in_the_backends_schema_once() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let anonymous = is_whole(gateway.port, backend.port, AUTH, &[]);
    for piece in ["completeMfaLogin(", "createArticle(", "type AuthSession {", "settings: "] {
        assert!(anonymous.contains(piece), "{piece}: {anonymous}");
    }
    let [through, direct] = tokens(&gateway, &backend);
    for path in [AUTH, GQL] {
        is_whole(gateway.port, backend.port, path, &[&through, &direct]);
    }
}

#[test]
fn a_backend_without_auth_fields_gets_them() {
    let backend = Plain::start();
    let gateway = Setup::before_port(backend.port, "").start();
    let schema = is_whole(gateway.port, backend.port, AUTH, &[]);
    let pieces =
        ["query: RootQuery", "mutation: Mutation", "  authSessions: [AuthSession!]\n", "  settings: Settings\n"];
    for piece in pieces.into_iter().chain(["@oneOf", "@specifiedBy(url: \"https://example.com/moment\")"]) {
        assert!(schema.contains(piece), "{piece}: {schema}");
    }
}

fn both(gateway: &Gateway, backend: &Backend, path: &str, document: &str) -> [Answer; 2] {
    [gateway.port, backend.port].map(|port| Client::new(port).graphql(path, document, json!({})))
}

#[test]
fn whom_the_backend_shows_nothing_sees_what_the_backend_answers() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let john = gateway.client().bearer(&tokens(&gateway, &backend)[0]);
    for document in [NAMES, "query A { __typename t: __type(name: \"Query\") { name } viewer { username } }"] {
        assert_eq!(john.graphql(GQL, document, json!({})).json().get("errors"), None, "{document}");
        let [through, direct] = both(&gateway, &backend, GQL, document);
        assert!(!direct.json()["errors"].as_array().expect("errors").is_empty(), "{direct:?}");
        assert_eq!((through.status, &through.body), (direct.status, &direct.body), "{document}");
    }
    // Beside a field of the gateway's, which the backend can't be sent.
    let document = "{ authSessions { id } __schema { queryType { name } } }";
    let through = gateway.client().graphql(GQL, document, json!({})).json();
    let [_, direct] = both(&gateway, &backend, GQL, NAMES);
    let message = |answer: &Value| answer["errors"].as_array().expect("errors").last().expect("one")["message"].clone();
    assert_eq!(message(&through), message(&direct.json()), "{through}");
}

/// What a backend says whose introspection has nothing that it need not have.
fn about() -> String {
    let nothing = json!({ "fields": [] });
    let about = json!({ "schema": nothing, "type": nothing, "field": nothing, "input": nothing, "directive": nothing });
    json!({ "data": about }).to_string()
}

/// A backend that shows its schema, of which the query type is this, to john; others get a page.
fn to_john(query: &str) -> Stub {
    let types = json!([{ "kind": "OBJECT", "name": query, "fields": [] }]);
    let schema = json!({ "data": { "__schema": { "queryType": { "name": query }, "types": types } } }).to_string();
    let about = about();
    Stub::with(move |received, stream| {
        let is_john = received.head.contains("john");
        let answer = match received.text().contains("railgate_about") {
            true if is_john => stub::answer("", &about),
            false if is_john => stub::answer("", &schema),
            _ => "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 2\r\nX-Own: 1\r\n\r\nno"
                .to_owned(),
        };
        stream.write_all(answer.as_bytes())
    })
}

#[test]
fn the_backend_is_asked_each_time_as_whoever_asks() {
    let stub = to_john("Q");
    let gateway = Setup::before(&stub, "").start();
    let john = gateway.client().bearer(&jwt::sign(STUB_SECRET, &jwt::johns_claims()));
    for times in 1..=2 {
        let answer = john.with("Cookie", "x=y").graphql(AUTH, NAMES, json!({}));
        assert_eq!(answer.json(), json!({ "data": { "__schema": { "queryType": { "name": "Q" } } } }));
        assert_eq!(stub.requests().len(), 2 * times);
    }
    assert!(stub.requests().iter().all(|received| received.all("Cookie").is_empty()));
    let answer = gateway.client().graphql(AUTH, NAMES, json!({}));
    assert_eq!((answer.status, answer.body.as_str(), answer.all("x-own").len()), (403, "no", 1));
    let beside = gateway.client().graphql(AUTH, "{ authSessions { id } __schema { queryType { name } } }", json!({}));
    let keys: Vec<Value> =
        beside.json()["errors"].as_array().expect("errors").iter().map(|error| error["path"].clone()).collect();
    assert_eq!((beside.status, keys), (200, vec![json!(["__schema"])]), "{beside:?}");
    assert_eq!(beside.json()["data"], json!({ "authSessions": null, "__schema": null }));
}

/// A backend that wants a cookie of its own, which no errand has, and sends who has none to another page.
#[test]
fn what_an_errand_is_refused_the_client_may_see() {
    const THEIRS: &str = r#"{"data":{"__schema": {"queryType":{"name":"Q"}}}}"#;
    let stub = Stub::with(|received, stream| {
        let page = "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n".to_owned();
        let theirs = || stub::answer("X-Own: 1\r\n", THEIRS);
        let answer = if received.all("Cookie") == ["theirs=1"] { theirs() } else { page };
        stream.write_all(answer.as_bytes())
    });
    let gateway = Setup::before(&stub, "").start();
    let query: String = form_urlencoded::byte_serialize(NAMES.as_bytes()).collect();
    let json = json!({ "query": NAMES }).to_string();
    for (method, target, content_type, body) in [
        ("GET", format!("{AUTH}?query={query}"), None, String::new()),
        ("POST", AUTH.to_owned(), Some("application/json"), json),
        ("POST", AUTH.to_owned(), Some("application/graphql"), NAMES.to_owned()),
        ("POST", AUTH.to_owned(), Some("application/x-www-form-urlencoded"), format!("query={query}")),
    ] {
        let client = gateway.client().with("Cookie", "theirs=1");
        let client = content_type.map_or(client.clone(), |content_type| client.with("Content-Type", content_type));
        let answer = client.send(method, &target, &body).expect("an answer");
        assert_eq!((answer.status, answer.all("x-own"), answer.body.as_str()), (200, vec!["1"], THEIRS), "{method}");
    }
}

#[test]
fn the_schema_comes_beside_fields_of_both_sides() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    let john = gateway.client().bearer(&tokens(&gateway, &backend)[0]);
    let document = "query Q($n: String!, $all: Boolean = true) {
      s: __schema { __typename ...Roots }
      me { username }
      authSessions { id }
      ...More
      nothing: __type(name: \"Nope\") { name }
      gone: __type(name: \"Query\") @skip(if: $all) { name }
    }
    fragment More on Query { t: __type(name: $n) { kind f: fields(includeDeprecated: $all) { name } } }
    fragment Roots on __Schema { queryType { name } mutationType { name } }";
    let answer = john.graphql(AUTH, document, json!({ "n": "LogoutMutation" }));
    let data = answer.json()["data"].clone();
    let keys: Vec<&str> = data.as_object().expect("data").keys().map(String::as_str).collect();
    assert_eq!((answer.status, keys), (200, vec!["s", "me", "authSessions", "t", "nothing"]));
    let roots =
        json!({ "__typename": "__Schema", "queryType": { "name": "Query" }, "mutationType": { "name": "Mutation" } });
    assert_eq!((&data["s"], &data["me"]["username"]), (&roots, &json!("john")));
    assert_eq!(data["t"], json!({ "kind": "OBJECT", "f": [{ "name": "ok" }, { "name": "errors" }] }));
    assert_eq!(data["nothing"], Value::Null);
}

#[test]
fn mistakes_are_found_before_anything_is_asked() {
    let backend = Backend::on_sqlite();
    let gateway = Setup::in_front_of(&backend).start();
    for document in [
        "{ __schema { nope } }",
        "{ __schema }",
        "{ __type { name } }",
        "{ __type(name: 1) { name } }",
        "{ __schema { types { name { x } } } }",
        "{ __schema { types { fields(includeDeprecated: 1) { name } } } }",
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
    ] {
        let places = |answer: &Answer| {
            let errors = answer.json()["errors"].as_array().expect("errors").clone();
            (answer.status, errors.iter().map(|error| error["locations"].clone()).collect::<Vec<_>>())
        };
        let [through, direct] = both(&gateway, &backend, AUTH, document);
        assert_eq!(places(&through), places(&direct), "{document}: {through:?} {direct:?}");
    }
}

/// Types lead to types without end: an answer that would be too large is refused, and nobody waits for it meanwhile.
#[test]
fn a_walk_through_all_types_is_ended() {
    let field = json!({ "name": "f", "type": { "kind": "OBJECT", "name": "T0" } });
    let fields = vec![field; 30];
    let types = (0..100).map(|n| json!({ "kind": "OBJECT", "name": format!("T{n}"), "fields": fields }));
    let schema = json!({ "queryType": { "name": "T0" }, "types": types.collect::<Vec<_>>() });
    let (about, schema) = (about(), json!({ "data": { "__schema": schema } }).to_string());
    let stub = Stub::with(move |received, stream| {
        let said = if received.text().contains("railgate_about") { &about } else { &schema };
        stream.write_all(stub::answer("", said).as_bytes())
    });
    let gateway = Setup::before(&stub, "").start();
    let names: String = (0..900).map(|n| format!("n{n}: description ")).collect();
    let document = format!("{{ __schema {{ types {{ fields {{ type {{ fields {{ {names} }} }} }} }} }} }}");
    let port = gateway.port;
    let answer = std::thread::scope(|scope| {
        let large = scope.spawn(|| Client::new(port).graphql(AUTH, &document, json!({})));
        std::thread::sleep(Duration::from_millis(200));
        let others: Vec<Duration> = (0..20)
            .map(|_| {
                let started = Instant::now();
                assert_eq!(Client::new(port).graphql(AUTH, "{ me { id } }", json!({})).status, 200);
                started.elapsed()
            })
            .collect();
        assert!(others.iter().all(|took| *took < Duration::from_millis(800)), "{others:?}");
        large.join().expect("no panic")
    });
    let start: String = answer.body.chars().take(300).collect();
    assert_eq!((answer.status, answer.code()), (400, "DOCUMENT_TOO_COMPLEX".to_owned()), "{start}");
}
