//! A collector of traces that is changed while spans are told.

use std::{
    io::Write as _,
    sync::{Mutex, mpsc},
    time::Duration,
};

use serde_json::{Value, json};

use super::Kept;
use crate::{
    audit::sinks::{PATIENCE, stop},
    spans::{CLIENT, Collector, SERVER},
    support::{
        certificates::Authority,
        gateway::Setup,
        stub::{ANSWER, Stub, answer},
    },
};

fn paths(collector: &Collector) -> Vec<Value> {
    collector.of_kind(SERVER).iter().map(|span| span["attributes"]["url.path"].clone()).collect()
}

fn names(collector: &Collector) -> Vec<Value> {
    let mut names: Vec<Value> = collector.spans().iter().map(|span| span["resource"]["service.name"].clone()).collect();
    names.dedup();
    names
}

/// Where the spans of what the backend was asked say that it is.
fn backends(collector: &Collector) -> Vec<Value> {
    let spans = collector.of_kind(CLIENT);
    spans.iter().map(|span| json!([span["attributes"]["url.full"], span["attributes"]["server.port"]])).collect()
}

#[test]
fn a_request_is_told_to_the_collector_of_its_configuration_and_none_is_lost() {
    let (go, goes) = mpsc::channel::<()>();
    let goes = Mutex::new(goes);
    let stub = Stub::with(move |received, stream| {
        if received.request_line().contains("/slow") {
            goes.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
        }
        stream.write_all(answer("", ANSWER).as_bytes())
    });
    let [former, next] = [Collector::start(&[]), Collector::start(&[])];
    let otlp = |collector: &Collector, name: &str| {
        format!("otlp = 'http://127.0.0.1:{}'\nservice_name = '{name}'\n", collector.port)
    };
    let [one, other] = [otlp(&former, "one"), otlp(&next, "other")];
    let more = format!("[admin]\naddress = '127.0.0.1:0'\n[telemetry]\n{one}# end\n");
    let setup = Setup::before(&stub, &more);
    let mut gateway = setup.start();
    let admin = gateway.admin();
    let mut kept = Kept::open(gateway.port);
    assert_eq!(kept.ask("GET /first", "", "").status, 200);
    kept.send("GET /slow", "", "");
    gateway.process.wait_until(PATIENCE, || stub.requests().len() == 2);
    setup.change(&one, &other);
    gateway.reload();
    assert_eq!(gateway.client().get("/second").unwrap().status, 200);
    go.send(()).unwrap();
    assert_eq!(kept.answer().status, 200);
    assert_eq!(kept.ask("GET /third", "", "").status, 200);
    // Told before the end: nobody is left who could tell the former one anything.
    gateway.process.wait_until(PATIENCE, || paths(&former).len() == 2 && paths(&next).len() == 2);
    setup.change(&format!("{other}# end\n"), "# end\n");
    gateway.reload();
    assert_eq!(gateway.client().get("/untold").unwrap().status, 200);
    let page = admin.get("/metrics").unwrap().body;
    assert!(page.contains("railgate_spans_total{outcome=\"sent\"} 8\n"), "{page}");
    stop(&mut gateway);
    assert_eq!((paths(&former), names(&former)), (vec![json!("/first"), json!("/slow")], vec![json!("one")]));
    assert_eq!((paths(&next), names(&next)), (vec![json!("/second"), json!("/third")], vec![json!("other")]));
    let instance = |collector: &Collector| collector.spans()[0]["resource"]["service.instance.id"].clone();
    assert_eq!(instance(&former), instance(&next), "it is the same run");
    assert!(!gateway.process.output().contains("are lost"), "{}", gateway.process.output());
}

#[test]
fn a_collectors_authority_is_changed_and_one_that_is_none_refuses_all_of_it() {
    let (stub, authority, files) = (Stub::start(), Authority::new("of the collector"), tempfile::tempdir().unwrap());
    let identity = authority.vouch("collector", "localhost", "DNS:localhost");
    let [certificate, key] = [&identity.certificate, &identity.key].map(|path| path.to_str().unwrap());
    let collector = Collector::start(&["--tls", certificate, key]);
    let none = files.path().join("none.pem");
    std::fs::write(&none, "no certificate\n").unwrap();
    let setup = Setup::before(&stub, "[telemetry]\n# otlp\n");
    let mut gateway = setup.start();
    assert_eq!(gateway.client().get("/untold").unwrap().status, 200);
    let otlp = |ca: &str| format!("otlp = 'https://localhost:{}'\notlp_ca = '{ca}'\n", collector.port);
    let bad = otlp(none.to_str().unwrap());
    setup.change("# otlp\n", &bad);
    gateway.refuse();
    let said = gateway.process.wait_for_line("otlp_ca");
    assert!(said.contains("ERROR"), "{said}");
    assert_eq!(gateway.client().get("/untold").unwrap().status, 200);
    setup.change(&bad, &otlp(authority.certificate().to_str().unwrap()));
    gateway.reload();
    assert_eq!(gateway.client().get("/told").unwrap().status, 200);
    stop(&mut gateway);
    assert_eq!(paths(&collector), [json!("/told")], "{}", gateway.process.output());
}

#[test]
fn spans_name_the_backend_in_force() {
    let (stubs, collector) = ([Stub::start(), Stub::start()], Collector::start(&[]));
    let setup = Setup::before(&stubs[0], &format!("[telemetry]\notlp = 'http://127.0.0.1:{}'\n", collector.port));
    let mut gateway = setup.start();
    assert_eq!(gateway.client().get("/before").unwrap().status, 200);
    let there = format!("http://127.0.0.1:{}", stubs[1].port);
    setup.change("url = { env = \"RAILGATE_UPSTREAM\" }", &format!("url = '{there}'"));
    gateway.reload();
    assert_eq!(gateway.client().get("/after").unwrap().status, 200);
    stop(&mut gateway);
    let here = format!("http://127.0.0.1:{}/before", stubs[0].port);
    let expected = [json!([here, stubs[0].port]), json!([format!("{there}/after"), stubs[1].port])];
    assert_eq!(backends(&collector), expected);
}
