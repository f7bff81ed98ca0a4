//! What each kind of token is good for, and what no token is good for.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

use super::{
    AccessFormat, AccessTokens, Authenticator, Key, KeyRing, Occasion, OptionalClaims, RailTokens, RefreshTokens,
    Revoked, TokenError,
};
use crate::{
    model::{AuthMethod, Clock, Secret, SessionId, SystemEntropy, Timestamp, User, UserId},
    store::SessionKey,
};

mod keys;
mod remembered;
mod strictness;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const SECRET: &str = "a secret of the Django project, long enough";

#[derive(Debug)]
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn user() -> User {
    User {
        id: UserId::new("1"),
        username: "john".into(),
        email: "john@example.com".into(),
        first_name: String::new(),
        last_name: String::new(),
        is_staff: false,
        is_superuser: false,
        is_active: true,
        date_joined: NOW,
        last_login: None,
        permissions: vec!["users.view_user".into()],
        roles: Vec::new(),
    }
}

fn occasion() -> Occasion {
    Occasion {
        session: SessionId::from_bytes([3; 16]),
        issued: NOW,
        expires: NOW.after(Duration::from_secs(900)),
        auth_time: NOW,
        mfa: false,
    }
}

fn ring() -> (KeyRing, Secret) {
    let key = Key::generate(&SystemEntropy).unwrap();
    (KeyRing::parse([&key]).unwrap(), key)
}

fn tokens(format: AccessFormat, ring: &KeyRing) -> AccessTokens {
    let rail = RailTokens { secret: Secret::new(SECRET), cut_over: NOW.after(Duration::from_secs(3600)) };
    AccessTokens::new(format, ring, Some(rail), OptionalClaims { email: true, roles: true, permissions: true })
}

fn paseto() -> AccessTokens {
    tokens(AccessFormat::Paseto, &ring().0)
}

fn jwt() -> AccessTokens {
    tokens(AccessFormat::Jwt { secret: Secret::new(SECRET), others: Vec::new() }, &ring().0)
}

fn issue(tokens: &AccessTokens) -> String {
    tokens.issue(&user(), occasion(), &SystemEntropy).unwrap().token.expose().to_owned()
}

fn verify(tokens: &AccessTokens, token: &str, now: Timestamp) -> Result<String, TokenError> {
    tokens.verify(token, AuthMethod::Bearer, now).map(|principal| principal.user.to_string())
}

