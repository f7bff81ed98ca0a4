//! Refresh tokens of the backend: every claim mistyped, null, absent and twice, and what must not pass for one.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Map, Value, json};

use super::{Rail, RailRefresh, RailTokens, TokenError};
use crate::model::{Secret, SessionId, Timestamp, UserId};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const CUT_OVER: Timestamp = Timestamp::from_secs(1_800_000_100);
const SECRET: &str = "a secret of the Django project, long enough";

fn rail() -> Rail {
    Rail::new(RailTokens { secret: Secret::new(SECRET), cut_over: CUT_OVER })
}

/// What Rail Django writes, and all else that a token may carry.
fn good() -> Map<String, Value> {
    let claims = json!({
        "user_id": 42, "family": "f1", "jti": "j1", "iat": 1_799_999_000, "exp": 1_800_600_000, "nbf": 1_799_999_000,
        "type": "refresh",
    });
    claims.as_object().unwrap().clone()
}

fn signed(secret: &str, header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn token(payload: &str) -> String {
    signed(SECRET, r#"{"alg":"HS256","typ":"JWT"}"#, payload)
}

fn read(claims: &Map<String, Value>) -> Result<RailRefresh, TokenError> {
    rail().refresh(&token(&Value::Object(claims.clone()).to_string()), NOW)
}

fn with(claim: &str, value: Value) -> Result<RailRefresh, TokenError> {
    let mut claims = good();
    claims.insert(claim.to_owned(), value);
    read(&claims)
}

fn without(absent: &[&str]) -> Result<RailRefresh, TokenError> {
    let mut claims = good();
    claims.retain(|claim, _| !absent.contains(&claim.as_str()));
    read(&claims)
}

fn family(read: Result<RailRefresh, TokenError>) -> SessionId {
    read.unwrap().family.id
}

#[test]
fn a_refresh_token_tells_whose_it_is_and_how_long_its_family_is_to_be_remembered() {
    let read = read(&good()).unwrap();
    assert_eq!(read.user.as_str(), "42");
    assert_eq!(read.family.tag, crate::store::UserTag::of(&UserId::new("42")));
    // A token that was made right before the cut-over lives that long.
    assert_eq!(read.family_expires, CUT_OVER.after(Duration::from_secs(601_000)));
}

#[test]
fn a_claim_of_another_kind_or_null_is_no_good() {
    let kinds = [json!(null), json!(true), json!(7.5), json!("text"), json!(["text"]), json!({}), json!(7)];
    for claim in good().keys() {
        for value in &kinds {
            let allowed = match claim.as_str() {
                "user_id" => *value == json!(7) || value.is_string(),
                "family" | "jti" => value.is_string(),
                // An instant long ago.
                "iat" | "nbf" => *value == json!(7),
                _ => false,
            };
            let expected = match (claim.as_str(), value) {
                ("exp", value) if *value == json!(7) => Some(TokenError::Expired),
                _ => (!allowed).then_some(TokenError::Malformed),
            };
            assert_eq!(with(claim, value.clone()).err(), expected, "{claim} = {value}");
        }
    }
    for (claim, value) in [("user_id", ""), ("family", ""), ("jti", ""), ("exp", "1800600000")] {
        assert_eq!(with(claim, json!(value)), Err(TokenError::Malformed), "{claim} = {value:?}");
    }
}

#[test]
fn a_claim_may_be_absent_only_where_it_says_so() {
    for claim in good().keys() {
        let expected = ["family", "jti", "nbf"].contains(&claim.as_str());
        assert_eq!(without(&[claim]).is_ok(), expected, "{claim}");
    }
}

#[test]
fn a_claim_that_stands_twice_is_no_good() {
    for (claim, value) in &good() {
        let claims = Value::Object(good()).to_string();
        let twice = claims.replacen('{', &format!("{{{}:{value},", json!(claim)), 1);
        assert_eq!(rail().refresh(&token(&twice), NOW), Err(TokenError::Malformed), "{claim}");
    }
}

#[test]
fn instants_have_the_documented_borders() {
    let now = NOW.as_secs();
    for (claim, instant, expected) in [
        ("exp", now + 1, None),
        ("exp", now, Some(TokenError::Expired)),
        ("iat", now + 60, None),
        ("iat", now + 61, Some(TokenError::Malformed)),
        ("nbf", now, None),
        ("nbf", now + 1, Some(TokenError::Malformed)),
    ] {
        assert_eq!(with(claim, json!(instant)).err(), expected, "{claim} {instant}");
    }
    let at = |issued: i64| {
        let mut claims = good();
        claims.insert("iat".to_owned(), json!(issued));
        rail().refresh(&token(&Value::Object(claims).to_string()), CUT_OVER.after(Duration::from_secs(60)))
    };
    assert!(at(CUT_OVER.as_secs() - 1).is_ok());
    assert_eq!(at(CUT_OVER.as_secs()), Err(TokenError::Malformed), "made after the gateway came");
}

#[test]
fn what_no_token_of_the_backends_says_is_no_good() {
    for claim in ["railgate", "sid", "aud"] {
        for value in [json!("access"), json!("AwMDAwMDAwMDAwMDAwMDAw"), json!(null), json!(1)] {
            assert_eq!(with(claim, value.clone()), Err(TokenError::Malformed), "{claim} = {value}");
        }
    }
    for kind in ["access", "ephemeral_mfa", "Refresh", "refresh ", ""] {
        assert_eq!(with("type", json!(kind)), Err(TokenError::Malformed), "{kind}");
    }
    assert!(with("username", json!("john")).is_ok() && with("iss", json!(7)).is_ok());
}

#[test]
fn the_algorithm_is_pinned_and_the_whole_mac_counts() {
    let good = Value::Object(good()).to_string();
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"nOnE","typ":"JWT"}"#,
        r#"{"alg":"RS256","typ":"JWT"}"#,
        r#"{"alg":"HS512","typ":"JWT"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"typ":"JWT"}"#,
        "{}",
    ] {
        assert_eq!(rail().refresh(&signed(SECRET, header, &good), NOW), Err(TokenError::Malformed), "{header}");
    }
    for header in [r#"{"alg":"HS256","kid":"../../dev/null"}"#, r#"{"alg":"HS256","jwk":{"k":"AA"}}"#] {
        assert!(rail().refresh(&signed(SECRET, header, &good), NOW).is_ok(), "{header} is not looked at");
    }
    let whole = token(&good);
    let (unsigned, mac) = whole.rsplit_once('.').unwrap();
    let other = signed("another secret, as long as the first one is", r#"{"alg":"HS256","typ":"JWT"}"#, &good);
    for bad in [unsigned, &format!("{unsigned}."), &whole[..whole.len() - 4], &format!("{whole}="), &other, mac, ""] {
        assert_eq!(rail().refresh(bad, NOW), Err(TokenError::Malformed), "{bad}");
    }
}

/// Else a token that was logged out could come back written otherwise.
#[test]
fn a_token_has_one_spelling() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let whole = token(&Value::Object(good()).to_string());
    let (rest, last) = whole.split_at(whole.len() - 1);
    let accepted = ALPHABET.iter().map(|byte| format!("{rest}{}", char::from(*byte)));
    let accepted: Vec<String> = accepted.filter(|token| rail().refresh(token, NOW).is_ok()).collect();
    assert_eq!(accepted, [format!("{rest}{last}")]);
}

