//! Which key a token is verified by is never the token's to say.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

use super::{
    AccessFormat, Key, KeyRing, NOW, SECRET, Secret, SystemEntropy, TokenError, forge, issue, jwt, paseto, paseto_of,
    tokens, verify,
};

const CLAIMS: &str = r#"{"user_id":1,"username":"john","iat":1800000000,"exp":1800000900,"type":"access"}"#;

#[test]
fn every_character_of_a_token_counts() {
    for tokens in [paseto(), jwt()] {
        let token = issue(&tokens);
        for at in 0..token.len() {
            for other in ["A", "B", "-", ".", "="] {
                let mut changed = token.clone();
                changed.replace_range(at..=at, other);
                if changed != token {
                    assert_eq!(verify(&tokens, &changed, NOW), Err(TokenError::Malformed), "{at}: {changed}");
                }
            }
            assert_eq!(verify(&tokens, &token[..at], NOW), Err(TokenError::Malformed), "cut off at {at}");
        }
        for more in ["A", ".", "=", " ", "\n", ".A"] {
            assert_eq!(verify(&tokens, &format!("{token}{more}"), NOW), Err(TokenError::Malformed), "{more:?}");
        }
    }
}

#[test]
fn the_key_id_of_another_key_in_force_does_not_help() {
    let [one, other] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
    let ring = KeyRing::parse([&one, &other]).unwrap();
    let tokens = tokens(AccessFormat::Paseto, &ring);
    let token = issue(&tokens);
    let (body, _) = token.rsplit_once('.').unwrap();
    let footer = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let ids: Vec<&str> = ring.iter().map(Key::id).collect();
    for swapped in [
        format!(r#"{{"kid":"{}"}}"#, ids[1]),
        format!(r#"{{"kid":"{}" }}"#, ids[0]),
        format!(r#"{{"kid":"{}","kid":"{}"}}"#, ids[0], ids[1]),
        format!(r#"{{"kid":["{}","{}"]}}"#, ids[0], ids[1]),
        r#"{"kid":"../../dev/null"}"#.to_owned(),
        "{}".to_owned(),
    ] {
        assert_eq!(
            verify(&tokens, &format!("{body}.{}", footer(&swapped)), NOW),
            Err(TokenError::Malformed),
            "{swapped}"
        );
    }
    let both_ways = KeyRing::parse([&other, &one]).unwrap();
    let claims = r#"{"sub":"1","username":"john","sid":"AwMDAwMDAwMDAwMDAwMDAw","iat":"2027-01-15T08:00:00Z","exp":"2027-01-15T08:15:00Z","auth_time":1800000000,"mfa":false}"#;
    assert!(verify(&tokens, &paseto_of(&both_ways)(claims), NOW).is_ok(), "either key verifies");
}

#[test]
fn a_jwt_that_brings_or_names_its_key_is_verified_by_ours() {
    let sign = |secret: &[u8], header: &str| {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(CLAIMS));
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let theirs = b"a key of the attacker's, 32 bytes or more";
    let jwk = format!(r#"{{"kty":"oct","k":"{}"}}"#, URL_SAFE_NO_PAD.encode(theirs));
    for more in [
        format!(r#""jwk":{jwk}"#),
        r#""jku":"https://attacker.example/keys.json""#.to_owned(),
        r#""x5u":"https://attacker.example/cert.pem""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        r#""kid":"../../../../dev/null""#.to_owned(),
        r#""kid":"' UNION SELECT 'a key of the attacker''s'""#.to_owned(),
        r#""kid":null"#.to_owned(),
    ] {
        let header = format!(r#"{{"alg":"HS256","typ":"JWT",{more}}}"#);
        for key in [theirs.as_slice(), b"", b"\0"] {
            assert_eq!(verify(&paseto(), &sign(key, &header), NOW), Err(TokenError::Malformed), "{more}");
        }
        assert!(verify(&paseto(), &sign(SECRET.as_bytes(), &header), NOW).is_ok(), "{more} is not looked at");
    }
}

#[test]
fn the_algorithm_is_not_the_tokens_to_choose() {
    let spellings =
        ["none", "None", "NONE", "nOnE", " none", "", "hs256", "HS256 ", "HS384", "HS512", "RS256", "ES256"];
    let algs =
        spellings.map(|alg| format!("\"{alg}\"")).into_iter().chain(["null", "0", "[\"HS256\"]"].map(str::to_owned));
    for alg in algs {
        let signed = forge(&format!(r#"{{"alg":{alg},"typ":"JWT"}}"#), CLAIMS);
        let (unsigned, _) = signed.rsplit_once('.').unwrap();
        for token in [signed.clone(), format!("{unsigned}."), unsigned.to_owned()] {
            assert_eq!(verify(&paseto(), &token, NOW), Err(TokenError::Malformed), "{alg}: {token}");
        }
    }
    assert!(verify(&paseto(), &forge(r#"{"typ":"JWT"}"#, CLAIMS), NOW).is_err(), "no algorithm");
}

#[test]
fn a_new_jwt_secret_signs_while_the_old_one_still_verifies() {
    let (ring, _) = super::ring();
    let with = |secret: &str, others: &[&str]| {
        let others = others.iter().copied().map(Secret::new).collect();
        tokens(AccessFormat::Jwt { secret: Secret::new(secret), others }, &ring)
    };
    let [before, both, after] = [with("old", &[]), with("new", &["older", "old"]), with("new", &[])];
    assert!(verify(&both, &issue(&before), NOW).is_ok());
    assert!(verify(&after, &issue(&both), NOW).is_ok());
    assert_eq!(verify(&before, &issue(&both), NOW), Err(TokenError::Malformed));
    assert_eq!(verify(&after, &issue(&before), NOW), Err(TokenError::Malformed));
}