/// A JWT with this header and payload, its MAC made with `SECRET`.
fn forge(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn rail(claims: &str) -> String {
    forge(r#"{"alg":"HS256","typ":"JWT"}"#, claims)
}

/// Seals a payload as the gateway that has these keys does.
fn paseto_of(ring: &KeyRing) -> impl Fn(&str) -> String + 'static {
    paseto_with(ring, "railgate access token v1")
}

/// The same with another implicit assertion.
fn paseto_with(ring: &KeyRing, assertion: &'static str) -> impl Fn(&str) -> String + 'static {
    use rusty_paseto::core::{
        Footer, ImplicitAssertion, Key as PasetoKey, Local, Paseto, PasetoNonce, PasetoSymmetricKey, Payload, V4,
    };
    let footer = format!(r#"{{"kid":"{}"}}"#, ring.signing().id());
    let key = PasetoSymmetricKey::<V4, Local>::from(PasetoKey::<32>::from(ring.signing().bytes()));
    move |payload| {
        Paseto::<V4, Local>::builder()
            .set_payload(Payload::from(payload))
            .set_footer(Footer::from(footer.as_str()))
            .set_implicit_assertion(ImplicitAssertion::from(assertion))
            .try_encrypt(&key, &PasetoNonce::from(&PasetoKey::<32>::from([1; 32])))
            .unwrap()
    }
}

#[test]
fn an_access_token_carries_its_facts_in_either_format() {
    for tokens in [paseto(), jwt()] {
        let principal = tokens.verify(&issue(&tokens), AuthMethod::Cookie, NOW).unwrap();
        assert_eq!(principal.user.as_str(), "1");
        assert_eq!(&*principal.username, "john");
        assert_eq!(principal.email.as_deref(), Some("john@example.com"));
        assert_eq!(principal.permissions.as_deref(), Some(["users.view_user".to_owned()].as_slice()));
        assert_eq!(principal.session, Some(SessionId::from_bytes([3; 16])));
        assert_eq!(principal.method, AuthMethod::Cookie);
        assert_eq!(principal.expires, NOW.after(Duration::from_secs(900)));
    }
}

#[test]
fn a_token_is_good_until_the_second_it_runs_out() {
    for tokens in [paseto(), jwt()] {
        let token = issue(&tokens);
        assert!(verify(&tokens, &token, NOW.after(Duration::from_secs(899))).is_ok());
        assert_eq!(verify(&tokens, &token, NOW.after(Duration::from_secs(900))), Err(TokenError::Expired));
    }
}

#[test]
fn a_clock_may_lag_by_a_minute_and_no_more() {
    for tokens in [paseto(), jwt()] {
        let token = issue(&tokens);
        assert!(verify(&tokens, &token, NOW.before(Duration::from_secs(60))).is_ok());
        assert_eq!(verify(&tokens, &token, NOW.before(Duration::from_secs(61))), Err(TokenError::Malformed));
    }
}

#[test]
fn a_new_key_signs_while_the_old_one_still_verifies() {
    let (old_ring, old) = ring();
    let before = tokens(AccessFormat::Paseto, &old_ring);
    let token = issue(&before);
    let new = Key::generate(&SystemEntropy).unwrap();
    let both = tokens(AccessFormat::Paseto, &KeyRing::parse([&new, &old]).unwrap());
    assert!(verify(&both, &token, NOW).is_ok());
    assert_eq!(verify(&before, &issue(&both), NOW), Err(TokenError::Malformed), "signed by the new key");
    let only_new = tokens(AccessFormat::Paseto, &KeyRing::parse([&new]).unwrap());
    assert_eq!(verify(&only_new, &token, NOW), Err(TokenError::Malformed));
}

#[test]
fn a_paseto_without_or_with_another_footer_is_no_good() {
    let tokens = paseto();
    let token = issue(&tokens);
    let (body, footer) = token.rsplit_once('.').unwrap();
    let other = URL_SAFE_NO_PAD.encode(r#"{"kid":"k4.lid.other"}"#);
    let meant = String::from_utf8(URL_SAFE_NO_PAD.decode(footer).unwrap()).unwrap();
    let respelt = URL_SAFE_NO_PAD.encode(meant.replacen(':', ": ", 1));
    for changed in [
        body.to_owned(),
        format!("{body}."),
        format!("{body}.{other}"),
        format!("{body}.{respelt}"),
        format!("{token}.{footer}"),
    ] {
        assert_eq!(verify(&tokens, &changed, NOW), Err(TokenError::Malformed), "{changed}");
    }
}

#[test]
fn a_paseto_of_another_version_purpose_or_assertion_is_no_good() {
    let (ring, _) = ring();
    let tokens = tokens(AccessFormat::Paseto, &ring);
    let token = issue(&tokens);
    for header in ["v4.public.", "v3.local.", "v2.local.", "v1.local.", "V4.local.", "v4.Local.", "v5.local."] {
        assert_eq!(verify(&tokens, &token.replacen("v4.local.", header, 1), NOW), Err(TokenError::Malformed));
    }
    let claims = r#"{"sub":"1","username":"john","sid":"AwMDAwMDAwMDAwMDAwMDAw","iat":"2027-01-15T08:00:00Z",
        "exp":"2027-01-15T08:15:00Z","auth_time":1800000000,"mfa":false}"#;
    assert!(verify(&tokens, &paseto_of(&ring)(claims), NOW).is_ok(), "the claims are right");
    for assertion in ["", "railgate refresh token v1", "railgate access token v2", "railgate access token v1 "] {
        let token = paseto_with(&ring, assertion)(claims);
        assert_eq!(verify(&tokens, &token, NOW), Err(TokenError::Malformed), "{assertion}");
    }
}

#[test]
fn rail_django_tokens_count_until_the_cut_over() {
    let tokens = paseto();
    let good = r#"{"user_id":42,"username":"alice","iat":1799999995,"exp":1800000900,"type":"access","roles":["superadmin"],"permissions":[],"mfa":true}"#;
    let principal = tokens.verify(&rail(good), AuthMethod::Bearer, NOW).unwrap();
    assert_eq!((principal.user.as_str(), principal.method), ("42", AuthMethod::RailJwt));
    assert_eq!(
        (principal.roles, principal.mfa, principal.session),
        (None, false, None),
        "what it says of roles is not believed"
    );
    let late = good.replace("1799999995", "1800003600").replace("1800000900", "1800007200");
    assert_eq!(verify(&tokens, &rail(&late), NOW.after(Duration::from_secs(3600))), Err(TokenError::Malformed));
}

#[test]
fn no_other_jwt_passes_for_an_access_token() {
    let own = issue(&jwt());
    let claims = r#"{"user_id":1,"username":"john","iat":1800000000,"exp":1800000900,"type":"access"}"#;
    let with = |from: &str, to: &str| rail(&claims.replace(from, to));
    let sid = r#""sid":"AwMDAwMDAwMDAwMDAwMDAw""#;
    assert!(verify(&jwt(), &with(r#""type""#, &format!(r#""railgate":"access",{sid},"type""#)), NOW).is_ok());
    for (why, token) in [
        ("refresh", with(r#""type":"access""#, r#""type":"refresh""#)),
        ("second factor", with(r#""type":"access""#, r#""type":"ephemeral_mfa""#)),
        ("no type", with(r#","type":"access""#, "")),
        ("made for the backend", with(r#""type""#, r#""railgate":"upstream","type""#)),
        ("made for the backend, of a session", with(r#""type""#, &format!(r#""railgate":"upstream",{sid},"type""#))),
        ("made by the backend, of a session", with(r#""type""#, &format!(r#"{sid},"type""#))),
        ("made by the gateway, no session", with(r#""type""#, r#""railgate":"access","type""#)),
        ("exp as text", with("1800000900", r#""1800000900""#)),
        ("exp null", with("1800000900", "null")),
        ("exp absent", with(r#","exp":1800000900"#, "")),
        ("exp twice", with(r#""exp""#, r#""exp":1900000000,"exp""#)),
        ("exp a fraction", with("1800000900", "1800000900.5")),
        ("exp past", with("1800000900", "1800000000")),
        ("nbf in the future", with(r#""type""#, r#""nbf":1800000001,"type""#)),
        ("iat in the future", with(r#""iat":1800000000"#, r#""iat":1800000061"#)),
        ("alg none", forge(r#"{"alg":"none"}"#, claims)),
        ("alg None", forge(r#"{"alg":"None"}"#, claims)),
        ("alg nOnE", forge(r#"{"alg":"nOnE","typ":"JWT"}"#, claims)),
        ("alg RS256", forge(r#"{"alg":"RS256","typ":"JWT"}"#, claims)),
        ("alg HS512", forge(r#"{"alg":"HS512","typ":"JWT"}"#, claims)),
        ("crit", forge(r#"{"alg":"HS256","crit":["exp"]}"#, claims)),
        ("crit null", forge(r#"{"alg":"HS256","crit":null}"#, claims)),
        ("alg twice", forge(r#"{"alg":"HS256","alg":"none"}"#, claims)),
        ("an audience", with(r#""type""#, r#""aud":"another service","type""#)),
        ("an audience, null", with(r#""type""#, r#""aud":null,"type""#)),
        ("nbf as text", with(r#""type""#, r#""nbf":"1700000000","type""#)),
        ("nbf null", with(r#""type""#, r#""nbf":null,"type""#)),
        ("user as a flag", with(r#""user_id":1"#, r#""user_id":true"#)),
        ("user as a fraction", with(r#""user_id":1"#, r#""user_id":1.0"#)),
        ("user beyond 64 bits", with(r#""user_id":1"#, r#""user_id":18446744073709551616"#)),
        ("no signature", rail(claims).rsplit_once('.').unwrap().0.to_owned() + "."),
        ("another key", own.replace(&own[own.len() - 8..], "AAAAAAAA")),
        ("two parts", rail(claims).rsplit_once('.').unwrap().0.to_owned()),
        ("garbage", "garbage".to_owned()),
        ("empty", String::new()),
    ] {
        for tokens in [paseto(), jwt()] {
            assert!(verify(&tokens, &token, NOW).is_err(), "{why}: {token}");
        }
    }
}

/// A key that a token brings along, or says where to find, opens nothing, and is no reason to refuse one that is good.
#[test]
fn what_a_jwt_says_of_its_key_is_not_looked_at() {
    let sid = r#""sid":"AwMDAwMDAwMDAwMDAwMDAw","railgate":"access""#;
    let claims =
        format!(r#"{{"user_id":1,"username":"john","iat":1800000000,"exp":1800000900,"type":"access",{sid}}}"#);
    for said in [
        r#""kid":"../../dev/null""#,
        r#""kid":"' UNION SELECT 'a""#,
        r#""jwk":{"kty":"oct","k":"AA"}"#,
        r#""jku":"https://evil.example/jwks""#,
        r#""x5u":"https://evil.example/x""#,
        r#""x5c":["AA"]"#,
    ] {
        let header = format!(r#"{{"alg":"HS256","typ":"JWT",{said}}}"#);
        let good = forge(&header, &claims);
        assert!(verify(&jwt(), &good, NOW).is_ok(), "{said}");
        let signed = good.rsplit_once('.').unwrap().0;
        // Signed by nothing, and by the keys that it brings along or names.
        for secret in [b"".as_slice(), b"\0", b"AA"] {
            let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
            let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
            assert!(verify(&jwt(), &forged, NOW).is_err(), "{said}");
        }
    }
}

#[test]
fn no_spelling_of_none_is_an_algorithm() {
    let own = issue(&jwt());
    let payload = own.split('.').nth(1).unwrap();
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert!(verify(&jwt(), &forge(r#"{"alg":"HS256"}"#, &claims), NOW).is_ok(), "the claims are right");
    for alg in [
        "\"none\"",
        "\"None\"",
        "\"NONE\"",
        "\"nOnE\"",
        "\"none \"",
        "\"\"",
        "null",
        "0",
        "[\"HS256\"]",
        "\"n\\u006fne\"",
        "\"hs256\"",
        "\"HS384\"",
        "\"HS512\"",
        "\"RS256\"",
        "\"ES256\"",
        "\"PS256\"",
        "\"EdDSA\"",
    ] {
        let with_mac = forge(&format!(r#"{{"alg":{alg},"typ":"JWT"}}"#), &claims);
        let signed = with_mac.rsplit_once('.').unwrap().0;
        for token in [with_mac.clone(), format!("{signed}."), signed.to_owned()] {
            assert_eq!(verify(&jwt(), &token, NOW), Err(TokenError::Malformed), "{alg}: {token}");
        }
    }
    assert_eq!(verify(&jwt(), &forge(r#"{"typ":"JWT"}"#, &claims), NOW), Err(TokenError::Malformed), "no algorithm");
}

#[test]
fn a_refresh_token_is_no_access_token() {
    let (ring, _) = ring();
    let key = SessionKey::of(&UserId::new("1"), SessionId::from_bytes([3; 16]));
    let refresh = RefreshTokens::new(&ring).mint(key, &SystemEntropy).unwrap();
    assert_eq!(verify(&tokens(AccessFormat::Paseto, &ring), refresh.expose(), NOW), Err(TokenError::Malformed));
}

#[test]
fn an_ended_session_takes_its_access_tokens_along() {
    let tokens = Arc::new(paseto());
    let token = issue(&tokens);
    let revoked = Arc::new(Revoked::default());
    let authenticator = Authenticator::new(Arc::clone(&tokens), Arc::clone(&revoked), Arc::new(At(NOW)));
    assert!(authenticator.authenticate(&token, AuthMethod::Bearer).is_ok());
    revoked.insert(&[SessionId::from_bytes([4; 16])], NOW.after(Duration::from_secs(900)), NOW);
    assert!(authenticator.authenticate(&token, AuthMethod::Bearer).is_ok(), "another session");
    revoked.insert(&[SessionId::from_bytes([3; 16])], NOW.after(Duration::from_secs(900)), NOW);
    assert_eq!(authenticator.authenticate(&token, AuthMethod::Bearer).unwrap_err(), TokenError::Revoked);
}

#[test]
fn a_token_that_has_run_out_still_names_its_session_and_no_other_token_does() {
    for tokens in [paseto(), jwt()] {
        let (token, later) = (issue(&tokens), NOW.after(Duration::from_secs(900)));
        let expired =
            |token: &str, now| tokens.expired(token, AuthMethod::Bearer, now).and_then(|caller| caller.session);
        assert_eq!(expired(&token, later), Some(SessionId::from_bytes([3; 16])));
        assert_eq!(expired(&token, NOW), None, "it hasn't run out");
        assert_eq!(expired(&token[..token.len() - 1], later), None, "damaged");
        assert_eq!(expired("garbage", later), None);
    }
    let old = rail(r#"{"user_id":1,"username":"john","type":"access","iat":1,"exp":2}"#);
    assert!(jwt().expired(&old, AuthMethod::Bearer, NOW).is_none(), "the backend's own names no session");
}
