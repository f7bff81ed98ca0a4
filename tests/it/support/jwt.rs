//! Rail Django's access tokens, made by hand.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};

/// The claims of an access token of john's, good for an hour.
pub(crate) fn johns_claims() -> Value {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    json!({ "user_id": 1, "username": "john", "type": "access", "iat": now, "exp": now + 3600, "roles": [], "permissions": [] })
}

/// An HS256 JWT over these claims.
pub(crate) fn sign(secret: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

/// The claims of a JWT whose signature is right.
pub(crate) fn open(secret: &str, token: &str) -> Value {
    let (signed, mac) = token.rsplit_once('.').expect("three parts");
    let mac = URL_SAFE_NO_PAD.decode(mac).expect("base64url");
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, signed.as_bytes(), &mac).expect("the backend's secret signed it");
    claims(token)
}

/// The claims of a JWT, whoever signed it.
pub(crate) fn claims(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("three parts")).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}