#[test]
fn a_family_has_one_id_and_no_two_have_the_same() {
    let first = family(read(&good()));
    assert_eq!(family(with("jti", json!("j2"))), first, "another token of the family");
    assert_eq!(family(with("exp", json!(1_800_700_000))), first);
    let by_mac = without(&["family", "jti"]);
    let others = [
        first,
        family(with("family", json!("f2"))),
        family(with("user_id", json!(43))),
        family(without(&["family"])),
        family(with("family", json!("j1"))),
        family(by_mac.clone()),
    ];
    for (at, id) in others.iter().enumerate() {
        assert!(!others[..at].contains(id), "{at}");
    }
    assert_eq!(family(by_mac), others[5], "the same token");
}

#[test]
fn an_access_token_is_no_refresh_token_and_the_reverse() {
    let access = json!({
        "user_id": 42, "username": "alice", "iat": 1_799_999_000, "exp": 1_800_600_000, "type": "access",
        "roles": [], "permissions": [],
    });
    let access = token(&access.to_string());
    assert!(rail().read(&access).is_ok());
    assert_eq!(rail().refresh(&access, NOW), Err(TokenError::Malformed));
    let mut refresh = good();
    refresh.insert("username".to_owned(), json!("alice"));
    let refresh = token(&Value::Object(refresh).to_string());
    assert!(rail().refresh(&refresh, NOW).is_ok());
    assert_eq!(rail().read(&refresh).unwrap_err(), TokenError::Malformed);
}

#[test]
fn each_access_token_is_revoked_by_an_id_of_its_own() {
    let access = |exp: i64| {
        let claims = json!({ "user_id": 42, "username": "alice", "iat": 1_799_999_000, "exp": exp, "type": "access" });
        rail().read(&token(&claims.to_string())).unwrap()
    };
    let (one, same, other) = (access(1_800_000_900), access(1_800_000_900), access(1_800_000_901));
    assert_eq!((one.0.session, one.1), (None, same.1));
    assert_ne!(one.1, other.1);
}
