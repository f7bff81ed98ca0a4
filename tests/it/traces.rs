//! Distributed traces: whose word is taken for the trace that a request belongs to, and what the backend and the logs are told.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::{
    sockets::{echo, head, send, talk, upgrade},
    support::{
        client::Client,
        gateway::{AUTH, GQL, Gateway, Setup},
        ports,
        stub::{Received, Stub},
    },
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const TRUSTED: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
const JSON: &str = "[log]\nformat = \"json\"\n";

fn gateway(stub: &Stub, more: &str) -> Gateway {
    Setup::before(stub, &format!("{JSON}{more}")).start()
}

fn asking(gateway: &Gateway) -> Client {
    gateway.client().with("traceparent", &format!("00-{TRACE}-{SPAN}-00")).with("tracestate", "a=1,b=canary")
}

/// Trace, span and flags of the one `traceparent` that the backend got.
fn parent(received: &Received) -> [String; 3] {
    let lines = received.all("traceparent");
    let [line] = lines[..] else { panic!("{lines:?}") };
    let parts: Vec<&str> = line.split('-').collect();
    assert_eq!((parts.len(), parts[0]), (4, "00"), "{line}");
    [parts[1], parts[2], parts[3]].map(str::to_owned)
}

/// The line of the access log with this path.
fn line_of(gateway: &mut Gateway, path: &str) -> Value {
    serde_json::from_str(&gateway.process.wait_for_line(&format!("\"path\":\"{path}\""))).unwrap()
}

#[test]
fn a_strangers_request_begins_a_trace() {
    let stub = Stub::start();
    let mut gateway = gateway(&stub, "");
    for (path, client) in [("/one", asking(&gateway)), ("/two", gateway.client())] {
        client.get(path).unwrap();
        let received = stub.take_one();
        let [trace, span, flags] = parent(&received);
        assert_ne!(trace, TRACE);
        assert_eq!((flags.as_str(), received.all("tracestate").len()), ("01", 0));
        let line = line_of(&mut gateway, path);
        assert_eq!((&line["trace_id"], &line["span_id"]), (&json!(trace), &json!(span)));
        assert_eq!(line["trace_id"], line["request_id"]);
    }
    assert!(!gateway.process.output().contains("canary"));
}

#[test]
fn a_trusted_proxys_trace_goes_on_with_a_span_of_the_gateways() {
    let stub = Stub::start();
    for more in [TRUSTED, "[telemetry]\ntrace_context = \"anyone\"\n"] {
        let mut gateway = gateway(&stub, more);
        asking(&gateway).get("/a").unwrap();
        let received = stub.take_one();
        let [trace, span, flags] = parent(&received);
        assert_eq!((trace.as_str(), flags.as_str()), (TRACE, "00"));
        assert_ne!(span, SPAN);
        assert_eq!(received.all("tracestate"), ["a=1,b=canary"]);
        let line = line_of(&mut gateway, "/a");
        assert_eq!((&line["trace_id"], &line["span_id"]), (&json!(TRACE), &json!(span)));
        assert_ne!(line["request_id"], line["trace_id"]);
        gateway.client().with("traceparent", "00-0-0-00").with("tracestate", "a=1").get("/b").unwrap();
        let received = stub.take_one();
        assert_eq!((parent(&received)[2].as_str(), received.all("tracestate").len()), ("01", 0));
    }
}

#[test]
fn one_that_has_no_part_in_traces_changes_nothing() {
    let stub = Stub::start();
    let mut gateway = gateway(&stub, "[telemetry]\ntrace_context = \"off\"\n");
    gateway.client().with("traceparent", "anything").with("tracestate", "else").get("/a").unwrap();
    let received = stub.take_one();
    assert_eq!((received.all("traceparent"), received.all("tracestate")), (vec!["anything"], vec!["else"]));
    let line = line_of(&mut gateway, "/a");
    assert_eq!((&line["trace_id"], &line["span_id"]), (&Value::Null, &Value::Null));
}

#[test]
fn whatever_the_backend_is_asked_for_one_request_is_of_its_trace() {
    let stub = Stub::start();
    let gateway = gateway(&stub, "");
    let document = "mutation { logout { ok } createPost(title: \"x\") { id } }";
    gateway.client().graphql(AUTH, document, json!({}));
    let received = stub.requests();
    assert!(received.len() > 1, "{received:?}");
    let parents: Vec<_> = received.iter().map(parent).collect();
    assert!(parents.iter().all(|parent| *parent == parents[0]), "{parents:?}");
}

#[test]
fn what_the_log_says_of_a_request_names_it() {
    let mut gateway = Setup::before_port(ports::free(), &format!("{JSON}{TRUSTED}")).start();
    assert_eq!(asking(&gateway).get("/a").unwrap().status, 502);
    let line = line_of(&mut gateway, "/a");
    let warning = gateway.process.wait_for_line("no answer from the backend");
    let warning: Value = serde_json::from_str(&warning).unwrap();
    assert_eq!((&warning["request_id"], &warning["trace_id"]), (&line["request_id"], &json!(TRACE)));
    gateway.client().graphql(AUTH, "mutation { refreshToken(refreshToken: \"x\") { ok } }", json!({}));
    let audited: Value = serde_json::from_str(&gateway.process.wait_for_line("\"target\":\"audit\"")).unwrap();
    let line = line_of(&mut gateway, AUTH);
    assert_eq!((&audited["request_id"], &audited["trace_id"]), (&line["request_id"], &line["trace_id"]));
    gateway.process.signal(libc::SIGTERM);
    let stopping: Value = serde_json::from_str(&gateway.process.wait_for_line("stopping")).unwrap();
    assert_eq!(stopping["request_id"], Value::Null);
}

#[test]
fn sockets_are_of_the_trace_of_their_upgrade() {
    let headers = format!("traceparent: 00-{TRACE}-{SPAN}-01\r\ntracestate: a=1\r\n");
    let stub = echo("");
    let mut tunnelling = gateway(&stub, TRUSTED);
    let mut stream = send(tunnelling.port, upgrade("/ws/", &headers).as_bytes());
    head(&mut stream);
    stream.flush().unwrap();
    assert_eq!(parent(&stub.take_one())[0], TRACE);
    drop(stream);
    let line: Value = serde_json::from_str(&tunnelling.process.wait_for_line("\"message\":\"socket\"")).unwrap();
    assert_eq!(line["trace_id"], json!(TRACE));
    let backend = talk::Listener::start();
    let gateway = gateway(&backend.stub, TRUSTED);
    let mut talk = talk::Talk::open(gateway.port, GQL, talk::CURRENT, &headers);
    talk.init(json!({}));
    let received = backend.stub.requests();
    assert_eq!((parent(&received[0])[0].as_str(), received[0].all("tracestate")), (TRACE, vec!["a=1"]));
}
