//! Spans, as a collector gets them that decodes OTLP by its official messages.

use std::{path::Path, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{
    access::canary::{CANARY, sent_everywhere},
    audit::schema::python,
    support::{
        certificates::Authority,
        django,
        gateway::{AUTH, Gateway, LOGIN, STUB_SECRET, Setup},
        ports,
        process::Process,
        stub::Stub,
    },
};

mod rotel;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const TRUSTED: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
const PATIENCE: Duration = Duration::from_secs(60);
/// `SPAN_KIND_…`.
const INTERNAL: u64 = 1;
pub(crate) const SERVER: u64 = 2;
pub(crate) const CLIENT: u64 = 3;

pub(crate) struct Collector {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl Collector {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/telemetry/collector.py");
        let mut command = Command::new(python());
        command.arg(script).args(arguments);
        let mut process = Process::spawn(command, "collector");
        let line = process.wait_for_line("listening on");
        let port = line.rsplit(' ').next().unwrap().parse().unwrap();
        Self { process, port }
    }

    pub(crate) fn spans(&self) -> Vec<Value> {
        let output = self.process.output();
        let lines = output.lines().filter(|line| line.starts_with('{'));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The spans of this kind.
    pub(crate) fn of_kind(&self, kind: u64) -> Vec<Value> {
        let mut spans = self.spans();
        spans.retain(|span| span["kind"] == json!(kind));
        spans
    }

    /// The one span of this kind.
    fn one(&self, kind: u64) -> Value {
        let found = self.of_kind(kind);
        let [span] = &found[..] else { panic!("{found:#?}") };
        span.clone()
    }
}

fn telemetry(port: u16, more: &str) -> String {
    format!("[log]\nformat = \"json\"\n[telemetry]\notlp = \"http://127.0.0.1:{port}\"\n{more}")
}

/// A gateway that tells this collector.
fn gateway(stub: &Stub, collector: &Collector, more: &str) -> Gateway {
    Setup::before(stub, &telemetry(collector.port, more)).start()
}

/// Told to stop, it sends what is left.
fn stop(gateway: &mut Gateway) {
    gateway.process.signal(libc::SIGTERM);
    assert!(gateway.process.wait(PATIENCE).success());
}

fn traced(gateway: &Gateway, flags: &str) -> crate::support::client::Client {
    gateway.client().with("traceparent", &format!("00-{TRACE}-{SPAN}-{flags}"))
}

#[test]
fn a_request_is_a_span_and_what_the_backend_is_asked_one_within_it() {
    let (stub, collector) = (Stub::start(), Collector::start(&[]));
    let mut gateway = gateway(&stub, &collector, &format!("service_name = \"login\"\n{TRUSTED}"));
    let path = "/reset/MQ/c9h5k3-0123456789abcdef0123456789abcdef/";
    traced(&gateway, "01").get(&format!("{path}?token=canary")).unwrap();
    stop(&mut gateway);
    let (server, client) = (collector.one(SERVER), collector.one(CLIENT));
    assert_eq!(collector.spans().len(), 2);

    let [sent] = &stub.requests()[..] else { panic!() };
    let told = format!("00-{TRACE}-{}-01", client["span"].as_str().unwrap());
    assert_eq!(sent.all("traceparent"), [told], "the backend's parent is the span of what it was asked");
    assert_eq!((&server["trace"], &server["parent"]), (&json!(TRACE), &json!(SPAN)));
    assert_eq!((&client["trace"], &client["parent"]), (&json!(TRACE), &server["span"]));
    let line = gateway.process.wait_for_line("\"target\":\"access\"");
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["span_id"], server["span"]);
    // W3C's flag, and of the parent's span that it is another process's or not.
    assert_eq!((&server["flags"], &client["flags"]), (&json!(0x301), &json!(0x101)));

    let mut attributes = server["attributes"].clone();
    let id = attributes.as_object_mut().unwrap().shift_remove("railgate.request_id").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["request_id"], id);
    let expected = json!({
        "http.request.method": "GET", "url.scheme": "http", "network.protocol.version": "1.1", "client.address": "127.0.0.1",
        "url.path": "/reset/MQ/{39}/", "http.response.status_code": 200, "railgate.outcome": "ok", "railgate.auth": "none",
    });
    assert_eq!(attributes, expected);
    let url = format!("http://127.0.0.1:{}/reset/MQ/{{39}}/", stub.port);
    let expected = json!({
        "http.request.method": "GET", "server.address": "127.0.0.1", "server.port": stub.port, "url.full": url,
        "http.response.status_code": 200,
    });
    assert_eq!(client["attributes"], expected);
    assert_eq!((&server["name"], &client["name"], &server["status"]), (&json!("GET"), &json!("GET"), &json!(0)));
    let at = |span: &Value, key: &str| span[key].as_u64().unwrap();
    assert!(at(&server, "begun") <= at(&client, "begun") && at(&client, "begun") < at(&client, "ended"));
    assert!(at(&client, "ended") <= at(&server, "ended"), "{server} {client}");
    let resource = &server["resource"];
    assert_eq!((&resource["service.name"], &server["scope"]), (&json!("login"), &json!("railgate")));
    assert_eq!(resource["service.version"], json!(env!("CARGO_PKG_VERSION")));
    assert_eq!(resource["service.instance.id"].as_str().map(str::len), Some(16));
}

