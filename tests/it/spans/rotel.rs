//! A released collector, `rotel`, between the gateway and the tests' own: what it has understood, it tells on.

use std::{net::TcpStream, path::PathBuf, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CLIENT, Collector, INTERNAL, PATIENCE, SERVER, SPAN, TRACE, TRUSTED, stop, traced};
use crate::{
    audit::schema::python,
    support::{
        document::block,
        gateway::{AUTH, LOGIN, Setup},
        ports,
        process::Process,
        stub::Stub,
        template::run,
    },
};

/// Where the package has its binary.
fn binary() -> PathBuf {
    let place = "import pathlib, rotel; print(pathlib.Path(rotel.__file__).with_name('rotel-agent'))";
    run(Command::new(python()).args(["-c", place])).trim().into()
}

struct Rotel {
    process: Process,
    port: u16,
    _folder: TempDir,
}

impl Rotel {
    /// Tells this collector.
    fn before(collector: &Collector) -> Self {
        let (port, folder) = (ports::free(), tempfile::tempdir().unwrap());
        let mut command = Command::new(binary());
        command.arg("start").arg("--pid-file").arg(folder.path().join("pid"));
        command.args(["--otlp-grpc-endpoint", "127.0.0.1:0", "--otlp-http-endpoint", &format!("127.0.0.1:{port}")]);
        command.args(["--exporter", "otlp", "--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint"]);
        command.arg(format!("http://127.0.0.1:{}", collector.port)).args(["--debug-log", "traces"]);
        let mut process = Process::spawn(command, "rotel");
        process.wait_until(PATIENCE, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { process, port, _folder: folder }
    }
}

/// The one of these spans that is called so.
#[track_caller]
fn one<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let found: Vec<_> = spans.iter().filter(|span| span["name"] == json!(name)).collect();
    let [span] = found[..] else { panic!("{name}: {spans:#?}") };
    span
}

/// Whose parts of a trace they are: of this trace, below this span.
fn place(span: &Value) -> [&Value; 2] {
    [&span["trace"], &span["parent"]]
}

#[test]
fn a_released_collector_understands_a_request_and_a_login() {
    let (stub, collector) = (Stub::start(), Collector::start(&[]));
    let mut rotel = Rotel::before(&collector);
    let telemetry = block("README.md", "http://collector:4318");
    let telemetry = telemetry.replace("collector:4318", &format!("127.0.0.1:{}", rotel.port));
    let mut gateway = Setup::before(&stub, &format!("{telemetry}{TRUSTED}")).start();
    assert_eq!(traced(&gateway, "01").get("/reports/7").unwrap().status, 200);
    let login = gateway.client().graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }));
    assert_eq!(login.field()["ok"], json!(true));
    stop(&mut gateway);
    rotel.process.wait_until(PATIENCE, || collector.of_kind(SERVER).len() == 2);
    assert!(rotel.process.output().contains("Received traces"), "{}", rotel.process.output());

    let (servers, client, inner) = (collector.of_kind(SERVER), collector.one(CLIENT), collector.of_kind(INTERNAL));
    let (server, request, operation) = (one(&servers, "GET"), one(&servers, "POST"), one(&inner, "auth login"));
    assert_eq!(place(server), [&json!(TRACE), &json!(SPAN)]);
    assert_eq!(place(&client), [&json!(TRACE), &server["span"]]);
    assert_eq!(place(operation), [&request["trace"], &request["span"]]);
    assert_eq!(place(one(&inner, "hash")), [&request["trace"], &operation["span"]]);
    assert_ne!(request["trace"], json!(TRACE));

    let said = |span: &Value, key: &str| span["attributes"][key].clone();
    assert_eq!(said(server, "url.path"), json!("/reports/7"));
    assert_eq!(said(&client, "server.port"), json!(stub.port));
    assert_eq!([server, &client].map(|span| said(span, "http.response.status_code")), [json!(200), json!(200)]);
    assert_eq!(said(request, "railgate.operations"), json!("login"));
    assert_eq!(said(operation, "railgate.outcome"), json!("ok"));
    for span in collector.spans() {
        assert_eq!((&span["resource"]["service.name"], &span["scope"]), (&json!("login-gateway"), &json!("railgate")));
    }
}
