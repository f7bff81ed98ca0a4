//! The PROXY protocol: HAProxy passes connections on, and says whose they are.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use super::{curl, listening, tls::shows};
use crate::support::{
    certificates::Authority,
    client::read_answer,
    gateway::Gateway,
    ports,
    process::Process,
    stub::{ANSWER, Stub},
};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const REQUEST: &[u8] = b"GET /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\
    X-Forwarded-Host: evil.example.com\r\nX-Request-Id: r-1\r\n\
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";

fn behind(proxy: &str, stub: &Stub, listener: &str) -> Gateway {
    let trusted = format!("[server]\ntrusted_proxies = ['{proxy}']\n");
    listening(stub, &format!("proxy_protocol = true\n{listener}"), &trusted).start()
}

/// What comes back for these bytes: a status, or 0 where the connection ends without an answer.
fn status(gateway: &Gateway, bytes: &[&[u8]]) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let _sent = stream.write_all(&bytes.concat());
    read_answer(&mut stream).unwrap().map_or(0, |answer| answer.status)
}

fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

#[test]
fn the_client_is_whom_haproxy_names() {
    let authority = Authority::new("railgate tests");
    let stub = Stub::start();
    let secure = shows(&authority.vouch("server", "localhost", "DNS:localhost"));
    for (listener, scheme) in [("", "http"), (secure.as_str(), "https")] {
        let gateway = behind("127.0.0.1", &stub, listener);
        let (folder, port) = (tempfile::tempdir().unwrap(), ports::free());
        let config = folder.path().join("haproxy.cfg");
        let text = format!(
            "defaults\n  mode tcp\n  timeout client 30s\n  timeout server 30s\n  timeout connect 5s\n\
             listen passed-on\n  bind 127.0.0.1:{port}\n  server gateway 127.0.0.1:{} send-proxy-v2\n",
            gateway.port
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(&config);
        let mut haproxy = Process::spawn(command, "haproxy");
        haproxy.wait_until(Duration::from_secs(30), || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let trusted = authority.certificate();
        let arguments = ["--interface", "127.0.0.2", "--cacert", trusted.to_str().unwrap()];
        let got = curl(&format!("{scheme}://localhost:{port}/x"), &arguments);
        assert!(got.worked && got.text.ends_with(ANSWER), "{}", got.text);
        let received = stub.take_one();
        assert_eq!(received.all("X-Forwarded-For"), ["127.0.0.2"]);
        assert_eq!(received.all("X-Forwarded-Proto"), [scheme]);
    }
}

#[test]
fn no_question_counts_where_a_proxy_passes_on_bytes() {
    let (stub, ports) = (Stub::start(), [ports::free(), ports::free()]);
    let [passed_on, direct] = ports.map(|port| format!("[[listeners]]\naddress = '127.0.0.1:{port}'\n"));
    let trusted = "[server]\ntrusted_proxies = ['127.0.0.1']\n[forward_auth]\nenabled = true\nauth = 'optional'\n";
    let more = format!("{direct}{passed_on}proxy_protocol = true\n{trusted}");
    let _gateway = crate::support::gateway::Setup::before(&stub, &more).start();
    let question = b"GET /_railgate/auth HTTP/1.1\r\nHost: a\r\nX-Forwarded-Method: GET\r\n\
        X-Forwarded-Uri: /api\r\nX-Forwarded-Host: a\r\n\r\n";
    let asked = |port: u16, header: &[u8]| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(&[header, question].concat()).unwrap();
        read_answer(&mut stream).unwrap().unwrap().status
    };
    assert_eq!(asked(ports[1], b""), 200);
    let named = [127, 0, 0, 1, 127, 0, 0, 1, 0x12, 0x34, 0, 80];
    for header in [header(0x21, 0x11, &named), header(0x20, 0x00, b""), header(0x21, 0x00, b"")] {
        assert_eq!(asked(ports[0], &header), 404);
    }
    assert!(stub.requests().is_empty());
}

#[test]
fn only_a_trusted_proxy_may_say_it_and_it_has_to() {
    let stub = Stub::start();
    let gateway = behind("127.0.0.1", &stub, "");
    let v4 = [203, 0, 113, 9, 127, 0, 0, 1, 0x12, 0x34, 0, 80];
    assert_eq!(status(&gateway, &[&header(0x21, 0x11, &v4), REQUEST]), 200);
    assert_eq!(stub.take_one().all("X-Forwarded-For"), ["203.0.113.9"], "who is no proxy says nothing more");
    assert_eq!(status(&gateway, &[&header(0x20, 0x00, b""), REQUEST]), 200);
    assert_eq!(stub.take_one().all("X-Forwarded-For"), ["127.0.0.1"], "the proxy itself, which adds to no header");
    let trusted = [127, 0, 0, 1, 127, 0, 0, 1, 0x12, 0x34, 0, 80];
    assert_eq!(status(&gateway, &[&header(0x21, 0x11, &trusted), REQUEST]), 200);
    let received = stub.take_one();
    assert_eq!(received.all("X-Forwarded-For"), ["127.0.0.1"], "a client that lies among the proxies");
    assert_eq!((received.all("X-Forwarded-Proto"), received.all("X-Forwarded-Host")), (vec!["http"], vec!["a"]));
    assert_ne!(received.all("X-Request-Id"), ["r-1"]);
    let traces = received.all("traceparent");
    assert!(traces.len() == 1 && !traces[0].contains("0af7651916cd43dd8448eb211c80319c"), "{traces:?}");

    let version_1 = b"PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n".as_slice();
    let whole = header(0x21, 0x11, &v4);
    for bytes in [&[version_1, REQUEST], &[b"", REQUEST], &[&header(0x21, 0x12, &v4), REQUEST]] {
        assert_eq!(status(&gateway, bytes), 0);
    }
    let others = behind("10.0.0.1", &stub, "");
    assert_eq!(status(&others, &[&whole, REQUEST]), 0);
    let plain = listening(&stub, "", "").start();
    assert_eq!(status(&plain, &[&whole, REQUEST]), 400, "where nobody asked for it");
    assert!(stub.requests().is_empty());

    let mut silent = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    silent.write_all(&whole[..20]).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert!(matches!(silent.read(&mut [0; 16]), Ok(0)), "one that says half of it is not waited for");
}
