//! What another configuration says is in force, on connections that were open before, too.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use serde_json::json;

use super::Kept;
use crate::{
    support::{
        certificates::Authority,
        client::Answer,
        gateway::{STUB_SECRET, Setup},
        jwt,
        stub::Stub,
    },
    transport::{curl, listening, python, tls::shows},
};

fn token(roles: &[&str]) -> String {
    let mut claims = jwt::johns_claims();
    claims["roles"] = json!(roles);
    format!("Authorization: Bearer {}\r\n", jwt::sign(STUB_SECRET, &claims))
}

fn said_by(answer: &Answer) -> (u16, String) {
    (answer.status, if answer.status == 200 { String::new() } else { answer.code() })
}

#[test]
fn routes_listeners_and_limits_count_from_the_next_request_on() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "claims = ['roles']\n[server]\nbody_limit = '1KiB'\n# routes\n");
    let mut gateway = setup.start();
    let mut kept = Kept::open(gateway.port);
    let (large, nobody) = ("x".repeat(2000), "");
    assert_eq!(kept.ask("GET /reports/7", nobody, "").status, 200);
    assert_eq!(Kept::open(gateway.port).ask("POST /any", nobody, &large).status, 413);

    setup.change("# routes\n", "# routes\n[[routes]]\npath = '/reports*'\nauth = 'required'\n");
    setup.change("body_limit = '1KiB'", "body_limit = '1MiB'");
    gateway.reload();
    assert_eq!(kept.ask("GET /reports/7", nobody, "").status, 401);
    assert_eq!(kept.ask("GET /reports/7", &token(&[]), "").status, 200);
    assert_eq!(kept.ask("GET /any", nobody, "").status, 200);
    assert_eq!(kept.ask("POST /any", nobody, &large).status, 200);

    setup.change("auth = 'required'\n", "roles = ['staff']\n");
    setup.change(
        "address = { env = \"RAILGATE_LISTEN\" }",
        "address = { env = \"RAILGATE_LISTEN\" }\nauth = 'required'",
    );
    gateway.reload();
    // The directory says which roles john has: none.
    assert_eq!(said_by(&kept.ask("GET /reports/7", &token(&[]), "")), (403, "FORBIDDEN".to_owned()));
    assert_eq!(kept.ask("GET /any", nobody, "").status, 401);
    assert_eq!(kept.ask("GET /any", &token(&[]), "").status, 200);
}

#[test]
fn a_connection_of_http_2_takes_the_new_rules_too() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "");
    let mut gateway = setup.start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/http2.py");
    let mut client = Command::new(python())
        .args([script, &gateway.port.to_string(), "before-and-after"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut says = BufReader::new(client.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(says.next().unwrap(), "200");
    setup.change(
        "address = { env = \"RAILGATE_LISTEN\" }",
        "address = { env = \"RAILGATE_LISTEN\" }\nauth = 'required'",
    );
    gateway.reload();
    client.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    assert_eq!(says.next().unwrap(), "401");
    assert!(client.wait().unwrap().success());
}

#[test]
fn certificates_elsewhere_are_shown_and_the_log_lets_through_what_it_is_told_to() {
    let (stub, authority) = (Stub::start(), Authority::new("railgate tests"));
    let before = shows(&authority.vouch("before", "localhost", "DNS:localhost"));
    let setup = listening(&stub, &before, "[log]\nlevel = 'info'\n");
    let mut gateway = setup.start();
    let elsewhere = Authority::new("another");
    setup.change(&before, &shows(&elsewhere.vouch("after", "localhost", "DNS:localhost")));
    setup.change("level = 'info'", "level = 'railgate::http=debug,info'");
    assert!(!gateway.process.output().contains("DEBUG"));
    gateway.reload();
    let url = format!("https://localhost:{}/x", gateway.port);
    for (authority, works) in [(&authority, false), (&elsewhere, true)] {
        let got = curl(&url, &["--cacert", authority.certificate().to_str().unwrap()]);
        assert_eq!(got.worked, works, "{}", got.text);
    }
    gateway.process.wait_for_line("DEBUG railgate::http");
}
