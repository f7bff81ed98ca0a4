//! TLS with clients, as curl and openssl see it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::{Curled, curl, listening};
use crate::support::{
    certificates::{Authority, Identity},
    gateway::Gateway,
    stub::{ANSWER, Stub},
};

/// The lines of a listener that shows this certificate.
pub(crate) fn shows(identity: &Identity) -> String {
    let Identity { certificate, key } = identity;
    format!("tls.certificate = '{}'\ntls.key = '{}'\n", certificate.display(), key.display())
}

fn by(gateway: &Gateway, authority: &Authority, arguments: &[&str]) -> Curled {
    let (url, trusted) = (format!("https://localhost:{}/x", gateway.port), authority.certificate());
    let arguments = [&["--cacert", trusted.to_str().unwrap()], arguments].concat();
    curl(&url, &arguments)
}

/// What `openssl s_client` has to say with these arguments.
pub(super) fn s_client(port: u16, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).args(arguments);
    let output = command.stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Whose certificate is shown to a client that asks for this name; none at all for "".
pub(super) fn shown(port: u16, name: &str) -> String {
    let asks = if name.is_empty() { vec!["-noservername"] } else { vec!["-servername", name] };
    let said = s_client(port, &asks);
    let subject = said.lines().find_map(|line| line.strip_prefix("subject="));
    subject.unwrap_or_else(|| panic!("{said}")).replace(' ', "")
}

#[test]
fn a_request_by_tls_is_told_of_as_such() {
    let authority = Authority::new("railgate tests");
    let stub = Stub::start();
    let secure = listening(&stub, &shows(&authority.vouch("server", "localhost", "DNS:localhost")), "").start();
    let answer = by(&secure, &authority, &[]);
    assert!(answer.worked && answer.text.ends_with(ANSWER), "{}", answer.text);
    let received = stub.take_one();
    assert_eq!(received.all("X-Forwarded-Proto"), ["https"]);
    assert_eq!(received.all("X-Forwarded-Host"), [format!("localhost:{}", secure.port)]);

    let plain = listening(&stub, "", "").start();
    plain.client().with("X-Forwarded-Proto", "https").get("/x").expect("an answer");
    assert_eq!(stub.take_one().all("X-Forwarded-Proto"), ["http"]);
}

#[test]
fn the_certificate_is_that_of_the_name_that_is_asked_for() {
    let authority = Authority::new("railgate tests");
    let identities = [
        authority.vouch("first", "first", "DNS:first.example.com"),
        authority.vouch("second", "second", "DNS:second.example.com"),
        authority.vouch("wild", "wild", "DNS:*.wild.example.com"),
    ];
    let other = |at: usize| {
        let Identity { certificate, key } = &identities[at];
        format!("{{ certificate = '{}', key = '{}' }}", certificate.display(), key.display())
    };
    let lines = format!("{}tls.certificates = [{}, {}]\n", shows(&identities[0]), other(1), other(2));
    let gateway = listening(&Stub::start(), &lines, "").start();
    for (name, whose) in [
        ("first.example.com", "CN=first"),
        ("second.example.com", "CN=second"),
        ("SECOND.example.com", "CN=second"),
        ("a.wild.example.com", "CN=wild"),
        ("a.b.wild.example.com", "CN=first"),
        ("unknown.example.com", "CN=first"),
        ("", "CN=first"),
    ] {
        assert_eq!(shown(gateway.port, name), whose, "{name}");
    }
}

#[test]
fn versions_before_1_2_are_refused() {
    let authority = Authority::new("railgate tests");
    let gateway = listening(&Stub::start(), &shows(&authority.vouch("s", "localhost", "DNS:localhost")), "").start();
    for version in ["-tls1_2", "-tls1_3"] {
        let said = s_client(gateway.port, &[version]);
        assert!(said.contains("Cipher is ") && !said.contains("Cipher is (NONE)"), "{said}");
    }
    for version in ["-tls1", "-tls1_1"] {
        let said = s_client(gateway.port, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(said.contains(" alert ") && said.contains("Cipher is (NONE)"), "{said}");
    }
}

#[test]
fn clients_show_a_certificate_where_they_have_to() {
    let (authority, strangers) = (Authority::new("railgate tests"), Authority::new("strangers"));
    let server = shows(&authority.vouch("server", "localhost", "DNS:localhost"));
    let (known, stranger) =
        (authority.vouch("known", "known", "DNS:known"), strangers.vouch("known", "known", "DNS:known"));
    fn path(path: &Path) -> &str {
        path.to_str().unwrap()
    }
    let with = |identity: &Identity, gateway: &Gateway| {
        by(gateway, &authority, &["--cert", path(&identity.certificate), "--key", path(&identity.key)]).worked
    };
    let stub = Stub::start();
    let asks = format!("{server}tls.client_authority = '{}'\n", authority.certificate().display());
    let required = listening(&stub, &asks, "").start();
    assert!(with(&known, &required));
    stub.take_one();
    assert!(!by(&required, &authority, &[]).worked && !with(&stranger, &required));
    assert!(stub.requests().is_empty());

    let optional = listening(&stub, &format!("{asks}tls.client_certificates = 'optional'\n"), "").start();
    assert!(with(&known, &optional) && by(&optional, &authority, &[]).worked);
    assert!(!with(&stranger, &optional), "one that is shown has to be good");
    assert_eq!(stub.requests().len(), 2);
}

#[test]
fn a_handshake_takes_no_longer_than_it_may() {
    let authority = Authority::new("railgate tests");
    let lines = shows(&authority.vouch("server", "localhost", "DNS:localhost")) + "tls.handshake_timeout = '300ms'\n";
    let stub = Stub::start();
    let mut gateway = listening(&stub, &lines, "").start();
    let mut silent = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert!(matches!(silent.read(&mut [0; 16]), Ok(0)), "closed");

    let mut in_clear = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    in_clear.write_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _reset = in_clear.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    assert!(stub.requests().is_empty());

    let _silent = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    gateway.process.signal(libc::SIGTERM);
    assert!(gateway.process.wait(Duration::from_secs(10)).success(), "nobody is waited for who has asked for nothing");
}
