//! What the backend is told of where a request came from: by whom, to which host, in clear or not.

use super::get;
use crate::support::{
    certificates::Authority,
    gateway::{Gateway, Setup},
    stub::{Received, Stub},
};

const BEHIND: &str = "[server]\ntrusted_proxies = ['127.0.0.1']\n";
const FORWARDED: &str = "client_address_header = 'forwarded'\n";

/// `[upstream] forwarded` is this.
fn telling(stub: &Stub, forwarded: &str, more: &str) -> Gateway {
    let lines = format!("[upstream]\nforwarded = '{forwarded}'\n");
    Setup::before(stub, more).changed("[upstream]\n", &lines).start()
}

/// What arrives of a request with these header lines.
fn arrived(gateway: &Gateway, stub: &Stub, lines: &str) -> Received {
    assert_eq!(get(gateway, "/", lines).status, 200, "{lines}");
    stub.take_one()
}

/// Scheme and host as the backend is told them.
fn told(received: &Received) -> (Vec<&str>, Vec<&str>) {
    (received.all("X-Forwarded-Proto"), received.all("X-Forwarded-Host"))
}

const FORGED: &str = "X-Forwarded-Proto: https\r\nX_Forwarded_Proto: https\r\nX-Forwarded-Host: evil.example.com\r\n\
    X-Forwarded-Port: 6666\r\nX-Forwarded-Server: evil\r\nX-Forwarded-Ssl: on\r\nX-Forwarded-Prefix: /evil\r\n\
    Forwarded: for=6.6.6.6;proto=https;host=evil.example.com\r\n";

#[test]
fn a_stranger_says_nothing_of_it() {
    let stub = Stub::start();
    for forwarded in ["x-forwarded", "forwarded", "both"] {
        for more in ["", "[server]\ntrusted_proxies = ['10.0.0.1']\n"] {
            let gateway = telling(&stub, forwarded, more);
            let received = arrived(&gateway, &stub, FORGED);
            assert!(!received.head.contains("evil") && !received.head.contains("6666"), "{}", received.head);
            let (sends_x, sends_forwarded) = (forwarded != "forwarded", forwarded != "x-forwarded");
            let expected = |sent, value| if sent { vec![value] } else { vec![] };
            assert_eq!(told(&received), (expected(sends_x, "http"), expected(sends_x, "api.example.com")));
            assert_eq!(received.all("X-Forwarded-For"), expected(sends_x, "127.0.0.1"));
            let element = "for=127.0.0.1;host=\"api.example.com\";proto=http";
            assert_eq!(received.all("Forwarded"), expected(sends_forwarded, element));
            for other in ["Port", "Server", "Ssl", "Prefix"] {
                assert!(received.all(&format!("X-Forwarded-{other}")).is_empty(), "{}", received.head);
            }
        }
    }
}

#[test]
fn a_trusted_proxy_says_how_its_client_came() {
    let stub = Stub::start();
    let gateway = telling(&stub, "both", BEHIND);
    let lines = "X-Forwarded-For: 6.6.6.6, 2001:db8::9\r\nX-Forwarded-Proto: https\r\n\
        X-Forwarded-Host: shop.example.com:8443\r\nX-Forwarded-Port: 8443\r\nForwarded: for=6.6.6.6;proto=http;host=evil\r\n";
    let received = arrived(&gateway, &stub, lines);
    assert_eq!(told(&received), (vec!["https"], vec!["shop.example.com:8443"]));
    assert_eq!(received.all("X-Forwarded-For"), ["2001:db8::9"]);
    assert_eq!(received.all("Forwarded"), ["for=\"[2001:db8::9]\";host=\"shop.example.com:8443\";proto=https"]);
    assert_eq!(received.all("Host"), ["api.example.com"], "what it was asked by");
    assert!(received.all("X-Forwarded-Port").is_empty());
    for (word, scheme) in [("HTTPS", "https"), ("http", "http"), ("wss", "https"), ("ws", "http")] {
        let received = arrived(&gateway, &stub, &format!("X-Forwarded-Proto: {word}\r\n"));
        assert_eq!(told(&received), (vec![scheme], vec!["api.example.com"]), "{word}");
    }
}

