//! What an assertion says, and that it is signed.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use super::{AssertionKey, AssertionKeys, Assertions, Terms};
use crate::model::{AuthMethod, Principal, SessionId, SystemEntropy, Timestamp, UserId};

const NOW: Timestamp = Timestamp::from_secs(1_795_340_542);

fn assertions(permissions: bool) -> Assertions {
    let keys = [(); 2].map(|()| AssertionKey::generate(&SystemEntropy).unwrap());
    let terms = Terms {
        issuer: "railgate".to_owned(),
        audience: "api".to_owned(),
        lifetime: Duration::from_secs(30),
        permissions,
    };
    Assertions::new(AssertionKeys::parse(&keys).unwrap(), terms)
}

fn john() -> Principal {
    let id = SessionId::from_bytes([7; 16]);
    Principal {
        user: UserId::new("1"),
        username: "john".into(),
        email: Some("john@example.com".into()),
        roles: Some(["editors".to_owned()].into()),
        permissions: Some(["users.view_user".to_owned()].into()),
        session: Some(id),
        handle: id,
        method: AuthMethod::Cookie,
        mfa: true,
        auth_time: Timestamp::from_secs(1_795_340_000),
        expires: Timestamp::from_secs(1_795_350_000),
    }
}

/// Header and claims, once the signature is seen to be that of a published key.
fn open(assertions: &Assertions, token: &str) -> (Value, Value) {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    let set: Value = serde_json::from_str(&assertions.key_set()).unwrap();
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let public = decode(key["x"].as_str().unwrap());
    UnparsedPublicKey::new(&ED25519, public).verify(signed.as_bytes(), &decode(signature)).unwrap();
    (header, serde_json::from_slice(&decode(payload)).unwrap())
}

#[test]
fn it_tells_who_makes_which_request() {
    let assertions = assertions(true);
    let (header, claims) = open(&assertions, &assertions.sign(Some(&john()), "POST", "/graphql/?a=b", NOW));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("railgate-assertion+jwt")));
    assert_eq!(header["kid"], json!(assertions.keys.signing().id()), "the first key signs");
    assert_eq!(
        claims,
        json!({
            "iss": "railgate", "aud": "api", "iat": 1_795_340_542, "exp": 1_795_340_572,
            "htm": "POST", "target": "/graphql/?a=b",
            "sub": "1", "username": "john", "email": "john@example.com", "roles": ["editors"],
            "permissions": ["users.view_user"], "sid": SessionId::from_bytes([7; 16]).to_string(),
            "method": "cookie", "mfa": true, "auth_time": 1_795_340_000,
        })
    );
}

#[test]
fn permissions_are_told_where_they_are_asked_for() {
    let assertions = assertions(false);
    let (_, claims) = open(&assertions, &assertions.sign(Some(&john()), "GET", "/", NOW));
    assert!(claims.get("permissions").is_none() && claims["roles"] == json!(["editors"]), "{claims}");
}

#[test]
fn of_an_anonymous_caller_it_says_nothing() {
    let assertions = assertions(true);
    let (_, claims) = open(&assertions, &assertions.sign(None, "GET", "/api", NOW));
    let said: Vec<_> = claims.as_object().unwrap().keys().collect();
    assert_eq!(said, ["iss", "aud", "iat", "exp", "htm", "target"]);
}
