//! Auth operations by the names that the backend gives them: `[graphql.owned_aliases]`.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::{
    policy::in_every_transport,
    sockets::talk::{Listener, Talk},
    support::{
        backend::Backend,
        client::{Answer, Client},
        gateway::{AUTH, Setup},
        stub::{self, Stub},
        world::World,
    },
};

/// A line of the shipped configuration, and what it becomes.
const NAMES: (&str, &str) = (
    "#owned_aliases = {}",
    "owned_aliases = { tokenAuth = \"login\", signUp = \"register\", mySessions = \"authSessions\" }",
);
const BATCHING: (&str, &str) = ("#batching = false", "batching = true");

/// No other name in it is one that is owned, so that nothing else has it looked into.
const RIGHT: &str = r#"mutation { tokenAuth(username: "john", password: "secret123") { ok token } }"#;
const WRONG: &str = r#"mutation { tokenAuth(username: "john", password: "wrong") { ok errorCode } }"#;

/// What stands under the one key of the one answer, of a batch of one, too.
fn payload(answer: &Answer) -> Value {
    let body = answer.json();
    let body = body.get(0).unwrap_or(&body);
    body["data"]["tokenAuth"].clone()
}

fn token(payload: &Value) -> &str {
    payload["token"].as_str().unwrap_or_else(|| panic!("no token: {payload}"))
}

fn sets_cookie(answer: &Answer) -> bool {
    answer.all("set-cookie").iter().any(|line| line.starts_with("jwt="))
}

/// Whichever way it comes, it is the gateway's login, and nothing of it arrives.
#[test]
fn no_transport_takes_the_operation_past_the_gateway() {
    let world = World::changed(&[NAMES, BATCHING]);
    for (transport, answer) in in_every_transport(&world.gateway.client(), RIGHT) {
        let payload = payload(&answer);
        assert_eq!((answer.status, &payload["ok"]), (200, &json!(true)), "{transport}: {answer:?}");
        assert!(token(&payload).starts_with("v4.local.") && sets_cookie(&answer), "{transport}");
        world.nothing_arrived(transport);
    }
    let encoded: String = form_urlencoded::byte_serialize(RIGHT.as_bytes()).collect();
    for query in [format!("query={encoded}"), format!("query={}", encoded.replace("tokenAuth", "token%41uth"))] {
        let answer = world.gateway.client().get(&format!("{AUTH}?{query}")).expect("an answer");
        assert_eq!((answer.status, answer.all("allow")), (405, vec!["POST"]), "{answer:?}");
        world.nothing_arrived(&query);
    }
    for spelt in [r"token\u0041uth", r"\u0074oken\u0041ut\u0068"] {
        let body = json!({ "query": RIGHT }).to_string().replace("tokenAuth", spelt);
        let answer = world.post("application/json", AUTH, &body);
        assert_eq!(payload(&answer)["ok"], json!(true), "{spelt}: {answer:?}");
        world.nothing_arrived(spelt);
    }
    world.still_works();
}

