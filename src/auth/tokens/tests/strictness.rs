//! Every claim of either format, mistyped, null, absent, and every instant on either side of its border.

use serde_json::{Map, Value, json};

use super::{
    super::keys::Key, AccessFormat, AccessTokens, AuthMethod, KeyRing, NOW, OptionalClaims, SECRET, Secret,
    SystemEntropy, TokenError, paseto_of, rail,
};
use crate::model::Timestamp;

/// A format as somebody who has its key could write it.
struct Form {
    name: &'static str,
    tokens: AccessTokens,
    seal: Box<dyn Fn(&str) -> String>,
    /// A token's claims, with all that it may carry.
    good: Map<String, Value>,
    /// Claims that a token may do without.
    optional: &'static [&'static str],
    instant: fn(i64) -> Value,
    /// What is no instant.
    no_instants: Vec<Value>,
}

fn forms() -> [Form; 2] {
    let key = Key::generate(&SystemEntropy).unwrap();
    let ring = KeyRing::parse([&key]).unwrap();
    let tokens = |format| AccessTokens::new(format, &ring, None, OptionalClaims::default());
    [
        Form {
            name: "paseto",
            tokens: tokens(AccessFormat::Paseto),
            seal: Box::new(paseto_of(&ring)),
            good: object(json!({
                "sub": "1", "username": "john", "sid": "AwMDAwMDAwMDAwMDAwMDAw", "iat": text(0), "nbf": text(0),
                "exp": text(900), "auth_time": NOW.as_secs(), "mfa": false, "email": "john@example.com",
                "roles": ["editor"], "permissions": ["users.view_user"],
            })),
            optional: &["nbf", "email", "roles", "permissions"],
            instant: text,
            no_instants: vec![
                json!("2027-01-15T08:15:00"),
                json!("2027-01-15"),
                json!("2027-01-15 08:15"),
                json!("1800000900"),
                json!("tomorrow"),
                json!(" 2027-01-15T08:15:00Z"),
                json!("2027-13-15T08:15:00Z"),
                json!(""),
                json!(1_800_000_900),
            ],
        },
        Form {
            name: "jwt",
            tokens: tokens(AccessFormat::Jwt { secret: Secret::new(SECRET), others: Vec::new() }),
            seal: Box::new(rail),
            good: object(json!({
                "user_id": 1, "username": "john", "type": "access", "railgate": "access",
                "sid": "AwMDAwMDAwMDAwMDAwMDAw", "iat": number(0), "nbf": number(0), "exp": number(900),
                "auth_time": NOW.as_secs(), "mfa": false, "email": "john@example.com", "roles": ["editor"],
                "permissions": ["users.view_user"],
            })),
            optional: &["nbf", "auth_time", "mfa", "email", "roles", "permissions"],
            instant: number,
            no_instants: vec![
                json!("1800000900"),
                json!("2027-01-15T08:15:00Z"),
                json!(1_800_000_900.0),
                json!(1_800_000_900.5),
                serde_json::from_str("18e8").unwrap(),
                serde_json::from_str("18446744073709551616").unwrap(),
                serde_json::from_str("9223372036854775808").unwrap(),
            ],
        },
    ]
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// So many seconds from now, as each format writes it.
fn text(offset: i64) -> Value {
    json!(Timestamp::from_secs(NOW.as_secs() + offset).to_string())
}

fn number(offset: i64) -> Value {
    json!(NOW.as_secs() + offset)
}

impl Form {
    fn verify(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        let token = (self.seal)(&Value::Object(claims.clone()).to_string());
        self.tokens.verify(&token, AuthMethod::Bearer, NOW).map(drop)
    }

    fn with(&self, claim: &str, value: Value) -> Result<(), TokenError> {
        let mut claims = self.good.clone();
        claims.insert(claim.to_owned(), value);
        self.verify(&claims)
    }

    fn without(&self, claim: &str) -> Result<(), TokenError> {
        let mut claims = self.good.clone();
        claims.remove(claim).unwrap();
        self.verify(&claims)
    }
}

/// A value of every kind, and lists that aren't all texts.
fn every_kind() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(7),
        json!(7.5),
        json!("text"),
        json!(["text"]),
        json!([1]),
        json!([null]),
        json!({}),
    ]
}

