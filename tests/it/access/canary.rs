//! Credentials, wherever a client puts them, are in none of the logs, in no format, and in no metric.

use serde_json::json;

use crate::support::{
    client::Client,
    django,
    gateway::{AUTH, GQL, Gateway, LOGIN, REFRESH, STUB_SECRET, Setup, Tokens},
    stub::Stub,
};

/// What stands for a secret that nobody can tell from one by its looks.
pub(crate) const CANARY: &str = "canary0123456789";
/// What is as long as a secret: 128 bits in hexadecimal.
const LONG: &str = "0123456789abcdef0123456789abcdef";

/// Sends each of these secrets in every place of a request.
pub(crate) fn sent_everywhere(client: &Client, secret: &str) {
    let literal = format!("mutation {{ login(username: \"{secret}\", password: \"{secret}\") {{ {secret}: ok }} }}");
    for (path, document) in [
        (AUTH, literal.as_str()),
        (AUTH, &format!("mutation {secret} {{ refreshToken(refreshToken: \"{secret}\") {{ ok }} }}")),
        (GQL, &format!("query {secret} {{ {secret}: me {{ id }} x(token: \"{secret}\") }}")),
        (GQL, &format!("{{ login {secret}")),
    ] {
        client.graphql(path, document, json!({ secret: secret }));
        client.bearer(secret).graphql(path, document, json!({ secret: secret }));
        client.with("Cookie", &format!("jwt={secret}; refresh_token={secret}")).graphql(path, document, json!({}));
    }
    for (name, value) in [
        ("Authorization", format!("Token {secret}")),
        ("Cookie", format!("sessionid={secret}; csrftoken={secret}")),
        ("X-Auth-User-Id", secret.to_owned()),
        ("X-Forwarded-For", secret.to_owned()),
        ("X-Request-Id", secret.to_owned()),
        ("traceparent", secret.to_owned()),
        ("tracestate", format!("a={secret}")),
        ("User-Agent", secret.to_owned()),
    ] {
        client.with(name, &value).send("POST", "/api/", secret).unwrap();
    }
    for target in
        [format!("/api/?token={secret}"), format!("{GQL}?access_token={secret}&query={{a}}"), format!("/?{secret}")]
    {
        client.get(&target).unwrap();
    }
}

fn is_told(gateway: &mut Gateway, secrets: &[&str]) {
    gateway.process.signal(libc::SIGTERM);
    gateway.process.wait(std::time::Duration::from_secs(60));
    let output = gateway.process.output();
    assert!(output.matches("access").count() > 20, "{output}");
    for secret in secrets {
        let line = output.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[test]
fn no_credential_is_in_a_log_whatever_its_format() {
    for format in ["text", "json"] {
        let (stub, directory) = (Stub::start(), django::Backend::sqlite());
        directory.cheap_password("john", "secret123");
        let kept = "[audit]\npath = \"./audit.log\"\nstdout = true\n";
        let setup = Setup::bare(stub.port, directory.url(), STUB_SECRET)
            .changed("#format = \"text\"", &format!("format = \"{format}\""))
            .changed("[audit]\n", kept)
            .changed("#iterations = 1000000", "iterations = 1000")
            .unthrottled()
            .admin();
        let mut gateway = setup.start();
        let (client, admin) = (gateway.client(), gateway.admin());
        sent_everywhere(&client, CANARY);
        let login = client.graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }));
        let first = Tokens::of(&login.json()["data"]["login"]);
        let refreshed = client.graphql(AUTH, REFRESH, json!({ "r": first.refresh }));
        let second = Tokens::of(&refreshed.json()["data"]["refreshToken"]);
        for secret in [&first.access, &first.refresh, &second.access, &second.refresh, LONG] {
            client.bearer(secret).get(&format!("/reset/{secret}/")).unwrap();
            client.get(&format!("/x/{secret}?token={secret}")).unwrap();
        }
        let (access, refresh) = ([&first.access, &second.access], [&first.refresh, &second.refresh]);
        let secrets = [CANARY, "secret123", LONG, access[0], access[1], refresh[0], refresh[1]];
        for path in ["/metrics", "/readyz"] {
            let page = admin.get(path).unwrap().body;
            assert!(!secrets.iter().any(|secret| page.contains(secret)), "{page}");
        }
        is_told(&mut gateway, &secrets);
        let events = std::fs::read_to_string(setup.state_dir().join("audit.log")).unwrap();
        assert!(events.lines().count() >= 6, "{events}");
        for secret in secrets {
            assert!(!events.contains(secret), "{secret}");
        }
    }
}