#[test]
fn what_is_said_twice_or_makes_no_sense_is_not_believed() {
    let stub = Stub::start();
    let gateway = telling(&stub, "x-forwarded", BEHIND);
    for lines in [
        "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n",
        "X-Forwarded-Proto: https, http\r\n",
        "X-Forwarded-Proto: ftp\r\n",
        "X-Forwarded-Proto: \r\n",
        "X_Forwarded_Proto: https\r\n",
        "X-Forwarded-Scheme: https\r\n",
        "X-Forwarded-Host: a.example.com\r\nX-Forwarded-Host: b.example.com\r\n",
        "X-Forwarded-Host: a.example.com, b.example.com\r\n",
        "X-Forwarded-Host: user@evil.example.com\r\n",
        "X-Forwarded-Host: evil.example.com/x\r\n",
        "X-Forwarded-Host: \r\n",
        "Forwarded: for=1.1.1.1;proto=https;host=evil.example.com\r\n",
    ] {
        assert_eq!(told(&arrived(&gateway, &stub, lines)), (vec!["http"], vec!["api.example.com"]), "{lines}");
    }
}

#[test]
fn of_forwarded_the_element_counts_that_names_the_client() {
    let stub = Stub::start();
    let gateway = telling(&stub, "x-forwarded", &format!("{BEHIND}{FORWARDED}"));
    let others = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example.com\r\n";
    for (value, scheme, host) in [
        ("for=1.1.1.1;proto=https;host=shop.example.com", "https", "shop.example.com"),
        ("for=1.1.1.1;Proto=HTTPS;host=\"shop.example.com:8443\"", "https", "shop.example.com:8443"),
        ("for=6.6.6.6;proto=https;host=evil, for=1.1.1.1;proto=http;host=shop.example.com", "http", "shop.example.com"),
        ("for=1.1.1.1;proto=https;host=a.example.com, for=127.0.0.1;proto=http;host=b", "https", "a.example.com"),
        ("for=1.1.1.1", "http", "api.example.com"),
        ("for=1.1.1.1;proto=https;proto=https", "http", "api.example.com"),
        // A proxy that puts its client's `Host` there as it came.
        ("for=1.1.1.1;host=\"a;proto=https;b=c\"", "http", "api.example.com"),
        ("for=1.1.1.1;proto=ftp;host=a/b", "http", "api.example.com"),
        ("for=_hidden;proto=https", "http", "api.example.com"),
    ] {
        let received = arrived(&gateway, &stub, &format!("{others}Forwarded: {value}\r\n"));
        assert_eq!(told(&received), (vec![scheme], vec![host]), "{value}");
    }
}

/// Where TLS ends at a proxy, a page that came in clear is another's, as where it ends here.
#[test]
fn a_page_in_clear_is_another_sites_where_the_proxy_says_https() {
    let stub = Stub::start();
    let gateway = telling(&stub, "x-forwarded", BEHIND);
    let post = |origin: &str, lines: &str| {
        let headers = format!("Cookie: jwt={}\r\nOrigin: {origin}\r\n{lines}", super::token());
        let request = format!("POST /api HTTP/1.1\r\nHost: api.example.com\r\n{headers}Content-Length: 0\r\n\r\n");
        super::status(&gateway, &request)
    };
    let (clear, secure) = ("http://api.example.com", "https://api.example.com");
    for (origin, lines, expected) in [
        (clear, "", 200),
        (secure, "", 200),
        (clear, "X-Forwarded-Proto: http\r\n", 200),
        (secure, "X-Forwarded-Proto: https\r\n", 200),
        (clear, "X-Forwarded-Proto: https\r\n", 403),
    ] {
        assert_eq!(post(origin, lines), expected, "{origin} {lines}");
    }
}

#[test]
fn where_tls_ends_here_a_proxy_may_still_say_that_its_client_came_in_clear() {
    let (stub, authority) = (Stub::start(), Authority::new("railgate tests"));
    let shown = crate::transport::tls::shows(&authority.vouch("server", "localhost", "DNS:localhost"));
    let url = |gateway: &Gateway| format!("https://localhost:{}/", gateway.port);
    for (more, scheme) in [(BEHIND, "http"), ("", "https")] {
        let gateway = Setup::before(&stub, more).changed("[upstream]\n", &format!("{shown}\n[upstream]\n")).start();
        let trusted = authority.certificate();
        let arguments = ["--cacert", trusted.to_str().unwrap(), "-H", "X-Forwarded-Proto: http"];
        assert!(crate::transport::curl(&url(&gateway), &arguments).worked);
        assert_eq!(stub.take_one().all("X-Forwarded-Proto"), [scheme]);
    }
}