/// Whether a claim that is written like `good` may be written like `other`.
fn is_of_its_kind(claim: &str, good: &Value, other: &Value) -> bool {
    match (good, other) {
        // Django's keys are integers or texts.
        (Value::Number(_), Value::String(_)) => claim == "user_id",
        (Value::Number(_), Value::Number(number)) => number.is_i64(),
        (Value::Array(_), Value::Array(items)) => items.iter().all(Value::is_string),
        (good, other) => std::mem::discriminant(good) == std::mem::discriminant(other),
    }
}

#[test]
fn a_claim_of_another_kind_or_null_is_no_good() {
    for form in forms() {
        assert_eq!(form.verify(&form.good), Ok(()), "{}", form.name);
        for (claim, good) in &form.good {
            for value in every_kind().into_iter().filter(|value| !is_of_its_kind(claim, good, value)) {
                let why = format!("{}: {claim} = {value}", form.name);
                assert_eq!(form.with(claim, value), Err(TokenError::Malformed), "{why}");
            }
        }
    }
}

#[test]
fn a_claim_may_be_absent_only_where_it_says_so() {
    for form in forms() {
        for claim in form.good.keys() {
            let expected = if form.optional.contains(&claim.as_str()) { Ok(()) } else { Err(TokenError::Malformed) };
            assert_eq!(form.without(claim), expected, "{}: {claim}", form.name);
        }
    }
}

#[test]
fn a_claim_that_stands_twice_is_no_good() {
    for form in forms() {
        for (claim, value) in &form.good {
            let claims = Value::Object(form.good.clone()).to_string();
            let twice = claims.replacen('{', &format!("{{{}:{value},", json!(claim)), 1);
            let verdict = form.tokens.verify(&(form.seal)(&twice), AuthMethod::Bearer, NOW).map(drop);
            assert_eq!(verdict, Err(TokenError::Malformed), "{}: {claim}", form.name);
        }
    }
}

#[test]
fn instants_have_the_documented_borders() {
    for form in forms() {
        for (claim, offset, expected) in [
            ("exp", 1, Ok(())),
            ("exp", 0, Err(TokenError::Expired)),
            ("exp", -1, Err(TokenError::Expired)),
            ("exp", -1_000_000_000, Err(TokenError::Expired)),
            ("iat", -1_000_000_000, Ok(())),
            ("iat", 60, Ok(())),
            ("iat", 61, Err(TokenError::Malformed)),
            ("nbf", 0, Ok(())),
            ("nbf", 1, Err(TokenError::Malformed)),
        ] {
            let why = format!("{}: {claim} {offset:+} s", form.name);
            assert_eq!(form.with(claim, (form.instant)(offset)), expected, "{why}");
        }
    }
}

#[test]
fn what_is_no_instant_is_no_good() {
    for form in forms() {
        for claim in ["iat", "nbf", "exp"] {
            for value in &form.no_instants {
                let why = format!("{}: {claim} = {value}", form.name);
                assert_eq!(form.with(claim, value.clone()), Err(TokenError::Malformed), "{why}");
            }
        }
    }
}

#[test]
fn claims_that_nobody_asked_for_change_nothing() {
    for form in forms() {
        for claim in ["iss", "jti", "is_superuser", "kid"] {
            assert_eq!(form.with(claim, json!("x")), Ok(()), "{}: {claim}", form.name);
        }
    }
}

#[test]
fn payloads_that_are_no_objects_are_no_good() {
    for form in forms() {
        let good = Value::Object(form.good.clone()).to_string();
        for payload in
            ["", "null", "[]", "\"\"", "{}", &format!("[{good}]"), &format!("{good}{good}"), &format!("{good} x")]
        {
            let verdict = form.tokens.verify(&(form.seal)(payload), AuthMethod::Bearer, NOW).map(drop);
            assert_eq!(verdict, Err(TokenError::Malformed), "{}: {payload}", form.name);
        }
    }
}