#[test]
fn a_trace_that_is_not_sampled_is_nobodys() {
    let (stub, collector) = (Stub::start(), Collector::start(&[]));
    let mut gateway = gateway(&stub, &collector, &format!("sampled_percent = 0\n{TRUSTED}"));
    traced(&gateway, "00").get("/not-sampled").unwrap();
    gateway.client().get("/begins-here").unwrap();
    traced(&gateway, "01").get("/sampled").unwrap();
    stop(&mut gateway);
    assert_eq!(collector.one(SERVER)["attributes"]["url.path"], json!("/sampled"));
    assert_eq!(collector.one(CLIENT)["trace"], json!(TRACE));
    let flags: Vec<_> = stub.requests().iter().map(|sent| sent.all("traceparent")[0][53..].to_owned()).collect();
    assert_eq!(flags, ["00", "00", "01"]);
}

#[test]
fn an_auth_operation_is_a_span_within_its_request_and_says_what_took_its_time() {
    let (stub, collector, directory) = (Stub::start(), Collector::start(&[]), django::Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let otlp = format!("otlp = \"http://127.0.0.1:{}\"\n#trace_context", collector.port);
    let setup = Setup::bare(stub.port, directory.url(), STUB_SECRET).changed("#trace_context", &otlp);
    let mut gateway = setup.start();
    let failed = gateway.client().graphql(AUTH, LOGIN, json!({ "u": "john", "p": "canary" }));
    assert_eq!(failed.field()["errorCode"], json!("INVALID_CREDENTIALS"));
    stop(&mut gateway);
    let server = collector.one(SERVER);
    assert_eq!(server["attributes"]["railgate.operations"], json!("login"));
    let inner = collector.of_kind(INTERNAL);
    let login = inner.iter().find(|span| span["name"] == json!("auth login")).unwrap();
    assert_eq!((&login["trace"], &login["parent"]), (&server["trace"], &server["span"]));
    let told = json!({ "railgate.outcome": "refused", "railgate.code": "INVALID_CREDENTIALS" });
    assert_eq!(login["attributes"], told);
    for step in ["throttle admit", "directory candidate", "wait for a hash", "hash"] {
        let step = inner.iter().find(|span| span["name"] == json!(step)).unwrap_or_else(|| panic!("{inner:#?}"));
        assert_eq!(step["parent"], login["span"]);
        let at = |span: &Value, key: &str| span[key].as_u64().unwrap();
        // Clocks are read to the microsecond, and one after the other.
        assert!(at(step, "begun") + 1_000_000 > at(login, "begun"), "{step} {login}");
        assert!(at(step, "ended") < at(login, "ended") + 1_000_000, "{step} {login}");
    }
    assert!(!collector.process.output().contains("canary"));
}

#[test]
fn a_backend_that_fails_is_told_of_on_both_sides() {
    let collector = Collector::start(&[]);
    let mut gateway = Setup::before_port(ports::free(), &telemetry(collector.port, "")).start();
    assert_eq!(gateway.client().get("/").unwrap().status, 502);
    stop(&mut gateway);
    let (server, client) = (collector.one(SERVER), collector.one(CLIENT));
    assert_eq!((&server["status"], &client["status"]), (&json!(2), &json!(2)));
    assert_eq!(server["attributes"]["error.type"], json!("502"));
    assert_eq!(client["attributes"]["error.type"], json!("connect_failed"));
    assert_eq!(server["attributes"]["railgate.code"], json!("UPSTREAM_UNREACHABLE"));
}

#[test]
fn a_collector_that_is_busy_is_asked_again() {
    let (stub, collector) = (Stub::start(), Collector::start(&["--refuse", "1", "503"]));
    let mut gateway = gateway(&stub, &collector, "");
    gateway.client().get("/").unwrap();
    let process = &mut gateway.process;
    process.wait_until(PATIENCE, || collector.spans().len() == 2);
    stop(&mut gateway);
    assert_eq!(collector.process.output().matches("refused").count(), 1);
    assert!(!gateway.process.output().contains("spans are lost"));
}

#[test]
fn requests_wait_for_no_collector_and_what_is_lost_is_told() {
    let stub = Stub::start();
    let refusing = Collector::start(&["--refuse", "9", "400"]);
    for (port, why) in [(ports::free(), None), (refusing.port, Some("400 Bad Request"))] {
        let mut gateway = Setup::before(&stub, &telemetry(port, "")).start();
        for _ in 0..3 {
            assert_eq!(gateway.client().get("/").unwrap().status, 200);
        }
        stop(&mut gateway);
        let output = gateway.process.output();
        let lost = output.lines().filter(|line| line.contains("\"spans are lost\""));
        let lost: Vec<Value> = lost.map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lost.iter().map(|line| line["spans"].as_u64().unwrap()).sum::<u64>(), 6, "{output}");
        assert!(why.is_none_or(|why| lost[0]["error"].as_str().unwrap().contains(why)), "{lost:?}");
    }
}