/// Over a socket no auth operation is answered, and none goes on.
#[test]
fn no_socket_takes_the_operation_past_the_gateway() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, "[graphql.owned_aliases]\ntokenAuth = 'login'\n").start();
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    for document in [RIGHT.to_owned(), RIGHT.replace("tokenAuth", r"token\u0041uth")] {
        let payload = json!({ "query": document }).to_string().replace(r"\\u0041", r"\u0041");
        talk.say_text(&format!(r#"{{"type":"subscribe","id":"a","payload":{payload}}}"#));
        let refusal = talk.hear();
        assert_eq!((&refusal["type"], &refusal["id"]), (&json!("error"), &json!("a")), "{refusal}");
        assert_eq!(refusal["payload"][0]["extensions"]["code"], json!("HTTP_ONLY"), "{refusal}");
    }
    talk.is_alive();
    let heard = backend.heard();
    assert!(heard.iter().all(|message| !message.contains("secret123")), "{heard:?}");
}

#[test]
fn beside_fields_of_the_backend_it_is_left_out_of_what_that_is_asked() {
    let stub = Stub::with(|_, stream| stream.write_all(stub::answer("", r#"{"data":{"a":1,"b":2}}"#).as_bytes()));
    let world = World::around(stub, &[NAMES]);
    let login = RIGHT.trim_start_matches("mutation {").trim_end_matches('}');
    let answer = world.document(&format!("mutation {{ a {login} b }}"));
    let keys: Vec<String> = answer.json()["data"].as_object().expect("data").keys().cloned().collect();
    assert_eq!((keys.join(" "), payload(&answer)["ok"].clone()), ("a tokenAuth b".to_owned(), json!(true)));
    let asked = world.stub.requests();
    assert_eq!(asked.len(), 3, "a check and two parts");
    assert!(asked.iter().all(|asked| !asked.text().contains("tokenAuth") && !asked.text().contains("secret123")));
}

/// One operation by two names: one budget, one name in the audit log, one rule, and no cookie for another site's page.
#[test]
fn what_counts_for_a_login_counts_for_its_other_names() {
    let lines = [
        NAMES,
        ("#client_attempts = 5", "client_attempts = 3"),
        ("#first_delay = \"30s\"", "first_delay = \"1h\""),
        ("#format = \"text\"", "format = \"json\""),
    ];
    let mut world = World::changed(&lines);
    let page = world.gateway.client().with("Sec-Fetch-Site", "cross-site").with("Origin", "https://evil.example");
    let answer = page.graphql(AUTH, RIGHT, json!({}));
    assert!(payload(&answer)["ok"] == json!(true) && !sets_cookie(&answer), "{answer:?}");
    let cookie = format!("jwt={}", token(&payload(&answer)));
    let forged = page.with("Cookie", &cookie).graphql(AUTH, RIGHT, json!({}));
    assert_eq!((forged.status, &forged.json()["errors"][0]["code"]), (403, &json!("CSRF_FAILED")));

    let other = WRONG.replace("tokenAuth", "login");
    let codes = [WRONG, &other, WRONG, RIGHT].map(|document| {
        let answer = world.gateway.client().graphql(AUTH, &document.replace("{ ok ", "{ ok errorCode "), json!({}));
        (answer.field()["errorCode"].clone(), !answer.all("retry-after").is_empty())
    });
    let (wrong, limited) = ((json!("INVALID_CREDENTIALS"), false), (json!("RATE_LIMITED"), true));
    assert_eq!(codes, [wrong.clone(), wrong.clone(), wrong, limited]);
    let told = world.gateway.process.wait_for_lines("\"target\":\"audit\"", 5);
    let events: Vec<Value> = told.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(events.iter().all(|event| event["message"] == json!("login")), "{events:#?}");
    world.nothing_arrived("a login");
}

#[test]
fn a_rule_or_a_setting_for_an_operation_is_one_for_its_other_names() {
    let stub = Stub::start();
    let rules = "[graphql]\nregister = 'refuse'\nowned_aliases = { tokenAuth = 'login', signUp = 'register' }\n\
                 [[fields]]\nfield = 'login'\ndeny = true\n";
    let gateway = Setup::before(&stub, rules).start();
    for (transport, answer) in in_every_transport(&gateway.client(), RIGHT) {
        if transport != "a batch" {
            assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN".to_owned()), "{transport}: {answer:?}");
        }
    }
    for document in ["{ tokenAuth }", "{ login }", "subscription { tokenAuth }"] {
        let answer = gateway.client().graphql(AUTH, document, json!({}));
        assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN".to_owned()), "{document}: {answer:?}");
    }
    let document = r#"mutation { signUp(username: "u", email: "e", password: "p") { ok errorCode } }"#;
    let answer = gateway.client().graphql(AUTH, document, json!({}));
    assert_eq!(answer.field(), json!({ "ok": false, "errorCode": "REGISTRATION_DISABLED" }));
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());
}

#[test]
fn another_name_counts_from_the_next_request_on_once_the_file_says_so() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "[graphql]\nowned_aliases = {}\n");
    let mut gateway = setup.start();
    let ask = |client: Client| client.graphql(AUTH, RIGHT, json!({}));
    assert_eq!(ask(gateway.client()).body, stub::ANSWER);
    assert!(stub.take_one().text().contains("tokenAuth"), "it is the backend's");
    setup.change("owned_aliases = {}", "owned_aliases = { tokenAuth = 'login' }");
    gateway.reload();
    assert_eq!(payload(&ask(gateway.client()))["ok"], json!(true));
    setup.change("tokenAuth = 'login'", "tokenAuth = 'logni'");
    gateway.refuse();
    assert_eq!(payload(&ask(gateway.client()))["ok"], json!(true), "what was in force stays");
    assert!(stub.requests().is_empty(), "{:?}", stub.requests());
}

/// What is open from before goes by the former names no longer where the same change says so.
#[test]
fn a_socket_from_before_ends_with_the_change_that_takes_its_grace() {
    let backend = Listener::start();
    let setup = Setup::before(&backend.stub, "# names\n");
    let mut gateway = setup.start();
    let mut former = Talk::begun(gateway.port, AUTH, json!({}));
    former.is_alive();
    let names = "[graphql.owned_aliases]\ntokenAuth = 'login'\n[server]\nreload_grace = '0s'\n";
    setup.change("# names\n", names);
    gateway.reload();
    assert_eq!(former.closed_because(), (1012, "Service restart".into()));
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    talk.say_text(&json!({ "type": "subscribe", "id": "a", "payload": { "query": RIGHT } }).to_string());
    assert_eq!(talk.hear()["payload"][0]["extensions"]["code"], json!("HTTP_ONLY"));
}

/// The real backend, which has these mutations of its own.
#[test]
fn a_real_backend_is_looked_into_shown_and_asked_by_its_own_names() {
    let backend = Backend::with(&[("OTHER_NAMES", "on")]);
    backend.cheap_password("john", "secret123");
    let direct = Client::new(backend.port).graphql(AUTH, RIGHT, json!({}));
    assert!(token(&payload(&direct)).starts_with("eyJ"), "the door is there: {direct:?}");

    let gateway = Setup::in_front_of(&backend).changed(NAMES.0, NAMES.1).start();
    let payload = payload(&gateway.client().graphql(AUTH, RIGHT, json!({})));
    let client = gateway.client().bearer(token(&payload));
    let sessions = client.graphql(AUTH, "{ mySessions { current } }", json!({})).json();
    assert_eq!(sessions["data"]["mySessions"], json!([{ "current": true }]));

    let document = "{ __type(name: \"Mutation\") { fields { name args { name } type { name } } } }";
    let shown = client.graphql(AUTH, document, json!({})).json()["data"]["__type"]["fields"].clone();
    let named = |name: &str| {
        let fields = shown.as_array().expect("fields").iter().filter(|field| field["name"] == name);
        fields.map(|field| json!([field["args"], field["type"]])).collect::<Vec<_>>()
    };
    assert_eq!((named("tokenAuth").len(), named("tokenAuth")), (1, named("login")), "ours, with all its arguments");

    let document = r#"mutation { signUp(username: "ada", email: "ada@example.com", password: "ein langes Passwort") { ok token errors } }"#;
    let made = gateway.client().graphql(AUTH, document, json!({})).field();
    assert_eq!((&made["ok"], &made["errors"]), (&json!(true), &json!([])), "{made}");
    assert!(made["token"].as_str().is_some_and(|token| token.starts_with("v4.local.")), "{made}");
    assert_eq!(backend.python("print(User.objects.filter(username='ada').count())"), "1");
}
