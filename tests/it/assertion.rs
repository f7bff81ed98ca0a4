//! The signed assertion of each request, and the keys by which a backend checks it.

use std::{fs, process::Command};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::support::{
    django,
    gateway::{GQL, Gateway, STUB_SECRET, Setup, Tokens},
    jwt,
    stub::{Received, Stub},
    template::run,
};

const JWKS: &str = "/.well-known/jwks.json";
const ON: &str = "[upstream.identity]\nassertion = true\naudience = \"api\"\n";

fn key_ids(gateway: &Gateway) -> Vec<String> {
    let set = gateway.client().get(JWKS).unwrap().json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Header and claims of the one assertion that came, checked against the keys that the gateway publishes.
fn open(gateway: &Gateway, received: &Received) -> (Value, Value) {
    let lines = received.all("X-Auth-Assertion");
    let [token] = lines.as_slice() else { panic!("{}", received.head) };
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    let set = gateway.client().get(JWKS).unwrap().json();
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap().clone();
    let public = decode(key["x"].as_str().unwrap());
    UnparsedPublicKey::new(&ED25519, public).verify(signed.as_bytes(), &decode(signature)).unwrap();
    (header, serde_json::from_slice(&decode(payload)).unwrap())
}

#[test]
fn each_request_carries_a_signed_word_about_its_caller() {
    let (stub, users) = (Stub::start(), django::Backend::sqlite());
    let gateway = Setup::bare(stub.port, users.url(), "the Django project's secret, which signs")
        .changed("#assertion = false", "assertion = true")
        .changed("#example: audience = \"api\"", "audience = \"api\"")
        .start();
    let before = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    gateway.client().bearer(&tokens.access).graphql(GQL, "{ viewer { id } }", json!({}));
    let received = stub.take_one();
    let (header, claims) = open(&gateway, &received);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("railgate-assertion+jwt")));
    for (claim, value) in [
        ("iss", json!("railgate")),
        ("aud", json!("api")),
        ("htm", json!("POST")),
        ("target", json!(GQL)),
        ("sub", json!("1")),
        ("username", json!("john")),
        ("email", json!("john@example.com")),
        ("roles", json!(["editors"])),
        ("method", json!("bearer")),
        ("mfa", json!(false)),
        ("sid", json!(received.all("X-Auth-Session-Id")[0])),
    ] {
        assert_eq!(claims[claim], value, "{claim}");
    }
    let [issued, expires] = ["iat", "exp"].map(|claim| claims[claim].as_u64().unwrap());
    assert!((before..before + 60).contains(&issued) && expires == issued + 30, "{claims}");
    assert_eq!(received.all("X-Auth-Username"), ["john"], "beside the headers");
    assert!(received.all("Authorization")[0].starts_with("Bearer "), "and beside the bearer");
}

#[test]
fn what_is_signed_is_what_is_sent() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, ON).start();
    let john = gateway.client().bearer(&jwt::sign(STUB_SECRET, &jwt::johns_claims()));
    for (method, asked) in
        [("GET", "/api"), ("DELETE", "//api/%7Ea?x=%2e&y"), ("GET", "/graphql/?query={me}&token=abc")]
    {
        john.send(method, asked, "").unwrap();
        let received = stub.take_one();
        let (_, claims) = open(&gateway, &received);
        let signed = format!("{} {} HTTP/1.1", claims["htm"].as_str().unwrap(), claims["target"].as_str().unwrap());
        assert_eq!(signed, received.request_line());
    }
}

#[test]
fn of_nobody_it_says_nothing_and_nobody_brings_one_along() {
    let stub = Stub::start();
    let gateway = Setup::before(&stub, ON).start();
    let john = gateway.client().bearer(&jwt::sign(STUB_SECRET, &jwt::johns_claims()));
    john.get("/api").unwrap();
    let stolen = stub.take_one().all("X-Auth-Assertion")[0].to_owned();
    for name in ["X-Auth-Assertion", "x_auth_assertion", "X.Auth.Assertion"] {
        for path in ["/api", GQL] {
            gateway.client().with(name, &stolen).get(path).unwrap();
            let received = stub.take_one();
            let (_, claims) = open(&gateway, &received);
            assert!(claims.get("sub").is_none() && claims.get("username").is_none(), "{claims}");
            assert!(!received.head.contains(&stolen), "{name} {path}");
        }
    }
    let without = Setup::before(&stub, "").start();
    without.client().with("X-Auth-Assertion", &stolen).get("/api").unwrap();
    assert!(stub.take_one().all("X-Auth-Assertion").is_empty());
}

#[test]
fn the_keys_are_published_and_the_path_is_the_gateways() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, &format!("{ON}jwks_path = \"/keys.json\"\n[cors]\nallowed_origins = []\n"));
    let gateway = setup.start();
    for path in ["/keys.json", "/keys%2Ejson", "//keys.json", "/keys.json?x"] {
        let answer = gateway.client().bearer("garbage").get(path).unwrap();
        assert_eq!((answer.status, answer.all("Cache-Control")), (200, vec!["public, max-age=300"]), "{path}");
        assert_eq!(answer.all("Content-Type"), ["application/jwk-set+json"]);
        assert!(answer.all("Access-Control-Allow-Origin").is_empty());
        let key = &answer.json()["keys"][0];
        assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
        assert!(key.get("d").is_none(), "{key}");
    }
    let head = gateway.client().send("HEAD", "/keys.json", "").unwrap();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let post = gateway.client().send("POST", "/keys.json", "{}").unwrap();
    assert_eq!((post.status, post.all("Allow")), (405, vec!["GET, HEAD"]));
    assert!(stub.requests().is_empty());
    gateway.client().get(JWKS).unwrap();
    assert_eq!(stub.take_one().request_line(), format!("GET {JWKS} HTTP/1.1"), "not the gateway's here");
    let secret = fs::read_to_string(setup.state_dir().join("assertion.key")).unwrap();
    assert!(secret.starts_with("k4.secret.") && !gateway.process.output().contains(secret.trim()));
}

#[test]
fn a_key_is_published_before_it_signs_and_after_it_has() {
    let stub = Stub::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assertion.key");
    let keygen = |arguments: &[&str]| run(Command::new(env!("CARGO_BIN_EXE_railgate")).arg("keygen").args(arguments));
    fs::write(&path, keygen(&["--assertion"])).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let setup = Setup::before(&stub, &format!("{ON}assertion_keys = {{ file = '{}' }}\n", path.display()));
    let signs = |gateway: &Gateway| {
        gateway.client().get("/api").unwrap();
        open(gateway, &stub.take_one()).0["kid"].as_str().unwrap().to_owned()
    };
    let rotate = |option: &str| keygen(&[option, path.to_str().unwrap()]);

    let first = setup.start();
    let old = signs(&first);
    assert_eq!(key_ids(&first), [old.as_str()]);
    assert!(rotate("--rotate").contains(&format!("signs       {old}")));
    let second = setup.start();
    let published = key_ids(&second);
    assert_eq!((signs(&second), published.len(), &published[0]), (old.clone(), 2, &old));
    rotate("--rotate");
    let third = setup.start();
    assert_eq!(signs(&third), published[1], "it was known before");
    assert_eq!(key_ids(&third).last(), Some(&old), "and the old one still is");
    rotate("--drop-old");
    assert!(!key_ids(&setup.start()).contains(&old));
}