#[test]
fn a_collector_may_be_spoken_to_by_tls() {
    let (stub, authority) = (Stub::start(), Authority::new("of the collector"));
    let identity = authority.vouch("collector", "localhost", "DNS:localhost");
    let files = [&identity.certificate, &identity.key].map(|path| path.to_str().unwrap());
    let collector = Collector::start(&["--tls", files[0], files[1]]);
    let ca = authority.certificate();
    let more =
        format!("[telemetry]\notlp = \"https://localhost:{}\"\notlp_ca = \"{}\"\n", collector.port, ca.display());
    let mut gateway = Setup::before(&stub, &more).start();
    gateway.client().get("/").unwrap();
    stop(&mut gateway);
    assert_eq!(collector.spans().len(), 2, "{}", gateway.process.output());
}

#[test]
fn no_credential_is_in_a_span() {
    let (stub, collector, directory) = (Stub::start(), Collector::start(&[]), django::Backend::sqlite());
    let otlp = format!("otlp = \"http://127.0.0.1:{}\"\n#trace_context", collector.port);
    let setup = Setup::bare(stub.port, directory.url(), STUB_SECRET).changed("#trace_context", &otlp).unthrottled();
    let mut gateway = setup.start();
    let long = "0123456789abcdef0123456789abcdef";
    sent_everywhere(&gateway.client(), CANARY);
    gateway.client().get(&format!("/reset/{long}/?token={long}")).unwrap();
    gateway.client().send(&CANARY.to_uppercase(), "/method", "").unwrap();
    stop(&mut gateway);
    assert!(collector.of_kind(SERVER).len() > 20 && collector.of_kind(INTERNAL).len() > 4);
    let output = collector.process.output().to_lowercase();
    for secret in [CANARY, long] {
        assert_eq!(output.lines().find(|line| line.contains(secret)), None);
    }
}
